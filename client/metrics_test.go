package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// What becomes of messages, connections and reloads is counted, and Prometheus is answered.
func TestMetrics(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	dir := materialDir(t, p.client.Material(p.authority))
	address := p.listenTLS(t, nil, acknowledge(nil))
	r := runStream(t, nil, "-log", "json", "-material", dir, "-connect", address, "-server-name", serverName,
		"-every", "10ms", "-connections", "resume", "-metrics", "127.0.0.1:0", hello)
	told := r.await(t, func(o wire.Outcome) bool { return o.Metrics != "" })
	r.await(t, func(o wire.Outcome) bool { return o.Numbered != nil && o.Numbered.Number == 3 })
	stranger := newPair(t)
	if err := p.client.Material(stranger.authority).WriteDir(dir); err != nil {
		t.Fatal(err)
	}
	r.await(t, func(o wire.Outcome) bool { return o.Kind == wire.Refused })

	answer, err := http.Get("http://" + told.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // read-only
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`mtlslab_messages_total{outcome="delivered"} `, `mtlslab_messages_total{outcome="refused"} `,
		`mtlslab_servers_refused_total{reason="unknown_authority"} `, "mtlslab_messages_again_total 0\n",
		"mtlslab_connections_total ", `mtlslab_reloads_total{result="good"} 1`, `mtlslab_reloads_total{result="bad"} 0`,
		"mtlslab_material_ends_seconds ",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
}

// A connection is counted once, however many messages go by it, and a message that was sent twice as such.
func TestMeter(t *testing.T) {
	t.Parallel()
	m := newMeter()
	for _, o := range []wire.Outcome{
		{Kind: wire.Delivered, TLS: &wire.Negotiated{}, Numbered: &wire.Numbered{Connection: 1, Attempts: 1}},
		{Kind: wire.Delivered, TLS: &wire.Negotiated{}, Numbered: &wire.Numbered{Connection: 1, Attempts: 1}},
		{Kind: wire.Unreachable, Numbered: &wire.Numbered{Connection: 1, Attempts: 3}},
		{Kind: wire.Delivered, TLS: &wire.Negotiated{Resumed: true}, Numbered: &wire.Numbered{Connection: 2, Attempts: 2}},
	} {
		m.hears(o)
	}
	got := [...]int{m.handshook, m.resumed, m.again, m.fates[string(wire.Delivered)], m.fates[string(wire.Unreachable)]}
	if want := [...]int{2, 1, 2, 3, 1}; got != want {
		t.Errorf("counted %v, want %v", got, want)
	}
	m.uses(&wire.Credentials{Ends: time.Now().Add(time.Hour)})
	if got := m.read()[6].Value; got < 3500 || got > 3600 {
		t.Errorf("it ends in %v s", got)
	}
}
