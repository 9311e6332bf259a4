package cases

import (
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"slices"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// open is the name of a host that asks for no certificate, where there is one.
const open = "open"

// httpCases are of what a request says of its host and of its client, beside the handshake.
func httpCases() []Case {
	return by(Nobody, slices.Concat(fieldCases(), hostFieldCases()))
}

// identityFields are those in which proxies tell the server behind them of a client's
// certificate. What a client itself puts there has to go.
func identityFields() []string {
	return []string{
		"X-Forwarded-Client-Cert: By=spiffe://lab/server;URI=" + clientID, // Envoy
		"X-Forwarded-Tls-Client-Cert-Info: SAN=\"" + clientID + "\"",      // Traefik
		"X-SSL-Client-Verify: SUCCESS",
		"X-SSL-Client-S-DN: OU=client,O=mtlslab", // documented for nginx and Apache
		"X-SSL-Client-SAN: " + clientID,
		"X-Client-Verify: SUCCESS",
		"X-Client-DN: OU=client,O=mtlslab",
		"X-Client-ID: " + clientID,
		"SSL-Client-Verify: SUCCESS", // ingress-nginx
		"SSL-Client-Subject-DN: OU=client,O=mtlslab",
		"X-SPIFFE-ID: " + clientID,
	}
}

// CertificateFields are those in which proxies hand a client's certificate on, DER, to the
// server behind them. Anybody has seen a good client's.
func CertificateFields(certificate []byte) []string {
	text := base64.StdEncoding.EncodeToString(certificate)
	return []string{
		"Client-Cert: :" + text + ":",          // RFC 9440, 2.2
		"X-Forwarded-Tls-Client-Cert: " + text, // Traefik
		"X-SSL-Client-Cert: " + url.QueryEscape(string(pem.EncodeToMemory(
			&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))), // documented for nginx
	}
}

func fieldCases() []Case {
	const meaning = "Whoever writes another's name into his request is taken for him."
	forged := &attack.Head{Fields: identityFields(), Copied: true}
	return []Case{
		{
			ID: "http/forged-identity-fields", Roles: asClient, Attacker: Insider,
			Summary: "has the ID of another client, and header fields that say it is the admitted one",
			Meaning: meaning, Reasons: notOnList, Needs: []Need{Admission}, Head: forged, AnyVersion: true, Named: "intruder",
			Rules:    alike(MustRefuse, "RFC 9440, 4"),
			Mutation: same(pki.LeafNames(pki.URIName(intruder))),
		},
		{
			ID: "http/forged-identity-fields-without-certificate", Roles: asClient,
			Summary: "presents no certificate, and header fields that say it had one",
			Meaning: meaning, Reasons: []wire.Reason{wire.NoCertificate}, Head: forged, AnyVersion: true,
			Rules:  alike(MustRefuse, "RFC 9440, 4"),
			Attack: func(a *attack.Attack) { a.NoCertificate = true },
		},
	}
}

// hostFieldCases come without a certificate by one name, and ask for another.
func hostFieldCases() []Case {
	const (
		meaning = "What is guarded under its own name is had by another, which asks for no certificate."
		http    = "RFC 9110, 7.4"
	)
	of := func(id, summary, cite, sni string, head attack.Head) Case {
		return Case{
			ID: "http/" + id, Roles: asClient, Summary: summary, Meaning: meaning,
			Reasons: []wire.Reason{wire.NoCertificate}, Needs: []Need{OpenHost}, Head: &head,
			Rules: alike(MustRefuse, cite),
			Attack: func(a *attack.Attack) {
				a.NoCertificate, a.SNI = true, sni
			},
		}
	}
	return []Case{
		of("guarded-host-by-open-name", "comes by the open name, and asks for the guarded host", http, open, attack.Head{}),
		of("guarded-host-by-no-name", "comes by no name, and asks for the guarded host", http, "", attack.Head{}),
		of("guarded-host-by-unknown-name", "comes by a name that nobody has, and asks for the guarded host", http,
			"unknown.test", attack.Head{}),
		of("guarded-host-in-capitals", "comes by the open name, and asks for the guarded host in capitals",
			"RFC 9110, 4.2.3", open, attack.Head{Host: "SERVER"}),
		of("guarded-host-with-port", "comes by the open name, and asks for the guarded host and a port",
			"RFC 9110, 7.2", open, attack.Head{Host: host + ":443"}),
		of("guarded-host-with-final-dot", "comes by the open name, and asks for the guarded host with a final dot",
			http, open, attack.Head{Host: host + "."}),
		of("guarded-target", "comes by the open name, and asks for the guarded host in the target alone",
			"RFC 9112, 3.2.2", open, attack.Head{Host: open, Authority: host}),
		of("two-hosts", "comes by the open name, and asks for both hosts at once",
			"RFC 9112, 3.2", open, attack.Head{Host: open, Fields: []string{"Host: " + host}}),
		of("guarded-host-second", "comes by the open name, asks for that, and then for the guarded host",
			http, open, attack.Head{First: open}),
	}
}
