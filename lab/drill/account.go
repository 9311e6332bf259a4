package drill

import (
	"context"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/timeline"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// timeline puts together what all sides have said.
func (w *world) timeline(ctx context.Context) *timeline.Timeline {
	facts := w.Place.Sandbox.Facts()
	t := &timeline.Timeline{
		Format: timeline.Format, Drill: w.drill.Name, Summary: w.drill.Summary, Server: w.name(),
		Runtime: string(facts.Runtime), Began: w.began, Took: w.took, Steps: w.steps, Ended: w.ended,
		Over: make(map[string]time.Duration),
	}
	server := hear(w.said(ctx))
	for _, s := range w.streams {
		told := timeline.Stream{
			Name: s.name(), Holder: s.client.Holder, Connections: string(s.over), Course: w.course(s.client.Course),
		}
		for _, o := range s.Accounts(ctx) {
			if o.Numbered != nil && !o.Numbered.Began.Before(w.began) {
				told.Messages = append(told.Messages, server.message(o, w.began))
			} else if o.Message != nil {
				delete(server.taken, o.Message.SHA256)
			}
		}
		t.Streams = append(t.Streams, told)
	}
	for serial, ends := range w.mint.ends {
		if over := ends.Sub(w.began); over < w.took {
			t.Over[serial] = over
		}
	}
	for _, times := range server.taken {
		t.Stray += times
	}
	return t
}

// name is whose server it is, with its version if that is known.
func (w *world) name() string {
	if about := w.server.Product(); about != nil && about.Version != "" {
		return w.how.Server.Name() + ", " + about.Version
	}
	return w.how.Server.Name()
}

// course names steps by their number.
func (w *world) course(spans []Span) []timeline.Span {
	if len(spans) == 0 {
		return []timeline.Span{{From: -1, Fate: timeline.Delivered}}
	}
	course := make([]timeline.Span, len(spans))
	for i, span := range spans {
		from := slices.IndexFunc(w.drill.Steps, func(s Step) bool { return s.Name == span.From })
		course[i] = timeline.Span{From: from, Fate: span.Fate, By: span.By, Reasons: span.Reasons}
	}
	return course
}

// heard is what the server said.
type heard struct {
	taken   map[string]int            // by the hash of the message
	takenAt map[string]time.Time      // last, likewise
	refused map[string][]wire.Outcome // by the client's end of the connection
}

func hear(all []wire.Outcome) heard {
	h := heard{make(map[string]int), make(map[string]time.Time), make(map[string][]wire.Outcome)}
	for _, o := range all {
		switch {
		case o.Kind == wire.Received && o.Message != nil:
			h.taken[o.Message.SHA256]++
			h.takenAt[o.Message.SHA256] = o.Time
		case o.Kind == wire.Refused:
			h.refused[o.Remote] = append(h.refused[o.Remote], o)
		}
	}
	return h
}

// message is what became of one.
func (h heard) message(o wire.Outcome, began time.Time) timeline.Message {
	n := o.Numbered
	m := timeline.Message{
		Number: n.Number, Began: n.Began.Sub(began), Ended: o.Time.Sub(began), Late: n.Began.Sub(n.Due),
		Attempts: n.Attempts, Unsure: n.Unsure, Connection: n.Connection, Fate: timeline.Lost, Reason: o.Reason,
		Taken: h.taken[o.Message.SHA256],
	}
	if m.Taken > 0 {
		m.TakenAt = h.takenAt[o.Message.SHA256].Sub(began)
	}
	delete(h.taken, o.Message.SHA256)
	if o.Peer != nil {
		m.Server = o.Peer.Serial
	}
	if o.TLS != nil {
		m.Resumed = o.TLS.Resumed
	}
	if o.Receipt != nil {
		m.Client = o.Receipt.Client.Serial
	}
	switch o.Kind {
	case wire.Delivered:
		m.Fate = timeline.Delivered
	case wire.Refused:
		m.Fate, m.By = timeline.Refused, wire.Client
	case wire.RefusedByPeer:
		m.Fate, m.By, m.Reason = timeline.Refused, wire.Server, h.reason(o)
	}
	return m
}

// reason is why the server refused whoever called from there at that time.
func (h heard) reason(o wire.Outcome) wire.Reason {
	for _, said := range h.refused[o.Local] {
		if !said.Time.Before(o.Numbered.Began) {
			return said.Reason
		}
	}
	return ""
}
