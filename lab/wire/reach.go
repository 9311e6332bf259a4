package wire

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// Try is what came of trying to reach an address.
type Try struct {
	Address string `json:"address"` // host:port; the host may be a name
	Result  Reach  `json:"result"`
}

// Reach is how far a try came.
type Reach string

// The ends of a try.
const (
	ReachConnected   Reach = "connected"    // somebody takes connections there
	ReachRefused     Reach = "refused"      // a reset came back: somebody is there
	ReachNoRoute     Reach = "no_route"     // the kernel knows no way, or found nobody on it
	ReachNoAnswer    Reach = "no_answer"    // nothing came back in time
	ReachUnknownName Reach = "unknown_name" // the name does not resolve
	ReachFailed      Reach = "failed"       // anything else, which shows nothing
)

// Out says whether somebody was reached.
func (r Reach) Out() bool { return r == ReachConnected || r == ReachRefused }

// reachLimit is how long one try may take. It is long enough for an answer from the same
// machine or network, and for most of the world.
const reachLimit = 500 * time.Millisecond

// TryToReach opens a TCP connection to each of the addresses, all at once, and closes it.
// It returns within half a second.
func TryToReach(ctx context.Context, addresses []string) []Try {
	ctx, cancel := context.WithTimeout(ctx, reachLimit)
	defer cancel()
	tries := make([]Try, len(addresses))
	var all sync.WaitGroup
	for i, address := range addresses {
		all.Go(func() {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
			if err == nil {
				_ = conn.Close()
			}
			tries[i] = Try{address, reachOf(err)}
		})
	}
	all.Wait()
	return tries
}

// reachOf is what an attempt to connect came to.
func reachOf(err error) Reach {
	unknown, isName := errors.AsType[*net.DNSError](err)
	network, isNetwork := errors.AsType[net.Error](err)
	switch {
	case err == nil:
		return ReachConnected
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return ReachRefused
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETDOWN),
		errors.Is(err, syscall.EADDRNOTAVAIL): // no address of its own to go from
		return ReachNoRoute
	case isName && unknown.IsNotFound:
		return ReachUnknownName
	case isNetwork && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return ReachNoAnswer
	case isName && unknown.IsTemporary:
		return ReachNoAnswer // the resolver has nobody to ask
	default:
		return ReachFailed
	}
}
