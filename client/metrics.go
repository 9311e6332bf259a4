package main

import (
	"maps"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/metrics"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// meter counts what becomes of a stream's messages and of reloads, for Prometheus.
type meter struct {
	mu        sync.Mutex
	fates     map[string]int
	refused   map[string]int // by the client, by reason
	again     int
	last      int // connection by which a message went
	handshook int
	resumed   int
	good, bad int // reloads
	ends      time.Time
}

func newMeter() *meter { return &meter{fates: make(map[string]int), refused: make(map[string]int)} }

// hears counts the outcome of one message, and its connection if it is the first of that.
func (m *meter) hears(o wire.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fates[string(o.Kind)]++
	if o.Kind == wire.Refused {
		m.refused[string(o.Reason)]++
	}
	if o.Numbered.Attempts > 1 {
		m.again++
	}
	if o.Numbered.Connection > m.last && o.TLS != nil {
		m.last = o.Numbered.Connection
		m.handshook++
		if o.TLS.Resumed {
			m.resumed++
		}
	}
}

// uses notes until when material is good.
func (m *meter) uses(creds *wire.Credentials) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ends = creds.Ends
}

// reloads counts one.
func (m *meter) reloads(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.bad++
		return
	}
	m.good++
}

// read is what it has counted by now.
func (m *meter) read() []metrics.Metric {
	m.mu.Lock()
	defer m.mu.Unlock()
	return []metrics.Metric{
		{
			Name: "messages_total", Kind: metrics.Counter, Label: "outcome", Values: maps.Clone(m.fates),
			Help: "Messages, by what became of them.",
		},
		{
			Name: "messages_again_total", Kind: metrics.Counter, Value: float64(m.again),
			Help: "Those of them that were sent more than once.",
		},
		{
			Name: "servers_refused_total", Kind: metrics.Counter, Label: "reason", Values: maps.Clone(m.refused),
			Help: "Messages that were not sent, since their server was refused, by reason.",
		},
		{
			Name: "connections_total", Kind: metrics.Counter, Value: float64(m.handshook),
			Help: "Connections by which a message went.",
		},
		{
			Name: "connections_resumed_total", Kind: metrics.Counter, Value: float64(m.resumed),
			Help: "Those of them that resumed a session.",
		},
		metrics.Reloads(m.good, m.bad),
		metrics.Ends(m.ends),
	}
}
