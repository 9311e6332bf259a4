package foreign

import "time"

// Between two looks at whether a server listens is a pause that grows: each look has the kernel go through
// all connections of the machine.
const (
	leastPause = 10 * time.Millisecond
	mostPause  = 100 * time.Millisecond
)

// pause is the time until the next look.
type pause struct {
	*time.Timer
	next time.Duration
}

func newPause() *pause { return &pause{time.NewTimer(leastPause), leastPause} }

func (p *pause) again() {
	p.next = min(p.next*3/2, mostPause)
	p.Reset(p.next)
}
