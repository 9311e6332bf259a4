package adapter

import (
	"regexp"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// ldapTalk binds, and looks for the entry dc=lab by a filter with the nonce in it (RFC 4511). Who
// is admitted by his certificate binds by it, with the mechanism EXTERNAL (RFC 4513, 5.2.3).
func ldapTalk(a *Adapter, message, nonce string) talk {
	const (
		one, two = "\x02\x01\x01", "\x02\x01\x02"                         // of the message
		success  = "\x0a\x01\x00\x04\x00\x04\x00"                         // with no more to say of it
		done     = `(?s)[ae].{1,3}\x0a\x01.\x04`                          // any result
		refusals = `(?s)[ae].{1,3}\x0a\x01[\x08\x0d\x20\x30\x31\x32\x35]` // RFC 4511, 4.1.9
	)
	method := ber(0x80, "") // of no name and password
	if a.Known() != wire.FieldURI {
		method = ber(0xa3, ber(0x04, "EXTERNAL")+ber(0x04, ""))
	}
	present := ber(0x87, "objectClass")
	filter := ber(0xa1, present+ber(0xa3, ber(0x04, "description")+ber(0x04, nonce)))
	const base, never, noLimit, values = "\x0a\x01\x00", "\x0a\x01\x00", "\x02\x01\x00\x02\x01\x00", "\x01\x01\x00"
	search := ber(0x63, ber(0x04, "dc=lab")+base+never+noLimit+values+filter+ber(0x30, ""))
	entry := ber(0x64, ber(0x04, "dc=lab")+
		ber(0x30, ber(0x30, ber(0x04, "description")+ber(0x31, ber(0x04, message)))))
	return talk{
		asClient: attack.Dialogue{Talk: []attack.Turn{
			{Say: []byte(ber(0x30, one+ber(0x60, "\x02\x01\x03"+ber(0x04, "")+method)))},
			{Hear: done, Say: []byte(ber(0x30, two+search))},
			{Hear: `(?s)e.{1,3}\x0a\x01.\x04`},
		}},
		asServer: attack.Dialogue{Talk: []attack.Turn{
			{Hear: `(?s)\x60.\x02\x01\x03`, Say: []byte(ber(0x30, one+ber(0x61, success)))},
			{
				Hear: `(?s)` + regexp.QuoteMeta(nonce) + `.*\x30`,
				Say:  []byte(ber(0x30, two+entry) + ber(0x30, two+ber(0x65, success))),
			},
		}},
		delivered: `(?s)d.*dc=lab`,
		refused:   refusals,
	}
}

// ber is a value with its tag and its length (X.690, 8.1).
func ber(tag int, content string) string {
	const short, inTwo = 127, "\x82"
	if len(content) > short {
		return octets(tag, 1) + inTwo + octets(len(content), 2) + content
	}
	return octets(tag, 1) + octets(len(content), 1) + content
}
