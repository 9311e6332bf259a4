// Package hindrance is what is said to the program between the clients and the server of a drill, and
// what it answers: a JSON line each.
package hindrance

import (
	"encoding/json"
	"fmt"
	"time"
)

// Kind is what is done to connections, as toxiproxy names it.
type Kind string

// The kinds.
const (
	Latency   Kind = "latency"    // everything comes late
	Slow      Kind = "bandwidth"  // so many bytes come in a second
	Truncated Kind = "limit_data" // connections end after so many bytes
	Reset     Kind = "reset_peer" // connections are reset after a while
	Sliced    Kind = "slicer"     // everything comes in small pieces
)

// Hindrance is one, in place of those before. The zero value is none.
type Hindrance struct {
	Kind       Kind           `json:"type,omitempty"`
	Stream     string         `json:"stream,omitempty"` // "upstream", to the server, or "downstream"
	Attributes map[string]any `json:"attributes,omitempty"`
}

// Answer is a line of the program's.
type Answer struct {
	Listening string `json:"listening,omitempty"` // at its start: host:port
	Done      bool   `json:"done,omitempty"`      // what it was told is so from now on
	Error     string `json:"error,omitempty"`     // why not
}

// Late has everything that the server says come later by that.
func Late(by time.Duration) Hindrance {
	return Hindrance{Latency, "downstream", map[string]any{"latency": by.Milliseconds()}}
}

// Slowed lets through so many KiB in a second of what the server says.
func Slowed(kib int) Hindrance { return Hindrance{Slow, "downstream", map[string]any{"rate": kib}} }

// CutShort ends each connection after the server has said so many bytes.
func CutShort(bytes int) Hindrance {
	return Hindrance{Truncated, "downstream", map[string]any{"bytes": bytes}}
}

// ResetAfter resets each connection after that.
func ResetAfter(d time.Duration) Hindrance {
	return Hindrance{Reset, "downstream", map[string]any{"timeout": d.Milliseconds()}}
}

// Pieces has everything that the server says come in pieces of so many bytes.
func Pieces(bytes int) Hindrance {
	return Hindrance{Sliced, "downstream", map[string]any{"average_size": bytes, "size_variation": 0, "delay": 100}}
}

// Parse reads a line.
func Parse(line []byte) (h Hindrance, err error) {
	if err := json.Unmarshal(line, &h); err != nil {
		return h, fmt.Errorf("reading hindrance: %w", err)
	}
	return h, nil
}

// ParseAnswer reads a line of the program's.
func ParseAnswer(line []byte) (a Answer, err error) {
	if err := json.Unmarshal(line, &a); err != nil {
		return a, fmt.Errorf("reading what the program between says: %w", err)
	}
	return a, nil
}
