package cases

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const (
	onlyClient = "policy: the server is told to admit spiffe://lab/client and nobody else"
	anyServer  = "Whoever has a certificate of the same authority, for whatever host, can be the server."
	anyClient  = "Whoever has a certificate of the same authority, in whatever name, is let in."
)

var (
	wrongName = []wire.Reason{wire.WrongName, wire.BadName}
	notOnList = []wire.Reason{wire.NotAllowed, wire.BadName}
)

// identityCases hold good certificates of somebody else, or names that are read
// in more than one way.
func identityCases() []Case {
	return by(Insider, slices.Concat(
		hostCases(), wildcardCases(), clientCases(), chainNameCases(), spiffeCases(), subjectCases(),
	))
}

// erring has it be an authority that errs: none may issue such a certificate.
func erring(c Case) Case {
	c.Attacker = Authority
	return c
}

// hostCase is a server whose names are all right but for the host's. Its SPIFFE
// ID is, so that a peer that goes by that may accept.
func hostCase(id, summary, cite string, names ...hostName) Case {
	return Case{
		ID: "identity/" + id, Roles: asServer, Summary: summary, Meaning: anyServer,
		Reasons:  wrongName,
		Rules:    rules(refuse(cite), either("X509-SVID, 2"), refuse(cite)),
		Mutation: hostNames(append(names, uriName(serverID))...),
	}
}

var principalName = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3} // of Microsoft, and widely known

func hostCases() []Case {
	upper := hostCase("host-in-upper-case", "has the host's name in capitals", "RFC 9525, 6.3", inCapitals)
	upper.Meaning = "A good server is turned away: names of hosts are compared without regard to case."
	upper.Rules, upper.Reasons = alike(MustAccept, "RFC 9525, 6.3"), nil

	dot := hostCase("host-with-final-dot", "has the host's name with a final dot", "", dnsName("HOST."))
	dot.Rules = strictOnly("RFC 5280, 4.2.1.6", "policy: the syntax of RFC 5280, 4.2.1.6 has no final dot")

	ip := hostCase(
		"host-in-ip-address",
		"has the letters of the host's name in place of an IP address",
		"RFC 5280, 4.2.1.6",
		func(host string) pki.GeneralName { return pki.IPName([]byte(host)...) },
	)
	ip.Reasons = []wire.Reason{wire.BadCertificate, wire.WrongName}

	beyond := hostCase(
		"host-in-utf-8",
		"has a name that looks like the host's, in letters beyond ASCII",
		"RFC 5280, 7.2",
		lookAlike,
	)
	beyond.Reasons = []wire.Reason{wire.BadCertificate, wire.WrongName, wire.BadName}

	none := hostCase(
		"host-only-in-common-name",
		"has no names at all, and the host's in the common name",
		"RFC 9525, 2",
	)
	none.Rules = rules(refuse("RFC 9525, 2"), refuse("X509-SVID, 2"), refuse("RFC 9525, 2"))
	none.Mutation = hostInCommonName()

	return []Case{
		hostCase("other-host", "has another host's name", "RFC 9525, 6.3", dnsName("other")),
		hostCase("host-as-prefix", "has a name that begins with the host's", "RFC 9525, 6.3", dnsName("HOST.evil.test")),
		hostCase("host-as-suffix", "has a name that ends with the host's", "RFC 9525, 6.3", dnsName("evil-HOST")),
		hostCase("host-as-parent", "has the name of a host below", "RFC 9525, 6.3", dnsName("evil.HOST")),
		upper, erring(dot),
		{
			ID: "identity/host-in-common-name", Roles: asServer, Meaning: anyServer, Reasons: wrongName,
			Summary:  "has another host's name, and the right one in the common name",
			Rules:    rules(refuse("RFC 9525, 2"), either("X509-SVID, 2"), refuse("RFC 9525, 2")),
			Mutation: hostInCommonName(dnsName("other"), uriName(serverID)),
		},
		none,
		erring(
			hostCase("host-in-email", "has the host's name as an e-mail address", "RFC 9525, 6.3", pki.EmailName),
		),
		hostCase(
			"host-in-other-name",
			"has the host's name as a principal's",
			"CVE-2022-21656",
			func(host string) pki.GeneralName { return pki.OtherName(principalName, host) },
		),
		hostCase(
			"host-in-directory-name",
			"has the host's name in a directory name",
			"RFC 9525, 6.3",
			func(host string) pki.GeneralName { return pki.DirectoryName(pkix.Name{CommonName: host}) },
		),
		{
			ID: "identity/host-in-uri", Roles: asServer, Meaning: anyServer, Reasons: wrongName,
			Summary:  "has the host's name as the host of its URI, and as nothing else",
			Rules:    alike(MustRefuse, "RFC 9525, 6.3"),
			Mutation: hostNames(uriName("https://HOST/")),
		},
		erring(ip), erring(beyond),
		erring(hostCase(
			"host-with-nul",
			"has a name that is the host's up to a zero byte",
			"CVE-2009-2408",
			dnsName("HOST\x00.evil.test"),
		)),
		hostCase(
			"host-homograph",
			"has the encoded form of a name that looks like the host's",
			"RFC 9525, 6.3",
			encodedLookAlike,
		),
		erring(hostCase(
			"host-in-broken-punycode",
			"has a name that no decoding yields",
			"CVE-2022-3602",
			dnsName("xn--HOST-999999999999b"),
		)),
		erring(hostCase(
			"host-injected",
			"has one name that reads like two when it is printed",
			"CVE-2021-44532",
			dnsName("other, DNS:HOST"),
		)),
		{
			ID: "identity/host-injected-in-uri", Attacker: Authority, Roles: asServer, Meaning: anyServer,
			Reasons:  []wire.Reason{wire.WrongName, wire.BadName, wire.BadCertificate},
			Summary:  "has a URI that reads like the host's name when it is printed",
			Rules:    alike(MustRefuse, "CVE-2021-44532"),
			Mutation: hostNames(dnsName("other"), uriName("https://other/, DNS:HOST")),
		},
	}
}

