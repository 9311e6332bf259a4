// Package change measures how a server, or a client that stays up, takes up what is changed while it runs:
// its certificate, an authority that it is to trust, or to trust no more, a revocation list, files that
// cannot be used. It tells what it takes for the change to be used, how long that is, what becomes of good
// messages meanwhile, and whether connections and sessions from before notice.
//
// It exists because what a product documents of its reload is seldom that. It measures, and judges
// nothing: what must hold of a drill is a matter of package drill.
package change

import (
	"time"

	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Kind is what is changed.
type Kind string

// The kinds, in the order in which they are measured.
const (
	Certificate  Kind = "certificate"   // the server's own, and its key
	TrustAdded   Kind = "trust added"   // an authority is
	TrustRemoved Kind = "trust removed" // an authority is
	Listed       Kind = "revocation"    // a client's certificate comes on the list
	Broken       Kind = "broken files"  // the certificate is new, and the key old
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Certificate, TrustAdded, TrustRemoved, Listed, Broken} }

// By is what it takes for a change to be used.
type By string

// What it takes.
const (
	Nothing By = "nothing" // that the files are other ones
	Reload  By = "reload"  // as the adapter says: a signal or a command
	Restart By = "restart"
	Never   By = "never" // not even a restart
)

// Table is what was measured of servers, or of clients.
type Table struct {
	Format   int       `json:"format"` // 1
	Role     wire.Role `json:"role"`
	Began    time.Time `json:"began"`
	Products []Product `json:"products"`
}

// Product is what was measured of one.
type Product struct {
	Name    string           `json:"name"`
	About   *finding.Product `json:"about,omitempty"`  // nil of our own
	Reload  string           `json:"reload,omitempty"` // how it is told, for people; "" if it cannot be
	Changes []Change         `json:"changes"`
	Fault   string           `json:"fault,omitempty"` // why there are no more
}

// Change is one, measured in a server of its own.
type Change struct {
	Kind Kind   `json:"kind"`
	Why  string `json:"untried,omitempty"` // it was not measured

	By    By            `json:"by,omitempty"`
	First time.Duration `json:"first_ns,omitempty"` // when it first showed, since whatever it took was done
	Whole time.Duration `json:"whole_ns,omitempty"` // until when the world from before was seen, likewise

	// Sent are good messages from the change until it was used, and a second longer, and
	// Missed those that were not delivered. A restart's are not counted.
	Sent   int `json:"sent"`
	Missed int `json:"missed"`

	Kept    Fate   `json:"kept,omitempty"`    // a connection that was open before
	Resumed Fate   `json:"resumed,omitempty"` // a session from before
	Says    string `json:"says,omitempty"`    // by the server, of files that it cannot use
}

// Fate is what becomes of what was there before a change.
type Fate string

// The fates. Of broken files the first two alone are said, of the service as a whole.
const (
	GoesOn Fate = "goes on"
	Ends   Fate = "ends"
	Anew   Fate = "begins anew" // of a session: a handshake in full is made in its place
	None   Fate = "there is none"
)
