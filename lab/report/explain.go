package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Explanation is what there is to say of a case without trying it: what the adversary does,
// what it must hold and what it gets, what each profile demands, and who was hit.
func Explanation(c cases.Case) []finding.Part {
	does := "the adversary " + c.Summary
	parts := []finding.Part{
		{Label: "what happens", Text: does},
		{Label: "against", Text: against(c)},
		{Label: "attacker", Text: attackerOf(c)},
		{Label: "it means", Text: c.Meaning},
	}
	for _, profile := range cases.Profiles() {
		rule := c.Rules[profile]
		text := fmt.Sprintf("%s (%s)", finding.Expected(rule.Expect), rule.Cite)
		parts = append(parts, finding.Part{Label: string(profile), Text: text})
	}
	if hit := c.Hit(); len(hit) > 0 {
		parts = append(parts, finding.Part{Label: "who was hit", Text: strings.Join(hit, "; ")})
	}
	return parts
}

func attackerOf(c cases.Case) string {
	if c.Attacker == cases.Good || c.Attacker == cases.Honest {
		return "none: " + string(c.Attacker)
	}
	return string(c.Attacker) + ", who holds " + finding.Holds(c.Attacker)
}

// against says which side is put to the test.
func against(c cases.Case) string {
	sides := make([]string, len(c.Roles))
	for i, role := range c.Roles {
		sides[i] = "a " + string(role.Other())
	}
	in := "in TLS " + strings.Join(c.In(wire.Versions()), " and ")
	if c.AnyVersion {
		in = "before any version of TLS is agreed on"
	}
	return strings.Join(sides, " or ") + ", " + in
}

// Certificates are what the adversary presents in a case, beside the good ones.
type Certificates struct {
	Role       wire.Role // of the adversary
	Good, Sent [][]byte  // DER, leaf first
}

// Explain writes a case for a person. The error is the writer's.
func Explain(w io.Writer, c cases.Case, certificates []Certificates, o Options) error {
	p := &page{console.Page{Width: max(LeastWidth, o.Width), Color: o.Color}}
	p.WriteString(c.ID + "\n\n")
	for _, part := range append(Explanation(c), InGallery(c)...) {
		p.Row(part.Label, labelWidth, "", part.Text, 0)
	}
	for _, one := range certificates {
		p.compare(one)
	}
	_, err := w.Write(p.Bytes())
	return err
}

// compare prints the adversary's certificates, with what differs from the good ones marked.
func (p *page) compare(c Certificates) {
	for i, der := range c.Sent {
		of := "leaf"
		if i > 0 {
			of = fmt.Sprintf("issuer %d", i)
		}
		var good []byte
		if i < len(c.Good) {
			good = c.Good[i]
		}
		if i > 0 && finding.Difference([][]byte{good}, [][]byte{der}) == "" {
			continue
		}
		p.WriteByte('\n')
		p.Row(
			of,
			labelWidth,
			"",
			fmt.Sprintf("as the adversary presents it, playing a %s; * differs, - is the good one's", c.Role),
			0,
		)
		p.certificate(good, der)
	}
	if missing := len(c.Good) - len(c.Sent); missing > 0 {
		p.WriteByte('\n')
		p.Row("missing", labelWidth, console.Yellow, console.Plural(missing, "certificate")+" of the good chain", 0)
	}
}

// fieldWidth is the column of the name of a certificate's field.
const fieldWidth = 20

func (p *page) certificate(good, sent []byte) {
	parts, err := finding.Decode(sent)
	if err != nil {
		p.Row("* all", fieldWidth, console.Yellow, wire.Printable(err.Error()), 0)
		return
	}
	want, err := finding.Decode(good)
	for i, part := range parts {
		switch {
		case part.Text == "" && (err != nil || want[i].Text == ""):
		case err != nil || !finding.Differs(want[i], part):
			p.Row("  "+part.Label, fieldWidth, "", finding.Or(part.Text, "none"), 0)
		default:
			p.Row("* "+part.Label, fieldWidth, console.Yellow, finding.Or(part.Text, "none"), 0)
			p.Row("- ", fieldWidth, "", finding.Or(want[i].Text, "none"), 0)
		}
	}
}
