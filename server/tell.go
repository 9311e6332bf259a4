package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// teller gives the server's account: to the lab as one JSON outcome a line on
// standard output, or to people as text. Errors of writing are dropped: a
// server does not stop because nobody reads its log.
type teller struct {
	journal *wire.Journal // nil for text
	meter   *meter

	mu  sync.Mutex
	out io.Writer
	err io.Writer
}

func newTeller(std stdio, json bool) *teller {
	t := &teller{out: std.out, err: std.err, meter: newMeter()}
	if json {
		t.journal = &wire.Journal{Role: wire.Server, W: std.out}
	}
	return t
}

// tell writes the outcome, or its text unless that is empty.
func (t *teller) tell(o wire.Outcome, w io.Writer, text string) {
	t.meter.hears(o)
	if t.journal != nil {
		_ = t.journal.Write(o)
		return
	}
	if text == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = fmt.Fprintln(w, wire.Printable(text))
}

func (t *teller) listening(address net.Addr, metrics string, creds *wire.Credentials) {
	t.warnOfDates(creds)
	own, routeOut := wire.IdentityOf(creds.Own.Leaf), wire.RouteOut()
	o := wire.Outcome{
		Kind:     wire.Listening,
		Local:    address.String(),
		Own:      &own,
		NotAfter: &creds.Own.Leaf.NotAfter,
		RouteOut: &routeOut,
		Metrics:  metrics,
	}
	text := fmt.Sprintf("Server is listening on %s as %s, until %s",
		address, names(own), creds.Own.Leaf.NotAfter.UTC().Format(time.RFC3339))
	if metrics != "" {
		text += "; metrics at http://" + metrics + "/metrics"
	}
	t.tell(o, t.out, text)
}

// warnOfDates does no more than warn: to refuse an expired certificate is the
// client's part, and a lab may want to see it done.
func (t *teller) warnOfDates(creds *wire.Credentials) {
	if creds.Expired(time.Now()) {
		t.warn(fmt.Sprintf("this server's certificate is good from %s, and it is %s",
			datesOf(creds), time.Now().UTC().Format(time.RFC3339)))
	}
}

func (t *teller) warn(detail string) {
	t.tell(wire.Outcome{Kind: wire.Warning, Detail: detail}, t.err, "Warning: "+detail)
}

func (t *teller) received(o wire.Outcome, message string) {
	t.tell(o, t.out, "Received: "+message)
}

func (t *teller) ended(o wire.Outcome, unremarkable bool) {
	text := fmt.Sprintf("%s %s: %s", headlines[o.Kind], o.Remote, o.Reason)
	if o.Alert != nil {
		text = fmt.Sprintf("%s %s: alert %d, %s", headlines[o.Kind], o.Remote, o.Alert.Code, o.Alert.Name)
	}
	if o.Kind == wire.Refused {
		text += " (" + o.Detail + ")"
	}
	if unremarkable {
		text = ""
	}
	t.tell(o, t.out, text)
}

var headlines = map[wire.Kind]string{
	wire.Refused:       "Refused",
	wire.RefusedByPeer: "Refused by",
	wire.Failed:        "Lost",
}

func (t *teller) reloaded(creds *wire.Credentials) {
	t.warnOfDates(creds)
	own := wire.IdentityOf(creds.Own.Leaf)
	t.tell(wire.Outcome{Kind: wire.Reloaded, Own: &own, NotAfter: &creds.Own.Leaf.NotAfter}, t.out,
		fmt.Sprintf("Reloaded: now %s, until %s", names(own), creds.Own.Leaf.NotAfter.UTC().Format(time.RFC3339)))
}

func (t *teller) reloadFailed(err error) {
	t.tell(wire.Outcome{Kind: wire.ReloadFailed, Detail: err.Error()}, t.err,
		"Reload failed, the old material stays in use: "+err.Error())
}

func (t *teller) reached(tries []wire.Try) {
	lines := make([]string, len(tries))
	for i, try := range tries {
		lines[i] = "Tried to reach " + try.Address + ": " + strings.ReplaceAll(string(try.Result), "_", " ")
	}
	t.tell(wire.Outcome{Kind: wire.Reached, Tries: tries}, t.out, strings.Join(lines, "; "))
}

func (t *teller) stopped() {
	t.tell(wire.Outcome{Kind: wire.Stopped}, t.out, "Server has stopped")
}

func names(id wire.Identity) string {
	if len(id.URIs) > 0 && len(id.DNS) > 0 {
		return fmt.Sprintf("%s (DNS %s)", id, strings.Join(id.DNS, ", "))
	}
	return id.String()
}

// datesOf is the validity of a peer's own certificate, for people.
func datesOf(creds *wire.Credentials) string {
	leaf := creds.Own.Leaf
	return leaf.NotBefore.UTC().Format(time.RFC3339) + " to " + leaf.NotAfter.UTC().Format(time.RFC3339)
}
