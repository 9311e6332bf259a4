// Package finding is what an audit found, what of it is accepted, and what many audits
// found: data, with its JSON.
//
// It exists so that whoever audits and whoever reports mean the same. It tries nothing and
// prints nothing.
package finding

import (
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Status is what a finding means for the audit.
type Status string

// The statuses.
const (
	Passed       Status = "passed"
	Failed       Status = "failed"
	Inconclusive Status = "inconclusive" // nothing was shown, neither way
	Waived       Status = "waived"       // failed, and a waiver says why that is accepted until when
	Untried      Status = "untried"      // the peer has no way to be put into the case; Means says which is missing
)

// Finding is what came of one case in one role and one TLS version.
type Finding struct {
	Case    string    `json:"case"`    // id
	Group   string    `json:"group"`   // the id's first part
	Summary string    `json:"summary"` // of the case
	Role    wire.Role `json:"role"`    // of the audited peer
	Version string    `json:"version"` // "1.2" or "1.3"

	Expect cases.Expectation `json:"expect"`
	Cite   string            `json:"cite"`
	Status Status            `json:"status"`

	// What happened, in the lab's words: "delivered", "refused" or
	// "inconclusive", and of a refusal by which side and for what reason.
	Decision string      `json:"decision"`
	By       wire.Role   `json:"by,omitempty"`
	Reason   wire.Reason `json:"reason,omitempty"`

	Client string `json:"client"`           // what the client saw, one line
	Server string `json:"server"`           // what the server saw, one line
	Means  string `json:"means,omitempty"`  // of what did not pass, in plain words
	Waiver string `json:"waiver,omitempty"` // of what is waived, the reason given
	Repeat string `json:"repeat"`           // the command that repeats just this case

	Took time.Duration `json:"took_ns"`
}

// Audit is all findings of one peer under one profile.
type Audit struct {
	Format   int           `json:"format"`  // of this document: 1
	Subject  string        `json:"subject"` // the image or program, with its digest where it has one
	Role     wire.Role     `json:"role"`    // of the audited peer
	Profile  cases.Profile `json:"profile"`
	Product  *Product      `json:"product,omitempty"` // of somebody else's image
	Run      string        `json:"run,omitempty"`     // the lab that made it
	Runtime  string        `json:"runtime"`
	Isolated bool          `json:"isolated"`
	Began    time.Time     `json:"began"`

	// Controls are the good exchanges before and after; a control that is not
	// delivered makes every finding inconclusive.
	Controls []Finding `json:"controls"`
	Findings []Finding `json:"findings"`
	// Complaints are about the audit itself: waivers that are stale or unused.
	Complaints []string `json:"complaints,omitempty"`

	// Broke says why there was no audit: the peer was not put to the test.
	Broke string `json:"broke,omitempty"`

	Took time.Duration `json:"took_ns"`
}

// Count returns how many findings have that status.
func (a Audit) Count(s Status) int {
	n := 0
	for _, f := range a.Findings {
		if f.Status == s {
			n++
		}
	}
	return n
}
