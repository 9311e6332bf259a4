package change

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// columnsOfPeer are those that are about the peer, and not about one change.
const columnsOfPeer = 2

// Markdown writes the table for a page: a row for each peer and change. The error is the
// writer's.
func (t Table) Markdown(w io.Writer) error {
	var b strings.Builder
	header := t.header()
	b.WriteString("| " + strings.Join(header, " | ") + " |\n" + strings.Repeat("| --- ", len(header)) + "|\n")
	for _, p := range t.Products {
		name := p.title()
		reload := "cannot be told"
		if p.Reload != "" {
			reload = "`" + wire.Printable(p.Reload) + "`"
		}
		for _, c := range p.Changes {
			cells := c.cells()[:len(header)-columnsOfPeer]
			fmt.Fprintf(&b, "| %s | %s | %s |\n", name, reload, strings.Join(cells, " | "))
			name, reload = "", ""
		}
		if p.Fault != "" {
			empty := strings.Repeat(" |", len(header)-columnsOfPeer)
			fmt.Fprintf(&b, "| %s | %s | %s%s\n", name, reload, wire.Printable(p.Fault), empty)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// header are the words above the columns of a page.
func (t Table) header() []string {
	all := []string{
		string(t.Role), "told by", "what is changed", "takes", "shows after", "the old is seen for", "good messages missed",
		"connections from before", "sessions from before",
	}
	if t.Role == wire.Client { // which the adversary, as its server, offers none
		return all[:len(all)-1]
	}
	return all
}

// Text writes the table for a person, at most 80 columns wide. The error is the writer's.
func (t Table) Text(w io.Writer, color bool) error {
	const indent = 18
	p := &console.Page{Width: console.DefaultWidth, Color: color}
	for _, product := range t.Products {
		p.WriteString(product.title() + ", " + cmp.Or(wire.Printable(product.Reload), "cannot be told") + "\n")
		for _, c := range product.Changes {
			p.Row("  "+string(c.Kind), indent, "", c.String(), 0)
		}
		if product.Fault != "" {
			p.Row("  broken off", indent, console.Yellow, wire.Printable(product.Fault), 0)
		}
	}
	_, err := w.Write(p.Bytes())
	return err
}

// version is a version's number, wherever in a program's own words it is.
var version = regexp.MustCompile(`\d+(\.\d+)+`)

func (p Product) title() string {
	if p.About == nil || p.About.Version == "" {
		return p.Name
	}
	if number := version.FindString(p.About.Version); number != "" {
		return p.Name + " " + number
	}
	return p.Name + " " + wire.Printable(p.About.Version)
}

// cells are those of a row, from what is changed on.
func (c Change) cells() []string {
	if c.Why != "" {
		return []string{string(c.Kind), "not measured: " + wire.Printable(c.Why), "", "", "", "", ""}
	}
	missed := fmt.Sprintf("%d of %d", c.Missed, c.Sent)
	if c.Kind == Broken {
		return []string{string(c.Kind), "the service " + string(c.Kept), "", "", missed, "", ""}
	}
	old := "–"
	if c.Whole > 0 && c.By != Restart && c.By != Never {
		old = console.Duration(c.Whole)
	}
	return []string{
		string(c.Kind), string(c.By), console.Duration(c.First), old, missed, string(c.Kept), string(c.Resumed),
	}
}

// String says it in one line.
func (c Change) String() string {
	if c.Why != "" {
		return "not measured: " + wire.Printable(c.Why)
	}
	if c.Kind == Broken {
		text := fmt.Sprintf("the service %s, %d of %d good messages missed", c.Kept, c.Missed, c.Sent)
		if c.Says != "" {
			text += "; it says: " + wire.Printable(c.Says)
		}
		return text
	}
	takes := map[By]string{
		Nothing: "noticed by itself", Reload: "reload", Restart: "restart alone", Never: "not even a restart",
	}[c.By]
	text := fmt.Sprintf("%s, after %s", takes, console.Duration(c.First))
	if c.Whole > 0 && c.By != Restart && c.By != Never {
		text += ", the old for " + console.Duration(c.Whole)
	}
	if c.Missed > 0 {
		text += fmt.Sprintf("; %d of %d good messages missed", c.Missed, c.Sent)
	}
	if c.Kept != "" {
		text += "; connection: " + string(c.Kept)
	}
	if c.Resumed != "" {
		text += "; session: " + string(c.Resumed)
	}
	return text
}
