package audit

import (
	"fmt"
	"strings"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// adversary is how a step names who is no peer.
const adversary = "adversary"

// steps are the conversation of a trial as the adversary saw it.
func (r *round) steps(t trial, v verdict.Trial) []finding.Step {
	s := script{peer: string(r.audit.Role)}
	for i, c := range v.Evidence.Connections {
		if len(v.Evidence.Connections) > 1 {
			s.note(fmt.Sprintf("connection %d", i+1))
		}
		s.connection(t, c)
	}
	return s.steps
}

// script is a conversation that is being written down.
type script struct {
	peer  string // who is audited
	steps []finding.Step
}

func (s *script) say(by, what string, at attack.Connection, complete bool) {
	step := finding.Step{By: by, Says: what}
	if complete {
		step.At = at.Shaken
	}
	s.steps = append(s.steps, step)
}

// note is a line of nobody's.
func (s *script) note(what string) { s.steps = append(s.steps, finding.Step{Says: what}) }

func (s *script) connection(t trial, c attack.Connection) {
	calls, answers := adversary, s.peer
	if s.peer == string(wire.Client) {
		calls, answers = s.peer, adversary
	}
	switch {
	case c.End == attack.EndUnreachable:
		s.say(calls, "calls, and nobody answers", c, false)
		return
	case c.Plain:
		s.say(calls, "speaks without TLS", c, false)
	default:
		s.say(calls, "ClientHello"+named(c), c, false)
		s.handshake(t, c, answers)
	}
	if c.Sent {
		s.say(adversary, map[bool]string{true: "its message", false: "a receipt"}[calls == adversary], c, false)
	}
	if c.HeardBytes > 0 {
		s.say(s.peer, fmt.Sprintf("%q, %d bytes in all", short(c.FirstLine()), c.HeardBytes), c, false)
	}
	s.end(c)
}

func named(c attack.Connection) string {
	if c.SNI != "" {
		return " for the name " + c.SNI
	}
	return ""
}

// handshake is what there was of one.
func (s *script) handshake(t trial, c attack.Connection, answers string) {
	if c.Peer != nil {
		s.say(s.peer, "shows the certificate of "+c.Peer.String(), c, false)
	}
	if c.Asked {
		asks := "asks for a certificate"
		if len(c.Authorities) > 0 {
			asks += fmt.Sprintf(", and names %d authorities", len(c.Authorities))
		}
		s.say(answers, asks, c, false)
	}
	resumed := c.TLS != nil && c.TLS.Resumed
	if !resumed && (c.Asked || answers == adversary) {
		s.say(adversary, t.Summary, c, false)
	}
	if c.Handshake {
		done := "the handshake is complete on the adversary's side"
		if c.TLS != nil {
			done += ": " + strings.Join(strings.Fields(c.TLS.Version+", "+c.TLS.Suite+" "+c.TLS.Group), " ")
		}
		if resumed {
			done += ", resumed, with no certificate"
		}
		s.say("", done, c, true)
	}
}

// end is how a connection ended.
func (s *script) end(c attack.Connection) {
	step := finding.Step{By: s.peer, At: c.Took}
	switch c.End {
	case attack.EndAlert:
		step.Says = "alert"
		if c.Alert != nil {
			step.Says = fmt.Sprintf("alert %d, %s", c.Alert.Code, strings.TrimPrefix(c.Alert.Name, "tls: "))
		}
	case attack.EndCloseNotify:
		step.Says = "close_notify"
	case attack.EndEOF:
		step.Says = "closes without a word"
	case attack.EndReset:
		step.Says = "resets the connection"
	case attack.EndTimeout:
		step.Says = "nothing, until the adversary gave up waiting"
	case attack.EndNotTLS:
		step.Says = "answers in what is no TLS"
	case attack.EndHungUp, attack.EndGaveUp, attack.EndDone, attack.EndUnreachable:
		step.By, step.Says = adversary, map[attack.Ending]string{
			attack.EndHungUp: "hangs up", attack.EndGaveUp: "goes no further", attack.EndDone: "has said and heard all",
		}[c.End]
	}
	s.steps = append(s.steps, step)
}

// short is the beginning of what a peer said, for people.
func short(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}
