package learn

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/drill"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/timeline"
)

// Result is what a check came to.
type Result struct {
	Format   int     `json:"format"`
	Exercise string  `json:"exercise"`
	Learner  string  `json:"learner"`
	Passed   bool    `json:"passed"`
	Claims   []Found `json:"claims"`
}

// Found is what came of one claim.
type Found struct {
	Claim     string `json:"claim"`
	Is        string `json:"is"`
	Passed    bool   `json:"passed"`
	Came      string `json:"came,omitempty"` // to what, as [exercises.Saw] has it
	ClientSaw string `json:"client_saw,omitempty"`
	ServerSaw string `json:"server_saw,omitempty"`
	Means     string `json:"means,omitempty"` // of one that did not pass
}

// resultFormat is that of the document.
const resultFormat = 1

// First is the first claim that did not pass; the zero one if all did.
func (r Result) First() Found {
	for _, f := range r.Claims {
		if !f.Passed {
			return f
		}
	}
	return Found{}
}

// BrokenError says that the lab itself broke, which is never the learner's fault.
type BrokenError struct{ What string }

func (e *BrokenError) Error() string { return "the lab broke: " + e.What }

// Checker checks what learners make of exercises.
type Checker struct {
	// Audit carries an audit out. It is that of a lab, which this package starts none of.
	Audit func(context.Context, audit.Audit) (finding.Audit, error)

	// Drill carries a drill out, likewise.
	Drill func(context.Context, drill.Drill, drill.Run) (*timeline.Timeline, error)

	Containers bool // images are audited, where an exercise has one
}

// Check tries what a learner has made of an exercise. What is wrong with that is in the result; a
// [*BrokenError] says that the lab broke, and a [*MissingError] that the machine has not what the
// exercise needs.
func (k Checker) Check(
	ctx context.Context, e exercises.Exercise, learner string, files map[string]string,
) (Result, error) {
	e = e.For(learner)
	result := Result{Format: resultFormat, Exercise: e.ID, Learner: learner}
	found, err := k.check(ctx, e, learner, files)
	if err != nil {
		return result, err
	}
	result.Claims, result.Passed = found, len(found) > 0
	for _, f := range found {
		result.Passed = result.Passed && f.Passed
	}
	return result, nil
}

func (k Checker) check(
	ctx context.Context, e exercises.Exercise, learner string, files map[string]string,
) ([]Found, error) {
	for name := range e.Start {
		if strings.TrimSpace(files[name]) == "" {
			return stopped(
				Emptied,
				name+" says something",
				name+" is empty. An exercise is mended, not emptied: nothing was "+
					"tried, so nothing is shown. mtlslab learn reset brings it back.",
			), nil
		}
	}
	switch e.Kind {
	case exercises.Programs:
		return checkPrograms(ctx, e, learner, files)
	case exercises.Reading:
		return checkAnswers(e, learner, files), nil
	case exercises.Auditing:
		return k.checkAudit(ctx, e, learner, files)
	case exercises.Plans:
		return k.checkPlan(ctx, e, learner, files)
	default:
		return checkLab(ctx, e, learner, files)
	}
}

// The claims that every exercise makes besides its own.
const (
	Emptied = "emptied" // there is something in the files
	Read    = "read"    // they can be understood
	Own     = "own"     // they are this learner's
	Waited  = "waited"  // of a plan: it waits for what happens by itself
	Online  = "online"  // and what step-ca has to issue is issued by it
)

// stopped is a check that came to nothing before any exchange.
func stopped(claim, is, means string) []Found {
	return []Found{{Claim: claim, Is: is, Came: claim, Means: means}}
}

// readLab reads a lab file, or says what is wrong with it.
func readLab(learner string, files map[string]string) (*exercises.Lab, []Found) {
	lab, err := exercises.ReadLab(exercises.LabFile, []byte(files[exercises.LabFile]))
	switch {
	case err != nil:
		return nil, stopped(Read, "the lab file can be understood", "It cannot be carried out as it is written: "+
			err.Error()+".")
	case lab.Learner != learner:
		return nil, stopped(
			Own,
			"the lab file is yours",
			fmt.Sprintf("This is the lab of %q, and you are %s: names, keys and "+
				"serial numbers are each learner's own, so another's file shows nothing about yours.", lab.Learner, learner),
		)
	}
	return lab, nil
}

func checkLab(ctx context.Context, e exercises.Exercise, learner string, files map[string]string) ([]Found, error) {
	lab, fault := readLab(learner, files)
	if fault != nil {
		return fault, nil
	}
	others := strangers(lab)
	maps.Copy(others, e.Certificates)
	r, err := newRoom(learner, lab, others)
	if err != nil {
		return nil, &BrokenError{What: err.Error()}
	}
	all, err := r.tryAll(ctx, e.Claims)
	if err != nil || slices.ContainsFunc(all, func(f Found) bool { return !f.Passed }) {
		return all, err
	}
	besides, err := r.tryAll(ctx, kept(e))
	return append(all, besides...), err
}

// tryAll tries claims in their order.
func (r *room) tryAll(ctx context.Context, claims []exercises.Claim) (all []Found, err error) {
	for _, c := range claims {
		came, err := r.try(ctx, c)
		if ctx.Err() != nil {
			return all, context.Cause(ctx)
		}
		if err != nil { // of what is written: nothing else can go wrong in minting
			all = append(all, stopped(c.Name, c.Is, "It cannot be carried out as it is written: "+err.Error()+".")...)
			continue
		}
		all = append(all, found(c, came))
	}
	return all, nil
}

// found holds what came of a claim against what it wants.
func found(c exercises.Claim, s seen) Found {
	f := Found{
		Claim: c.Name, Is: c.Is, Came: s.came, ClientSaw: s.client, ServerSaw: s.server,
		Passed: fits(s.came, string(c.Want)),
	}
	if !f.Passed {
		f.Means = means(c, s.came)
	}
	return f
}

// means is what it means that a claim came to that: the most that the exercise says of it.
func means(c exercises.Claim, came string) string {
	for _, saw := range c.Saw {
		if fits(came, saw.If) {
			return saw.Says
		}
	}
	if came == inconclusive {
		return "Nothing arrived, and nobody refused anybody. A timeout, a crash or a connection that broke is no refusal, " +
			"so this shows nothing."
	}
	return c.Says
}

// fits says whether what came is what is asked for, or more closely so.
func fits(came, want string) bool { return came == want || strings.HasPrefix(came, want+": ") }
