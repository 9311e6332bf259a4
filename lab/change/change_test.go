package change_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/change"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/labtest"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// inContainers starts a lab of containers that ends with the test.
func inContainers(t *testing.T) *lab.Lab {
	t.Helper()
	if testing.Short() {
		t.Skip("containers take seconds")
	}
	l, err := lab.Start(t.Context(), lab.Config{Runtime: sandbox.Containers, TTL: time.Hour})
	switch {
	case errors.Is(err, sandbox.ErrNoEngine) && os.Getenv(labtest.RequireEngine) != "1":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return l
}

// wants are what is to come of each change of each peer; an empty field is anything.
type wants map[string]map[change.Kind]change.Change

// mustBe holds what was measured of a peer to what is wanted, if anything is.
func (w wants) mustBe(t *testing.T, product change.Product) {
	t.Helper()
	want := maps.Clone(w[product.Name])
	for _, c := range product.Changes {
		w, ok := want[c.Kind]
		if !ok {
			continue
		}
		delete(want, c.Kind)
		if c.Why != "" || c.By != w.By || w.Kept != "" && c.Kept != w.Kept || w.Resumed != "" && c.Resumed != w.Resumed ||
			c.Kept == change.GoesOn && c.Kind == change.Broken && c.Missed > 0 {
			t.Errorf("%s, %s: %+v, want %+v", product.Name, c.Kind, c, w)
		}
		if c.Kind != change.Broken && c.Missed > 0 {
			t.Errorf("%s, %s: %d good messages of %d are missed", product.Name, c.Kind, c.Missed, c.Sent)
		}
	}
	if len(want) > 0 || product.Fault != "" {
		t.Errorf("%s: not measured: %v; %s", product.Name, want, product.Fault)
	}
}

// Two servers that differ: nginx takes a reload, and net/http has to be started anew.
func TestMeasure(t *testing.T) {
	t.Parallel()
	l := inContainers(t)
	gallery, err := foreign.Gallery()
	if err != nil {
		t.Fatal(err)
	}
	want := wants{
		"nginx": {
			change.Certificate:  {By: change.Reload, Kept: change.Ends, Resumed: change.Anew},
			change.TrustAdded:   {By: change.Reload, Kept: change.Ends, Resumed: change.Anew},
			change.TrustRemoved: {By: change.Reload, Kept: change.Ends, Resumed: change.Ends},
			change.Listed:       {By: change.Reload, Kept: change.Ends, Resumed: change.Ends},
			change.Broken:       {Kept: change.GoesOn},
		},
		"go-http": {
			change.Certificate:  {By: change.Restart},
			change.TrustRemoved: {By: change.Restart, Resumed: change.Ends},
			change.Broken:       {Kept: change.GoesOn},
		},
	}
	table := change.Table{Role: wire.Server}
	for _, p := range gallery {
		if want[p.Name()] == nil || p.Adapter.Role != wire.Server {
			continue
		}
		product, err := l.Measure(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		table.Products = append(table.Products, product)
		want.mustBe(t, product)
	}
	mustShow(t, table)
}

// Three clients that stay up, and differ: nginx as a proxy takes a reload, net/http has to be started anew,
// and one whose certificate is read for each handshake takes that by itself.
func TestMeasureClient(t *testing.T) {
	t.Parallel()
	l := inContainers(t)
	all, err := foreign.StayingClients()
	if err != nil {
		t.Fatal(err)
	}
	want := wants{
		"nginx-proxy": {
			change.Certificate:  {By: change.Reload},
			change.TrustAdded:   {By: change.Reload},
			change.TrustRemoved: {By: change.Reload},
			change.Broken:       {Kept: change.GoesOn},
		},
		"go-http": {
			change.Certificate:  {By: change.Restart},
			change.TrustRemoved: {By: change.Restart},
			change.Broken:       {Kept: change.GoesOn},
		},
		"go-http-reread": {
			change.Certificate:  {By: change.Nothing, Kept: change.GoesOn},
			change.TrustRemoved: {By: change.Restart},
			change.Broken:       {Kept: change.Ends},
		},
	}
	table := change.Table{Role: wire.Client}
	for _, p := range all {
		if want[p.Name()] == nil {
			continue
		}
		product, err := l.MeasureClient(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		table.Products = append(table.Products, product)
		want.mustBe(t, product)
	}
	mustShow(t, table)
}

// mustShow holds a table to what a screen and a page have room for.
func mustShow(t *testing.T, table change.Table) {
	t.Helper()
	var text, page bytes.Buffer
	if err := errors.Join(table.Text(&text, false), table.Markdown(&page)); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + text.String())
	rows := 2
	for _, p := range table.Products {
		rows += len(p.Changes)
	}
	for line := range strings.Lines(text.String()) {
		if len([]rune(line)) > 81 {
			t.Errorf("a line has %d columns: %q", len([]rune(line)), line)
		}
	}
	if got := strings.Count(page.String(), "\n"); got != rows {
		t.Errorf("the page has %d lines, want %d:\n%s", got, rows, page.String())
	}
}
