package adapter

import "slices"

// Endpoint is what is known of a server that is not started by its adapter: what it speaks, for
// which host it is asked, and by which statuses of HTTP it answers whom it lets in; those of
// Answered if none are given.
func Endpoint(name string, speaks Protocol, host string, answered []int) *Adapter {
	a := &Adapter{Name: name, Speaks: speaks, host: host}
	if a.Delivered.Status = answered; speaks == HTTP && len(answered) == 0 {
		a.Delivered.Status = Answered()
	}
	return a
}

// Answered are the statuses of answers to whom a handler of HTTP has before it, 200 to 299 and
// 404: what is asked for may not be there.
func Answered() (all []int) {
	for status := 200; status < 300; status++ {
		all = append(all, status)
	}
	return append(all, 404)
}

// Protocols are those that a peer may speak.
func Protocols() []Protocol { return slices.Clone(protocols) }
