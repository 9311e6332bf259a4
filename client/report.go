package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// reporter tells what happens: results on standard output, as text for people
// or as one outcome line, and everything else on standard error.
type reporter struct {
	std  stdio
	json bool
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
	if r.json {
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
	if !r.json {
		r.say("Sent: %s", message)
	}
}

func (r *reporter) acknowledged(receipt wire.Receipt) {
	if !r.json {
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
	if r.json {
		journal := &wire.Journal{Role: wire.Client, W: r.std.out}
		if err := journal.Write(o); err != nil {
			r.complain("writing the outcome: %v", err)
			return wire.ExitFailed
		}
	}
	return o.Kind.ExitCode()
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