func wildcardCases() []Case {
	var all []Case
	for _, w := range []struct {
		id, summary string
		name        hostName
		attacker    Attacker
	}{
		{"alone", "has a name for every host there is", dnsName("*"), Authority},
		{"of-nothing-before", "has a name for the hosts below, and none for the host", dnsName("*.HOST"), Insider},
		{"at-the-end", "has a name that ends in a wildcard", wildcardAtEnd, Authority},
		{"at-the-beginning", "has a name that begins with a wildcard within a label", wildcardAtBeginning, Authority},
		{"in-the-middle", "has a name with a wildcard amid a label", wildcardAmid, Authority},
		{"twice", "has a name of wildcards only", dnsName("*.*"), Authority},
	} {
		all = append(all, hostCase("wildcard-"+w.id, w.summary, "RFC 9525, 6.3", w.name))
		all[len(all)-1].Attacker = w.attacker
	}
	return all
}

// clientCase is a client whose ID is not the one that is admitted.
func clientCase(id, summary string, names ...pki.GeneralName) Case {
	return Case{
		ID: "identity/" + id, Roles: asClient, Summary: summary, Meaning: anyClient,
		Reasons:  notOnList,
		Rules:    alike(MustRefuse, onlyClient),
		Needs:    []Need{Admission},
		Mutation: same(pki.LeafNames(names...)),
	}
}

// named has the case be tried in whatever field a server looks for its clients' names.
func named(name string, c Case) Case {
	c.Named = name
	return c
}

const intruder = "spiffe://lab/intruder"

func clientCases() []Case {
	nul := clientCase(
		"id-with-nul",
		"has an ID that is the admitted one up to a zero byte",
		pki.URIName(clientID+"\x00.evil"),
	)
	nul.Reasons = []wire.Reason{wire.BadCertificate, wire.BadName, wire.NotAllowed}

	none := clientCase("id-only-in-common-name", "has no names at all, and the admitted one in the common name")
	none.Rules = rules(
		either("policy: no standard says where a client has its name"),
		refuse("X509-SVID, 2"),
		refuse("policy: a common name is free text (RFC 9525, 2)"),
	)
	none.Mutation = same(pki.Together(commonName(clientID), pki.LeafNames()))

	dns := clientCase("no-id", "has a DNS name, which is not admitted, and no URI", pki.DNSName("client"))
	dns.Rules = rules(refuse(onlyClient), refuse("X509-SVID, 2"), refuse(onlyClient))

	return []Case{
		named("intruder", clientCase("other-id", "has the ID of another client", pki.URIName(intruder))),
		clientCase(
			"id-of-other-domain",
			"has the right path in another trust domain",
			pki.URIName("spiffe://lab.evil.test/client"),
		),
		clientCase(
			"id-in-path",
			"has the admitted ID within the path of another",
			pki.URIName("spiffe://evil.test/lab/client"),
		),
		named(
			"client2",
			clientCase("id-as-prefix", "has an ID that begins with the admitted one", pki.URIName(clientID+"2")),
		),
		clientCase("id-as-parent", "has an ID below the admitted one", pki.URIName(clientID+"/admin")),
		named(
			"clien",
			clientCase(
				"id-cut-short",
				"has an ID that the admitted one begins with",
				pki.URIName("spiffe://lab/clien"),
			),
		),
		erring(clientCase("id-of-domain", "has the ID of the trust domain itself", pki.URIName("spiffe://lab"))),
		clientCase( // names of hosts and of directories are compared without regard to case (RFC 5280, 7)
			"id-in-upper-case",
			"has the admitted ID with a capital in its path",
			pki.URIName("spiffe://lab/Client"),
		),
		clientCase("id-of-other-scheme", "has the admitted ID as a web address", pki.URIName("https://lab/client")),
		erring(clientCase("id-wildcard", "has an ID with a wildcard for its path", pki.URIName("spiffe://lab/*"))),
		erring(clientCase("id-in-email", "has the admitted ID as an e-mail address", pki.EmailName(clientID))),
		erring(clientCase("id-in-dns-name", "has the admitted ID as a DNS name", pki.DNSName(clientID))),
		clientCase(
			"id-in-other-name",
			"has the admitted ID as a principal's name",
			pki.OtherName(principalName, clientID),
		),
		clientCase(
			"id-in-directory-name",
			"has the admitted ID in a directory name",
			pki.DirectoryName(pkix.Name{CommonName: clientID}),
		),
		erring(clientCase(
			"id-injected",
			"has one URI that reads like two when it is printed",
			pki.URIName(intruder+", URI:"+clientID),
		)),
		erring(nul), none, dns,
	}
}

