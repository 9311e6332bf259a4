package report_test

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/card"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/report"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// invented is a peer of the synthetic scorecard.
type invented struct {
	name, version string
	role          wire.Role
	faults        int      // of a hundred cases, how many it fails
	blind         []string // groups that it fails altogether
	untried       []string // groups that it cannot be put into
	silent        int      // of a hundred cases, how many show nothing
}

var peers = []invented{
	{name: "apache", version: "Apache/2.4.66 (Debian)", role: wire.Server, faults: 4},
	{
		name:    "caddy",
		version: "v2.11.2 h1:iOlpsSiSKqEW+SIXrcZsZ/NO74SzB/ycqqvAIEfIm64=",
		role:    wire.Server,
		faults:  2,
		untried: []string{"revocation"},
	},
	{name: "envoy", version: "1.38.0", role: wire.Server, faults: 3},
	{name: "etcd", version: "3.6.9", role: wire.Server, faults: 2},
	{name: "haproxy", version: "HAProxy version 3.3.4-8ba1ec0", role: wire.Server, faults: 5},
	{name: "emqx", version: "6.2.0", role: wire.Server, faults: 5},
	{name: "mysql", version: "9.6.0", role: wire.Server, faults: 9, silent: 3},
	{name: "nats", version: "v2.14.0", role: wire.Server, faults: 2},
	{name: "nginx", version: "nginx/1.29.6", role: wire.Server, faults: 4},
	{name: "postgres", version: "postgres (PostgreSQL) 18.3", role: wire.Server, faults: 6, blind: []string{"usage"}},
	{name: "rabbitmq", version: "4.2.5", role: wire.Server, faults: 7, silent: 2},
	{name: "redis", version: "Redis server v=8.6.1", role: wire.Server, faults: 5, blind: []string{"identity"}},
	{name: "stunnel", version: "5.78", role: wire.Server, faults: 4},
	{name: "tomcat", version: "11.0.20", role: wire.Server, faults: 6},
	{name: "traefik", version: "3.7.0", role: wire.Server, faults: 2},
	{name: "vault", version: "Vault v1.21.4", role: wire.Server, faults: 100}, // lets everybody in
	{name: "curl-gnutls", version: "curl 8.19.0", role: wire.Client, faults: 3},
	{name: "curl-openssl", version: "curl 8.19.0", role: wire.Client, faults: 4},
	{name: "go-http", version: "go1.26.1", role: wire.Client},
	{name: "grpc-java", version: "1.80.0", role: wire.Client, faults: 3},
	{name: "java-httpclient", version: "openjdk 25.0.2", role: wire.Client, faults: 4},
	{name: "nodejs", version: "v25.8.1", role: wire.Client, faults: 5},
	{name: "openssl", version: "OpenSSL 3.6.1", role: wire.Client, faults: 6, blind: []string{"identity"}},
	{name: "psql", version: "psql (PostgreSQL) 18.3", role: wire.Client, faults: 6},
	{name: "python-requests", version: "2.33.0", role: wire.Client, faults: 5},
	{name: "ruby-net-http", version: "4.0.2", role: wire.Client, faults: 5},
	{name: "rustls", version: "0.23.37", role: wire.Client, faults: 1, untried: []string{"operational"}},
	{name: "wget", version: "GNU Wget 1.25.0", role: wire.Client, faults: 5, silent: 100},
}

// syntheticRun is the lab that it comes from.
const syntheticRun = "5f0e1d2c3b4a"

// synthetic is a scorecard as large as a real one, from the catalogue and from
// chains that are really forged. Who fails what is by chance, the same in every run.
func synthetic(t testing.TB) finding.Scorecard {
	t.Helper()
	sent, err := forgedChains()
	if err != nil {
		t.Fatal(err)
	}
	sc := finding.Scorecard{
		Format: finding.Format, Profile: cases.Strict, Began: time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC),
		Took:    26*time.Minute + 11*time.Second,
		Command: "mtlslab scorecard --all --profile strict", Engine: "29.3.0, amd64, 8 processors", Sent: sent,
	}
	for i, p := range peers {
		sc.Audits = append(sc.Audits, p.audit(rand.New(rand.NewPCG(uint64(i), 7)), sc.Began))
	}
	chance := rand.New(rand.NewPCG(1, 1))
	for _, client := range peers {
		for _, server := range peers {
			for _, version := range []string{"1.2", "1.3"} {
				if client.role == wire.Client && server.role == wire.Server {
					sc.Interop = append(sc.Interop, invent(client, server, version, chance))
				}
			}
		}
	}
	return sc
}

