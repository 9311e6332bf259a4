package card

import (
	"cmp"
	"fmt"
	"io"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Changes writes for a person what a scorecard shows otherwise than an earlier one. The error
// is the writer's.
func Changes(w io.Writer, c finding.Changes, o report.Options) error {
	p := &page{console.Page{Width: max(report.LeastWidth, cmp.Or(o.Width, console.DefaultWidth)), Color: o.Color}}
	for _, peer := range c.Peers {
		title := fmt.Sprintf("%s %s", peer.Role, wire.Printable(peer.Peer))
		switch {
		case peer.Fate != "":
			title += ", " + peer.Fate
		case peer.Was != peer.Is:
			title += fmt.Sprintf(", %s, was %s", versionIn(peer.Is), versionIn(peer.Was))
		}
		p.Row(title, console.Columns(title), "", "", 0)
		for _, cell := range peer.Cells {
			style := console.Green
			if cell.Worse() {
				style = console.Red
			} else if cell.Is != finding.Passed {
				style = console.Yellow
			}
			text := fmt.Sprintf("%s [%s], was %s", wire.Printable(cell.Case), cell.Version, statusIn(cell.Was))
			p.Row("  "+statusIn(cell.Is), report.StatusWidth+2, style, text, 0)
		}
	}
	if len(c.Peers) > 0 {
		p.WriteByte('\n')
	}
	cells := 0
	for _, peer := range c.Peers {
		cells += len(peer.Cells)
	}
	p.Row("changes", report.NameWidth, "", fmt.Sprintf(
		"%s of %s; %s as before; %d findings are in both",
		console.Plural(
			cells,
			"finding",
		),
		console.Plural(len(c.Peers), "peer"),
		console.Plural(c.Same, "peer"),
		c.Cells,
	), 0)
	_, err := w.Write(p.Bytes())
	return err
}

func versionIn(version string) string {
	return finding.Or(wire.Printable(version), "no version")
}

func statusIn(s finding.Status) string { return finding.Or(string(s), "not there") }
