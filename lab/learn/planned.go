package learn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/drill"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/timeline"
)

// lost is what a message comes to of which nobody said anything.
const lost = "lost"

const (
	shortLife = 10 * time.Second       // of what step-ca issues
	planLasts = shortLife * 14 / 10    // by then what was renewed at once is over, too, and what was in time is not
	promptly  = 100 * time.Millisecond // after a wait the next step is due within that
)

// planRate is how many messages flow in a second while a plan is carried out.
const planRate = 60

// checkPlan carries a plan out as a drill, and holds what became of messages to the claims.
func (k Checker) checkPlan(
	ctx context.Context, e exercises.Exercise, learner string, files map[string]string,
) ([]Found, error) {
	plan, fault := readPlan(e, learner, files)
	if fault != nil {
		return fault, nil
	}
	shown, err := k.Drill(ctx, drillOf(e, plan), drill.Run{Rate: planRate})
	if _, missing := errors.AsType[*MissingError](err); missing {
		return nil, err
	}
	if err != nil {
		return nil, &BrokenError{What: err.Error()}
	}
	var all []Found
	for _, c := range e.Claims {
		f := found(c, fared(shown, c))
		if !f.Passed {
			f.ClientSaw += untaken(shown)
		}
		all = append(all, f)
	}
	return all, nil
}

// untaken is what was said in the steps of which nothing came, as the end of a text.
func untaken(t *timeline.Timeline) (text string) {
	for _, s := range t.Steps {
		if s.Tells && !s.InUse && s.Says != "" {
			text += fmt.Sprintf("; once “%s”: %s", s.Name, s.Says)
		}
	}
	return text
}

// readPlan reads a plan, or says what is wrong with it.
func readPlan(e exercises.Exercise, learner string, files map[string]string) (*exercises.Plan, []Found) {
	given, err := exercises.ReadPlan(exercises.PlanFile, []byte(e.Start[exercises.PlanFile]))
	if err != nil {
		given = new(exercises.Plan) // of an exercise of somebody's own, which holds nobody to anything
	}
	plan, err := exercises.ReadPlan(exercises.PlanFile, []byte(files[exercises.PlanFile]))
	switch {
	case err != nil:
		return nil, stopped(Read, "the plan can be understood", "It cannot be carried out as it is written: "+err.Error()+".")
	case plan.Learner != learner:
		return nil, stopped(Own, "the plan is yours",
			fmt.Sprintf("This is the plan of %q, and you are %s.", plan.Learner, learner))
	case given.ClientOf(exercises.StepCA) && !plan.ClientOf(exercises.StepCA):
		return nil, stopped(Online, "the client's certificates are of step-ca",
			"Your client has a certificate that step-ca did not issue. Nobody issues it another: that is what this is about.")
	}
	for _, what := range []string{exercises.Intermediate, exercises.Expiry} {
		if given.Waits(what) && !plan.Waits(what) {
			return nil, stopped(Waited, "what happens by itself is in the plan",
				"What the first plan waited for does not come about in yours, so nothing is shown of it. It cannot be left out: "+
					"it happens by itself.")
		}
	}
	return plan, nil
}

// drillOf is a plan as a drill. Each client sends over a kept connection, new ones and resumed sessions.
func drillOf(e exercises.Exercise, plan *exercises.Plan) drill.Drill {
	over := []peer.Connections{peer.Kept, peer.New, peer.Resumed}
	d := drill.Drill{
		Name: e.ID, Summary: e.Title, Server: kitOf(plan.Server), Isolated: plan.Online(),
		Clients: []drill.Client{{Holder: "client", Kit: kitOf(plan.Client), Over: over}},
	}
	if d.Isolated {
		d.Lasts = planLasts
	}
	for _, name := range slices.Sorted(maps.Keys(e.Others)) {
		d.Clients = append(d.Clients, drill.Client{Holder: name, Kit: kitOf(e.Others[name]), Over: over})
	}
	for _, s := range plan.Steps {
		step := drill.Step{Name: s.Name}
		switch s.Waits {
		case exercises.Intermediate:
			step.Expires = drill.Intermediate
		case exercises.Expiry:
			step.Expires = drill.Enrolled
		case exercises.TwoThirds:
			step.Matures, step.Within = "client", promptly
		}
		if s.Server != nil {
			kit := kitOf(*s.Server)
			step.Server = &kit
		}
		if s.Client != nil {
			step.Clients = map[string]drill.Kit{"client": kitOf(*s.Client)}
		}
		d.Steps = append(d.Steps, step)
	}
	return d
}

func kitOf(h exercises.Holding) drill.Kit {
	kit := drill.Kit{From: drill.Authority(h.Certificate), Leaf: h.Leaf, Renews: h.Renews}
	if h.Certificate == exercises.StepCA {
		kit.From, kit.Life = drill.StepCA, shortLife
	}
	switch h.Intermediate {
	case "expiring":
		kit.From = drill.Brief
	case "next":
		kit.From = drill.Next
	}
	for _, root := range h.Trusts {
		kit.Trusts = append(kit.Trusts, drill.Authority(root))
	}
	if h.Lists != nil {
		kit.Lists = &drill.Lists{Revoked: h.Lists}
	}
	return kit
}

// fared is what became of a holder's messages, as far as a claim is about them: that of the first which
// does not come to what it wants, and of any if they all do.
func fared(t *timeline.Timeline, c exercises.Claim) seen {
	from, to := time.Duration(0), t.Took
	if n := len(t.Steps); n > 0 {
		switch last := t.Steps[n-1]; c.When {
		case exercises.First:
			to = t.Steps[0].Began
		case exercises.Last:
			from = max(last.Done, last.Began+last.Within)
		}
	}
	s := seen{came: inconclusive}
	at := t.Took
	for _, stream := range t.Streams {
		if stream.Holder != c.Holder {
			continue
		}
		for _, m := range stream.Messages {
			if m.Began < from || m.Ended > to {
				continue
			}
			came := cameOf(m)
			if fits(came, string(c.Want)) && s.came != inconclusive || !fits(came, string(c.Want)) && m.Began >= at {
				continue
			}
			if !fits(came, string(c.Want)) {
				at = m.Began
			}
			s = seen{
				came:   came,
				client: fmt.Sprintf("%s, #%d after %.1f s: %s", stream.Name, m.Number, m.Began.Seconds(), came),
				server: fmt.Sprintf("took it %d times", m.Taken),
			}
		}
	}
	return s
}

func cameOf(m timeline.Message) string {
	switch m.Fate {
	case timeline.Delivered:
		return delivered
	case timeline.Refused:
		came := refusedBy + string(m.By)
		if m.Reason != "" {
			came += ": " + string(m.Reason)
		}
		return came
	default:
		return lost
	}
}
