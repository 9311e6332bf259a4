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

	Attacker cases.Attacker    `json:"attacker,omitempty"` // under the profile; none where either will do
	Expect   cases.Expectation `json:"expect"`
	Cite     string            `json:"cite"`
	Status   Status            `json:"status"`
	Known    string            `json:"known,omitempty"` // of a failure: why it is told and fails nothing

	// What happened, in the lab's words: "delivered", "refused" or
	// "inconclusive", and of a refusal by which side and for what reason.
	Decision string      `json:"decision"`
	By       wire.Role   `json:"by,omitempty"`
	Reason   wire.Reason `json:"reason,omitempty"`

	// Differs is in what the adversary's certificates differ from those of the good
	// exchange, "valid: ... instead of ..."; empty where it is in what it does.
	Differs string `json:"differs,omitempty"`

	Client string `json:"client"`           // what the client saw, one line
	Server string `json:"server"`           // what the server saw, one line
	Means  string `json:"means,omitempty"`  // of what did not pass, in plain words
	Waiver string `json:"waiver,omitempty"` // of what is waived, the reason given
	Repeat string `json:"repeat"`           // the command that repeats just this case

	// Steps are the conversation, of what did not pass.
	Steps []Step `json:"steps,omitempty"`

	Took time.Duration `json:"took_ns"`
}

// Step is one thing that somebody did, as the adversary saw it.
type Step struct {
	By   string        `json:"by,omitempty"` // "adversary", "server" or "client"; nobody's is a note
	Says string        `json:"says"`
	At   time.Duration `json:"at_ns,omitempty"` // since the connection began, where it is known
}

// Format is the version of the JSON of an [Audit] and of a [Scorecard]. It changes when a
// field is taken away or comes to mean something else, not when one is added.
const Format = 2

// Audit is all findings of one peer under one profile.
type Audit struct {
	Format   int           `json:"format"`  // [Format]
	Subject  string        `json:"subject"` // the image or program, with its digest where it has one
	Role     wire.Role     `json:"role"`    // of the audited peer
	Profile  cases.Profile `json:"profile"`
	Because  string        `json:"because,omitempty"` // why it is this profile
	Product  *Product      `json:"product,omitempty"` // of somebody else's image
	Run      string        `json:"run,omitempty"`     // the lab that made it
	Runtime  string        `json:"runtime"`
	Isolated bool          `json:"isolated"`
	Began    time.Time     `json:"began"`

	// Demands are the attackers that fail the audit where they get in; [Demands] if nil.
	Demands []cases.Attacker `json:"demands,omitempty"`

	// Answers are those to what people ask first.
	Answers []Answer `json:"answers,omitempty"`

	// Controls are the good exchanges before and after; a control that is not
	// delivered makes every finding inconclusive.
	Controls  []Finding  `json:"controls"`
	Findings  []Finding  `json:"findings"`
	Incidents []Incident `json:"incidents,omitempty"` // what became of the peer meanwhile
	// Complaints are about the audit itself: waivers that are stale or unused.
	Complaints []string `json:"complaints,omitempty"`

	// Remedies are what is said to help, where that was tried.
	Remedies []Remedy `json:"remedies,omitempty"`

	// Broke says why there was no audit: the peer was not put to the test.
	Broke string `json:"broke,omitempty"`

	Took time.Duration `json:"took_ns"`
}

// Answer is what the trials show of a peer, in a line.
type Answer struct {
	Question string `json:"question"` // "requires one"
	Answer   string `json:"answer"`
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
