package report

import (
	"fmt"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
)

// remediesOf says of each setting that was tried what it came to, in a line: those that work first.
func remediesOf(a finding.Audit) (parts []finding.Part) {
	for _, works := range []bool{true, false} {
		for _, r := range a.Remedies {
			switch {
			case r.Works() != works:
			case works:
				parts = append(parts, finding.Part{Label: "remedy", Text: fmt.Sprintf(
					"%s; seen to mend %s: %s", r.Setting, console.Plural(len(r.Mends), "case"), r.Source)})
			default:
				parts = append(parts, finding.Part{Label: "no remedy", Text: fmt.Sprintf("%s: %s", r.Setting, r.Why())})
			}
		}
	}
	return parts
}
