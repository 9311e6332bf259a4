package main

import (
	"fmt"
	"strings"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
)

// exchanges is what the board calls the plain exchanges.
const exchanges = "plain exchanges"

// done tells the board what came of an audit.
func (r *round) done(name string, a finding.Audit) {
	verdict, text := a.Verdict(), strings.Join(a.Sum(), "; ")
	if !a.Controlled() {
		text += ", without controls"
	}
	plain := fmt.Sprintf("%s: %s in %s", verdict, text, console.Duration(a.Took))
	r.board.Done(name, text, plain, report.StyleOf(verdict))
}

// exchanged tells it what came of the plain exchanges.
func (r *round) exchanged(all []finding.Interop) {
	arrived := 0
	for _, c := range all {
		if c.Status == finding.Passed {
			arrived++
		}
	}
	text, verdict := fmt.Sprintf("%d of %d arrived", arrived, len(all)), finding.Passed
	if arrived < len(all) {
		verdict = finding.Failed
	}
	r.board.Done(exchanges, text, text, report.StyleOf(verdict))
}
