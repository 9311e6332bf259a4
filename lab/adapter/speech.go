package adapter

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Protocol is how a message is said. Each is in a file of its own.
type Protocol string

// The protocols.
const (
	Line     Protocol = "line"       // a line of text, which comes back
	HTTP     Protocol = "http"       // GET, HTTP/1.1 (RFC 9112)
	Twice    Protocol = "http-twice" // the same, once more, on the connection of another
	Postgres Protocol = "postgres"   // SSLRequest, then a query (PostgreSQL, frontend/backend protocol 3.0)
	SMTP     Protocol = "smtp"       // STARTTLS (RFC 3207), then a mail
	Redis    Protocol = "redis"      // PING with an argument (RESP2)
	MQTT     Protocol = "mqtt"       // MQTT 3.1.1
	GRPC     Protocol = "grpc"       // a call of lab.Echo/Say, over HTTP/2
	Git      Protocol = "git"        // the branches of a repository, over HTTP
	IMAP     Protocol = "imap"       // LOGIN, then NOOP (RFC 9051)
	LDAP     Protocol = "ldap"       // bind, then a search (RFC 4511)
	MySQL    Protocol = "mysql"      // SSLRequest, then a query
	NATS     Protocol = "nats"       // a message to oneself
	Syslog   Protocol = "syslog"     // one message, which is not answered (RFC 5425)
)

var protocols = []Protocol{Line, HTTP, Twice, Postgres, SMTP, Redis, MQTT, GRPC, Git, IMAP, LDAP, MySQL, NATS, Syslog}

// ofClients are the protocols in which no server is asked: it would be asked as in another.
var ofClients = []Protocol{Twice}

// ofServers are the protocols in which no client can be answered by words that are known before.
var ofServers = []Protocol{IMAP, Syslog}

// Repeats says whether one connection takes another message by the same words.
func (p Protocol) Repeats() bool { return p == Line || p == HTTP || p == Redis }

// Speech is one message in a peer's own protocol: the adversary's half of it as
// a client and as a server, and how a server's answer is read.
type Speech struct {
	AsClient attack.Dialogue
	AsServer attack.Dialogue

	host      string // for which a server is asked
	nonce     string
	delivered []*regexp.Regexp // all of which its answer matches
	refused   *regexp.Regexp   // which it does not; nil if no answer is a refusal
	greeting  *regexp.Regexp   // what it says to anybody who comes; nil if nothing
	answers   int              // that are heard, of which it is the last; if 0, only it is
}

// talk is what a protocol says of one message.
type talk struct {
	asClient, asServer attack.Dialogue
	delivered, refused string // of a server's answer
	greeting           string // of a server, to anybody, if it speaks first
	echo               bool   // the answer holds the nonce
}

var talks = map[Protocol]func(a *Adapter, message, nonce string) talk{
	Line: lineTalk, HTTP: httpTalk, Postgres: postgresTalk, SMTP: smtpTalk, Redis: redisTalk, MQTT: mqttTalk,
	GRPC: grpcTalk, Twice: twiceTalk, Git: gitTalk, IMAP: imapTalk, LDAP: ldapTalk, MySQL: mysqlTalk, NATS: natsTalk,
	Syslog: syslogTalk,
}

// Speech is how this peer is told a message, or tells it. The nonce is part of
// the message, and one line is all of it.
func (a *Adapter) Speech(message, nonce string) (Speech, error) {
	t := talks[a.Speaks](a, message, nonce)
	s := Speech{AsClient: t.asClient, AsServer: t.asServer, host: a.host, nonce: nonce}
	echo := t.echo
	if a.Delivered.Echo != nil {
		echo = *a.Delivered.Echo
	}
	if t.greeting != "" {
		s.greeting = regexp.MustCompile(`^(?:` + t.greeting + `)$`) // ours
	}
	patterns := []string{t.delivered}
	if echo {
		patterns = append(patterns, regexp.QuoteMeta(nonce))
	}
	match, err := a.Expand(a.Delivered.Match, Values{Message: message, Nonce: nonce})
	if err != nil {
		return s, err
	}
	for _, pattern := range append(patterns, match) {
		compiled, err := regexp.Compile(pattern)
		if err != nil {
			return s, err
		}
		s.delivered = append(s.delivered, compiled)
	}
	refused := strings.Join(
		slices.DeleteFunc([]string{t.refused, a.Refused.Match}, func(p string) bool { return p == "" }),
		"|",
	)
	if refused != "" {
		s.refused, err = regexp.Compile(refused)
	}
	return s, err
}

