package cases

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

var (
	asClient = []wire.Role{wire.Client}
	asServer = []wire.Role{wire.Server}
	asBoth   = []wire.Role{wire.Client, wire.Server}
)

// alike is one rule for every profile.
func alike(expect Expectation, cite string) map[Profile]Rule {
	rule := Rule{expect, cite}
	return map[Profile]Rule{RFC5280: rule, SPIFFE: rule, Strict: rule}
}

// strictOnly is for what the standards leave open, with the reason why a careful
// deployment should not.
func strictOnly(leftOpen, policy string) map[Profile]Rule {
	open := Rule{MayEither, leftOpen}
	return map[Profile]Rule{RFC5280: open, SPIFFE: open, Strict: {MustRefuse, policy}}
}

// protocolCases deviate in the handshake.
func protocolCases() []Case {
	return by(Nobody, slices.Concat(signatureCases(), requestCases(), negotiationCases(), plainServerCases()))
}

// signatureCases do not show that the certificate's key is held.
func signatureCases() []Case {
	return []Case{
		{
			ID: "protocol/wrong-key", Roles: asBoth,
			Summary: "presents a good certificate and signs the handshake with another key",
			Meaning: "Certificates are public: whoever has seen one can be its holder.",
			Reasons: []wire.Reason{wire.BadSignature},
			Rules:   alike(MustRefuse, "RFC 8446, 4.4.3"),
			Attack:  func(a *attack.Attack) { a.WrongKey = true },
		},
		{
			ID: "protocol/zero-signature", Roles: asBoth,
			Summary: "presents a good certificate and an ECDSA signature whose two numbers are zero",
			Meaning: "One signature is good for every key: whoever has seen a certificate can be its holder.",
			Reasons: []wire.Reason{wire.BadSignature},
			Rules:   alike(MustRefuse, "CVE-2022-21449"),
			Attack:  func(a *attack.Attack) { a.Signature = []byte("\x30\x06\x02\x01\x00\x02\x01\x00") },
		},
		{
			ID: "protocol/mismatched-signature-algorithm", Roles: asBoth, Versions: []string{"1.3"},
			Summary: "presents a good certificate and signs with an algorithm that is not of its key",
			Meaning: "Which key signed is not looked at when the algorithm is another's.",
			Reasons: []wire.Reason{wire.BadSignature},
			Rules:   alike(MustRefuse, "RFC 8446, 4.4.3"),
			Attack:  func(a *attack.Attack) { a.Key = newKey(elliptic.P384()) },
		},
		{
			ID: "protocol/signature-of-the-other-role", Roles: asBoth, Versions: []string{"1.3"},
			Summary: "signs the handshake as the other side would",
			Meaning: "A signature that a peer made in one role can be sent back to it in the other.",
			Reasons: []wire.Reason{wire.BadSignature},
			Rules:   alike(MustRefuse, "RFC 8446, 4.4.3"),
			Attack:  func(a *attack.Attack) { a.WrongContext = true },
		},
	}
}

// requestCases are about the request for a certificate.
func requestCases() []Case {
	return []Case{
		{
			ID: "protocol/no-client-certificate", Roles: asClient,
			Summary: "answers the request for a certificate with an empty list",
			Meaning: "Anybody who can reach the port is served, with no certificate at all.",
			Reasons: []wire.Reason{wire.NoCertificate},
			Rules: alike(
				MustRefuse,
				"policy: RFC 8446, 4.4.2.4 leaves it to the server, and this one is to authenticate its clients",
			),
			Attack: func(a *attack.Attack) { a.NoCertificate = true },
		},
		{
			ID: "protocol/no-certificate-request", Attacker: Honest, Roles: asServer, AfterTrust: true,
			Summary: "does not ask for the client's certificate",
			Meaning: "The client believes that it was authenticated where nobody asked who it is; a server, or a " +
				"proxy before it, that takes messages from anybody goes unnoticed.",
			Reasons: []wire.Reason{wire.BadReceipt},
			Rules: strictOnly("RFC 8446, 4.3.2",
				"policy: a client of mutual authentication notices that there was none"),
			Attack: func(a *attack.Attack) { a.NoCertificateRequest = true },
		},
		{
			ID: "protocol/refused-afterwards", Roles: asServer, Versions: []string{"1.3"}, Attacker: Honest, Refuses: true,
			Summary: "takes the handshake, and then refuses the client's certificate by an alert",
			Meaning: "The client calls a message sent that its server has refused: in TLS 1.3 its handshake is over before " +
				"the server has judged its certificate.",
			Rules:  alike(MustRefuse, "RFC 8446, 6.2"),
			Attack: func(a *attack.Attack) { a.Refuse = true },
		},
		{
			ID: "protocol/foreign-authorities", Roles: asServer,
			Summary: "asks for a certificate of an authority that is not the client's",
			Meaning: "The client ended in neither of the two ways that are open to it, to present its " +
				"certificate or to present none.",
			Rules:  alike(MayEither, "RFC 8446, 4.2.4"),
			Attack: func(a *attack.Attack) { a.Authorities = [][]byte{foreignAuthority()} },
		},
	}
}

