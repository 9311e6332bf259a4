package main

import (
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/metrics"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// meter counts what becomes of connections and of reloads, for Prometheus.
type meter struct {
	mu       sync.Mutex
	accepted int // handshakes with a verified client
	resumed  int // of those
	messages int
	refused  map[wire.Reason]int
	good     int       // reloads
	bad      int       // those that failed
	ends     time.Time // the earliest end of anything in use
}

func newMeter() *meter { return &meter{refused: make(map[wire.Reason]int)} }

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
	case wire.Reloaded:
		m.good++
	case wire.ReloadFailed:
		m.bad++
	}
}

// read is what it has counted by now.
func (m *meter) read() []metrics.Metric {
	m.mu.Lock()
	defer m.mu.Unlock()
	refused := make(map[string]int, len(m.refused))
	for reason, times := range m.refused {
		refused[string(reason)] = times
	}
	return []metrics.Metric{
		{
			Name: "connections_accepted_total", Kind: metrics.Counter, Value: float64(m.accepted),
			Help: "Handshakes with a client that was verified.",
		},
		{
			Name: "connections_resumed_total", Kind: metrics.Counter, Value: float64(m.resumed),
			Help: "Those of them that resumed a session.",
		},
		{
			Name: "connections_refused_total", Kind: metrics.Counter, Label: "reason", Values: refused,
			Help: "Connections that were refused, by reason.",
		},
		{
			Name: "messages_received_total", Kind: metrics.Counter, Value: float64(m.messages),
			Help: "Messages that were taken.",
		},
		metrics.Reloads(m.good, m.bad),
		metrics.Ends(m.ends),
	}
}
