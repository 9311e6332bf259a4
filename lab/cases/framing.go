package cases

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// framingCases deviate in what surrounds the handshake: the name that is asked
// for, what is sent before, and how it ends.
func framingCases() []Case {
	return by(Nobody, slices.Concat(sniCases(), plainTextCases(), truncationCases()))
}

// plainTextCases send to a server's port what is not TLS.
func plainTextCases() []Case {
	return []Case{
		{
			ID: "framing/plain-text-client", Roles: asClient, AnyVersion: true,
			Summary: "sends its message without TLS",
			Meaning: "The port serves without TLS those who do not ask for it.",
			Reasons: []wire.Reason{wire.NotTLS},
			Rules:   alike(MustRefuse, "RFC 8446, 5"),
			Attack:  func(a *attack.Attack) { a.NoTLS = true },
		},
		{
			ID: "framing/http-client", Roles: asClient, AnyVersion: true,
			Summary: "sends its message in an HTTP request, without TLS",
			Meaning: "The port serves HTTP without TLS to those who ask for it.",
			Reasons: []wire.Reason{wire.NotTLS},
			Rules:   alike(MustRefuse, "RFC 8446, 5"),
			Attack: func(a *attack.Attack) {
				a.NoTLS = true
				a.Preface = fmt.Appendf(
					nil,
					"POST /%s HTTP/1.1\r\nHost: server\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
					url.PathEscape(a.Message),
					len(a.Message)+1,
				)
			},
		},
		{
			ID: "framing/plain-text-then-close", Roles: asClient, AnyVersion: true,
			Summary: "sends its message without TLS and closes at once",
			Meaning: "A message without TLS is taken for one of a verified client, if the connection ends before " +
				"its handshake began.",
			Reasons: []wire.Reason{wire.NotTLS},
			Rules:   alike(MustRefuse, "CVE-2023-40217"),
			Attack:  func(a *attack.Attack) { a.NoTLS, a.HangUp = true, true },
		},
		{
			ID: "framing/plain-text-before-handshake", Roles: asClient,
			Summary: "sends its message before a good handshake instead of after it",
			Meaning: "Whoever is on the path puts words into the mouth of a verified client.",
			Reasons: []wire.Reason{wire.NotTLS},
			Rules:   alike(MustRefuse, "CVE-2021-23214"),
			Attack:  func(a *attack.Attack) { a.Preface, a.Message = []byte(a.Message+"\n"), "" },
		},
		{
			ID: "framing/proxy-header-before-handshake", Attacker: Wire, Roles: asClient,
			Summary: "sends a header of the PROXY protocol, with an address of its choice, before a good handshake",
			Meaning: "Anybody can be from any address: nobody verified who sends the header.",
			Reasons: []wire.Reason{wire.NotTLS},
			Rules:   alike(MustRefuse, "RFC 8446, 5"),
			Attack:  func(a *attack.Attack) { a.Preface = proxyHeader() },
		},
	}
}

// truncationCases end before they are done.
func truncationCases() []Case {
	return []Case{
		{
			ID: "framing/truncated-message", Attacker: Wire, Roles: asClient,
			Summary: "ends TCP in the middle of its message, without close_notify",
			Meaning: "Whoever is on the path cuts a message short, and half of it passes for the whole.",
			Reasons: []wire.Reason{wire.Disconnected},
			Rules:   strictOnly("RFC 8446, 6.1", "policy: what may be half a message is none (RFC 8446, 6.1)"),
			Attack:  func(a *attack.Attack) { a.Truncate = true },
		},
		{
			ID: "framing/truncated-receipt", Attacker: Wire, Roles: asServer, AfterTrust: true,
			Summary: "ends TCP in the middle of its receipt, without close_notify",
			Meaning: "Whoever is on the path cuts an answer short, and half of it passes for the whole.",
			Reasons: []wire.Reason{wire.Disconnected},
			Rules:   strictOnly("RFC 8446, 6.1", "policy: what may be half an answer is none (RFC 8446, 6.1)"),
			Attack:  func(a *attack.Attack) { a.Truncate = true },
		},
	}
}

// sniCases ask for the server by another name. A client that is entitled may be
// served or not; one without a certificate may not be, whatever it asks for: its
// base is the case protocol/no-client-certificate, from which it differs in the
// name.
func sniCases() (cases []Case) {
	for _, n := range []struct {
		id, what string
		change   func(name string) string
	}{
		{"absent-sni", "no server name", func(string) string { return "" }},
		{"unknown-sni", "the name of a server that is not there", func(string) string { return "nobody.invalid" }},
		{"sni-in-capitals", "the server's name in capitals", strings.ToUpper},
		{"wildcard-sni", "a wildcard for a server name", func(name string) string { return "*." + name }},
	} {
		cases = append(cases, Case{
			ID: "framing/" + n.id, Roles: asClient,
			Summary: "presents a good certificate and sends " + n.what,
			Meaning: "The server did neither of what is open to it, to abort or to go on.",
			Reasons: []wire.Reason{wire.ProtocolError},
			Rules:   alike(MayEither, "RFC 6066, 3"),
			Attack:  func(a *attack.Attack) { a.SNI = n.change(a.SNI) },
		}, Case{
			ID: "framing/no-certificate-with-" + n.id, Roles: asClient,
			Summary: "presents no certificate and sends " + n.what,
			Meaning: "Clients choose by a name, which is theirs to choose, whether they are authenticated.",
			Reasons: []wire.Reason{wire.NoCertificate},
			Rules:   alike(MustRefuse, "policy: who has no certificate is turned away under every name"),
			Attack:  func(a *attack.Attack) { a.NoCertificate, a.SNI = true, n.change(a.SNI) },
		})
	}
	return cases
}

// proxyHeader is version 2 of the PROXY protocol, of a TCP connection over IPv4
// from 192.0.2.1 to 192.0.2.2.
func proxyHeader() []byte {
	return []byte("\r\n\r\n\x00\r\nQUIT\n" + // signature
		"\x21\x11\x00\x0c" + // version and command, family and protocol, length
		"\xc0\x00\x02\x01\xc0\x00\x02\x02\x30\x39\x30\x39")
}
