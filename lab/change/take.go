package change

import (
	"context"
	"errors"
	"time"

	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// taken is somebody who runs, and whose files are to be others.
type taken struct {
	files peer.Rewritten
	after wire.Material
	tells bool // he can be told to read them again

	shows   func(context.Context) (bool, error) // whether a new connection shows the change
	good    func(context.Context) (bool, error) // whether a message is delivered that must be all along
	restart func(context.Context) error         // with the files as they are then
}

// take changes the files, and finds out what it takes for that to show: nothing, a reload, or a restart.
func (of taken) take(ctx context.Context, c *Change) error {
	if err := of.files.Write(ctx, of.after); err != nil {
		return err
	}
	if seen, err := of.watch(ctx, c, unasked); err != nil || seen {
		c.By = Nothing
		return err
	}
	if of.tells {
		if err := of.files.Reread(ctx); err != nil {
			return err
		}
		if seen, err := of.watch(ctx, c, told); err != nil || seen {
			c.By = Reload
			return err
		}
	}
	began := time.Now()
	if err := of.restart(ctx); err != nil {
		return err
	}
	seen, err := of.shows(ctx)
	c.By, c.First, c.Whole = Never, time.Since(began), 0
	if seen {
		c.By = Restart
	}
	return err
}

// endure gives him files that do not fit together, and tells him, and looks at what becomes of good
// messages.
func (of taken) endure(ctx context.Context, c *Change) error {
	if err := of.files.Write(ctx, of.after); err != nil {
		return err
	}
	if of.tells {
		err := of.files.Reread(ctx)
		if unusable, ok := errors.AsType[*peer.UnusableError](err); ok {
			c.Says = unusable.What
		} else if err != nil {
			return err
		}
	}
	for began := time.Now(); time.Since(began) < unasked; {
		delivered, err := of.good(ctx)
		if err != nil {
			return err
		}
		c.Sent++
		if !delivered {
			c.Missed++
		}
		if err := pause(ctx, between); err != nil {
			return err
		}
	}
	c.Kept = GoesOn
	if c.Missed > 0 {
		c.Kept = Ends
	}
	return nil
}

// watch looks for the change, with the good messages between, until it alone was seen for a while.
func (of taken) watch(ctx context.Context, c *Change, limit time.Duration) (bool, error) {
	began := time.Now()
	c.First, c.Whole = 0, 0
	ticker := time.NewTicker(between)
	defer ticker.Stop()
	for {
		asked := time.Since(began)
		shown, err := of.shows(ctx)
		if err != nil {
			return false, err
		}
		delivered, err := of.good(ctx)
		if err != nil {
			return false, err
		}
		c.Sent++
		if !delivered {
			c.Missed++
		}
		switch {
		case shown && c.First == 0:
			c.First = time.Since(began)
		case !shown:
			c.Whole = asked
		}
		if c.First > 0 && asked-max(c.Whole, c.First) > settled {
			return true, nil
		}
		if asked > limit+settled || c.First == 0 && asked > limit {
			return false, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
