package adapter

import (
	"regexp"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// imapTalk logs the user lab in, and does nothing, by a command whose tag is the nonce and comes
// back (RFC 9051, 2.2.1 and 6.1.2). A client has tags of its own, and so is not spoken to.
func imapTalk(_ *Adapter, _, nonce string) talk {
	return talk{
		asClient: attack.Dialogue{Talk: []attack.Turn{
			turn(`(?m)^\* .*\r\n`, "a LOGIN lab secret\r\n"),
			turn(`(?m)^a .*\r\n`, "%s NOOP\r\n", nonce),
			turn(`(?m)^`+regexp.QuoteMeta(nonce)+` .*\r\n`, "z LOGOUT\r\n"),
		}},
		greeting:  `\* OK [^\r]*\r\n`,
		delivered: `(?m)^` + regexp.QuoteMeta(nonce) + ` OK`,
		refused:   `(?m)^a (NO|BAD) |^\* BYE `,
		echo:      true,
	}
}
