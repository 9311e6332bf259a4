package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mtlslab/mtlslab/lab/metrics"
	"github.com/mtlslab/mtlslab/lab/renewal"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// How the messages of a stream share connections.
const (
	keeps   = "keep"   // one connection for all, as long as it lasts
	anew    = "new"    // one each
	resumes = "resume" // one each, by the session of the one before
)

// retryPause is between two tries of one message.
const retryPause = 20 * time.Millisecond

// sessions is how many are kept; those that a server gives with one connection.
const sessions = 4

// stream sends numbered messages, one at a time, and gives an outcome of each. It goes on
// whatever becomes of them.
//
// A message that may have arrived, though nobody said so, is sent again with the same number: so
// whoever takes it twice can know. One that either side has refused is not sent again.
type stream struct {
	cfg     config
	report  *reporter
	renewed atomic.Pointer[wire.Credentials] // that is to be used from the next message on
	creds   *wire.Credentials
	cache   tls.ClientSessionCache // of sessions under creds; none if nil
	link    *link                  // the last one; none if nil
	links   int                    // so far
	meter   *meter

	tally
}

// tally is what became of the messages.
type tally struct {
	sent, delivered, again int
	first                  wire.Kind // of the first that was not delivered; [wire.Delivered] if all were
}

// streamed runs a stream with material that was loaded, until it is told to stop or the last
// message is sent, and returns the exit code.
func streamed(ctx context.Context, cfg config, hangup <-chan os.Signal, creds *wire.Credentials, r *reporter) int {
	s := &stream{cfg: cfg, report: r, meter: newMeter(), tally: tally{first: wire.Delivered}}
	s.use(creds)
	s.meter.uses(creds)
	r.many = true
	ctx, stop := context.WithCancel(ctx)
	address, err := metrics.Listen(ctx, cfg.metrics, s.meter.read)
	if err != nil {
		stop()
		return r.finish(failed("", fmt.Errorf("-metrics %s: %w", cfg.metrics, err)))
	}
	r.answering(address)
	material := &renewal.Watcher{
		From: cfg.material, Stdin: r.std.in, Hangup: hangup, InUse: creds, Ended: stop,
		Use: func(creds *wire.Credentials) {
			s.renewed.Store(creds)
			s.meter.uses(creds)
			s.meter.reloads(nil)
			r.reloaded(creds)
		},
		Failed: func(err error) {
			s.meter.reloads(err)
			r.reloadFailed(err)
		},
		Warn: func(text string) { r.complain("warning: %s", text) },
	}
	if err := material.Start(ctx); err != nil {
		stop()
		return r.finish(failed("", fmt.Errorf("watching -material %s: %w", cfg.material, err)))
	}
	s.run(ctx)
	stop()
	material.Wait()
	r.tallied(s.tally)
	return s.first.ExitCode()
}

// run sends a message at each time that one is due. When one takes long, those that are due
// meanwhile come after it, each as soon as it can.
func (s *stream) run(ctx context.Context) {
	defer s.drop()
	began := time.Now()
	for number := 1; s.cfg.count == 0 || number <= s.cfg.count; number++ {
		due := began.Add(time.Duration(number-1) * s.cfg.every)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		if ctx.Err() != nil {
			return
		}
		message := s.cfg.messages[(number-1)%len(s.cfg.messages)]
		s.account(s.deliver(ctx, number, due, fmt.Sprintf("%s #%d", message, number)))
	}
}

// account tells of one message.
func (s *stream) account(o wire.Outcome) {
	s.sent++
	if o.Kind == wire.Delivered {
		s.delivered++
	} else if s.first == wire.Delivered {
		s.first = o.Kind
	}
	if o.Numbered.Attempts > 1 {
		s.again++
	}
	s.meter.hears(o)
	s.report.accounted(o)
}

// deliver sends one message, and again as long as that is safe and there is time. Who stops the
// stream waits for it.
func (s *stream) deliver(stop context.Context, number int, due time.Time, message string) wire.Outcome {
	began, unsure := time.Now(), false
	x := &exchange{cfg: s.cfg, report: s.report}
	x.startClock()
	whole := x.deadline
	for attempts := 1; ; attempts++ {
		x.outcome = wire.Outcome{Message: digest(message)}
		x.deadline = x.cfg.attempt(whole)
		o := s.attempt(context.WithoutCancel(stop), x, message)
		o.Numbered = &wire.Numbered{
			Number: number, Due: due, Began: began, Attempts: attempts, Unsure: unsure && o.Kind != wire.Delivered,
			Connection: s.links,
		}
		again := o.Kind == wire.Unreachable || o.Kind == wire.NoReceipt && o.Reason != wire.BadReceipt
		if !again || stop.Err() != nil || x.cfg.timeout > 0 && !time.Now().Before(whole) {
			return o
		}
		unsure = unsure || o.Kind == wire.NoReceipt
		select {
		case <-time.After(retryPause):
		case <-stop.Done():
		}
	}
}

