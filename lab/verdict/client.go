package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// judgeClient decides about an audited client.
func (t Trial) judgeClient(v *Verdict) {
	if t.Account == nil {
		v.inconclusive("the client gave no account")
		return
	}
	v.Client, v.Server = *t.Account, t.adversaryAsServer()
	if !t.Tells {
		t.byExitCode(v)
		return
	}
	v.byAccounts()
	stopped := v.Client.Kind == wire.Failed && v.Client.Reason != wire.Timeout || ended(t.Account)
	if t.altered() && stopped && !v.Leaked {
		t.byExit(v)
	}
}

// byExitCode decides about a client that gives no account but its exit code.
func (t Trial) byExitCode(v *Verdict) {
	v.Leaked = slices.ContainsFunc(t.Evidence.Connections, t.said)
	delivered := v.Client.Kind == wire.Delivered || t.OwnWords && v.Leaked
	connections := t.Evidence.Connections
	switch {
	case v.Client.Reason == wire.Timeout:
		v.inconclusive(cmp.Or(v.Client.Detail, "the client did not end in time"))
	case !v.Leaked && v.Client.Reason == wire.Crashed:
		v.inconclusive("the client crashed: " + v.Client.Detail)
	case !v.Leaked && t.Evidence.Dropped > 0:
		v.inconclusive(fmt.Sprintf("it made %d connections more than anybody looks at", t.Evidence.Dropped))
	case !v.Leaked && slices.ContainsFunc(connections, outlasted):
		v.inconclusive("it neither spoke nor hung up as long as the adversary waited")
	case v.Leaked && delivered && t.Rule.Expect == cases.MustAccept && !t.Anonymous && !t.presented():
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
	case len(connections) == 0 && t.altered():
		v.refused(wire.Client, wire.BadMaterial)
	case len(connections) == 0:
		v.inconclusive("the client made no connection")
	case v.Server.Alert != nil:
		v.refused(wire.Client, wire.ByAlert)
	default:
		v.refused(wire.Client, wire.ByClosing)
	}
}

// outlasted says whether the adversary was the first to lose patience.
func outlasted(c attack.Connection) bool { return c.End == attack.EndTimeout }

// presented says whether the message came from whoever holds the good client's key.
func (t Trial) presented() bool {
	return slices.ContainsFunc(t.Evidence.Connections, func(c attack.Connection) bool {
		return t.said(c) && c.Peer != nil && c.Peer.Key == t.GoodKey
	})
}

// said says whether the audited client said its message on a connection.
func (t Trial) said(c attack.Connection) bool {
	if t.OwnWords {
		return c.HeardBytes > 0
	}
	return strings.Contains(c.Heard, t.Nonce)
}

// adversaryAsServer is what the adversary saw of a client, in the words of a server's
// own account. Our own client says its message in one line; of another's the nonce is
// known.
func (t Trial) adversaryAsServer() *wire.Outcome {
	c := t.Evidence.Last()
	heard := slices.IndexFunc(t.Evidence.Connections, t.said)
	if heard >= 0 {
		c = t.Evidence.Connections[heard]
	}
	o := accountOf(wire.Server, c)
	switch {
	case heard >= 0:
		o.Kind, o.Message = wire.Received, &t.Sent
		if t.OwnWords {
			o.Message = new(wire.DigestOf(c.FirstLine()))
		}
	case c.Alert != nil:
		o.Kind, o.Alert = wire.RefusedByPeer, c.Alert
	default:
		o.Kind = wire.Failed
	}
	return &o
}
