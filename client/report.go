package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// reporter tells what happens: results on standard output, as text for people
// or as one outcome line, and everything else on standard error.
type reporter struct {
	std  stdio
	json bool
	many bool // messages: each is told in one line

	mu sync.Mutex // of what is written by several
}

// say and complain drop errors of writing: the exit code still tells.
func (r *reporter) say(format string, args ...any) {
	_, _ = fmt.Fprintln(r.std.out, wire.Printable(fmt.Sprintf(format, args...)))
}

func (r *reporter) complain(format string, args ...any) {
	_, _ = fmt.Fprintln(r.std.err, wire.Printable("client: "+fmt.Sprintf(format, args...)))
}

// warnOfDates does no more than warn: to refuse an expired certificate is the
// server's part, and a lab may want to see it done.
func (r *reporter) warnOfDates(creds *wire.Credentials) {
	if now := time.Now(); creds.Expired(now) {
		leaf := creds.Own.Leaf
		r.complain(
			"warning: this client's certificate is good from %s to %s, and it is %s",
			leaf.NotBefore.UTC().Format(
				time.RFC3339,
			),
			leaf.NotAfter.UTC().Format(time.RFC3339),
			now.UTC().Format(time.RFC3339),
		)
	}
}

func (r *reporter) verified(peer wire.Identity, negotiated wire.Negotiated) {
	if r.json || r.many {
		return
	}
	parts := []string{describe(peer), negotiated.Version, negotiated.Group}
	r.say("Server is %s", strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", "))
}

func describe(id wire.Identity) string {
	dns := "DNS " + strings.Join(id.DNS, ", ")
	switch {
	case len(id.URIs) > 0 && len(id.DNS) > 0:
		return fmt.Sprintf("%s (%s)", id, dns)
	case len(id.DNS) > 0:
		return dns
	}
	return id.String()
}

func (r *reporter) sent(message string) {
	if !r.json && !r.many {
		r.say("Sent: %s", message)
	}
}

func (r *reporter) acknowledged(receipt wire.Receipt) {
	if !r.json && !r.many {
		r.say("Receipt: the server verified %s", receipt.Client)
	}
}

// finish gives the outcome and returns the exit code.
func (r *reporter) finish(o wire.Outcome) int {
	if o.Kind != wire.Delivered {
		r.complain("%s", headline(o))
		if advice := adviceFor(o); advice != "" {
			r.complain("%s", advice)
		}
	}
	if r.json && !r.write(o) {
		return wire.ExitFailed
	}
	return o.Kind.ExitCode()
}

// write gives an outcome as a line of JSON.
func (r *reporter) write(o wire.Outcome) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	journal := &wire.Journal{Role: wire.Client, W: r.std.out}
	err := journal.Write(o)
	if err != nil {
		r.complain("writing the outcome: %v", err)
	}
	return err == nil
}

// accounted gives the outcome of one message of many.
func (r *reporter) accounted(o wire.Outcome) {
	switch {
	case r.json:
		r.write(o)
	case o.Kind != wire.Delivered:
		r.complain("#%d: %s", o.Numbered.Number, headline(o))
	default:
		took := time.Since(o.Numbered.Began).Round(100 * time.Microsecond)
		r.say("#%d delivered to %s, in %v", o.Numbered.Number, o.Peer, took)
	}
}

// answering tells where Prometheus is answered, if it is.
func (r *reporter) answering(address string) {
	switch {
	case address == "":
	case r.json:
		r.write(wire.Outcome{Kind: wire.Listening, Metrics: address})
	default:
		r.say("Metrics at http://%s/metrics", address)
	}
}

// tallied sums up a stream.
func (r *reporter) tallied(t tally) {
	if r.json {
		return
	}
	text := fmt.Sprintf("%d messages, %d delivered", t.sent, t.delivered)
	if t.again > 0 {
		text += fmt.Sprintf(", %d of all sent again", t.again)
	}
	r.say("%s", text)
}

func (r *reporter) reloaded(creds *wire.Credentials) {
	own := wire.IdentityOf(creds.Own.Leaf)
	if r.json {
		r.write(wire.Outcome{Kind: wire.Reloaded, Own: &own, NotAfter: &creds.Own.Leaf.NotAfter})
		return
	}
	r.warnOfDates(creds)
	r.say("Reloaded: now %s, until %s", describe(own), creds.Own.Leaf.NotAfter.UTC().Format(time.RFC3339))
}

func (r *reporter) reloadFailed(err error) {
	if r.json {
		r.write(wire.Outcome{Kind: wire.ReloadFailed, Detail: err.Error()})
		return
	}
	r.complain("reload failed, the old material stays in use: %v", err)
}

func headline(o wire.Outcome) string {
	switch o.Kind {
	case wire.Refused:
		return fmt.Sprintf("the server %s is not to be trusted (%s): %s", o.Remote, o.Reason, o.Detail)
	case wire.RefusedByPeer:
		return fmt.Sprintf("the server %s refused this client: alert %d, %s", o.Remote, o.Alert.Code, o.Alert.Name)
	case wire.Unreachable:
		return fmt.Sprintf("no connection to %s: %s", o.Remote, o.Detail)
	case wire.NoReceipt:
		return fmt.Sprintf("no receipt from the server %s: %s", o.Remote, o.Detail)
	default:
		return o.Detail
	}
}

// keyLog tells a session's secrets, a line each (tls.Config.KeyLogWriter).
type keyLog struct{ *reporter }

func (k keyLog) Write(line []byte) (int, error) {
	journal := wire.Journal{Role: wire.Client, W: k.std.out}
	return len(line), journal.Write(wire.Outcome{Kind: wire.Secret, Detail: string(line)})
}
