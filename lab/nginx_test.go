package lab_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// auditNginx audits the gallery's nginx with another configuration.
func auditNginx(t *testing.T, conf string, ids []string, alter func(*adapter.Adapter)) finding.Audit {
	t.Helper()
	nginx := peerOfGallery(t, "nginx", wire.Server)
	altered := *nginx.Adapter
	altered.Authentication, altered.Adjusted = nil, nil
	altered.Files = map[string]string{"/etc/nginx/conf.d/mtlslab.conf": conf}
	alter(&altered)
	result, err := start(t, lab.Config{Runtime: sandbox.Containers}).Audit(t.Context(), audit.Audit{
		Role: wire.Server, Peer: foreign.Image{Adapter: &altered, Context: nginx.Context}, Cases: ids,
	})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// caughtExactly wants those cases failed, in whichever version of TLS, and no other but for what
// an authority could do.
func caughtExactly(t *testing.T, result finding.Audit, want []string) {
	t.Helper()
	var caught []string
	for _, f := range result.Findings {
		if f.Status == finding.Failed && f.Attacker != cases.Authority {
			caught = append(caught, f.Case)
		}
	}
	slices.Sort(caught)
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Compact(caught)); diff != "" {
		t.Errorf("expected (-), caught (+):\n%s", diff)
	}
}

// Servers of HTTP that go by the wrong one of two names, or believe a field that anybody can
// write, are caught by the cases that name that, and by no other.
func TestWrongHTTP(t *testing.T) {
	t.Parallel()
	requireEngine(t)
	const block = `
server {
    listen 8080;
    return 204;
}
server {
    listen 443 ssl;
    server_name server open;
    ssl_certificate {{.Cert}};
    ssl_certificate_key {{.Key}};
    ssl_verify_client optional;
    ssl_client_certificate {{.CA}};
    if ($deny) {
        return 403;
    }
    if ($host = open) {
        return 200 "open to anybody\n";
    }
    location / {
        return 200 "$request_uri\n";
    }
}
`
	for name, test := range map[string]struct {
		deny   string
		caught []string
	}{
		"as it should be": {deny: `map "$host:$ssl_client_verify" $deny { default 1; "open:NONE" 0; "server:SUCCESS" 0; }`},
		"it goes by the name of the handshake": {
			deny: `map "$ssl_server_name:$ssl_client_verify" $deny { default 0; "server:NONE" 1; "server:FAILED" 1; }`,
			caught: []string{
				"http/guarded-host-by-open-name", "http/guarded-host-by-no-name", "http/guarded-host-by-unknown-name",
				"http/guarded-host-in-capitals", "http/guarded-host-with-port", "http/guarded-host-with-final-dot",
				"http/guarded-target", "http/guarded-host-second",
				"resumption/of-open-host", // in TLS 1.2 a session has the name by which it was made
			},
		},
		"it goes by a field of the request": {
			deny: `map "$host:$ssl_client_verify:$http_x_ssl_client_verify" $deny ` +
				`{ default 1; "~open:" 0; "~:SUCCESS" 0; }`,
			caught: []string{"http/forged-identity-fields-without-certificate"},
		},
		"it goes by a certificate in the request": {
			deny: `map "$host:$ssl_client_verify:$http_client_cert" $deny ` +
				`{ default 1; "~open:" 0; "~:SUCCESS" 0; "~:NONE::MII.*:$" 0; }`,
			caught: []string{"http/forged-identity-fields-without-certificate"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ids := []string{"protocol/no-client-certificate", "resumption/of-open-host", "resumption/without-certificate"}
			for _, c := range cases.All() {
				if c.Head != nil && !slices.Contains(ids, c.ID) {
					ids = append(ids, c.ID)
				}
			}
			result := auditNginx(t, test.deny+block, ids, func(*adapter.Adapter) {})
			caughtExactly(t, result, test.caught)
			also := finding.Answer{Question: "also listens at", Answer: "port 8080, which was not tried"}
			if !slices.Contains(result.Answers, also) {
				t.Errorf("nothing is said of its other port: %q", result.Answers)
			}
		})
	}
}

