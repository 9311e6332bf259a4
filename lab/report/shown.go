package report

import (
	_ "embed" // what the gallery's audits have shown
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// shownSource is written by `make scorecard`.
//
//go:embed shown.json
var shownSource []byte

var shown = sync.OnceValues(func() (all []finding.Shown, err error) {
	return all, json.Unmarshal(shownSource, &all)
})

// WriteShown writes what a scorecard has shown of each product, a line each, for
// [InGallery]. The error is the writer's.
func WriteShown(w io.Writer, sc finding.Scorecard) error {
	all := sc.Shown()
	for i, one := range all {
		line, err := json.Marshal(one)
		if err != nil {
			return err
		}
		before, after := "[\n", ""
		if i > 0 {
			before = ",\n"
		}
		if i == len(all)-1 {
			after = "\n]\n"
		}
		if _, err := io.WriteString(w, before+string(line)+after); err != nil {
			return err
		}
	}
	return nil
}

// mostSettings is of how many products the setting is told that holds.
const mostSettings = 3

// InGallery is how the gallery's software came out in a case: who holds, by which setting, and
// who does not.
func InGallery(c cases.Case) (parts []finding.Part) {
	all, err := shown()
	if err != nil {
		return nil // a test reads it
	}
	for _, role := range c.Roles {
		var holds, fails, settings, remedies []string
		for _, one := range all {
			switch name := one.Peer; {
			case one.Role != role.Other():
			case slices.Contains(one.Fails, c.ID):
				fails = append(fails, name)
				remedies = append(remedies, helped(one, c.ID)...)
			case slices.Contains(one.Holds, c.ID):
				holds = append(holds, name)
				if len(settings) < mostSettings && len(one.Setting) > 0 {
					settings = append(settings, fmt.Sprintf("%s by `%s`", name, strings.Join(one.Setting, "`, `")))
				}
			}
		}
		if len(fails) == 0 && len(holds) == 0 {
			continue
		}
		parts = append(parts,
			finding.Part{Label: plural(role.Other(), "hold"), Text: finding.Or(strings.Join(holds, ", "), "none")},
			finding.Part{Label: plural(role.Other(), "fail"), Text: finding.Or(strings.Join(fails, ", "), "none")},
		)
		if len(remedies) > 0 {
			parts = append(parts, finding.Part{Label: "what helps", Text: strings.Join(remedies, "; ")})
		} else if len(settings) > 0 && len(fails) > 0 {
			parts = append(parts, finding.Part{Label: "what helps", Text: strings.Join(settings, "; ")})
		}
	}
	return parts
}

// helped are the remedies that were seen to mend a case on a product.
func helped(one finding.Shown, id string) (all []string) {
	for _, r := range one.Remedies {
		if slices.Contains(r.Mends, id) {
			all = append(all, fmt.Sprintf("`%s`, seen to help on %s", r.Setting, finding.Or(one.Version, one.Peer)))
		}
	}
	return all
}

func plural(role wire.Role, does string) string { return string(role) + "s " + does }
