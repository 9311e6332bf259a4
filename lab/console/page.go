package console

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// DefaultWidth is how many columns a page has whose reader's terminal is not known.
const DefaultWidth = 80

// timeWidth is the room of a time at the end of a row: "   12.34 s".
const timeWidth = 10

// Page is text of a width in the making: rows of a name and what is beside it.
type Page struct {
	bytes.Buffer
	Width int  // in columns
	Color bool // for terminals only, and not where NO_COLOR is set
}

// Style is how a terminal shows something, as the parameter of SGR (ECMA-48, 8.3.117).
type Style string

// The styles. The zero value is plain.
const (
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
)

// Paint is a text in that style.
func (p *Page) Paint(s Style, text string) string {
	if !p.Color || s == "" || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// Row prints a name, a text in the room beside it and, unless it is zero, a time.
func (p *Page) Row(name string, indent int, s Style, text string, took time.Duration) {
	if took <= 0 {
		p.Rows(name, indent, s, Wrap(text, p.Width-indent))
		return
	}
	stamp := fmt.Sprintf("%*s", timeWidth, "  "+Duration(took))
	room := p.Width - indent - len(stamp)
	lines := Wrap(text, room)
	lines[0] = Pad(lines[0], room) + stamp
	p.Rows(name, indent, s, lines)
}

// Rows prints a name with the lines beside it.
func (p *Page) Rows(name string, indent int, s Style, lines []string) {
	for _, line := range lines {
		gap := strings.Repeat(" ", max(0, indent-Columns(name)))
		p.WriteString(strings.TrimRight(p.Paint(s, name)+gap+line, " ") + "\n")
		name = ""
	}
}

// Command prints a command to be pasted, below its label if it needs the room.
func (p *Page) Command(label string, indent int, command string) {
	lines, whole := wrapCommand(command, p.Width-indent)
	if whole {
		p.Rows(label, indent, "", lines)
		return
	}
	lines, _ = wrapCommand(command, p.Width)
	p.Rows(label, indent, "", []string{""})
	p.Rows("", 0, "", lines)
}

// Plural is a number with its word.
func Plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// Duration is a time for people: a few digits and their unit, ms, s, or min with s.
func Duration(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	case d < 2*time.Minute:
		return fmt.Sprintf("%.2f s", d.Seconds())
	default:
		seconds := int64(d.Round(time.Second) / time.Second)
		return fmt.Sprintf("%d min %d s", seconds/60, seconds%60)
	}
}
