package lab

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// asClientIn is the adversary's evidence of an attack on a server that speaks a
// protocol of its own, in the words of a client's account.
func asClientIn(speech adapter.Speech, c attack.Connection, sent wire.Digest) wire.Outcome {
	o := accountOf(wire.Client, c)
	switch {
	case speech.Delivered(c.Heard):
		o.Kind, o.Message = wire.Delivered, &sent
	case c.End == attack.EndUnreachable:
		o.Kind = wire.Unreachable
	case c.Alert != nil:
		o.Kind, o.Alert = wire.RefusedByPeer, c.Alert
	case speech.Refused(c.Heard):
		o.Kind = wire.RefusedByPeer
	default:
		o.Kind = wire.NoReceipt
	}
	if line := strings.TrimSpace(c.FirstLine()); line != "" {
		o.Detail = "it answered: " + abridged(line)
	}
	return o
}

const maxQuoted = 120

func abridged(text string) string {
	text = wire.Printable(text)
	if runes := []rune(text); len(runes) > maxQuoted {
		text = string(runes[:maxQuoted]) + "..."
	}
	return text
}

// judgeVisitor decides about a server that gives no account, from what came of
// the connection. That it was closed without an answer is a refusal only because
// the same message is answered before and after, when nothing is wrong with it,
// and because the server still runs. A timeout never is. Of a message that is cut
// short, what came before may well have been answered.
func (v *result) judgeVisitor(s *adaptedServer, speech adapter.Speech, c attack.Connection, logged, cutShort bool) {
	v.Leaked = logged || v.Client.Kind == wire.Delivered
	switch {
	case v.Client.Kind == wire.Delivered:
		v.Decision = WasDelivered
	case logged:
		v.inconclusive(onlyLogged)
	case !s.alive():
		v.inconclusive("the server ended")
	case c.Alert != nil:
		v.refusedBy(wire.Server, wire.ByAlert)
	case speech.Refused(c.Heard):
		v.refusedBy(wire.Server, wire.ByAnswer)
	case c.Heard != "" && !cutShort:
		v.inconclusive("it answered in a way that its adapter calls neither delivered nor refused: " + abridged(c.FirstLine()))
	default:
		v.judgeEnd(c)
	}
}

const onlyLogged = "the message is in the server's log, but it was not answered"

// logged says whether the message of that nonce is in the server's log, if the
// adapter says that it would be. The log may come after all else, and is waited for
// where nothing else tells.
func (s *adaptedServer) logged(ctx context.Context, nonce string, patiently bool) bool {
	if !s.Logs {
		return false
	}
	holds := func(line string) bool { return strings.Contains(line, nonce) }
	if !patiently {
		return s.output.any(holds)
	}
	ctx, cancel := context.WithTimeout(ctx, accountGrace)
	defer cancel()
	_, err := s.output.await(ctx, holds)
	return err == nil
}

// overhear looks into the servers' logs again, in which all is by now: the controls
// after the trials are.
func (r *auditor) overhear(plan []trial, results []result) {
	if r.visitor == nil || !r.visitor.Logs {
		return
	}
	for i := range results {
		v := &results[i]
		if v.Decision != WasRefused || v.Leaked || plan[i].resumes() {
			continue
		}
		for _, s := range []*adaptedServer{r.visitor.plain, r.visitor.lists} {
			if s != nil && s.output.any(func(line string) bool { return strings.Contains(line, v.Nonce) }) {
				v.Leaked = true
				v.inconclusive(onlyLogged)
			}
		}
	}
}

// resumes says whether the message is sent more than once, by one who may.
func (t trial) resumes() bool {
	var attack attack.Attack
	if t.Attack != nil {
		t.Attack(&attack)
	}
	return attack.Resume != nil || t.Withdrawn
}

// promptly is how soon a server that refuses by closing does so. One that takes
// longer has waited for something, and given up: that is no refusal.
const promptly = adaptedLimit / 2

// closed says whether the other side ended the connection without an alert.
func closed(c attack.Connection) bool {
	return slices.Contains([]attack.Ending{attack.EndCloseNotify, attack.EndEOF, attack.EndReset, attack.EndNotTLS}, c.End)
}

