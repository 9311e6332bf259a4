package cases

// Attacker is who carries a case out, by what they must hold to do it; not by how bad it
// sounds. docs/explanation/attackers.md has the criterion of each.
type Attacker string

// The attackers, gravest first, and the two names of cases in which nobody attacks.
const (
	// Nobody holds nothing that the authority gave: no certificate, one of his own, a copied
	// one without its key, plain text, a place on the wire.
	Nobody Attacker = "nobody"
	// Former holds what is good at another time: expired, revoked, of an authority no longer
	// trusted, a session from before.
	Former Attacker = "former"
	// Insider holds a good certificate for something or somebody else, as authorities give
	// them out in ordinary work.
	Insider Attacker = "insider"
	// Wire has a place between two good peers and lets nobody in: he brings what they agree
	// on down to what can be broken, or cuts it short.
	Wire Attacker = "wire"
	// Authority holds a trusted authority's key, or a certificate that no authority may
	// issue: one that errs or oversteps.
	Authority Attacker = "authority"

	// Honest is no attacker: what a peer says of itself must be true.
	Honest Attacker = "honest"
	// Good is no attacker: a good peer must be let in, or may be.
	Good Attacker = "good"
)

// Attackers lists them, gravest first.
func Attackers() []Attacker {
	return []Attacker{Nobody, Former, Insider, Wire, Authority, Honest, Good}
}

// AttackerUnder is who carries the case out as one of its rules has it: where a peer must be
// let in nobody attacks, and where either will do none is named.
func (c Case) AttackerUnder(rule Rule) Attacker {
	switch {
	case rule.Expect == MustRefuse || rule.Expect == MustAccept && c.Attacker == Honest:
		return c.Attacker
	case rule.Expect == MustAccept:
		return Good
	default:
		return ""
	}
}

// by says who carries the cases out that do not say so themselves. Those that no profile
// refuses are good.
func by(a Attacker, cases []Case) []Case {
	for i, c := range cases {
		switch {
		case c.Attacker != "":
		case c.refused():
			cases[i].Attacker = a
		default:
			cases[i].Attacker = Good
		}
	}
	return cases
}

// refused says whether a profile demands it.
func (c Case) refused() bool {
	for _, rule := range c.Rules {
		if rule.Expect == MustRefuse {
			return true
		}
	}
	return false
}
