package main

import (
	"container/list"
	"sync"
)

// admission bounds how many connections there are. When it is full the oldest
// that has not authenticated gives way to the newcomer, so that clients which
// never finish their handshake cannot shut out those that do. Where all have
// authenticated it is the newcomer who is turned away.
type admission struct {
	limit int

	mu        sync.Mutex
	all       map[*conn]*list.Element // the element in strangers, or nil
	strangers *list.List              // not authenticated, oldest first
}

func newAdmission(limit int) *admission {
	return &admission{limit: limit, all: make(map[*conn]*list.Element), strangers: list.New()}
}

// enter admits c, unless it reports false. The victim, if there is one, has
// given way, and is to be closed.
func (a *admission) enter(c *conn) (victim *conn, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.all) >= a.limit {
		if victim = a.dropOldest(); victim == nil {
			return nil, false
		}
	}
	a.all[c] = a.strangers.PushBack(c)
	return victim, true
}

// giveWay makes room, and returns the connection to be closed, or nil if all
// have authenticated.
func (a *admission) giveWay() *conn {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.dropOldest()
}

func (a *admission) dropOldest() *conn {
	oldest := a.strangers.Front()
	if oldest == nil {
		return nil
	}
	victim, _ := a.strangers.Remove(oldest).(*conn)
	delete(a.all, victim)
	return victim
}

// authenticated takes c out of those that may have to give way. It reports
// false if c has had to already.
func (a *admission) authenticated(c *conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	element, ok := a.all[c]
	if ok && element != nil {
		a.strangers.Remove(element)
		a.all[c] = nil
	}
	return ok
}

// leave ends what enter began. It may come after c gave way.
func (a *admission) leave(c *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if element := a.all[c]; element != nil {
		a.strangers.Remove(element)
	}
	delete(a.all, c)
}

func (a *admission) each(f func(*conn)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.all {
		f(c)
	}
}
