package finding_test

import (
	"slices"
	"testing"

	"github.com/mtlslab/mtlslab/lab/finding"
)

func TestBears(t *testing.T) {
	t.Parallel()
	a := finding.Audit{Findings: []finding.Finding{
		{Case: "chain/a", Status: finding.Failed},
		{Case: "chain/a", Status: finding.Passed}, // in another version
		{Case: "chain/b", Status: finding.Passed},
		{Case: "usage/c", Status: finding.Passed},
		{Case: "usage/d", Status: finding.Inconclusive},
	}}
	for name, test := range map[string]struct {
		report    finding.Report
		tried     bool
		otherwise []string
	}{
		"it fails":         {finding.Report{Fails: []string{"chain/a"}}, true, nil},
		"it does not":      {finding.Report{Fails: []string{"chain/b"}}, true, []string{"chain/b"}},
		"it holds":         {finding.Report{Holds: []string{"chain/b"}}, true, nil},
		"it does not hold": {finding.Report{Holds: []string{"chain/a"}}, true, []string{"chain/a"}},
		"a group":          {finding.Report{Fails: []string{"chain/"}, Holds: []string{"usage/"}}, true, nil},
		"nothing shown":    {finding.Report{Fails: []string{"usage/d"}}, false, nil},
		"not tried":        {finding.Report{Fails: []string{"chain/a", "identity/e"}}, false, nil},
	} {
		if tried, otherwise := a.Bears(test.report); tried != test.tried || !slices.Equal(otherwise, test.otherwise) {
			t.Errorf("%s: %t, %v; want %t, %v", name, tried, otherwise, test.tried, test.otherwise)
		}
	}
}
