package lab_test

import (
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// brokenPeer is a peer with one fault, and what must come of its audit.
type brokenPeer struct {
	role  wire.Role
	fault string

	// caught are ids of cases, or of groups with a final slash, that name the
	// fault: something in each must not pass. Nothing may be caught in others,
	// but for those in also, which name it too.
	caught, also []string

	verdict  finding.Status // failed if empty
	useless  bool           // even its controls are not delivered
	unclear  bool           // findings may be inconclusive although others failed
	cases    []string       // all if empty
	versions []string       // both if empty
}

var brokenPeers = []brokenPeer{
	{
		role:   wire.Server,
		fault:  "accepts-any",
		caught: []string{"chain/", "identity/", "validity/", "usage/", "constraints/", "crypto/", "revocation/"},
		also:   []string{"resumption/", "reload/", "open/"},
	},
	{
		role:   wire.Server,
		fault:  "requests-only",
		caught: []string{"protocol/no-client-certificate", "framing/no-certificate-with-absent-sni"},
		also:   []string{"framing/", "resumption/"},
	},
	{role: wire.Server, versions: lastVersion, fault: "skips-chain", caught: []string{"chain/"}, also: beyondLeaf},
	{role: wire.Server, versions: lastVersion, fault: "trusts-presented-roots", caught: []string{"chain/"}},
	{
		role:     wire.Server,
		versions: lastVersion,
		fault:    "trusts-presented-issuers",
		caught:   []string{"chain/"},
		also:     beyondIssuer,
	},
	{
		role:   wire.Server,
		fault:  "ignores-dates",
		caught: []string{"validity/"},
		also:   []string{"resumption/"},
	},
	{
		role:     wire.Server,
		versions: lastVersion,
		fault:    "checks-dates-of-leaf",
		caught:   []string{"validity/expired-issuer"},
		also:     []string{"validity/"},
	},
	{role: wire.Server, versions: lastVersion, fault: "ignores-usage", caught: []string{"usage/"}},
	{role: wire.Server, versions: lastVersion, fault: "ignores-issuer-usage", caught: []string{"usage/"}},
	{role: wire.Server, versions: lastVersion, fault: "ignores-constraints", caught: []string{"constraints/"}},
	{
		role:     wire.Server,
		versions: lastVersion,
		fault:    "ignores-path-length",
		caught:   []string{"chain/path-length", "chain/path-length-of-root"},
	},
	{role: wire.Server, versions: lastVersion, fault: "ignores-authority-bit", caught: []string{"chain/"}},
	{role: wire.Server, versions: lastVersion, fault: "ignores-critical", caught: []string{"constraints/"}},
	{
		role:     wire.Server,
		versions: lastVersion,
		fault:    "takes-authorities",
		caught: []string{
			"chain/named-issuer-as-peer",
			"usage/authority",
			"usage/ca-without-cert-sign",
			"usage/cert-sign-without-ca",
			"usage/crl-sign",
		},
	},
	{
		role: wire.Server, versions: lastVersion, fault: "ignores-crl",
		caught: []string{"revocation/"}, also: []string{"resumption/"},
	},
	{role: wire.Server, versions: lastVersion, fault: "ignores-crl-signature", caught: []string{"revocation/"}},
	{role: wire.Server, versions: lastVersion, fault: "takes-stale-crl", caught: []string{"revocation/"}},
	{
		role:   wire.Server,
		fault:  "ignores-allow-list",
		caught: []string{"identity/other-id", "resumption/not-admitted"},
		also:   []string{"identity/"},
	},
	{
		role:     wire.Server,
		versions: lastVersion,
		fault:    "admits-prefix",
		caught:   []string{"identity/id-as-prefix", "identity/id-as-parent"},
	},
	{role: wire.Server, versions: lastVersion, fault: "admits-any-case", caught: []string{"identity/id-in-upper-case"}},
	{
		role:     wire.Server,
		versions: lastVersion,
		fault:    "admits-common-name",
		caught:   []string{"identity/id-in-common-name", "identity/id-only-in-common-name"},
	},
	{
		role:  wire.Server,
		fault: "resumes-unverified",
		caught: []string{
			"resumption/after-expiry", "resumption/after-authority-removal",
			"resumption/after-revocation", "resumption/after-issuer-revocation",
		},
	},
	{
		role:  wire.Server,
		fault: "shares-tickets",
		caught: []string{
			"resumption/after-expiry", "resumption/after-authority-removal",
			"resumption/after-revocation", "resumption/after-issuer-revocation",
			"resumption/elsewhere", "resumption/not-admitted",
		},
	},
	{
		role:  wire.Server,
		fault: "believes-sessions",
		caught: []string{
			"resumption/after-expiry", "resumption/after-authority-removal",
			"resumption/after-revocation", "resumption/after-issuer-revocation",
			"resumption/without-certificate", "resumption/of-stranger", "resumption/of-expired",
		},
	},
	{role: wire.Server, fault: "seals-no-tickets", caught: []string{"resumption/altered-ticket"}},
	{role: wire.Server, fault: "speaks-tls-1.0", caught: []string{"protocol/tls-1.0", "protocol/tls-1.1"}},
	{
		role:   wire.Server,
		fault:  "answers-first",
		caught: []string{"chain/", "identity/", "validity/"},
		also:   []string{"usage/", "constraints/", "crypto/", "revocation/", "resumption/", "reload/", "open/"},
	},
	{
		role:    wire.Server,
		fault:   "denies-its-receipt",
		caught:  []string{"chain/", "identity/", "validity/"},
		also:    []string{"usage/", "constraints/", "crypto/", "revocation/", "resumption/", "reload/", "open/"},
		unclear: true,
	},
	{
		role:   wire.Server,
		fault:  "leaks-its-reply",
		caught: []string{"chain/", "identity/", "validity/"},
		also:   []string{"usage/", "constraints/", "crypto/", "revocation/", "resumption/", "reload/", "open/"},
	},
	{
		role:    wire.Server,
		fault:   "accepts-and-closes",
		cases:   fewCases,
		verdict: finding.Inconclusive,
		useless: true,
		caught:  fewCases,
	},
	{
		role: wire.Server, versions: lastVersion, fault: "names-from-chain", caught: []string{"identity/id-in-issuer"},
	},
	{
		role: wire.Client, versions: lastVersion, fault: "names-from-chain",
		caught: []string{"identity/host-in-issuer", "identity/host-in-root"},
	},
	{
		role: wire.Server, versions: lastVersion, fault: "trusts-first-root", caught: []string{"chain/second-root"},
		also: everyGroup, unclear: true,
	},
	{
		role: wire.Client, versions: lastVersion, fault: "trusts-first-root", caught: []string{"chain/second-root"},
		also: everyGroup, unclear: true,
	},
	{
		role: wire.Server, versions: lastVersion, fault: "keeps-its-trust",
		caught: []string{"reload/forgotten-authority", "reload/new-authority"},
		also:   []string{"resumption/after-authority-removal"},
	},
	{
		role: wire.Server, versions: lastVersion, fault: "keeps-its-certificate",
		caught: []string{"reload/own-certificate"},
	},
	{
		role:    wire.Server,
		fault:   "hangs",
		cases:   fewCases,
		verdict: finding.Inconclusive,
		useless: true,
		caught:  fewCases,
	},
	{role: wire.Server, fault: "hangs-on-bad-input", cases: fewCases, verdict: finding.Inconclusive, caught: fewCases},
	{
		role:    wire.Server,
		fault:   "crashes-on-bad-input",
		cases:   fewCases,
		verdict: finding.Failed,
		caught:  fewCases,
		unclear: true,
	},
	{role: wire.Server, fault: "closes-on-bad-input", cases: fewCases, verdict: finding.Inconclusive, caught: fewCases},
	{
		role:  wire.Server,
		fault: "takes-plain-text",
		caught: []string{
			"framing/plain-text-client",
			"framing/plain-text-then-close",
			"framing/plain-text-before-handshake",
			"framing/http-client",
		},
	},
	{
		role:    wire.Server,
		fault:   "takes-plain-text-ahead",
		caught:  []string{"framing/plain-text-before-handshake"},
		also:    []string{"framing/plain-text-client", "framing/plain-text-then-close"},
		unclear: true,
	},
	{role: wire.Server, fault: "takes-half-message", caught: []string{"framing/truncated-message"}},
	{
		role:  wire.Server,
		fault: "starts-without-trust",
		caught: []string{
			"operational/no-trust",
			"operational/trust-not-pem",
			"operational/trust-not-certificates",
			"operational/trust-cut-short",
			"operational/trust-in-part",
		},
	},

	{
		role:    wire.Server,
		fault:   "hangs-on-bad-material",
		cases:   []string{"operational/no-trust", "operational/key-of-another"},
		verdict: finding.Inconclusive,
		caught:  []string{"operational/no-trust", "operational/key-of-another"},
	},

	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "accepts-any",
		caught:   []string{"chain/", "identity/", "validity/", "usage/", "constraints/", "crypto/", "revocation/"},
	},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "skips-names",
		caught:   []string{"identity/"},
		also:     []string{"constraints/common-name-only"},
	},
	{role: wire.Client, versions: lastVersion, fault: "skips-chain", caught: []string{"chain/"}, also: beyondLeaf},
	{role: wire.Client, versions: lastVersion, fault: "ignores-dates", caught: []string{"validity/"}},
	{role: wire.Client, versions: lastVersion, fault: "ignores-usage", caught: []string{"usage/"}},
	{role: wire.Client, versions: lastVersion, fault: "ignores-crl", caught: []string{"revocation/"}},
	{role: wire.Client, versions: lastVersion, fault: "ignores-constraints", caught: []string{"constraints/"}},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "matches-prefix",
		caught:   []string{"identity/host-as-prefix"},
		also:     []string{"identity/"},
	},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "matches-suffix",
		caught:   []string{"identity/host-as-suffix", "identity/host-as-parent"},
		also:     []string{"identity/"},
	},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "matches-common-name",
		caught: []string{
			"identity/host-in-common-name",
			"identity/host-only-in-common-name",
			"identity/two-common-names",
		},
		also: []string{"constraints/common-name-only"},
	},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "matches-wildcards",
		caught: []string{
			"identity/wildcard-alone",
			"identity/wildcard-at-the-end",
			"identity/wildcard-at-the-beginning",
			"identity/wildcard-in-the-middle",
		},
	},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "falls-back-to-plain-text",
		caught:   []string{"protocol/plain-text-server", "protocol/http-server"},
	},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "retries-unverified",
		caught:   []string{"chain/", "identity/", "validity/"},
		also:     []string{"usage/", "constraints/", "crypto/", "revocation/"},
	},
	{role: wire.Client, fault: "speaks-tls-1.0", caught: []string{"protocol/tls-1.0", "protocol/tls-1.1"}},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "greets-first",
		caught:   []string{"chain/", "identity/", "validity/"},
		also:     []string{"usage/", "constraints/", "crypto/", "revocation/"},
	},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "takes-any-receipt",
		caught:   []string{"protocol/no-certificate-request"},
	},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "takes-half-receipt",
		caught:   []string{"framing/truncated-receipt"},
	},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "believes-its-handshake",
		caught: []string{
			"protocol/no-certificate-request",
			"framing/truncated-receipt",
			"protocol/refused-afterwards",
		},
		useless: true,
		also:    everyGroup,
		unclear: true,
	},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "hangs-on-bad-input",
		cases:    fewServerCases,
		verdict:  finding.Inconclusive,
		caught:   fewServerCases,
	},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "crashes-on-bad-input",
		cases:    fewServerCases,
		verdict:  finding.Inconclusive,
		caught:   fewServerCases,
	},
	{
		role:     wire.Client,
		versions: lastVersion,
		fault:    "starts-without-trust",
		caught: []string{
			"operational/no-trust",
			"operational/trust-not-pem",
			"operational/trust-not-certificates",
			"operational/trust-cut-short",
			"operational/trust-in-part",
		},
	},
}

