package metrics_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/mtlslab/mtlslab/lab/metrics"
)

// A page is what the format's own parser reads, whatever is in a label.
func TestWrite(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	err := metrics.Write(&page, []metrics.Metric{
		{Name: "plain_total", Kind: metrics.Counter, Help: "Plain.", Value: 3},
		{
			Name: "by_total", Kind: metrics.Counter, Help: "By what.", Label: "what",
			Values: map[string]int{`a "quoted" one`: 1, "another": 2},
		},
		{Name: "none_total", Kind: metrics.Counter, Help: "With a label, and none yet.", Label: "what"},
		metrics.Reloads(4, 5),
		metrics.Ends(time.Now().Add(-time.Hour)),
	})
	if err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(&page)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for name, family := range families {
		if family.GetHelp() == "" || family.GetType() == dto.MetricType_UNTYPED {
			t.Errorf("%s has no help, or no type", name)
		}
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			name = family.GetName()
		}
	}
	for name, want := range map[string]float64{
		"mtlslab_plain_total": 3, `mtlslab_by_total a "quoted" one`: 1, "mtlslab_by_total another": 2,
		"mtlslab_reloads_total good": 4, "mtlslab_reloads_total bad": 5, "mtlslab_material_ends_seconds": -3600,
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
}

// What cannot be written is an error, and nothing is written after it.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	if err := metrics.Write(full{}, []metrics.Metric{metrics.Reloads(0, 0)}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// It answers as long as its context goes on, and nobody who did not ask.
func TestListen(t *testing.T) {
	t.Parallel()
	if address, err := metrics.Listen(t.Context(), "", nil); address != "" || err != nil {
		t.Errorf("without an address: %q, %v", address, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	address, err := metrics.Listen(ctx, "127.0.0.1:0", func() []metrics.Metric { return nil })
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // read-only
	if answer.StatusCode != http.StatusOK {
		t.Error(answer.Status)
	}
	if _, err := metrics.Listen(ctx, address, nil); err == nil {
		t.Error("an address that is taken was taken again")
	}
}
