package adapter

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// refusing are the statuses with which servers of HTTP turn a client away after
// the handshake. 495 and 496 are nginx's own.
var refusing = []int{400, 401, 403, 421, 495, 496}

// request is one GET of a host whose path is the nonce.
func request(host, nonce string, h attack.Head) attack.Turn {
	target := "/" + nonce
	if h.Authority != "" {
		target = "https://" + h.Authority + target
	}
	lines := append([]string{"GET " + target + " HTTP/1.1", "Host: " + cmp.Or(h.Host, host, Host)}, h.Fields...)
	if !h.Stays {
		lines = append(lines, "Connection: close")
	}
	return attack.Turn{Say: []byte(strings.Join(append(lines, "", ""), "\r\n"))}
}

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
			request(a.host, nonce, attack.Head{}), {Hear: answer},
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

// twiceTalk is two requests on one connection, of which the second is as in httpTalk. A client that
// makes another connection for the second is answered there as if it were the first, and alike.
func twiceTalk(a *Adapter, message, nonce string) talk {
	t := httpTalk(a, message, nonce)
	first := t.asClient.Talk[0]
	first.Say = []byte("GET /first HTTP/1.1\r\nHost: " + cmp.Or(a.host, Host) + "\r\n\r\n")
	t.asClient.Talk = append([]attack.Turn{first, {Hear: `(?s)^HTTP/1\.[01] .*?\r?\n\r?\n`}}, t.asClient.Talk...)
	t.asServer.Talk = append([]attack.Turn{
		turn(
			`\r?\n\r?\n`,
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s\n",
			len(message)+1,
			message,
		),
	}, t.asServer.Talk...)
	return t
}

// Headed is a speech in HTTP whose request says something otherwise.
func (s Speech) Headed(h attack.Head) Speech {
	talk := slices.Clone(s.AsClient.Talk)
	talk[0] = request(s.host, s.nonce, h)
	if h.First != "" || h.After {
		talk[1].Hear = strings.Replace(talk[1].Hear, "^", "", 1) // the end of another answer may come first
		s.answers = 1
	}
	if h.First != "" {
		talk[0].Hear = `(?s)^HTTP/1\.[01] .*?\r?\n\r?\n`
		talk = append([]attack.Turn{turn("", "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", h.First)}, talk...)
		s.answers = 2
	}
	s.AsClient.Talk = talk
	return s
}

var statusLine = regexp.MustCompile(`HTTP/1\.[01] \d{3}\b`)

// last is the answer to the last request; empty if there is none.
func (s Speech) last(answer string) string {
	if s.answers == 0 {
		return answer
	}
	at := statusLine.FindAllStringIndex(answer, -1)
	if len(at) < s.answers {
		return ""
	}
	return answer[at[s.answers-1][0]:]
}

func status(codes string) string { return `^HTTP/1\.[01] (?:` + codes + `)\b` }

func numbers(codes []int) string {
	texts := make([]string, len(codes))
	for i, code := range codes {
		texts[i] = strconv.Itoa(code)
	}
	return strings.Join(texts, "|")
}