// fewCases are for faults that cost the adversary its patience, and for a crash,
// after which nothing can be said of whoever comes next.
var (
	// lastVersion is enough where the fault is in what is verified, which does not
	// depend on the version, and for clients, which cost a process a case.
	lastVersion    = []string{"1.3"}
	fewCases       = []string{"chain/other-authority", "validity/expired", "protocol/no-client-certificate"}
	fewServerCases = []string{"chain/other-authority", "validity/expired", "identity/other-host"}
	beyondLeaf     = []string{
		"resumption/",
		"reload/",
		"constraints/",
		"crypto/",
		"revocation/",
		"validity/expired-issuer",
		"validity/not-yet-valid-issuer",
		"validity/expired-root",
		"validity/not-yet-valid-root",
		"usage/issuer-for-other-role",
		"usage/issuer-for-email",
		"usage/root-for-email",
	}
	beyondIssuer = []string{
		"resumption/after-authority-removal",
		"reload/forgotten-authority",
		"constraints/root",
		"constraints/explicit-policy",
		"crypto/",
		"revocation/issuer",
		"validity/expired-root",
		"validity/not-yet-valid-root",
		"usage/root-for-email",
	}
	everyGroup = []string{
		"chain/",
		"identity/",
		"validity/",
		"usage/",
		"constraints/",
		"crypto/",
		"revocation/",
		"resumption/",
		"reload/",
		"open/",
		"protocol/",
		"framing/",
		"operational/",
	}
)
