package verdict

import (
	"cmp"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Exchange is what there is to judge a plain exchange by, in which nobody attacks.
type Exchange struct {
	Sent   wire.Digest // the message, with its nonce
	Nonce  string
	Client wire.Outcome
	Server *wire.Outcome // nil if it gave no account of this exchange

	// Whether either side gives an account of its own, with the reasons for what it does.
	// What is known of another is how it ended and what it logged.
	ClientTells, ServerTells bool
}

// Judge decides by delivery and not by handshake.
func (x Exchange) Judge() Verdict {
	v := Verdict{Sent: x.Sent, Nonce: x.Nonce, Client: x.Client, Server: x.Server}
	if x.ClientTells && x.ServerTells {
		v.byAccounts()
	} else {
		v.byMessage(x.ServerTells)
	}
	return v
}

// byAccounts decides where both sides give an account of their own.
func (v *Verdict) byAccounts() {
	v.Leaked = arrived(v.Server, v.Sent)
	delivered := v.Client.Kind == wire.Delivered
	switch {
	case delivered && v.Leaked && v.receipted():
		v.Decision, v.Identity = WasDelivered, v.Client.Receipt.Client.String()
	case delivered:
		v.inconclusive("the client has a receipt for a message that the server did not report")
	case v.Leaked:
		v.inconclusive("the message reached the server, but the client has no receipt for it")
	case v.Client.Kind == wire.Refused:
		v.refused(wire.Client, v.Client.Reason)
	case v.Server == nil:
		v.inconclusive("the server gave no account of the connection")
	case v.Server.Kind == wire.Refused:
		v.refused(wire.Server, v.Server.Reason)
	default:
		v.inconclusive("neither side says that it refused the other")
	}
}

// byMessage decides where at least one side gives no account of its own. What neither
// side says, the message does: it is in the answer, or in the server's log.
func (v *Verdict) byMessage(serverTells bool) {
	v.Leaked = arrived(v.Server, v.Sent)
	delivered := v.Client.Kind == wire.Delivered
	unacknowledged := v.Client.Reason == wire.BadReceipt // there was an answer, and it was not ours
	switch {
	case v.Leaked && (delivered || unacknowledged), delivered && !serverTells:
		v.Decision = WasDelivered
		if v.Server != nil && v.Server.Peer != nil {
			v.Identity = v.Server.Peer.String()
		}
	case v.Server != nil && v.Server.Kind == wire.Refused:
		v.refused(wire.Server, v.Server.Reason)
	case v.Client.Kind == wire.Refused:
		v.refused(wire.Client, v.Client.Reason)
	case v.Leaked:
		v.inconclusive("the message reached the server, but the client does not call it delivered")
	default:
		v.inconclusive("the message is not known to have arrived: " + cmp.Or(v.Client.Detail, string(v.Client.Kind)))
	}
}

// arrived says whether a server reports that very message.
func arrived(server *wire.Outcome, sent wire.Digest) bool {
	return server != nil && server.Message != nil && server.Message.SHA256 == sent.SHA256
}

// receipted reports whether the receipt is for this message and names the very
// client that the server's own account names.
func (v *Verdict) receipted() bool {
	receipt, peer := v.Client.Receipt, v.Server.Peer
	return receipt != nil && peer != nil && receipt.SHA256 == v.Sent.SHA256 && receipt.Client.Key == peer.Key
}
