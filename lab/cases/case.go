package cases

import (
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Profile is a set of expectations, named after who demands them.
type Profile string

// The profiles.
const (
	RFC5280 Profile = "rfc5280" // what RFC 5280, RFC 8446 and RFC 9525 demand
	SPIFFE  Profile = "spiffe"  // what X509-SVID and SPIFFE-ID add
	Strict  Profile = "strict"  // what a careful deployment should demand; a superset of rfc5280
)

// Profiles lists them.
func Profiles() []Profile { return []Profile{RFC5280, SPIFFE, Strict} }

// Expectation is what a profile says must come of a case.
type Expectation string

// The expectations.
const (
	MustRefuse Expectation = "refuse"
	MustAccept Expectation = "accept"
	MayEither  Expectation = "either" // the profile leaves it open; the control and liveness still count
)

// Rule is what one profile says of one case, and where that is written.
type Rule struct {
	Expect Expectation
	Cite   string // "RFC 5280, 4.2.1.12"; a CVE; or "policy: ..." in a few words
}

// Need is something that not every peer can be told.
type Need string

// The needs.
const (
	Admission       Need = "admission"        // whom a server is to admit
	RevocationLists Need = "revocation lists" // what authorities have taken back
	SystemStore     Need = "system's store"   // which authorities its system trusts
	OpenHost        Need = "open host"        // that it serves another name too, and anybody by that
)

// Case is one mutation of a good exchange, and what must follow. It is data: it
// knows no runtime and no peer.
type Case struct {
	ID      string // "usage/server-cert-for-client-role"; never changes
	Summary string // one line, what the adversary does
	Meaning string // for a failure: what anybody could do who exploits it, in plain words

	// Roles are the parts that the adversary can play in it: wire.Client attacks
	// a server, wire.Server attacks a client.
	Roles []wire.Role

	// Attacker is who carries it out, in each of its roles.
	Attacker Attacker

	// Versions are those of TLS it makes sense in, as "1.2" and "1.3"; both if nil.
	Versions []string

	// AnyVersion says that it is over before a version is negotiated, so that one
	// will do, whichever that is.
	AnyVersion bool

	// ByVersion says that peers may judge the same certificate otherwise in another
	// version: TLS 1.2 holds its key usage against the cipher suite (RFC 5246,
	// 7.4.2).
	ByVersion bool

	// Reasons are those that our own peers may give for the refusal. The
	// standards leave other people's a free choice of alert.
	Reasons []wire.Reason

	// Needs is what the audited peer must be able to be told, so that the case
	// means anything to it. Our own can be told all.
	Needs []Need

	// Rules holds every profile's.
	Rules map[Profile]Rule

	// AfterTrust says that the adversary is who it says it is, and errs only
	// afterwards. It may be sent the message; what must not follow is that the
	// other side calls it delivered.
	AfterTrust bool

	// Refuses says that the adversary refuses, after the other side's handshake is complete, and
	// says so. What must not follow is that the other side calls its message delivered.
	Refuses bool

	// At least one of these is set: what differs from the control.
	Mutation func(good pki.Request) pki.Mutation // of the adversary's certificates; good is the control's
	Attack   func(*attack.Attack)                // of what it does on the wire; the rest of the attack is set by then

	// Named is the name that a client has in place of the good one's, where that is all that
	// is odd. A server that does not go by the URI finds it in the field that it goes by.
	Named string

	// Head is how a request of HTTP differs, for servers that speak it.
	Head *attack.Head

	// Margin is of a case of dates: by how much those miss the present. To a peer whose clock is
	// apart by more it is another case.
	Margin time.Duration

	// Meanwhile is what becomes of the audited server between the making of a session and
	// its being resumed.
	Meanwhile Meanwhile

	// Stays says that the connection stays open meanwhile, and is used again, in place of a
	// session.
	Stays bool

	// Reload is what the audited server is told to read again before the attack, which is
	// honest.
	Reload Reload

	// Material alters what the audited peer is itself started with. Nobody
	// attacks: it must not start, or nothing may be delivered. Roles are those
	// of the other side, as everywhere.
	Material func(wire.Material) wire.Material
}

// In returns those of the versions of TLS in which the case makes sense, the lowest
// first, or the last of them if any will do.
func (c Case) In(versions []string) []string {
	var in []string
	for _, version := range wire.Versions() {
		if slices.Contains(versions, version) && (c.Versions == nil || slices.Contains(c.Versions, version)) {
			in = append(in, version)
		}
	}
	if c.AnyVersion && len(in) > 0 {
		return in[len(in)-1:]
	}
	return in
}

func (c Case) needing(need Need) Case {
	c.Needs = append(c.Needs, need)
	return c
}
