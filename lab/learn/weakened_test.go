package learn_test

import (
	"regexp"
	"testing"

	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/learn"
)

// weakenings are what lets strangers into any lab that is solved.
var weakenings = map[string]struct{ pattern, by string }{
	"nobody is asked":                   {`client_auth: \w+`, "client_auth: NoClientCert"},
	"asked, and not required":           {`client_auth: \w+`, "client_auth: RequestClientCert"},
	"required, and not verified":        {`client_auth: \w+`, "client_auth: RequireAnyClientCert"},
	"the server trusts a stranger, too": {`client_cas: \[`, "client_cas: [stranger, "},
	"the client trusts a stranger, too": {`root_cas: \[`, "root_cas: [stranger, "},
	"the client verifies nothing":       {`  root_cas: `, "  insecure_skip_verify: true\n  root_cas: "},
	"the server trusts strangers alone": {`client_cas: \[lab\]`, "client_cas: [stranger]"},
	"nobody is served":                  {`  client_cas: `, "  verify_connection: {admits: []}\n  client_cas: "},
	"the client says so after a handshake": {
		`  root_cas: `, "  delivered_after: handshake\n  insecure_skip_verify: true\n  root_cas: ",
	},
}

// TestWeakened weakens every lab that is solved in every way, and none passes.
func TestWeakened(t *testing.T) {
	t.Parallel()
	const learner = "ada-c0ffee"
	for _, e := range exercises.All() {
		if e.Kind != exercises.Labs {
			continue
		}
		solved, err := exercises.Apply(e.For(learner).Start, e.For(learner).Solution)
		if err != nil {
			t.Fatal(err)
		}
		for name, w := range weakenings {
			t.Run(e.ID+" "+name, func(t *testing.T) {
				t.Parallel()
				text := solved[exercises.LabFile]
				weak := regexp.MustCompile(w.pattern).ReplaceAllString(text, w.by)
				if weak == text {
					t.Fatalf("%q is not in the lab file", w.pattern)
				}
				result, err := learn.Checker{}.Check(t.Context(), e, learner, map[string]string{exercises.LabFile: weak})
				if err != nil {
					t.Fatal(err)
				}
				if result.Passed {
					t.Error("it passes")
				}
				if result.First().Means == "" && !result.Passed {
					t.Error("nothing is said of it")
				}
			})
		}
	}
}
