package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/verdict"
)

// A peer whose clock is behind takes what is over, and refuses what has just begun; one with
// leeway takes both. So both edges are tried, each with a certificate that is good but for
// that date.
const (
	closeEnough = 30 * time.Second // two clocks this close are the same
	farthest    = 30 * time.Hour   // beyond which nobody looks
	allowed     = 5 * time.Minute  // leeway that is a figure, and no finding
	fine        = 10               // an edge is found to this part of itself
)

// clock is what a peer's clock comes to.
type clock struct {
	behind time.Duration // the lab's; negative if it is ahead
	leeway time.Duration // by which it takes what has ended or has not begun
}

// readClock finds a peer's clock out, if the plan has cases of dates.
func (r *round) readClock(ctx context.Context, plan []trial) (clock, error) {
	dated := slices.ContainsFunc(plan, func(t trial) bool { return t.Margin > 0 })
	if !dated || len(r.incidents) > 0 { // it is read by refusals, which may be what brought those
		return clock{}, nil
	}
	// For how long a certificate is taken after its end, and before its beginning.
	past, err := r.edge(func(by time.Duration) (bool, error) {
		return r.takes(ctx, func(q *pki.Request, now time.Time) { q.NotAfter = now.Add(-by) })
	})
	var future time.Duration
	if err == nil {
		future, err = r.edge(func(by time.Duration) (bool, error) {
			return r.takes(ctx, func(q *pki.Request, now time.Time) { q.NotBefore = now.Add(by) })
		})
	}
	switch {
	case errors.Is(err, errNoAnswer):
		return clock{}, nil // whatever ails the peer, it is not its clock that shows
	case err != nil:
		return clock{}, err
	default:
		return clock{behind: (past - future) / 2, leeway: max(0, (past+future)/2)}, nil
	}
}

// edge is by how much a certificate may be out of date: the largest for which taken says
// yes, negative if one must be in date by so much. None below closeEnough is looked for.
func (r *round) edge(taken func(by time.Duration) (bool, error)) (time.Duration, error) {
	late, err := taken(closeEnough)
	if err != nil {
		return 0, err
	}
	if !late {
		early, err := taken(-closeEnough)
		if early || err != nil {
			return 0, err
		}
	}
	towards := func(by time.Duration) time.Duration {
		if late {
			return by
		}
		return -by
	}
	// From here on it is taken, or refused, at closeEnough in that direction, and otherwise far
	// enough away.
	low, high := closeEnough, closeEnough
	for same := true; same; {
		if low, high = high, 3*high; high > farthest {
			return towards(farthest), nil
		}
		if same, err = taken(towards(high)); err != nil {
			return 0, err
		}
		same = same == late
	}
	for high-low > max(closeEnough/2, low/fine) {
		middle := (low + high) / 2
		same, err := taken(towards(middle))
		if err != nil {
			return 0, err
		}
		if same == late {
			low = middle
		} else {
			high = middle
		}
	}
	return towards((low + high) / 2), nil
}

// errNoAnswer says that a peer neither took nor refused what its clock was to be read by.
var errNoAnswer = errors.New("neither delivered nor refused")

// takes says whether the peer delivers a good exchange but for the dates of the leaf.
func (r *round) takes(ctx context.Context, dates func(q *pki.Request, now time.Time)) (bool, error) {
	t, err := r.goodExchange(false)
	if err != nil {
		return false, err
	}
	request := r.guise().request()
	dates(&request, time.Now())
	if t.forged, err = r.Pair.Authority.Forge(request); err != nil {
		return false, err
	}
	made, err := r.inTurn(ctx, t, r.targetFor(t))
	if err != nil {
		return false, err
	}
	switch made.Judge().Decision {
	case verdict.WasDelivered:
		return true, nil
	case verdict.WasRefused:
		return false, nil
	default:
		return false, errNoAnswer
	}
}

// tell says of a clock what there is to say: that it is apart, or how much leeway it has.
func (c clock) tell(result *finding.Audit) {
	which := "behind"
	if c.behind < 0 {
		which = "ahead of"
	}
	if apart := c.behind.Abs(); apart > closeEnough {
		result.Incidents = append(result.Incidents, finding.Incident{
			Kind: finding.ClockApart,
			Says: fmt.Sprintf(
				"its clock is some %s %s the lab's; no case of dates within that is judged",
				rough(apart),
				which,
			),
		})
	}
	if c.leeway > closeEnough {
		result.Answers = append(result.Answers, finding.Answer{
			Question: "leeway of dates",
			Answer:   fmt.Sprintf("some %s, before a certificate begins and after it ends", rough(c.leeway)),
		})
	}
}

// rough is a duration for people, to a figure or two.
func rough(d time.Duration) string {
	switch {
	case d >= 90*time.Minute:
		return fmt.Sprintf("%.0f hours", d.Hours())
	case d >= 90*time.Second:
		return fmt.Sprintf("%.0f minutes", d.Minutes())
	default:
		return fmt.Sprintf("%.0f seconds", d.Seconds())
	}
}

// void has the cases of dates show nothing that a clock, or a leeway that is allowed, makes
// other cases of.
func (c clock) void(plan []trial, results []tried) {
	within := c.behind.Abs()
	if c.leeway <= allowed {
		within += c.leeway
	}
	if within <= closeEnough {
		return
	}
	for i, t := range plan {
		if t.Margin > 0 && t.Margin <= within+within/fine {
			results[i].Void = "the peer's clock, or the leeway that it gives, makes another case of it"
		}
	}
}
