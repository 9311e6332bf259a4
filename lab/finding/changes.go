package finding

import (
	"cmp"
	"slices"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Changes are what one scorecard shows otherwise than an earlier one.
type Changes struct {
	Peers []PeerChange `json:"peers"` // of which something differs
	Same  int          `json:"same"`  // of how many peers nothing does
	Cells int          `json:"cells"` // how many findings are in both
}

// PeerChange is what became of one peer.
type PeerChange struct {
	Peer string    `json:"peer"`
	Role wire.Role `json:"role"`

	// Fate is "new" or "gone" of a peer that is in one scorecard alone, else empty.
	Fate string `json:"fate,omitempty"`

	// Was and Is are its versions, where they differ.
	Was string `json:"was,omitempty"`
	Is  string `json:"is,omitempty"`

	Cells []CellChange `json:"cells,omitempty"`
}

// CellChange is a case that came out otherwise, in one version of TLS. A case that was not tried
// there is of no status.
type CellChange struct {
	Case     string         `json:"case"`
	Version  string         `json:"version"`
	Attacker cases.Attacker `json:"attacker,omitempty"`
	Was      Status         `json:"was,omitempty"`
	Is       Status         `json:"is,omitempty"`
}

// Worse says whether somebody gets in now who did not.
func (c CellChange) Worse() bool { return c.Is == Failed && c.Was != Failed && c.Was != Waived }

// Worse says whether somebody gets in now, by any peer, who did not.
func (c Changes) Worse() bool {
	return slices.ContainsFunc(
		c.Peers,
		func(p PeerChange) bool { return slices.ContainsFunc(p.Cells, CellChange.Worse) },
	)
}

// peerKey tells the peers of a scorecard apart.
type peerKey struct {
	name string
	role wire.Role
}

func peerKeyOf(a Audit) peerKey {
	if a.Product != nil {
		return peerKey{a.Product.Name, a.Role}
	}
	return peerKey{a.Subject, a.Role}
}

// Since says what the scorecard shows otherwise than an earlier one: peers that are new or gone,
// other versions of a product, and every finding whose status is another. Of cases that are in one
// of them alone it says so.
func (s Scorecard) Since(earlier Scorecard) Changes {
	changes := Changes{Peers: []PeerChange{}}
	before := make(map[peerKey]Audit)
	for _, a := range earlier.Audits {
		before[peerKeyOf(a)] = a
	}
	for _, a := range s.Audits {
		key := peerKeyOf(a)
		was, known := before[key]
		delete(before, key)
		change := PeerChange{Peer: key.name, Role: key.role}
		if !known {
			change.Fate = "new"
			changes.Peers = append(changes.Peers, change)
			continue
		}
		if one, other := versionOf(was), versionOf(a); one != other {
			change.Was, change.Is = one, other
		}
		var both int
		change.Cells, both = cellChanges(was, a)
		changes.Cells += both
		if change.Was == change.Is && len(change.Cells) == 0 {
			changes.Same++
			continue
		}
		changes.Peers = append(changes.Peers, change)
	}
	for key := range before {
		changes.Peers = append(changes.Peers, PeerChange{Peer: key.name, Role: key.role, Fate: "gone"})
	}
	slices.SortStableFunc(changes.Peers, func(a, b PeerChange) int {
		return cmp.Or(-cmp.Compare(a.Role, b.Role), cmp.Compare(a.Peer, b.Peer))
	})
	return changes
}

func versionOf(a Audit) string {
	if a.Product == nil {
		return ""
	}
	return a.Product.Version
}

// cellChanges are the findings that differ between two audits of a peer, and how many are in both.
func cellChanges(was, is Audit) (all []CellChange, both int) {
	type key struct{ id, version string }
	before := make(map[key]Finding)
	for _, f := range was.Findings {
		before[key{f.Case, f.Version}] = f
	}
	for _, f := range is.Findings {
		at := key{f.Case, f.Version}
		old, known := before[at]
		delete(before, at)
		if known {
			both++
		}
		if !known || old.Shown() != f.Shown() {
			change := CellChange{Case: f.Case, Version: f.Version, Attacker: f.Attacker, Is: f.Shown()}
			if known {
				change.Was = old.Shown()
			}
			all = append(all, change)
		}
	}
	for at, old := range before {
		all = append(all, CellChange{Case: at.id, Version: at.version, Attacker: old.Attacker, Was: old.Shown()})
	}
	slices.SortFunc(all, func(a, b CellChange) int {
		return cmp.Or(cmp.Compare(a.Case, b.Case), cmp.Compare(a.Version, b.Version))
	})
	return all, both
}
