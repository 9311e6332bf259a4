package change_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/change"
	"github.com/mtlslab/mtlslab/lab/labtest"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Two servers that differ: nginx takes a reload, and net/http has to be started anew.
func TestMeasure(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("containers take seconds")
	}
	l, err := lab.Start(t.Context(), lab.Config{Runtime: sandbox.Containers})
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
	gallery, err := peer.Gallery()
	if err != nil {
		t.Fatal(err)
	}
	wants := map[string]map[change.Kind]change.Change{
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
	var table change.Table
	for _, p := range gallery {
		want := wants[p.Name()]
		if want == nil || p.Adapter.Role != wire.Server {
			continue
		}
		product, err := l.Measure(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		table.Products = append(table.Products, product)
		for _, c := range product.Changes {
			w, ok := want[c.Kind]
			if !ok {
				continue
			}
			delete(want, c.Kind)
			if c.Why != "" || c.By != w.By || w.Kept != "" && c.Kept != w.Kept || w.Resumed != "" && c.Resumed != w.Resumed ||
				c.Missed > 0 {
				t.Errorf("%s, %s: %+v, want %+v", p.Name(), c.Kind, c, w)
			}
		}
		if len(want) > 0 || product.Fault != "" {
			t.Errorf("%s: not measured: %v; %s", p.Name(), want, product.Fault)
		}
	}
	var text, page bytes.Buffer
	if err := errors.Join(table.Text(&text, false), table.Markdown(&page)); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + text.String())
	for line := range strings.Lines(text.String()) {
		if len([]rune(line)) > 81 {
			t.Errorf("a line has %d columns: %q", len([]rune(line)), line)
		}
	}
	if rows := strings.Count(page.String(), "\n"); rows != 2+len(table.Products)*len(change.Kinds()) {
		t.Errorf("the page has %d lines:\n%s", rows, page.String())
	}
}
