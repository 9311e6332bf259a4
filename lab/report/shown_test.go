package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
)

// What is kept of the gallery's audits can be read, names cases that there are, and shows of a
// case that not all hold who holds, by which lines, and who does not.
func TestInGallery(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("shown.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []finding.Shown
	if err := json.Unmarshal(source, &all); err != nil || len(all) == 0 {
		t.Fatalf("%d products, %v", len(all), err)
	}
	for _, one := range all {
		for _, id := range slices.Concat(one.Holds, one.Fails) {
			if _, known := cases.Find(id); !known {
				t.Errorf("%s: there is no case %s", one.Peer, id)
			}
		}
	}
	c, _ := cases.Find("usage/other-role")
	text := map[string]string{}
	for _, part := range report.InGallery(c) {
		text[part.Label] = part.Text
	}
	if !strings.Contains(text["servers hold"], "nginx") || !strings.Contains(text["servers fail"], "gnutls-serv") ||
		!strings.Contains(text["what helps"], "`") {
		t.Errorf("of %s it is said: %q", c.ID, text)
	}
}

// What a scorecard has shown is read again as it was written.
func TestShown(t *testing.T) {
	t.Parallel()
	sc := few()
	var out bytes.Buffer
	if err := report.WriteShown(&out, sc); err != nil {
		t.Fatal(err)
	}
	var again []finding.Shown
	if err := json.Unmarshal(out.Bytes(), &again); err != nil || len(again) != len(sc.Shown()) || len(again) == 0 {
		t.Errorf("%d of %d: %v\n%s", len(again), len(sc.Shown()), err, out.Bytes())
	}
}
