package drill

import (
	"fmt"

	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// UnsuitedError says that a drill cannot be carried out with a server that is somebody else's image.
type UnsuitedError struct{ Drill, Server, Why string }

func (e *UnsuitedError) Error() string {
	return fmt.Sprintf("the drill %s cannot be carried out with %s: %s", e.Drill, e.Server, e.Why)
}

// unsuited is why a drill cannot be carried out with a server that gives no account of itself; "" if it
// can.
func (w *world) unsuited() string {
	if w.traits.Tells {
		return ""
	}
	kits := []Kit{w.drill.Server}
	for _, s := range w.drill.Steps {
		if s.Act != "" {
			return "its server is killed, or cut off, which is done to mtlslab's own alone"
		}
		if s.Server != nil {
			kits = append(kits, *s.Server)
		}
	}
	for _, kit := range kits {
		switch {
		case kit.Staple != nil:
			return "its server is given OCSP responses, for which adapters have no word"
		case kit.Lists != nil && w.drill.Server.Lists == nil:
			return "lists are given to its server later, and an image is configured for them at its start or not at all"
		}
	}
	for _, c := range w.drill.Clients {
		for _, span := range c.Course {
			if span.By == wire.Client {
				return "its clients refuse the server, and those that speak as it does believe anybody"
			}
		}
	}
	demand := peer.Demand{Lists: w.drill.Server.Lists != nil, Reload: len(kits) > 1}
	switch {
	case w.traits.Mute:
		return "it answers nothing, by which anything would show"
	default:
		return w.server.Lacks(demand)
	}
}

// ways are those by which messages can be sent to the server. One connection for all, as our own client
// keeps it, is one for two where the adversary calls.
func (w *world) ways(over []peer.Connections) (all []peer.Connections) {
	if w.traits.Tells {
		return over
	}
	for _, way := range over {
		switch {
		case way != peer.Kept:
			all = append(all, way)
		case w.server.Lacks(peer.Demand{Stays: true}) == "":
			all = append(all, open)
		}
	}
	return all
}
