package cases

// Hit are programs in which a case was once let through, as it was published: "CVE-...: what
// it was in". They are where the case comes from, or its nearest kin; none is a claim about
// what is shipped today.
func (c Case) Hit() []string { return hit[c.ID] }

var hit = map[string][]string{
	"identity/host-with-nul": {
		"CVE-2009-2408: NSS and Firefox",
		"CVE-2013-4073: Ruby",
		"CVE-2013-4238: Python",
	},
	"identity/host-in-other-name":      {"CVE-2022-21656: Envoy"},
	"identity/host-in-broken-punycode": {"CVE-2022-3602: OpenSSL 3.0"},
	"identity/host-injected":           {"CVE-2021-44532: Node.js"},
	"identity/host-injected-in-uri":    {"CVE-2021-44532: Node.js"},
	"chain/self-signed":                {"CVE-2014-0092: GnuTLS took what it could not check for good"},
	"chain/leaf-as-issuer": {
		"CVE-2002-0862: Windows and Internet Explorer",
		"CVE-2011-0228: iOS",
		"CVE-2015-1793: OpenSSL",
	},
	"chain/issuer-without-basic-constraints": {"CVE-2002-0862: Windows and Internet Explorer"},
	"chain/cross-signed":                     {"CVE-2024-0567: GnuTLS turned such chains away"},
	"chain/hundred-issuers":                  {"CVE-2024-28835: GnuTLS crashed"},
	"constraints/wildcard-over-excluded":     {"CVE-2025-61727: Go"},
	"constraints/wildcard-over-permitted":    {"RUSTSEC-2026-0099: rustls-webpki"},
	"constraints/common-name-only":           {"CVE-2026-42790: Erlang/OTP"},
	"crypto/forged-by-curve":                 {"CVE-2020-0601: Windows CryptoAPI"},
	"crypto/rsa-16384-issuer":                {"CVE-2023-29409: Go"},
	"crypto/dsa-issuer":                      {"CVE-2025-58188: Go"},
	"revocation/list-of-second-point":        {"RUSTSEC-2026-0049: rustls-webpki"},
	"protocol/wrong-key":                     {"CVE-2014-1266: Apple's TLS, which passed the check over"},
	"protocol/zero-signature":                {"CVE-2022-21449: Java 15 to 18"},
	"framing/plain-text-then-close":          {"CVE-2023-40217: Python"},
	"framing/plain-text-before-handshake":    {"CVE-2021-23214: PostgreSQL", "CVE-2011-0411: Postfix, in STARTTLS"},
	"resumption/after-authority-removal":     {"CVE-2025-68121: Go"},
}
