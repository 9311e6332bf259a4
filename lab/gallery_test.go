package lab_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/scorecard"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// sample is the part of the gallery that is audited with every change. The whole
// of it is for `make scorecard`.
var sample = []struct {
	peer string
	role wire.Role

	// named: only the cases of the two lists are tried, of a peer that fails most.
	named bool
	// fails are cases, or groups with a final slash, of which something fails;
	// nothing of holds does. What is in neither is the product's own business, and
	// may change with its version.
	fails, holds []string
}{
	{
		peer: "nginx", role: wire.Server, fails: []string{"usage/key-agreement-only"},
		holds: []string{"identity/", "validity/", "revocation/", "protocol/", "framing/", "resumption/", "operational/"},
	},
	{
		peer: "gnutls", role: wire.Server, fails: []string{"usage/other-role"},
		holds: []string{
			"identity/",
			"validity/",
			"chain/other-authority",
			"protocol/no-client-certificate",
			"framing/",
			"operational/",
		},
	},
	{
		peer: "curl", role: wire.Client, fails: []string{"chain/public-authority-errs"},
		holds: []string{
			"identity/other-host",
			"identity/wildcard-alone",
			"validity/",
			"chain/other-authority",
			"protocol/",
			"framing/",
			"operational/no-trust",
		},
	},
	{
		peer: "pyopenssl", role: wire.Server,
		holds: []string{
			"identity/",
			"validity/",
			"revocation/",
			"protocol/",
			"framing/",
			"resumption/",
			"operational/",
			"usage/other-role",
		},
	},
	{
		peer: "pyopenssl", role: wire.Client,
		holds: []string{
			"chain/public-authority-errs",
			"identity/other-host",
			"validity/",
			"chain/other-authority",
			"protocol/",
			"framing/",
			"operational/",
			"usage/other-role",
		},
	},
	{
		peer: "pyopenssl-verify-mode", role: wire.Server, named: true,
		fails: []string{
			"protocol/no-client-certificate",
			"chain/other-authority",
			"chain/self-signed",
			"validity/expired",
			"usage/other-role",
			"revocation/leaf",
		},
	},
	{
		peer: "pyopenssl-verify-mode", role: wire.Client, named: true,
		fails: []string{
			"chain/other-authority",
			"chain/self-signed",
			"validity/expired",
			"usage/other-role",
			"revocation/leaf",
		},
		holds: []string{"identity/other-host", "protocol/plain-text-server", "protocol/wrong-key"},
	},
}