func invent(client, server invented, version string, chance *rand.Rand) finding.Interop {
	c := finding.Interop{
		Client: client.name, Server: server.name, Version: version, Status: finding.Passed,
		Saw:  "delivered: the answer holds the nonce",
		Took: time.Duration(chance.IntN(90)+4) * time.Millisecond,
	}
	switch {
	case client.name == "psql" && server.name != "postgres":
		c.Status, c.Saw = finding.Untried, "the client speaks postgres and nothing else"
	case server.name == "mysql" && version == "1.2":
		c.Status, c.Saw = finding.Failed, "client: alert protocol_version; server: unsupported protocol"
	}
	return c
}

func (p invented) audit(chance *rand.Rand, began time.Time) finding.Audit {
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(p.name)))
	a := finding.Audit{
		Format: finding.Format, Subject: "docker.io/library/" + p.name + "@" + digest, Role: p.role, Profile: cases.Strict,
		Run: syntheticRun, Runtime: "containers",
		Isolated: true, Began: began, Took: time.Duration(20+chance.IntN(60)) * time.Second,
		Product: &finding.Product{
			Name: p.name, About: p.name + " as its maintainers ship it, with client certificates demanded", Version: p.version,
			Image: "docker.io/library/" + p.name, Digest: digest, Size: 85_500_000,
			Speaks: "http", Library: map[bool]string{true: "GnuTLS", false: "OpenSSL"}[strings.Contains(p.name, "g")],
			Authentication: []string{"ssl_verify_client on;", "ssl_client_certificate /mtlslab/material/ca.pem;"},
			Hint: "compare the identity of the client in the application: a certificate of the " +
				"authority is all that is asked for",
		},
	}
	for _, version := range []string{"1.2", "1.3", "1.2", "1.3"} {
		c := control()
		c.Role, c.Version = p.role, version
		a.Controls = append(a.Controls, c)
	}
	for _, c := range cases.All() {
		for _, role := range c.Roles {
			if role == p.role {
				continue // the adversary's is the other
			}
			fate := chance.IntN(100)
			for _, version := range c.In(wire.Versions()) {
				a.Findings = append(a.Findings, p.found(c, version, fate, chance))
			}
		}
	}
	return a
}

func (p invented) found(c cases.Case, version string, fate int, chance *rand.Rand) finding.Finding {
	group, _, _ := strings.Cut(c.ID, "/")
	rule := c.Rules[cases.Strict]
	f := finding.Finding{
		Case: c.ID, Group: group, Summary: c.Summary, Role: p.role, Version: version,
		Attacker: c.AttackerUnder(rule), Expect: rule.Expect,
		Cite:   cmp.Or(rule.Cite, "none"),
		Status: finding.Passed, Decision: "refused", By: p.role, Reason: wire.BadCertificate,
		Client: "refused: remote error: tls: bad certificate", Server: "refused: certificate verify failed",
		Repeat: fmt.Sprintf("mtlslab scorecard --peer %s --case %s --version %s -v", p.name, c.ID, version),
		Took:   time.Duration(2000+chance.IntN(40000)) * time.Microsecond,
	}
	if rule.Expect == cases.MustAccept {
		f.Decision, f.By, f.Reason, f.Client, f.Server = "delivered", "", "", "delivered: the answer holds the nonce", ""
	}
	in := func(groups []string) bool { return strings.Contains(strings.Join(groups, " ")+" ", group+" ") }
	switch {
	case in(p.untried):
		f.Status, f.Decision, f.By, f.Reason, f.Client, f.Server = finding.Untried, "inconclusive", "", "", "", ""
		f.Means = "it has no setting for a revocation list"
	case rule.Expect == cases.MustRefuse && (fate < p.faults || in(p.blind) && fate < 85):
		f.Status, f.Decision, f.By, f.Reason, f.Means = finding.Failed, "delivered", "", "", c.Meaning
		f.Client, f.Server = "delivered: the answer holds the nonce", "200, and the message is in its log"
	case fate > 100-p.silent:
		f.Status, f.Decision, f.By, f.Reason = finding.Inconclusive, "inconclusive", "", ""
		f.Client, f.Server = "timeout: no answer within 2 s", ""
	}
	return f
}