// attempt sends a message once, by a connection that is good under the material of the moment.
func (s *stream) attempt(ctx context.Context, x *exchange, message string) wire.Outcome {
	if renewed := s.renewed.Swap(nil); renewed != nil {
		s.drop()
		s.use(renewed)
	}
	if s.link != nil && (s.cfg.connections != keeps || s.link.gone() || time.Now().After(s.link.ends)) {
		s.drop()
	}
	x.creds, x.sessions = s.creds, s.cache
	if s.link == nil {
		l, ok := x.dial(ctx)
		if !ok {
			return x.outcome
		}
		s.link = l
		s.links++
	}
	l := s.link
	x.over(l)
	x.limit(l.conn)
	if err := x.send(l.conn, l.answers, message); err != nil {
		o := x.ended(ctx, l.conn, err)
		s.drop()
		return o
	}
	_ = l.conn.SetDeadline(time.Time{})
	return x.end(wire.Delivered, "", nil)
}

// use sends by that material from now on. Sessions from before are forgotten.
func (s *stream) use(creds *wire.Credentials) {
	s.creds, s.cache = creds, nil
	if s.cfg.connections == resumes {
		s.cache = tls.NewLRUClientSessionCache(sessions)
	}
}

// drop ends the last connection.
func (s *stream) drop() {
	if s.link != nil {
		_ = s.link.conn.Close() // whatever is lost by it was told already
		s.link.close()
		s.link = nil
	}
}

// leastAttempts are how many there is time for, at least, where nobody answers.
const leastAttempts = 5

// attempt is until when one attempt at a message may take that must have come to something by then.
func (c config) attempt(whole time.Time) time.Time {
	if c.timeout == 0 {
		return whole
	}
	if next := time.Now().Add(c.timeout / leastAttempts); next.Before(whole) {
		return next
	}
	return whole
}

// lastNumber is longer than any number of a message will ever be.
const lastNumber = " #9223372036854775807"

func longer(a, b string) int { return cmp.Compare(len(a), len(b)) }

// streamFlags are those of messages that are sent again and again.
func (c *config) streamFlags(fs *flag.FlagSet) {
	fs.DurationVar(
		&c.every,
		"every",
		0,
		"send numbered messages without end, one each `time`, whatever becomes of them; what may be lost is sent again "+
			"with its number, and new material is taken up when its directory changes, on SIGHUP, or as another tar",
	)
	fs.IntVar(&c.count, "count", 0, "with -every, end after this `number` of messages; 0 is never")
	fs.StringVar(
		&c.metrics,
		"metrics",
		"",
		"with -every, `address` to answer Prometheus on, plain HTTP, at /metrics (default nowhere)",
	)
	c.connections = keeps
	fs.Func("connections", "with -every, `how` messages share connections: keep, new or resume (default keep)",
		func(how string) error {
			c.connections = how
			if how != keeps && how != anew && how != resumes {
				return errors.New("choose keep, new or resume")
			}
			return nil
		})
}

// checkStream says what cannot be used of the flags about streams.
func (c *config) checkStream() error {
	switch {
	case c.every < 0:
		return fmt.Errorf("-every %v is negative", c.every)
	case c.every == 0 && (c.count != 0 || c.connections != keeps || c.metrics != ""):
		return errors.New("-count, -connections and -metrics are about messages that are sent again and again: give -every")
	case c.every > 0 && len(c.messages) == 0:
		return errors.New("-every: give the message as an argument")
	case c.count < 0:
		return fmt.Errorf("-count %d is negative", c.count)
	case c.every > 0 && len(slices.MaxFunc(c.messages, longer)) > wire.MaxMessage-len(lastNumber):
		return fmt.Errorf("-every: a message over %d bytes has no room for its number", wire.MaxMessage-len(lastNumber))
	case c.every > 0 && c.keyLog:
		return errors.New("-key-log: of one connection, so not with -every")
	default:
		return nil
	}
}