// subjectCases have the right name in the wrong field.
func subjectCases() []Case {
	impostor := func(good pki.Request) []pki.GeneralName {
		if good.Role == wire.Server {
			return []pki.GeneralName{pki.DNSName("other"), pki.URIName("spiffe://lab/other")}
		}
		return []pki.GeneralName{pki.URIName(intruder)}
	}
	refused := []wire.Reason{wire.NotAllowed, wire.WrongName, wire.BadName}
	subjects := []struct {
		id, summary string
		subject     func(good pki.Request) pki.Mutation
	}{
		{
			"id-in-common-name",
			"has other names, and the right ones in the subject",
			func(good pki.Request) pki.Mutation { return commonName(idOf(good.Role)) },
		},
		{
			"two-common-names",
			"has other names, and two common names of which the second is right",
			func(good pki.Request) pki.Mutation {
				return subject(
					pkix.AttributeTypeAndValue{Type: oidCommonName, Value: "other"},
					pkix.AttributeTypeAndValue{Type: oidCommonName, Value: shortNameOf(good)},
				)
			},
		},
		{
			"common-name-injected",
			"has other names, and a common name that reads like two when it is printed",
			func(good pki.Request) pki.Mutation {
				return commonName("other,CN=" + shortNameOf(good))
			},
		},
		{
			"common-name-escaped",
			"has other names, and a common name that escapes its own end",
			func(good pki.Request) pki.Mutation {
				return commonName("other\\,CN=" + shortNameOf(good) + "/CN=" + shortNameOf(good))
			},
		},
	}
	var all []Case
	for _, s := range subjects {
		all = append(all, Case{
			ID: "identity/" + s.id, Roles: asBoth, Summary: s.summary, Reasons: refused,
			Meaning: "Whoever may choose the subject of a certificate, which is free text, can be anybody.",
			Rules:   alike(MustRefuse, "RFC 9525, 2"),
			Needs:   []Need{Admission},
			Mutation: func(good pki.Request) pki.Mutation {
				return pki.Together(s.subject(good), pki.LeafNames(impostor(good)...))
			},
		})
	}
	return append(all, Case{
		ID: "identity/other-sides-certificate", Roles: asBoth, Reasons: append(refused, wire.WrongUsage),
		Summary: "presents the names of the audited peer itself, for no usage in particular",
		Meaning: "A certificate that was stolen from one side opens the other as well.",
		Rules:   alike(MustRefuse, "policy: neither side is admitted under the name of the other"),
		Needs:   []Need{Admission},
		Mutation: func(good pki.Request) pki.Mutation {
			return pki.Together(
				pki.Leaf(func(c *x509.Certificate) { c.ExtKeyUsage = nil }),
				pki.LeafNames(namesOf(Control(good.Role.Other()))...),
			)
		},
	})
}

var oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}

func commonName(name string) pki.Mutation {
	return pki.Leaf(func(c *x509.Certificate) { c.Subject.CommonName = name })
}

func subject(attributes ...pkix.AttributeTypeAndValue) pki.Mutation {
	return pki.Leaf(func(c *x509.Certificate) { c.Subject.ExtraNames = append(c.Subject.ExtraNames, attributes...) })
}
