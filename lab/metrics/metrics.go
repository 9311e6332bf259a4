// Package metrics answers Prometheus: what a server or a client counts, as text over plain HTTP, at an
// address of its own, which nobody has who does not ask for it. What it says is no secret, and whoever
// collects it need not be let in.
//
// It exists because what they count is a dozen lines, and a library for that would be most of what they
// are made of.
package metrics

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"
)

// Metric is one of a page, without a label or with one.
type Metric struct {
	Name   string // after "mtlslab_"
	Kind   string // [Counter] or [Gauge]
	Help   string
	Value  float64
	Label  string // of Values; none if empty
	Values map[string]int
}

// The kinds.
const (
	Counter = "counter"
	Gauge   = "gauge"
)

// Reloads is how many there were of the material.
func Reloads(good, bad int) Metric {
	return Metric{
		Name: "reloads_total", Kind: Counter, Label: "result", Values: map[string]int{"good": good, "bad": bad},
		Help: "Reloads of the material; after a bad one the old stays in use.",
	}
}

// Ends is how long it is until material is over that is in use.
func Ends(at time.Time) Metric {
	return Metric{
		Name: "material_ends_seconds", Kind: Gauge, Value: time.Until(at).Seconds(),
		Help: "Seconds until the first of own chain, trusted roots and revocation lists is over; less than none after that.",
	}
}

// Write writes a page in Prometheus's text format, 0.0.4. An error is the writer's.
func Write(w io.Writer, all []Metric) (err error) {
	say := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(w, format, args...)
		}
	}
	for _, m := range all {
		name := "mtlslab_" + m.Name
		say("# HELP %s %s\n# TYPE %[1]s %[3]s\n", name, m.Help, m.Kind)
		if m.Label == "" {
			say("%s %.0f\n", name, m.Value)
		}
		for _, value := range slices.Sorted(maps.Keys(m.Values)) {
			say("%s{%s=%q} %d\n", name, m.Label, value, m.Values[value])
		}
	}
	return err
}

// Listen answers at an address, host:port, until ctx is done, and returns which that is. Without one it
// does nothing.
func Listen(ctx context.Context, address string, read func() []Metric) (string, error) {
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
		_ = Write(w, read()) // whoever asked may have gone
	})
	const patience = 5 * time.Second
	s := &http.Server{Handler: handler, ReadTimeout: patience, WriteTimeout: patience, MaxHeaderBytes: 8 << 10}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	go s.Serve(listener) //nolint:errcheck // it ends when whoever counts does
	return listener.Addr().String(), nil
}
