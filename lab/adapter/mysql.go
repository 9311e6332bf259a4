package adapter

import (
	"regexp"
	"strings"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// mysqlTalk is a session of the user lab, who has no password, and a query whose answer is the
// message (MySQL documentation, client/server protocol, connection phase; MariaDB's is the same).
func mysqlTalk(_ *Adapter, message, _ string) talk {
	const (
		method  = "mysql_native_password\x00"
		greeted = `(?s)\x0a.*_password\x00`
		// Protocol 4.1, its error codes, authentication by method, long passwords.
		capabilities = "\x01\x82\x08\x00"
		withTLS      = "\x01\x8a\x08\x00"
		limits       = "\x00\x00\x00\x01\x21"
		ok           = "\x00\x00\x00\x02\x00\x00\x00"
		login        = capabilities + limits + zeros23 + "lab\x00" + "\x00" + method
		anError      = `#[0-9A-Z]{5}`
		answered     = `(?s)^.\x00\x00[\x02\x03]\x00|` + anError
		end          = "\xfe\x00\x00\x02\x00"
	)
	sslRequest := packetOf(1, withTLS+limits+zeros23)
	query := attack.Turn{Hear: answered, Say: []byte(packetOf(0, "\x03SELECT '"+message+"'"))}
	quit := attack.Turn{
		Hear: regexp.QuoteMeta(message) + `(?s).*` + regexp.QuoteMeta(message) + `|` + anError,
		Say:  []byte(packetOf(0, "\x01")),
	}
	greeting := func(capabilities string) []byte {
		return []byte(
			packetOf(0, "\x0a5.5.5-10.11.0-lab\x00"+"\x01\x00\x00\x00"+"abcdefgh\x00"+capabilities[:2]+"\x21\x02\x00"+
				capabilities[2:]+"\x15"+strings.Repeat("\x00", 10)+"ijklmnopqrst\x00"+method),
		)
	}
	// An answer of one column and one row.
	column := strings.Join(
		[]string{"\x03def", "\x00\x00\x00", "\x01m", "\x00", "\x0c\x21\x00\x00\x01\x00\x00\xfd\x00\x00\x00\x00\x00"},
		"",
	)
	rows := packetOf(1, "\x01") + packetOf(2, column) + packetOf(3, end) +
		packetOf(4, octets(len(message), 1)+message) + packetOf(5, end)
	serve := func(first int) []attack.Turn {
		return []attack.Turn{
			{Hear: `lab\x00`, Say: []byte(packetOf(first, ok))},
			{Hear: `(?s)\x03.*` + regexp.QuoteMeta(message), Say: []byte(rows)},
		}
	}
	return talk{
		asClient: attack.Dialogue{
			Opening:   []attack.Turn{{Hear: greeted, Say: []byte(sslRequest)}},
			Talk:      []attack.Turn{{Say: []byte(packetOf(2, login))}, query, quit},
			Plain:     []attack.Turn{{Hear: greeted}},
			PlainTalk: []attack.Turn{{Say: []byte(packetOf(1, login))}, query, quit},
		},
		asServer: attack.Dialogue{
			Opening:   []attack.Turn{{Say: greeting(withTLS)}, {Hear: `(?s)^\x20\x00\x00\x01.*?\x00{19}.{4}`}},
			Talk:      serve(3),
			Plain:     []attack.Turn{{Say: greeting(capabilities)}},
			PlainTalk: serve(2),
		},
		delivered: `\x03def`,
		refused:   anError,
		echo:      true,
	}
}

// zeros23 are those that requests of MySQL have for later use.
const zeros23 = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// packetOf is a packet of MySQL's: its length in three bytes, the lowest first, its number, and
// what is in it.
func packetOf(number int, content string) string {
	length := len(content)
	return octets(length, 1) + octets(length>>8, 1) + octets(length>>16, 1) + octets(number, 1) + content
}
