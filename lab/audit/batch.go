package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/peer"
)

// How many trials there are between two looks at a server that stands, and how often one
// is replaced before the rest is tried carefully.
const (
	batchSize   = 32
	mostTrouble = 3
)

// inBatches makes trials against a server that stands, with a look at it between batches,
// and returns those of which nothing is known because it was not the same afterwards. Those
// that wait for something of their own go on beside the batches, or each would wait for them.
func (r *round) inBatches(
	ctx context.Context, s *standing, trials lane, waits func(i int) bool, carry carrier,
) ([]int, error) {
	long, short := lane{atOnce: trials.atOnce}, lane{atOnce: trials.atOnce}
	for _, i := range trials.trials {
		if waits(i) {
			long.trials = append(long.trials, i)
		} else {
			short.trials = append(short.trials, i)
		}
	}
	first, group := s.target, new(errgroup.Group)
	group.Go(func() error {
		return long.run(ctx, func(i int) error {
			_, err := carry(ctx, i, first)
			return err
		})
	})
	doubtful, err := r.oneByOne(ctx, s, short, carry)
	if err := errors.Join(err, group.Wait()); err != nil || len(long.trials) == 0 {
		return doubtful, err
	}
	what, err := r.look(ctx, s, nil)
	if what != "" || s.target != first {
		doubtful = append(doubtful, long.trials...)
	}
	if what != "" && err == nil {
		err = r.replace(ctx, s, what)
	}
	return doubtful, err
}

// oneByOne makes one batch after the other.
func (r *round) oneByOne(ctx context.Context, s *standing, trials lane, carry carrier) (doubtful []int, err error) {
	size := batchSize
	if r.traits.Deployed {
		size = carefulSize
	}
	for batch := range slices.Chunk(trials.trials, size) {
		if s.troubles >= mostTrouble {
			doubtful = append(doubtful, batch...)
			continue
		}
		what, err := r.batch(ctx, s, lane{batch, trials.atOnce}, carry)
		if err != nil {
			return nil, err
		}
		if what == "" {
			continue
		}
		doubtful = append(doubtful, batch...)
		if err := r.replace(ctx, s, what); err != nil {
			return nil, err
		}
	}
	return doubtful, nil
}

// replace has another server stand for one that was in trouble.
func (r *round) replace(ctx context.Context, s *standing, what trouble) error {
	if r.traits.Deployed {
		r.halt(s, what)
		return nil
	}
	s.troubles++
	if what == thinned {
		return nil // whoever is left goes on
	}
	if what == deaf {
		r.watch(ctx, s)
	}
	if err := r.renew(ctx, s); err != nil {
		return err
	}
	return r.warm(ctx, s)
}

// batch makes some trials and looks what has become of the server.
func (r *round) batch(ctx context.Context, s *standing, trials lane, carry carrier) (trouble, error) {
	made := make([]tried, len(trials.trials))
	if err := trials.run(ctx, func(i int) error {
		result, err := carry(ctx, i, s.target)
		made[slices.Index(trials.trials, i)] = result
		return err
	}); err != nil {
		return "", err
	}
	s.served += len(trials.trials)
	return r.look(ctx, s, made)
}

// eachOf does something with each side by side.
func eachOf[T any](all []T, do func(T) error) error {
	var group errgroup.Group
	for _, one := range all {
		group.Go(func() error { return do(one) })
	}
	return group.Wait()
}

// careful makes the trials that a server was in trouble with, a few at a time and each
// time in a fresh server once there was trouble. One case is blamed where it alone brings it
// again and again; a server that turns everybody away after so many refusals is asked less
// often than that.
type careful struct {
	*round
	trials  []trial
	results []tried
	carry   carrier

	fresh    *standing   // nil if there is none
	strikes  map[int]int // how often a trial brought trouble alone, in a fresh server
	singly   int         // how many are to be made one by one
	measured bool
	stands   int // refusals that a server stands before it locks out, if it does
	locks    bool
}

// How many trials are made at once when there was trouble, and how often each must bring it
// alone. Processes come and go for other reasons, so that one has gone says less.
const (
	carefulSize    = 8
	strikesToBlame = 2
	thinnedMore    = 1
	measuredMost   = 16
)

func (c *careful) run(ctx context.Context, lists bool, queue []int) error {
	for len(queue) > 0 {
		if c.fresh == nil {
			err := c.start(ctx, lists)
			if unusable, ok := errors.AsType[*peer.UnusableError](err); ok {
				for _, i := range queue {
					c.results[i].Void = unusable.What
				}
				c.leave(ctx)
				return nil
			}
			if err != nil {
				return err
			}
		}
		n := min(c.size(), len(queue))
		batch := queue[:n]
		what, err := c.batch(ctx, c.fresh, lane{batch, n}, c.carry)
		if err != nil {
			return err
		}
		if what == "" {
			queue = queue[n:]
			c.singly = max(0, c.singly-n)
			if c.locks && c.fresh.served >= c.stands {
				c.leave(ctx)
			}
			continue
		}
		first := c.fresh.served == n // nothing else was asked of it
		c.leave(ctx)
		if what == deaf && !c.measured {
			if err := c.measure(ctx, lists); err != nil {
				return err
			}
			continue
		}
		switch done := c.settle(what, batch, first); {
		case done:
			queue = queue[n:]
			c.singly = max(0, c.singly-n)
		case n > 1:
			c.singly = n
		}
	}
	c.leave(ctx)
	return nil
}

