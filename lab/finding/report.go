package finding

import (
	"slices"
	"strings"
)

// Report is something that is said of a product in public, and which cases show whether it is so.
type Report struct {
	At    string   `json:"at"`
	Says  string   `json:"says"`
	Fails []string `json:"fails,omitempty"` // cases, or groups with a final slash, that fail if it is right
	Holds []string `json:"holds,omitempty"` // those that pass
	Found string   `json:"found,omitempty"` // what was found instead
}

// Bears says whether an audit shows what a report says. tried is false where one of its cases came
// to nothing; otherwise are those that came out the other way.
func (a Audit) Bears(r Report) (tried bool, otherwise []string) {
	come := func(id string) (failed, judged bool) {
		for _, f := range a.Findings {
			if f.Case != id && (!strings.HasSuffix(id, "/") || !strings.HasPrefix(f.Case, id)) {
				continue
			}
			failed = failed || f.Status == Failed
			judged = judged || f.Status == Failed || f.Status == Passed
		}
		return failed, judged
	}
	tried = true
	for _, id := range slices.Concat(r.Fails, r.Holds) {
		failed, judged := come(id)
		tried = tried && judged
		if judged && failed != slices.Contains(r.Fails, id) {
			otherwise = append(otherwise, id)
		}
	}
	return tried, otherwise
}