// negotiationCases leave the other side nothing to agree to.
func negotiationCases() []Case {
	return []Case{
		obsolete("1.1", "RFC 8996, 5"),
		obsolete("1.0", "RFC 8996, 4"),
		{
			ID: "protocol/rc4", Attacker: Wire, Roles: asClient, Versions: []string{"1.2"},
			Summary: "offers RC4 and no other cipher",
			Meaning: "Whoever records enough connections can read what is repeated in them.",
			Reasons: []wire.Reason{wire.ProtocolError},
			Rules:   alike(MustRefuse, "RFC 7465, 2"),
			Attack: func(a *attack.Attack) {
				a.Suites = []uint16{
					tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_RC4_128_SHA,
				}
			},
		},
		{
			ID: "protocol/foreign-alpn", Roles: asClient,
			Summary: "offers one application protocol, which is not the server's",
			Meaning: "The server did neither of what is open to it, to refuse the protocol or to know of none.",
			Reasons: []wire.Reason{wire.ProtocolError},
			Rules:   alike(MayEither, "RFC 7301, 3.2"),
			Attack:  func(a *attack.Attack) { a.ALPN = []string{"mtlslab-no-such-protocol"} },
		},
	}
}

// plainServerCases are what a client may not fall for when it falls back.
func plainServerCases() []Case {
	return []Case{
		{
			ID: "protocol/plain-text-server", Roles: asServer, AnyVersion: true,
			Summary: "answers the ClientHello in plain text",
			Meaning: "Whoever is on the path turns TLS off by answering without it, and reads what the client sends.",
			Reasons: []wire.Reason{wire.NotTLS},
			Rules:   alike(MustRefuse, "RFC 8446, 5"),
			Attack:  func(a *attack.Attack) { a.NoTLS = true },
		},
		{
			ID: "protocol/http-server", Roles: asServer, AnyVersion: true,
			Summary: "answers the ClientHello with HTTP, and success",
			Meaning: "The client takes an answer for its server's that was never protected.",
			Reasons: []wire.Reason{wire.NotTLS},
			Rules:   alike(MustRefuse, "RFC 8446, 5"),
			Attack: func(a *attack.Attack) {
				a.NoTLS, a.Preface = true, []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			},
		},
	}
}

// obsolete is an attack in a version of TLS that nobody may speak. The control
// is in TLS 1.2, and the version what differs from it.
func obsolete(version, cite string) Case {
	return Case{
		ID: "protocol/tls-" + version, Attacker: Wire, Roles: asBoth, Versions: []string{"1.2"},
		Summary: "speaks TLS " + version + " and nothing later",
		Meaning: "Connections can be brought down to a version whose signatures are made with SHA-1 and MD5.",
		Reasons: []wire.Reason{wire.ProtocolVersion},
		Rules:   alike(MustRefuse, cite),
		Attack:  func(a *attack.Attack) { a.Version = version },
	}
}

// foreignAuthority is the name of an authority that issues to nobody.
func foreignAuthority() []byte {
	name := pkix.Name{Organization: []string{"mtlslab"}, CommonName: "mtlslab authority of somebody else"}
	der, err := asn1.Marshal(name.ToRDNSequence())
	if err != nil {
		panic(err) // of two constants
	}
	return der
}

// newKey is of nobody's certificate, and PKCS#8.
func newKey(curve elliptic.Curve) []byte {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err) // it never fails
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err) // it can be marshalled
	}
	return der
}