// forgedChains are those of every case of a certificate, made once a process.
var forgedChains = sync.OnceValues(func() ([]finding.Sent, error) {
	authority, err := pki.New(pki.Config{})
	if err != nil {
		return nil, err
	}
	var all []finding.Sent
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		good, err := authority.Forge(cases.Control(role))
		if err != nil {
			return nil, err
		}
		all = append(all, finding.Sent{Run: syntheticRun, Case: "control", Role: role, Chain: good.Chain})
	}
	for _, c := range cases.All() {
		if c.Mutation == nil {
			continue
		}
		for _, role := range c.Roles {
			forged, err := authority.Forge(cases.Control(role), c.Mutation(cases.Control(role)))
			if err != nil {
				return nil, fmt.Errorf("%s as %s: %w", c.ID, role, err)
			}
			all = append(all, finding.Sent{Run: syntheticRun, Case: c.ID, Role: role, Chain: forged.Chain})
		}
	}
	return all, nil
})

// few is a small scorecard with every status and what makes each format sweat.
func few() finding.Scorecard {
	hostileProduct := &finding.Product{
		Name: "evil|`name`", Version: hostile, Image: "<script>alert(1)</script>",
		Digest: "sha256:" + strings.Repeat("0123456789abcdef", 4), Speaks: hostile, Library: hostile, Size: 1,
		Authentication: []string{"</script><script>alert(2)</script>", hostile}, Hint: "look at " + hostile,
	}
	evil := everything()
	evil.Product = hostileProduct
	untried := found("revocation/revoked-leaf", "1.2", finding.Untried)
	untried.Means, untried.Decision = "it has no setting for a revocation list", ""
	odd := found("none/of-the-known|`groups`", "1.3", finding.Failed)
	evil.Findings = append(evil.Findings, untried, odd)
	odd.Summary = "does <b>this</b> | `that`"
	good := clean()
	good.Role, good.Product = wire.Client, &finding.Product{
		Name:    "curl",
		Version: "curl 8.19.0",
		Digest:  "sha256:" + strings.Repeat("fedcba9876543210", 4),
	}
	for i := range good.Findings {
		good.Findings[i].Role = wire.Client
	}
	return finding.Scorecard{
		Profile: cases.Strict, Began: evil.Began, Took: 125 * time.Second,
		Command: "mtlslab scorecard 'a  b' -v", Engine: "29.3.0, amd64, 2 processors " + hostile,
		Audits: []finding.Audit{good, uncontrolled(), evil, {
			Role: wire.Client, Profile: cases.Strict, Subject: "wget", Broke: "no such image " + hostile,
			Product: &finding.Product{Name: "wget", Image: "docker.io/library/wget", Adapter: strings.Repeat("0", 64)},
		}},
		Interop: []finding.Interop{
			{
				Client:  "curl",
				Server:  "evil|`name`",
				Version: "1.3",
				Status:  finding.Failed,
				Saw:     "``" + hostile + long,
				Took:    time.Millisecond,
			},
			{Client: "curl", Server: "evil|`name`", Version: "1.2", Status: finding.Passed, Saw: "delivered"},
			{Client: "mtlslab", Server: "evil|`name`", Version: "1.2", Status: finding.Untried},
			{Client: "mtlslab", Server: "nginx", Version: "1.3", Status: "odd"},
		},
		Sent: []finding.Sent{
			{Case: "usage/no-eku", Role: wire.Client, Chain: [][]byte{{0x30, 0x03, 0x02, 0x01, 0x00}, nil}},
			{Case: "control", Role: wire.Client},
		},
	}
}

// formats are all that a scorecard is written as.
var formats = []struct {
	name  string
	write func(*strings.Builder, finding.Scorecard) error
}{
	{"scorecard.txt", func(w *strings.Builder, sc finding.Scorecard) error {
		return card.Text(w, sc, report.Options{})
	}},
	{"scorecard-verbose.txt", func(w *strings.Builder, sc finding.Scorecard) error {
		return card.Text(w, sc, report.Options{Verbose: true, Width: 100})
	}},
	{"scorecard.md", func(w *strings.Builder, sc finding.Scorecard) error { return card.Markdown(w, sc) }},
	{"scorecard.json", func(w *strings.Builder, sc finding.Scorecard) error { return card.JSON(w, sc) }},
	{"scorecard.html", func(w *strings.Builder, sc finding.Scorecard) error { return card.HTML(w, sc) }},
}
