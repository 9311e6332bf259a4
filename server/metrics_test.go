package main

import (
	"crypto/tls"
	"errors"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/mtlslab/mtlslab/lab/metrics"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// figures are what a server answers Prometheus, as the format's own parser reads it: by name, and
// by the value of the label if there is one.
func (i *instance) figures(t *testing.T) map[string]float64 {
	t.Helper()
	answer, err := http.Get("http://" + i.listening(t).Metrics + "/metrics")
	try(t, err)
	defer answer.Body.Close() //nolint:errcheck // read-only
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	try(t, err)
	all := make(map[string]float64)
	for name, family := range families {
		if family.GetHelp() == "" || family.GetType() == dto.MetricType_UNTYPED {
			t.Errorf("%s has no help, or no type", name)
		}
		for _, m := range family.GetMetric() {
			key := name
			for _, label := range m.GetLabel() {
				key += " " + label.GetValue()
			}
			all[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return all
}

func (i *instance) listening(t *testing.T) wire.Outcome {
	t.Helper()
	return parse(i.out.await(t, string(wire.Listening), isKind(wire.Listening)))
}

// What becomes of connections and of reloads is counted, and nothing else.
func TestMetrics(t *testing.T) {
	t.Parallel()
	p, next := newPair(t), newPair(t)
	dir := p.dir(t)
	server := start(t, dir, "-metrics", "127.0.0.1:0")
	before := server.figures(t)

	config := p.config(t)
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for range 2 {
		p.deliver(t, server.address, config)
	}
	stranger := next.client.Material(p.authority)
	conn, _ := refusal(t, server.address, wire.ClientConfig(credentials(t, stranger), wire.Policy{ServerName: serverName}))
	checkRefused(t, server, conn, wire.UnknownAuthority)
	server.reload(t, wire.Reloaded, func() { server.hangup() })
	server.reload(t, wire.ReloadFailed, func() {
		try(t, os.WriteFile(filepath.Join(dir, wire.FileChain), []byte("no certificate"), 0o600))
	})

	after := server.figures(t)
	for name, want := range map[string]float64{
		"mtlslab_connections_accepted_total":                  2,
		"mtlslab_connections_resumed_total":                   1,
		"mtlslab_connections_refused_total unknown_authority": 1,
		"mtlslab_messages_received_total":                     2,
		"mtlslab_reloads_total good":                          1,
		"mtlslab_reloads_total bad":                           1,
	} {
		if got := after[name] - before[name]; got != want {
			t.Errorf("%s: %v more, want %v", name, got, want)
		}
	}
	const name = "mtlslab_material_ends_seconds"
	want := time.Until(credentials(t, p.server.Material(p.authority)).Ends).Seconds()
	if got := after[name]; math.Abs(got-want) > 2 {
		t.Errorf("%s: %v, want %v", name, got, want)
	}
}

// Nobody is answered who did not ask for it, and an address that cannot be had is told.
func TestMetricsAddress(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	if told := start(t, p.dir(t)).listening(t); told.Metrics != "" {
		t.Errorf("it answers at %s", told.Metrics)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	try(t, err)
	defer taken.Close() //nolint:errcheck // nobody calls there
	if _, err := metrics.Listen(t.Context(), taken.Addr().String(), newMeter().read); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("an address that is taken: %v", err)
	}
}

// The first thing that is over counts, whatever it is.
func TestEnds(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	whole := credentials(t, p.server.Material(p.authority))
	if chain := p.server.Certificate.NotAfter; !whole.Ends.Equal(chain) && !whole.Ends.Before(chain) {
		t.Errorf("it ends on %v, and the leaf on %v", whole.Ends, chain)
	}
	soon := time.Now().Add(time.Hour).Truncate(time.Second)
	brief := p.issue(t, pki.Request{Role: wire.Server, Name: "server", DNS: []string{serverName}, NotAfter: soon})
	if got := credentials(t, brief.Material(p.authority)).Ends; !got.Equal(soon) {
		t.Errorf("a leaf until %v: %v", soon, got)
	}
	lists, err := p.authority.CRLs()
	try(t, err)
	material := p.server.Material(p.authority)
	material.CRL = lists
	with := credentials(t, material)
	if with.Ends.After(with.CRLs[0].NextUpdate) {
		t.Errorf("with lists until %v it ends on %v", with.CRLs[0].NextUpdate, with.Ends)
	}
}
