package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// meter counts what becomes of connections and of reloads, for Prometheus. It is read over plain
// HTTP at an address of its own, which nobody has who does not ask for it: what it says is no
// secret, and whoever collects it need not be let in.
type meter struct {
	mu       sync.Mutex
	accepted int // handshakes with a verified client
	resumed  int // of those
	messages int
	refused  map[wire.Reason]int
	reloads  map[wire.Kind]int
	ends     time.Time // the earliest end of anything in use
}

func newMeter() *meter {
	return &meter{
		refused: make(map[wire.Reason]int),
		reloads: map[wire.Kind]int{wire.Reloaded: 0, wire.ReloadFailed: 0},
	}
}

// takes counts a client that was verified.
func (m *meter) takes(resumed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accepted++
	if resumed {
		m.resumed++
	}
}

// uses notes until when material is good.
func (m *meter) uses(creds *wire.Credentials) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ends = creds.Ends
}

// hears counts an outcome.
func (m *meter) hears(o wire.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch o.Kind {
	case wire.Received:
		m.messages++
	case wire.Refused:
		m.refused[o.Reason]++
	case wire.Reloaded, wire.ReloadFailed:
		m.reloads[o.Kind]++
	}
}

// write is the text format of Prometheus, 0.0.4.
func (m *meter) write(w io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	metric := func(name, kind, help string) {
		fmt.Fprintf(w, "# HELP mtlslab_%s %s\n# TYPE mtlslab_%[1]s %[3]s\n", name, help, kind)
	}
	metric("connections_accepted_total", "counter", "Handshakes with a client that was verified.")
	fmt.Fprintf(w, "mtlslab_connections_accepted_total %d\n", m.accepted)
	metric("connections_resumed_total", "counter", "Those of them that resumed a session.")
	fmt.Fprintf(w, "mtlslab_connections_resumed_total %d\n", m.resumed)
	metric("connections_refused_total", "counter", "Connections that were refused, by reason.")
	for _, reason := range slices.Sorted(maps.Keys(m.refused)) {
		fmt.Fprintf(w, "mtlslab_connections_refused_total{reason=%q} %d\n", reason, m.refused[reason])
	}
	metric("messages_received_total", "counter", "Messages that were taken.")
	fmt.Fprintf(w, "mtlslab_messages_received_total %d\n", m.messages)
	metric("reloads_total", "counter", "Reloads of the material; after a bad one the old stays in use.")
	fmt.Fprintf(w, "mtlslab_reloads_total{result=\"good\"} %d\n", m.reloads[wire.Reloaded])
	fmt.Fprintf(w, "mtlslab_reloads_total{result=\"bad\"} %d\n", m.reloads[wire.ReloadFailed])
	metric("material_ends_seconds", "gauge",
		"Seconds until the first of own chain, trusted roots and revocation lists is over; less than none after that.")
	fmt.Fprintf(w, "mtlslab_material_ends_seconds %.0f\n", time.Until(m.ends).Seconds())
}

// listen answers at an address until ctx is done, and returns which that is. Without one it does
// nothing.
func (m *meter) listen(ctx context.Context, address string) (string, error) {
	if address == "" {
		return "", nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	handler := http.NewServeMux()
	handler.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		m.write(w)
	})
	const patience = 5 * time.Second
	s := &http.Server{Handler: handler, ReadTimeout: patience, WriteTimeout: patience, MaxHeaderBytes: 8 << 10}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	go s.Serve(listener) //nolint:errcheck // it ends when the server does
	return listener.Addr().String(), nil
}
