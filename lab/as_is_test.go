package lab_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

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

var everyCase = flag.Bool("every-case", false, "TestAsIs tries all clients and cases, and not some of each kind")

// callers are clients of the gallery that can be run as an image would run them; the images of heavy ones
// take minutes to build.
var (
	callers = []string{
		"curl", "wget", "perl-lwp", "php-curl", "requests", "requests-no-verify", "ruby-net-http", "aria2",
	}
	heavyCallers = []string{"go-http", "node"}
)

// someCases are of each kind that a client is tried by.
var someCases = []string{
	"chain/other-authority", "chain/self-signed", "chain/tampered-names", "identity/other-host",
	"identity/wildcard-at-the-end",
	"identity/wildcard-of-nothing-before", "identity/host-in-upper-case", "identity/host-in-common-name",
	"identity/host-only-in-common-name", "identity/host-as-suffix", "validity/expired", "usage/other-role",
	"constraints/dns-permitted", "constraints/dns-excluded", "protocol/wrong-key",
}

// TestAsIs runs clients of the gallery with fixed words, by another name and with their system's
// trust, as an image would that nobody configures. Whom they talk to is the same.
func TestAsIs(t *testing.T) {
	t.Parallel()
	requireEngine(t)
	l := start(t, lab.Config{Runtime: sandbox.Containers})
	var group errgroup.Group
	group.SetLimit(scorecard.DefaultAtOnce)
	asked := callers
	if *everyCase {
		asked = slices.Concat(callers, heavyCallers)
	}
	for i, name := range asked {
		image := peerOfGallery(t, name, wire.Client)
		group.Go(func() error {
			what := audit.Audit{Role: wire.Client, Peer: image, Profile: cases.RFC5280, Once: true, Cases: someCases}
			if *everyCase {
				what.Cases = nil
			}
			told, err := l.Audit(t.Context(), what)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			what.Peer = asIs(t, image, told.Product.Image, 8443+i)
			untold, err := l.Audit(t.Context(), what)
			if err != nil {
				return fmt.Errorf("%s, as it is: %w", name, err)
			}
			sameCells(t, name, told, untold)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// asIs is a client with the words that its adapter would give it for one message.
//
// Its host's name has one label, as that of the others: some clients take wildcards only in the
// names of a domain.
func asIs(t *testing.T, image foreign.Image, ref string, port int) foreign.Image {
	t.Helper()
	a := adapter.AsIs(ref, "orders-api", port, image.Adapter.Speaks)
	a.Material, a.Files = image.Adapter.Material, image.Adapter.Files
	values := a.ValuesFor(a.Dir(), false)
	values.CA, values.Port, values.Nonce, values.Message = "/etc/ssl/certs/ca-certificates.crt", port, "orders", "orders"
	words := slices.Concat(image.Adapter.Entrypoint, image.Adapter.Command)
	var err error
	if a.Command, err = image.Adapter.ExpandAll(words, values); err != nil {
		t.Fatal(err)
	}
	for name, text := range image.Adapter.Env {
		if a.Env[name], err = image.Adapter.Expand(text, values); err != nil {
			t.Fatal(err)
		}
	}
	return foreign.Image{Adapter: a}
}

// sameCells holds one audit to another, case by case, where both came to anything.
func sameCells(t *testing.T, name string, told, untold finding.Audit) {
	t.Helper()
	type cell struct{ id, version string }
	cells := make(map[cell]finding.Finding)
	for _, f := range told.Findings {
		cells[cell{f.Case, f.Version}] = f
	}
	both := 0
	for _, f := range untold.Findings {
		of := cells[cell{f.Case, f.Version}]
		if f.Status == finding.Untried || of.Status == finding.Untried {
			continue
		}
		if both++; f.Status != of.Status {
			t.Errorf("%s: %s [%s]: %s, %s %s; as it is %s, %s %s\n  client: %s\n  server: %s", name, f.Case, f.Version,
				of.Status, of.Decision, of.Means, f.Status, f.Decision, f.Means, f.Client, f.Server)
		}
	}
	t.Logf("%s: %d cells, in %v and %v", name, both, told.Took.Round(time.Second), untold.Took.Round(time.Second))
	if both == 0 || !untold.Controlled() {
		t.Errorf("%s: nothing was tried both ways, or the controls were not delivered", name)
	}
}