// size is how many trials may be made before the next look.
func (c *careful) size() int {
	n := carefulSize
	if c.singly > 0 {
		n = 1
	}
	if c.locks {
		n = min(n, max(1, c.stands-c.fresh.served))
	}
	return n
}

// settle says whether a trial that was made alone is done with: it is to blame, or it was
// the last that a server stands.
func (c *careful) settle(what trouble, batch []int, first bool) bool {
	if len(batch) > 1 || !first {
		return false
	}
	i := batch[0]
	if c.locks && what == deaf {
		if wordless(c.results[i]) {
			c.results[i].Void = "a server that locks out after one refusal may have closed for that"
		}
		return true // it was the first that was asked of a server that had just served
	}
	c.strikes[i]++
	need := strikesToBlame
	if what == thinned {
		need += thinnedMore
	}
	if c.strikes[i] < need {
		return false
	}
	c.blame(c.trials[i], what)
	c.results[i].Void = fmt.Sprintf("it is no refusal: %s", what)
	return true
}

// start starts a fresh server, and sees that it serves.
func (c *careful) start(ctx context.Context, lists bool) error {
	g := c.given(lists)
	g.Alone = c.traits.Starts > 0
	serving, err := c.server.Serve(ctx, g)
	if err != nil {
		return err
	}
	c.fresh = &standing{lists: lists, target: &target{Serving: serving}, ages: make(map[string]int)}
	if c.fresh.target.at, err = serving.Wait(ctx); err != nil {
		c.leave(ctx)
		return err
	}
	if _, err := c.fresh.compare(ctx); err != nil {
		return err
	}
	return c.warm(ctx, c.fresh)
}

// leave is done with the fresh server. Its log is whole then.
func (c *careful) leave(ctx context.Context) {
	if c.fresh == nil {
		return
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	_ = c.fresh.target.Stop(limit) // one that does not end is in the way of the next, which says so
	c.fresh = nil
}

// measure finds out after how many refusals a server turns everybody away, if it does: it
// refuses the same stranger again and again.
func (c *careful) measure(ctx context.Context, lists bool) error {
	c.measured = true
	stranger, err := c.stranger(lists)
	if err != nil {
		return err
	}
	if err := c.start(ctx, lists); err != nil {
		return err
	}
	defer c.leave(ctx)
	for n := 1; n <= measuredMost; n++ {
		made, err := c.inTurn(ctx, stranger, c.fresh.target)
		if err != nil {
			return err
		}
		what, err := c.look(ctx, c.fresh, []tried{made})
		if err != nil {
			return err
		}
		if what != "" {
			if what == deaf {
				c.locks, c.stands, c.locksAfter = true, n-1, n
			}
			return nil
		}
	}
	return nil
}

// stranger is a case that everybody refuses who refuses anybody.
func (r *round) stranger(lists bool) (trial, error) {
	t, err := r.goodExchange(lists)
	if err != nil {
		return t, err
	}
	t.Case, _ = cases.Find("chain/other-authority")
	t.forged, err = r.Chains.of(t.Case, r.guise())
	t.rule = t.Rules[r.audit.Profile]
	return t, err
}

// watch goes on asking a server that serves nobody, the first that does, until it serves
// again.
func (r *round) watch(ctx context.Context, s *standing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recovers != nil {
		return
	}
	locked, since := *s, time.Now()
	served := make(chan time.Duration, 1)
	ctx, r.giveUp = context.WithTimeout(context.WithoutCancel(ctx), watchLimit)
	r.recovers = served
	go func() {
		defer close(served)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			if ok, err := r.delivers(ctx, &locked); ok && err == nil {
				served <- time.Since(since)
				return
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	}()
}

// watchLimit is how long a server is watched that turns everybody away.
const watchLimit = 75 * time.Second

// tellLockOut says of a server that locks out after how many refusals, and for how long.
func (r *round) tellLockOut() {
	if r.locksAfter == 0 {
		return
	}
	lasts := "for how long is not known"
	if r.recovers != nil {
		lasts = "for longer than " + rough(watchLimit)
		if took, ok := <-r.recovers; ok {
			lasts = fmt.Sprintf("for some %s", rough(took))
		}
	}
	r.lockedOut(r.locksAfter, lasts)
}

// again makes the doubtful trials carefully.
func (r *round) again(ctx context.Context, trials []trial, results []tried, doubtful []int, carry carrier) error {
	if len(doubtful) == 0 {
		return nil
	}
	if r.halted != "" {
		for _, i := range doubtful {
			results[i].Void = r.halted
		}
		return nil
	}
	for _, s := range r.states() {
		of := slices.DeleteFunc(slices.Clone(doubtful), func(i int) bool { return r.standingFor(trials[i]) != s })
		c := &careful{round: r, trials: trials, results: results, carry: carry, strikes: make(map[int]int)}
		if err := c.run(ctx, s.lists, of); err != nil {
			return err
		}
	}
	r.tellLockOut()
	return nil
}
