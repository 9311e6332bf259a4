package main

import "github.com/mtlslab/mtlslab/lab/wire"

// adviceFor says what to do about an outcome; empty where the outcome says all
// there is to say.
func adviceFor(o wire.Outcome) string {
	switch o.Kind {
	case wire.Refused:
		if o.Peer != nil {
			return "it broke the protocol after it was verified; its log may say more"
		}
		return "nothing was sent; " + refusedAdvice(o.Reason)
	case wire.RefusedByPeer:
		return alertAdvice(o.Alert.Code)
	case wire.Unreachable:
		return "is the server running, and is -connect right?"
	case wire.NoReceipt:
		return noReceiptAdvice(o.Reason)
	default:
		return ""
	}
}

func refusedAdvice(reason wire.Reason) string {
	switch reason {
	case wire.UnknownAuthority:
		return "give this client the ca.crt of the server's authority, and the server its intermediates, if " +
			"this is the right server"
	case wire.WrongName:
		return "if this is the right server, give -server-name a name that its certificate holds"
	case wire.Expired, wire.NotYetValid:
		return "have the server's certificate renewed, or compare the two clocks"
	case wire.WrongUsage:
		return "the server needs a certificate that is issued for servers"
	case wire.NotTLS:
		return "whatever listens there does not speak TLS"
	case wire.ProtocolVersion:
		return "compare -min-version and -max-version with what the server offers"
	default:
		return "do not go on before you know who answers there"
	}
}

// alertAdvice knows the alerts of RFC 8446, 6.2.
func alertAdvice(code uint8) string {
	switch code {
	case 45: // certificate_expired
		return "renew tls.crt, or compare the two clocks"
	case 48: // unknown_ca
		return "the server does not know the authority of tls.crt, or an intermediate is missing from it"
	case 70: // protocol_version
		return "compare -min-version and -max-version with what the server accepts"
	case 42, 43, 49: // bad_certificate, unsupported_certificate, access_denied
		return "it read tls.crt and would not have it: its names, usage or dates; the server's log says which"
	default:
		return "the server's log says why"
	}
}

func noReceiptAdvice(reason wire.Reason) string {
	switch reason {
	case wire.Timeout:
		return "nobody refused anybody; raise -timeout if the server is slow"
	case wire.BadReceipt:
		return "what answers there has not shown that it verified this client"
	default:
		return "nobody refused anybody; the server's log may say more"
	}
}
