package report

import (
	"slices"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// grid is the crossings as a table of clients by servers, a cell of which has one
// crossing for each version.
type grid struct {
	clients, servers []string // by name
	of               map[[2]string][]cases.Crossing
}

// gridOf is the grid of a scorecard that is arranged.
func gridOf(sc cases.Scorecard) grid {
	g := grid{of: map[[2]string][]cases.Crossing{}}
	for _, c := range sc.Crossings {
		pair := [2]string{c.Client, c.Server}
		g.of[pair] = append(g.of[pair], c)
		g.clients = append(g.clients, c.Client)
		g.servers = append(g.servers, c.Server)
	}
	for _, names := range []*[]string{&g.clients, &g.servers} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	return g
}

// crossingVersions are the versions of TLS that were tried.
func crossingVersions(sc cases.Scorecard) (versions []string) {
	for _, c := range sc.Crossings {
		versions = append(versions, wire.Printable(c.Version))
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

// crossingStatus is the crossing's; if that is none of the known, nothing was shown.
func crossingStatus(c cases.Crossing) cases.Status { return status(cases.Finding{Status: c.Status}) }

// markCrossingFailed stands where a message did not arrive.
const markCrossingFailed = "×"

func crossingMark(c cases.Crossing) string {
	switch crossingStatus(c) {
	case cases.Passed:
		return markPassed
	case cases.Failed:
		return markCrossingFailed
	case cases.Waived:
		return markWaived
	case cases.Untried:
		return markUntried
	default:
		return markInconclusive
	}
}

// wrongCrossing is what went wrong in the same way between a server and clients: a
// server that is down does so with all of them.
type wrongCrossing struct {
	clients              []string
	server, version, saw string
	status               cases.Status
}

// wrongCrossings are those that were tried and not delivered, failed ones first.
func wrongCrossings(sc cases.Scorecard) (all []wrongCrossing) {
	for _, c := range sc.Crossings {
		w := wrongCrossing{server: or(c.Server, "unnamed"), version: wire.Printable(c.Version), saw: or(c.Saw, "nothing was seen"), status: crossingStatus(c)}
		if w.status == cases.Passed || w.status == cases.Untried {
			continue
		}
		i := slices.IndexFunc(all, func(o wrongCrossing) bool {
			return o.server == w.server && o.version == w.version && o.saw == w.saw && o.status == w.status
		})
		if i < 0 {
			i = len(all)
			all = append(all, w)
		}
		all[i].clients = append(all[i].clients, or(c.Client, "unnamed"))
	}
	slices.SortStableFunc(all, func(a, b wrongCrossing) int { return rank(a.status) - rank(b.status) })
	return all
}