// SaysBack says whether an answer tells a client that its message arrived: one of HTTP, if there is
// the message in it; one of another protocol, as that has it.
func (a *Adapter) SaysBack() bool {
	if a.Role == wire.Client {
		return true
	}
	return !a.Speaks.Mute() && (a.Speaks != HTTP || a.Delivered.Echo != nil && *a.Delivered.Echo)
}

// OpensPlainly says whether its connections begin before TLS does.
func (a *Adapter) OpensPlainly() bool {
	return len(talks[a.Speaks](a, "", "").asClient.Opening) > 0
}

// Read says what was heard of a server comes to. An answer that turns the client away shows no
// delivery, whatever else is in it.
func (s Speech) Read(heard string) attack.Reading {
	answer := s.last(heard)
	r := attack.Reading{
		Refused:  s.refused != nil && s.refused.MatchString(answer),
		Answered: answer != "" && (s.greeting == nil || !s.greeting.MatchString(heard)),
	}
	lacks := func(p *regexp.Regexp) bool { return !p.MatchString(answer) }
	r.Delivered = answer != "" && !r.Refused && !slices.ContainsFunc(s.delivered, lacks)
	return r
}

// Ask has an attack on a server said in its own protocol, once all else about the
// attack is set.
func (s Speech) Ask(a *attack.Attack) error {
	dialogue := s.AsClient
	var err error
	switch {
	case a.Message == "" && len(a.Preface) > 0:
		a.Preface, dialogue = s.Ahead()
	case a.Truncate:
		dialogue, err = s.CutShort(dialogue)
	}
	a.Dialogue = &dialogue
	return err
}

// Answer has an attack on a client answered in its own protocol, once all else about
// the attack is set.
func (s Speech) Answer(a *attack.Attack) error {
	dialogue := s.AsServer
	var err error
	if a.Truncate {
		dialogue, err = s.CutShort(dialogue)
	}
	a.Dialogue = &dialogue
	return err
}

// Ahead is the speech of a client that says it all before the handshake, and
// nothing after it.
func (s Speech) Ahead() (words []byte, rest attack.Dialogue) {
	for _, turn := range s.AsClient.Talk {
		words = append(words, turn.Say...)
	}
	return words, attack.Dialogue{Opening: s.AsClient.Opening, Plain: s.AsClient.Plain}
}

var errNowhere = errors.New("the message is in no one word of the dialogue")

// CutShort ends a dialogue a byte before the end of the word that is the message
// or its answer; of the last word, if none of them holds the nonce.
func (s Speech) CutShort(d attack.Dialogue) (attack.Dialogue, error) {
	at, found := -1, false
	for i, turn := range d.Talk {
		if holds := strings.Contains(string(turn.Say), s.nonce); len(turn.Say) > 0 && (holds || !found) {
			at, found = i, holds
		}
	}
	if at < 0 {
		return d, errNowhere
	}
	d.Talk = slices.Clone(d.Talk[:at+1])
	last := &d.Talk[at]
	last.Say = last.Say[:len(last.Say)-1]
	return d, nil
}

// lineTalk is the talk of the example that the project grew from, with an
// answer.
func lineTalk(_ *Adapter, message, _ string) talk {
	return talk{
		asClient: attack.Dialogue{Talk: []attack.Turn{{Say: []byte(message + "\n")}, {Hear: `\n`}}},
		asServer: attack.Dialogue{Talk: []attack.Turn{{Hear: `\n`, Say: []byte(message + "\n")}}},
		echo:     true,
	}
}

func turn(hear, say string, args ...any) attack.Turn {
	return attack.Turn{Hear: hear, Say: fmt.Appendf(nil, say, args...)}
}

// octets is a number in as many bytes, the highest first.
func octets(n, many int) string {
	text := ""
	for range many {
		text = string([]byte{byte(n & 0xff)}) + text
		n >>= 8
	}
	return text
}
