package attack

import (
	"errors"
	"fmt"
	"regexp"
)

// Dialogue is what the adversary says, and waits for, with a peer that does not
// speak in lines and receipts. It knows no protocol: it is given the bytes.
type Dialogue struct {
	// Opening comes before the handshake, in the clear, where a protocol has
	// to agree on TLS first.
	Opening []Turn `json:"opening,omitempty"`
	// Plain takes its place where there is to be no handshake.
	Plain []Turn `json:"plain,omitempty"`
	// Talk comes once the handshake is done, or without one if the attack has
	// no TLS.
	Talk []Turn `json:"talk,omitempty"`
	// PlainTalk takes the place of Talk where there was no handshake, if what is said differs
	// then.
	PlainTalk []Turn `json:"plain_talk,omitempty"`
}

// Said is the talk, with TLS or in the clear.
func (d *Dialogue) Said(plain bool) []Turn {
	if plain && len(d.PlainTalk) > 0 {
		return d.PlainTalk
	}
	return d.Talk
}

// Turn is one step: what is waited for, and then what is said. Either may be
// empty.
type Turn struct {
	Hear string `json:"hear,omitempty"` // RE2, found in what was heard since the last turn that waited
	Say  []byte `json:"say,omitempty"`

	// Shut: the adversary ends its half of the connection then, and listens until the other side ends
	// the other. It is the last turn.
	Shut bool `json:"shut,omitempty"`

	// Hold: a client says that it has come so far, and waits until it is told to go on, with
	// the connection open. It has as long again for what comes after that.
	Hold bool `json:"hold,omitempty"`
}

// Reading is what was heard of a server comes to. None of it may hold.
type Reading struct {
	Delivered bool // its answer shows that the message arrived
	Refused   bool // its answer, given over TLS, turns the client away
	// Answered says that there is an answer: what it says to anybody who comes, and the end of what it
	// said before, are none.
	Answered bool
}

// Head is what a request of HTTP says otherwise than an honest one (RFC 9112).
type Head struct {
	Host      string   // the host that it is for, in place of the server's name
	Authority string   // of an absolute target, if it is to have one (RFC 9112, 3.2.2)
	Fields    []string // further lines
	Copied    bool     // a copy of the good client's certificate is in further lines
	First     string   // a request for this host goes ahead of it on the same connection
	Stays     bool     // the connection is to stay open after it (RFC 9112, 9.3)
	After     bool     // another went before it, of whose answer the end may still come
}

func (d *Dialogue) check() error {
	if d == nil {
		return nil
	}
	for at, part := range [][]Turn{d.Opening, d.Plain, d.Talk, d.PlainTalk} {
		for i, turn := range part {
			if turn.Shut && (i < len(part)-1 || at < 2) {
				return errors.New("dialogue: shut: want it at the end of the talk")
			}
			if _, err := regexp.Compile(turn.Hear); err != nil {
				return fmt.Errorf("dialogue: hear: %w", err)
			}
		}
	}
	return nil
}