// TestSample audits real software, unchanged. Every case comes to an end that is
// known, and the controls are delivered before and after.
func TestSample(t *testing.T) {
	t.Parallel()
	requireEngine(t)
	l := start(t, lab.Config{Runtime: sandbox.Containers})
	// Side by side as a scorecard does it: as tests of their own they would wait
	// for each other's turn.
	var group errgroup.Group
	group.SetLimit(scorecard.DefaultAtOnce)
	for _, s := range sample {
		image := peerOfGallery(t, s.peer, s.role)
		group.Go(func() error {
			tried := audit.Audit{Role: s.role, Peer: image, Profile: cases.RFC5280, Once: true}
			if s.named {
				tried.Cases = slices.Concat(s.fails, s.holds)
			}
			audit, err := l.Audit(t.Context(), tried)
			if err != nil {
				return fmt.Errorf("%s %s: %w", s.role, s.peer, err)
			}
			checkSample(t, audit, s.fails, s.holds)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// The peers that make the mistake make no other: but for comments they are those
// that do not, line by line.
func TestOneMistake(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"server.py", "client.py"} {
		right, wrong := codeOf(t, "pyopenssl/"+name), codeOf(t, "pyopenssl-verify-mode/"+name)
		if len(right) != len(wrong) {
			t.Errorf("%s: %d lines of code, and %d with the mistake", name, len(right), len(wrong))
			continue
		}
		mistakes := 0
		for i, line := range right {
			switch {
			case line == wrong[i]:
			case strings.Contains(line, "context.set_verify(") && strings.Contains(wrong[i], "context.verify_mode = "):
				mistakes++
			default:
				t.Errorf("%s: got  %s\nwant %s", name, wrong[i], line)
			}
		}
		if mistakes != 1 {
			t.Errorf("%s: %d mistakes, want one", name, mistakes)
		}
	}
}

// codeOf is a program of the gallery without its comments and without what it says
// of itself.
func codeOf(t *testing.T, name string) []string {
	t.Helper()
	text, err := fs.ReadFile(images.Peers(), name)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ = bytes.Cut(text, []byte("\n"))
	return slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool {
		return strings.HasPrefix(strings.TrimSpace(line), "#")
	})
}

func peerOfGallery(t *testing.T, name string, role wire.Role) foreign.Image {
	t.Helper()
	image, err := foreign.FromGallery(name, role)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func checkSample(t *testing.T, audit finding.Audit, fails, holds []string) {
	t.Helper()
	who := string(audit.Role) + " " + audit.Subject
	t.Logf(
		"%s, %s: %d passed, %d failed, %d untried in %v",
		who,
		audit.Product.Version,
		audit.Count(
			finding.Passed,
		),
		audit.Count(finding.Failed),
		audit.Count(finding.Untried),
		audit.Took.Round(time.Second),
	)
	if !audit.Controlled() {
		t.Errorf("%s: the controls were not delivered: %+v", who, audit.Controls)
	}
	named := func(ids []string, f finding.Finding) bool {
		return slices.ContainsFunc(ids, func(id string) bool {
			return f.Case == id || strings.HasSuffix(id, "/") && strings.HasPrefix(f.Case, id)
		})
	}
	failed := make(map[string]bool)
	for _, f := range audit.Findings {
		switch f.Status {
		case finding.Inconclusive:
			t.Errorf(
				"%s: %s [%s] is inconclusive: %s\n  client: %s\n  server: %s",
				who,
				f.Case,
				f.Version,
				f.Means,
				f.Client,
				f.Server,
			)
		case finding.Failed:
			failed[f.Case] = true
			if named(holds, f) {
				t.Errorf(
					"%s: %s [%s] failed: %s\n  client: %s\n  server: %s",
					who,
					f.Case,
					f.Version,
					f.Means,
					f.Client,
					f.Server,
				)
			}
		}
	}
	for _, id := range fails {
		if !failed[id] {
			t.Errorf("%s: %s was not caught", who, id)
		}
	}
}

// A server that is told in vain to read its trust again has refused nothing and
// let nobody in, and one that serves nobody afterwards has refused nobody in
// particular.
func TestReloadInVain(t *testing.T) {
	t.Parallel()
	requireEngine(t)
	for name, test := range map[string]struct {
		reload adapter.Reload
		means  string
	}{
		"only its logs are opened again": {adapter.Reload{Signal: "USR1"}, "goes on trusting"},
		"it closes for everybody": {adapter.Reload{Command: []string{
			"sh", "-c", "sed -i 's/return 200/return 403/' /etc/nginx/conf.d/mtlslab.conf && nginx -s reload",
		}}, "served nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nginx := peerOfGallery(t, "nginx", wire.Server)
			altered := *nginx.Adapter
			altered.Reload = test.reload
			l := start(t, lab.Config{Runtime: sandbox.Containers})
			audit, err := l.Audit(t.Context(), audit.Audit{
				Role: wire.Server, Peer: foreign.Image{Adapter: &altered, Context: nginx.Context},
				Versions: []string{"1.3"}, Cases: []string{"resumption/after-authority-removal"},
			})
			if err != nil {
				t.Fatal(err)
			}
			f := audit.Findings[0]
			decided := f.Status == finding.Failed || f.Status == finding.Passed
			if decided || !strings.Contains(f.Means, test.means) {
				t.Errorf("%s, %s; client saw %s", f.Status, f.Means, f.Client)
			}
		})
	}
}

// A server that leaves its process group goes with the command that started it all
// the same: it would answer in the place of the next.
func TestLeftBehind(t *testing.T) {
	t.Parallel()
	requireEngine(t)
	nginx := peerOfGallery(t, "nginx", wire.Server)
	daemon := *nginx.Adapter
	daemon.Adjusted, daemon.Reload = nil, adapter.Reload{Command: []string{"nginx", "-s", "reload"}}
	daemon.Command = []string{"sh", "-c", "setsid nginx -g 'daemon off;' & wait $!"}
	l := start(t, lab.Config{Runtime: sandbox.Containers})
	audit, err := l.Audit(t.Context(), audit.Audit{
		Role: wire.Server, Peer: foreign.Image{Adapter: &daemon, Context: nginx.Context},
		Versions: []string{"1.3"}, Cases: []string{"resumption/after-authority-removal", "operational/no-key"},
	})
	if err != nil {
		t.Fatal(err)
	}
	checkSample(t, audit, nil, []string{"operational/", "resumption/"})
}
