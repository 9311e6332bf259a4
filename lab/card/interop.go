package card

import (
	"slices"

	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// grid is the interop as a table of clients by servers, a cell of which has one
// interop for each version.
type grid struct {
	clients, servers []string // by name
	of               map[[2]string][]finding.Interop
}

// gridOf is the grid of a scorecard that is arranged.
func gridOf(sc finding.Scorecard) grid {
	g := grid{of: map[[2]string][]finding.Interop{}}
	for _, c := range sc.Interop {
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

// interopVersions are the versions of TLS that were tried.
func interopVersions(sc finding.Scorecard) (versions []string) {
	for _, c := range sc.Interop {
		versions = append(versions, wire.Printable(c.Version))
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

// interopStatus is the interop's; if that is none of the known, nothing was shown.
func interopStatus(c finding.Interop) finding.Status {
	return finding.Finding{Status: c.Status}.Shown()
}

// markInteropFailed stands where a message did not arrive.
const markInteropFailed = "×"

func interopMark(c finding.Interop) string {
	switch interopStatus(c) {
	case finding.Passed:
		return markPassed
	case finding.Failed:
		return markInteropFailed
	case finding.Waived:
		return markWaived
	case finding.Untried:
		return markUntried
	default:
		return markInconclusive
	}
}

// wrongInterop is what went wrong in the same way between a server and clients: a
// server that is down does so with all of them.
type wrongInterop struct {
	clients              []string
	server, version, saw string
	status               finding.Status
}

// wrongInterops are those that were tried and not delivered, failed ones first.
func wrongInterops(sc finding.Scorecard) (all []wrongInterop) {
	for _, c := range sc.Interop {
		w := wrongInterop{
			server:  finding.Or(c.Server, "unnamed"),
			version: wire.Printable(c.Version),
			saw:     finding.Or(c.Saw, "nothing was seen"),
			status:  interopStatus(c),
		}
		if w.status == finding.Passed || w.status == finding.Untried {
			continue
		}
		i := slices.IndexFunc(all, func(o wrongInterop) bool {
			return o.server == w.server && o.version == w.version && o.saw == w.saw && o.status == w.status
		})
		if i < 0 {
			i = len(all)
			all = append(all, w)
		}
		all[i].clients = append(all[i].clients, finding.Or(c.Client, "unnamed"))
	}
	slices.SortStableFunc(all, func(a, b wrongInterop) int { return rank(a.status) - rank(b.status) })
	return all
}