// A server that looks for its clients' names elsewhere than in a URI is shown them there. One
// that takes any name is caught, and one that does it right is not blamed.
func TestIdentityElsewhere(t *testing.T) {
	t.Parallel()
	requireEngine(t)
	const block = `
server {
    listen 443 ssl;
    server_name server;
    ssl_certificate {{.Cert}};
    ssl_certificate_key {{.Key}};
    ssl_verify_client on;
    ssl_verify_depth 3;
    ssl_client_certificate {{.CA}};
    {{if .CRL}}ssl_crl {{.CRL}};{{end}}
    if ($admitted = 0) {
        return 403;
    }
    location / {
        return 200 "$request_uri\n";
    }
}
`
	for name, test := range map[string]struct {
		identity wire.Field
		admitted string
		caught   []string
	}{
		"cn": {wire.FieldName, `map $ssl_client_s_dn $admitted { default 0; "~(^|,)CN={{.Client}}(,|$)" 1; }`, nil},
		"dn": {wire.FieldSubject, `map $ssl_client_s_dn $admitted { default 0; "{{.Client}}" 1; }`, nil},
		"cn, by its beginning": {
			wire.FieldName, `map $ssl_client_s_dn $admitted { default 0; "~(^|,)CN={{.Client}}" 1; }`,
			[]string{"identity/id-as-prefix"},
		},
		"cn, whatever it is": {
			wire.FieldName, `map $ssl_client_s_dn $admitted { default 0; "~CN=." 1; } # {{.Client}}`,
			[]string{
				"identity/id-as-prefix", "identity/id-cut-short", "identity/other-id",
				"http/forged-identity-fields", "resumption/not-admitted",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ids []string
			for _, c := range cases.All() {
				for _, group := range []string{"identity/", "http/", "resumption/", "validity/", "constraints/"} {
					if strings.HasPrefix(c.ID, group) {
						ids = append(ids, c.ID)
					}
				}
			}
			result := auditNginx(t, test.admitted+block, ids, func(a *adapter.Adapter) {
				a.Identity, a.Admits, a.Open = test.identity, true, false
			})
			caughtExactly(t, result, test.caught)
			tried := 0
			for _, f := range result.Findings {
				if f.Group == "identity" && f.Status != finding.Untried {
					tried++
				}
			}
			if tried != 6 {
				t.Errorf("%d trials of its clients' names, want three in each version of TLS", tried)
			}
		})
	}
}

// What becomes of a connection that is open is told: nginx serves it on when its certificate
// expires, and ends it when it reads its trust and lists again.
func TestOpenConnections(t *testing.T) {
	t.Parallel()
	requireEngine(t)
	nginx := peerOfGallery(t, "nginx", wire.Server)
	result, err := start(t, lab.Config{Runtime: sandbox.Containers}).Audit(t.Context(), audit.Audit{
		Role: wire.Server, Peer: nginx,
		Cases: []string{"open/after-expiry", "open/after-authority-removal", "open/after-revocation"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := finding.Answer{
		Question: "open connections",
		Answer:   "served on a second after expiry; ended within a second of authority removal, revocation",
	}
	if !slices.Contains(result.Answers, want) || result.Verdict() != finding.Passed {
		t.Errorf("%s; %q", result.Verdict(), result.Answers)
	}
}

// A server that listens at two ports is audited at each. That one of them is open is found there
// alone.
func TestFurtherPorts(t *testing.T) {
	t.Parallel()
	requireEngine(t)
	const block = `
server {
    listen 443 ssl;
    server_name server;
    ssl_certificate {{.Cert}};
    ssl_certificate_key {{.Key}};
    ssl_verify_client on;
    ssl_client_certificate {{.CA}};
    location / {
        return 200 "$request_uri\n";
    }
}
server {
    listen 9443 ssl;
    server_name server;
    ssl_certificate {{.Cert}};
    ssl_certificate_key {{.Key}};
    location / {
        return 200 "$request_uri\n";
    }
}
`
	nginx := peerOfGallery(t, "nginx", wire.Server)
	altered := *nginx.Adapter
	altered.Authentication, altered.Adjusted, altered.Ports = nil, nil, []int{9443}
	altered.Files = map[string]string{"/etc/nginx/conf.d/mtlslab.conf": block}
	ids := []string{"protocol/no-client-certificate", "chain/other-authority"}
	l := start(t, lab.Config{Runtime: sandbox.Containers})
	for i, want := range [][]string{nil, ids} {
		result, err := l.Audit(t.Context(), audit.Audit{
			Role: wire.Server, Peer: foreign.Image{Adapter: altered.AtEach()[i], Context: nginx.Context}, Cases: ids,
		})
		if err != nil {
			t.Fatal(err)
		}
		caughtExactly(t, result, want)
		if slices.ContainsFunc(result.Answers, func(a finding.Answer) bool { return a.Question == "also listens at" }) {
			t.Errorf("%s: of a port that is told in its adapter it is said that nobody tried it", result.Subject)
		}
	}
}
