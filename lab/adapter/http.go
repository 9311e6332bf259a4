package adapter

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// refusing are the statuses with which servers of HTTP turn a client away after
// the handshake. 495 and 496 are nginx's own.
var refusing = []int{400, 401, 403, 421, 495, 496}

// httpTalk is one GET whose path is the nonce.
func httpTalk(a *Adapter, message, nonce string) talk {
	body := ""
	if a.Delivered.Echo != nil && *a.Delivered.Echo {
		body = `.*?` + regexp.QuoteMeta(nonce)
	}
	// An answer ends with its head, unless its body is to be read.
	answer := `(?s)^HTTP/1\.[01] (?:[13-5]\d\d.*?\r?\n\r?\n|2\d\d.*?\r?\n\r?\n` + body + `)`
	delivered, refused := a.Delivered.Status, a.Refused.Status
	if len(refused) == 0 {
		refused = refusing
	}
	t := talk{
		asClient: attack.Dialogue{Talk: []attack.Turn{
			turn("", "GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", nonce, Host), {Hear: answer},
		}},
		asServer: attack.Dialogue{Talk: []attack.Turn{
			turn(
				`\r?\n\r?\n`,
				"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s\n",
				len(message)+1,
				message,
			),
		}},
		delivered: status(`2\d\d`),
		refused:   status(numbers(refused)),
	}
	if len(delivered) > 0 {
		t.delivered = status(numbers(delivered))
	}
	return t
}

func status(codes string) string { return `^HTTP/1\.[01] (?:` + codes + `)\b` }

func numbers(codes []int) string {
	texts := make([]string, len(codes))
	for i, code := range codes {
		texts[i] = strconv.Itoa(code)
	}
	return strings.Join(texts, "|")
}
