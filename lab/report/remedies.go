package report

import (
	"fmt"
	"strings"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
)

// NoRemedy labels what [Remedies] says of a setting that is none.
const NoRemedy = "no remedy"

// Remedies says of each setting that was tried what it came to, in a line: those that work first.
func Remedies(a finding.Audit) (parts []finding.Part) {
	for _, works := range []bool{true, false} {
		for _, r := range a.Remedies {
			switch {
			case r.Works() != works:
			case works:
				parts = append(parts, finding.Part{Label: "remedy", Text: fmt.Sprintf(
					"%s; seen to mend %s%s: %s", r.Setting, console.Plural(len(r.Mends), "case"), costOf(r), r.Source)})
			default:
				parts = append(parts, finding.Part{Label: NoRemedy, Text: fmt.Sprintf("%s: %s", r.Setting, r.Why())})
			}
		}
	}
	if open := a.Open(); len(a.Remedies) > 0 && len(open) > 0 {
		parts = append(parts, finding.Part{Label: NoRemedy, Text: "for " + strings.Join(open, ", ")})
	}
	return parts
}

// Reports says of what is said of the product in public whether the audit shows it.
func Reports(a finding.Audit) (parts []finding.Part) {
	if a.Product == nil {
		return nil
	}
	for _, r := range a.Product.Reports {
		tried, otherwise := a.Bears(r)
		came := "so, as the audit shows"
		switch {
		case len(otherwise) > 0:
			came = "here it is otherwise: " + strings.Join(otherwise, ", ")
			if r.Found != "" {
				came += ". " + r.Found
			}
		case !tried && r.Found == "":
			continue
		case !tried:
			came = "not shown here. " + r.Found
		}
		parts = append(parts, finding.Part{Label: "reported", Text: fmt.Sprintf("%s %s (%s)", r.Says, r.At, came)})
	}
	return parts
}

// costOf says which good peers are turned away by a remedy.
func costOf(r finding.Remedy) string {
	if len(r.Costs) == 0 {
		return ""
	}
	return ", and to turn good peers away (" + strings.Join(r.Costs, ", ") + ")"
}