func (v *result) judgeEnd(c attack.Connection) {
	switch {
	case closed(c) && c.Took > promptly:
		v.inconclusive(fmt.Sprintf("it closed, but not before %v: it may have lost its patience", c.Took.Round(time.Millisecond)))
	case closed(c):
		v.refusedBy(wire.Server, wire.ByClosing)
	case c.End == attack.EndTimeout:
		v.inconclusive(fmt.Sprintf("it neither answered nor closed within %v", adaptedLimit))
	case c.End == attack.EndGaveUp:
		v.inconclusive("the adversary's own TLS would not go on: " + abridged(c.Detail))
	default:
		v.inconclusive("the connection ended by " + string(c.End))
	}
}

// judgeStart decides about a server that was started with material that it cannot
// work with, and to which nothing was delivered. Some listen before they have
// read it, and end; others listen, and nobody can talk to them.
func (v *result) judgeStart(ctx context.Context, s *adaptedServer, c attack.Connection) error {
	if c.End == attack.EndUnreachable {
		limit, cancel := context.WithTimeout(ctx, s.Ready.Limit())
		defer cancel()
		select {
		case <-s.ended:
		case <-limit.Done():
		}
	}
	switch {
	case !s.alive():
		return v.didNotStart(ctx, wire.Server, s.asPeer(), nil)
	case c.End == attack.EndGaveUp && !c.Handshake:
		v.refusedBy(wire.Server, wire.BadMaterial)
	}
	return nil
}

func (v *result) refusedBy(role wire.Role, how wire.Reason) {
	v.Decision, v.By, v.Reason, v.Why = WasRefused, role, how, ""
}

// judgeVisitingClient decides about a client that gives no account but its exit
// code.
func (v *result) judgeVisitingClient(e attack.Evidence, back command.Result, t trial, key string) {
	v.Leaked = e.Heard(v.Nonce)
	delivered := v.Client.Kind == wire.Delivered
	switch {
	case back.TimedOut:
		v.inconclusive(v.Client.Detail)
	case !v.Leaked && crashed(back.Exit):
		v.inconclusive("the client crashed: " + v.Client.Detail)
	case !v.Leaked && e.Dropped > 0:
		v.inconclusive(fmt.Sprintf("it made %d connections more than anybody looks at", e.Dropped))
	case !v.Leaked && slices.ContainsFunc(e.Connections, outlasted):
		v.inconclusive("it neither spoke nor hung up as long as the adversary waited")
	case v.Leaked && delivered && t.rule.Expect == cases.MustAccept && !presented(e, v.Nonce, key):
		v.inconclusive("the message arrived, but the client did not present its certificate")
	case v.Leaked && delivered:
		v.Decision = WasDelivered
		if v.Server.Peer != nil {
			v.Identity = v.Server.Peer.String()
		}
	case v.Leaked:
		v.inconclusive("the message reached the server, but the client does not call it delivered")
	case delivered:
		v.inconclusive("the client calls its message delivered, and it never arrived")
	case len(e.Connections) == 0 && t.Material != nil:
		v.refusedBy(wire.Client, wire.BadMaterial)
	case len(e.Connections) == 0:
		v.inconclusive("the client made no connection")
	case v.Server.Alert != nil:
		v.refusedBy(wire.Client, wire.ByAlert)
	default:
		v.refusedBy(wire.Client, wire.ByClosing)
	}
}

// presented says whether the message came from whoever holds that key.
func presented(e attack.Evidence, nonce, key string) bool {
	return slices.ContainsFunc(e.Connections, func(c attack.Connection) bool {
		return strings.Contains(c.Heard, nonce) && c.Peer != nil && c.Peer.Key == key
	})
}

func portOf(address string) (int, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}

func joined(lines []string) string { return strings.Join(lines, "\n") }

// outlasted says whether the adversary was the first to lose patience.
func outlasted(c attack.Connection) bool { return c.End == attack.EndTimeout }

// crashed says whether an exit code tells that a signal ended the program, or that it
// could not be run: 126, 127 and 128 with the signal's number are what shells and
// engines make of that. A program that refuses ends by itself.
func crashed(code int) bool { return code < 0 || code >= 126 && code <= 128+64 }
