package verdict

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// judgeServer decides about an audited server.
func (t Trial) judgeServer(v *Verdict) {
	c := t.Evidence.Last()
	v.Client, v.Server = t.adversaryAsClient(c), t.Account
	never := len(t.Evidence.Connections) == 0
	switch {
	case ended(t.Account) && (never || !t.Tells && t.startedAlone()):
		t.byExit(v)
	case never:
		v.inconclusive("the server neither listened nor ended")
	case t.Tells:
		v.byAccounts()
	default:
		t.byEvidence(v, c)
	}
}

// What is said of a server more than once.
const onlyLogged = "the message is in the server's log, but it was not answered"

// byEvidence decides about a server that gives no account, from what came of the
// connection. That it was closed without an answer is a refusal only because the same
// message is answered before and after, when nothing is wrong with it, and because the
// server still runs. A timeout never is. Of a message that is cut short, what came
// before may well have been answered.
func (t Trial) byEvidence(v *Verdict, c attack.Connection) {
	logged := arrived(t.Account, t.Sent)
	v.Leaked = logged || t.Delivered
	switch {
	case t.Delivered, t.Mute && logged:
		v.Decision = WasDelivered
	case logged:
		v.inconclusive(onlyLogged)
	case ended(t.Account):
		v.inconclusive("the server ended")
	case t.altered() && c.End == attack.EndGaveUp && !c.Handshake:
		v.refused(wire.Server, wire.BadMaterial) // it listens, and nobody can talk to it
	case c.Alert != nil:
		v.refused(wire.Server, wire.ByAlert)
	case t.Refused:
		v.refused(wire.Server, wire.ByAnswer)
	case t.Answered && !t.CutShort:
		v.inconclusive(
			"it answered in a way that its adapter calls neither delivered nor refused: " + abridged(c.FirstLine()),
		)
	default:
		t.byEnd(v, c)
	}
}

// byEnd decides by how the connection ended. A server that refuses by closing does so
// promptly: one that takes half of what the adversary waits has waited for something
// itself, and given up.
func (t Trial) byEnd(v *Verdict, c attack.Connection) {
	switch {
	case Closed(c) && c.Took > t.Patience/2:
		v.inconclusive(
			fmt.Sprintf("it closed, but not before %v: it may have lost its patience", c.Took.Round(time.Millisecond)),
		)
	case Closed(c):
		v.refused(wire.Server, wire.ByClosing)
	case c.End == attack.EndTimeout:
		v.inconclusive(fmt.Sprintf("it neither answered nor closed within %v", t.Patience))
	case c.End == attack.EndGaveUp:
		v.inconclusive("the adversary's own TLS would not go on: " + abridged(c.Detail))
	default:
		v.inconclusive("the connection ended by " + string(c.End))
	}
}

// Closed says whether the other side ended the connection without an alert.
func Closed(c attack.Connection) bool {
	return slices.Contains(
		[]attack.Ending{attack.EndCloseNotify, attack.EndEOF, attack.EndReset, attack.EndNotTLS},
		c.End,
	)
}

// adversaryAsClient is what the adversary saw of a server, in the words of a client's
// own account.
func (t Trial) adversaryAsClient(c attack.Connection) wire.Outcome {
	if len(t.Evidence.Connections) == 0 {
		return wire.Outcome{Role: wire.Client, Kind: wire.Unreachable}
	}
	o := accountOf(wire.Client, c)
	switch {
	case t.Delivered:
		o.Kind, o.Message, o.Receipt = wire.Delivered, &t.Sent, t.receipt(c)
	case c.End == attack.EndUnreachable:
		o.Kind = wire.Unreachable
	case c.Alert != nil:
		o.Kind, o.Alert = wire.RefusedByPeer, c.Alert
	case t.Refused:
		o.Kind = wire.RefusedByPeer
	default:
		o.Kind = wire.NoReceipt
	}
	if line := strings.TrimSpace(c.FirstLine()); line != "" && !t.Tells {
		o.Detail = "it answered: " + abridged(line)
	}
	return o
}

// receipt is that of our own server.
func (t Trial) receipt(c attack.Connection) *wire.Receipt {
	if !t.Tells {
		return nil
	}
	receipt, err := wire.ParseReceipt([]byte(c.FirstLine()))
	if err != nil {
		return nil
	}
	return &receipt
}

func accountOf(role wire.Role, c attack.Connection) wire.Outcome {
	return wire.Outcome{
		Role: role, Time: c.Began, Local: c.Local, Remote: c.Remote,
		Peer: c.Peer, TLS: c.TLS, Reason: wire.Reason(c.End), Detail: c.Detail,
	}
}

// maxQuoted is how much of an answer is quoted, in characters.
const maxQuoted = 120

func abridged(text string) string {
	text = wire.Printable(text)
	if runes := []rune(text); len(runes) > maxQuoted {
		text = string(runes[:maxQuoted]) + "..."
	}
	return text
}
