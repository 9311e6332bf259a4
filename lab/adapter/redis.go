package adapter

import (
	"fmt"
	"regexp"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// redisTalk is PING with the message, which comes back (RESP2).
func redisTalk(_ *Adapter, message, nonce string) talk {
	bulk := fmt.Sprintf("$%d\r\n%s\r\n", len(message), message)
	return talk{
		asClient: attack.Dialogue{Talk: []attack.Turn{
			turn("", "*2\r\n$4\r\nPING\r\n%s", bulk), turn(`(?s)^\$\d+\r\n.*?\r\n|^[-+].*?\r\n`, ""),
		}},
		asServer: attack.Dialogue{Talk: []attack.Turn{
			{Hear: regexp.QuoteMeta(nonce) + `[^\r]*\r\n`, Say: []byte(bulk)},
		}},
		delivered: `^\$`,
		refused:   `^-`,
		echo:      true,
	}
}
