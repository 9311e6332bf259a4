package adapter

import (
	"regexp"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// natsTalk subscribes to a subject and publishes the message on it (NATS documentation, client
// protocol). TLS begins after the server's first line.
func natsTalk(_ *Adapter, message, nonce string) talk {
	const connect = `CONNECT {"verbose":false,"pedantic":false,"tls_required":true,"lang":"lab","version":"1"}`
	info := func(tls string) attack.Turn {
		return turn("", `INFO {"server_id":"lab","version":"2.9.0","max_payload":1048576%s}`+"\r\n", tls)
	}
	return talk{
		asClient: attack.Dialogue{
			Opening: []attack.Turn{{Hear: `INFO .*\r\n`}},
			Plain:   []attack.Turn{{Hear: `INFO .*\r\n`}},
			Talk: []attack.Turn{
				turn("", connect+"\r\nPING\r\n"),
				turn(`PONG\r\n|-ERR .*\r\n`, "SUB lab.%s 1\r\nPUB lab.%[1]s %d\r\n%s\r\n", nonce, len(message), message),
				turn(regexp.QuoteMeta(message)+`|-ERR .*\r\n`, ""),
			},
		},
		asServer: attack.Dialogue{
			Opening: []attack.Turn{info(`,"tls_required":true`)},
			Plain:   []attack.Turn{info("")},
			Talk: []attack.Turn{
				turn(`CONNECT .*\r\n`, ""),
				turn(`PING\r\n`, "PONG\r\n"),
				turn(regexp.QuoteMeta(nonce)+`.*\r\n`, ""),
				turn(`PING\r\n`, "PONG\r\n"),
			},
		},
		greeting:  `INFO [^\r]*\r\n`,
		delivered: `MSG lab\.`,
		refused:   `-ERR `,
		echo:      true,
	}
}
