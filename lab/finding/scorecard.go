package finding

import (
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Product is what is known of a peer that is somebody else's image.
type Product struct {
	Name    string `json:"name"` // of its adapter
	About   string `json:"about,omitempty"`
	Version string `json:"version,omitempty"`    // in its own words, one line
	Image   string `json:"image"`                // by which it was run
	Digest  string `json:"digest"`               // of the image, as the engine has it
	Size    int64  `json:"size_bytes,omitempty"` // of the image, as the engine has it
	Speaks  string `json:"speaks,omitempty"`     // the protocol over TLS
	Library string `json:"library,omitempty"`    // by which it speaks TLS
	Adapter string `json:"adapter,omitempty"`    // SHA-256 of all that its adapter says, hexadecimal

	// Authentication are the lines of its configuration that turn client
	// certificates on, and Adjusted the others in which it differs from what is
	// shipped.
	Authentication []string `json:"authentication,omitempty"`
	Adjusted       []string `json:"adjusted,omitempty"`
	Hint           string   `json:"hint,omitempty"`    // what to tell a person where a fault was found
	Manual         string   `json:"manual,omitempty"`  // the published page that it is set up by, and nothing else
	Read           string   `json:"read,omitempty"`    // the day on which that was read
	Reports        []Report `json:"reports,omitempty"` // what is said of it in public
	Notes          []string `json:"notes,omitempty"`   // what may be a mistake of its adapter
}

// Scorecard is the audits of many peers side by side.
type Scorecard struct {
	Format  int           `json:"format"` // [Format]
	Profile cases.Profile `json:"profile"`
	// Thorough says that certificates were tried in every version of TLS, and not in
	// the last alone but for those that are judged by version.
	Thorough bool `json:"thorough,omitempty"`

	Began   time.Time     `json:"began"`
	Took    time.Duration `json:"took_ns"`
	Command string        `json:"command"`         // that repeats it
	Engine  string        `json:"engine"`          // "20.10.24, amd64, 2 processors"
	Built   string        `json:"built,omitempty"` // SHA-256 of the program that made it

	Shard *Shard `json:"shard,omitempty"` // which part of it this is; nil of the whole

	Audits  []Audit   `json:"audits"` // each of its role; Product tells whose
	Interop []Interop `json:"interop,omitempty"`
	Sent    []Sent    `json:"sent,omitempty"`
}

// Sent is what the adversary of one lab presented to every peer in one case, in that
// role of its own. The control is sent as the case "control".
type Sent struct {
	Run   string    `json:"run,omitempty"` // that of the audits
	Case  string    `json:"case"`
	Role  wire.Role `json:"role"`  // of the adversary
	Chain [][]byte  `json:"chain"` // DER, leaf first; not every one can be parsed
}

// Interop is one plain exchange between two peers of the scorecard, in one
// version of TLS, with nobody in between.
type Interop struct {
	Client  string        `json:"client"` // name of the product, or "mtlslab"
	Server  string        `json:"server"`
	Version string        `json:"version"` // "1.2" or "1.3"
	Status  Status        `json:"status"`  // passed if the message was delivered
	Saw     string        `json:"saw"`     // what the client, and of a failure the server, had to say
	Took    time.Duration `json:"took_ns"`
}
