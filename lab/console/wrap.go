package console

import "strings"

// wide are the runes that take two columns of a terminal, by first and last. It
// covers every range of Unicode's East Asian Width W and F and, to stay short,
// narrow ones between them: a line may come out shorter than it could be, never
// longer.
var wide = [][2]rune{
	{0x1100, 0x115f}, {0x2300, 0x23ff}, {0x25fd, 0x27bf}, {0x2b00, 0x2bff},
	{0x2e80, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7ff}, {0xf900, 0xfaff},
	{0xfe10, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x16fe0, 0x1fbff},
	{0x20000, 0x3ffff},
}

// columnsOf is how much of a line the rune takes, at most. A combining mark counts
// as one, because not every terminal combines.
func columnsOf(r rune) int {
	for _, span := range wide {
		if r >= span[0] && r <= span[1] {
			return 2
		}
	}
	return 1
}

// Columns is how much of a line the text takes, at most.
func Columns(s string) (n int) {
	for _, r := range s {
		n += columnsOf(r)
	}
	return n
}

// Fit returns how many bytes of s take at most room columns, one rune at least.
func Fit(s string, room int) int {
	used := 0
	for i, r := range s {
		used += columnsOf(r)
		if used > room && i > 0 {
			return i
		}
	}
	return len(s)
}

// Pad returns s followed by spaces up to n columns.
func Pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-Columns(s))) }

// Wrap breaks text at spaces into lines of at most room columns of a terminal, and
// a word that is longer anywhere.
func Wrap(text string, room int) []string {
	var lines []string
	for {
		cut := Fit(text, room)
		if cut == len(text) {
			return append(lines, text)
		}
		// A space right behind the line is as good as one in it.
		if space := strings.LastIndexByte(text[:cut+1], ' '); space > cut/2 {
			cut = space
		}
		lines = append(lines, strings.TrimRight(text[:cut], " "))
		text = strings.TrimLeft(text[cut:], " ")
	}
}

// wrapCommand breaks a command so that a shell takes its lines for one: between
// arguments, with a backslash. So it does an argument that is longer than a line,
// but then what follows must begin in the first column; whole says that none is.
// One that is longer and quoted cannot be helped.
func wrapCommand(command string, room int) (lines []string, whole bool) {
	const more = " \\"
	whole = true
	line := ""
	for i, word := range arguments(command) {
		if i > 0 && Columns(line)+1+Columns(word) > room-len(more) {
			lines, line = append(lines, line+more), ""
		} else if i > 0 {
			line += " "
		}
		line += word
		for Columns(line) > room-len(more) {
			whole = false
			cut := Fit(line, room-len(more))
			lines, line = append(lines, line[:cut]+"\\"), line[cut:]
		}
	}
	return append(lines, line), whole
}

// arguments splits at the spaces that no quotes hold.
func arguments(command string) (words []string) {
	var quote rune
	start := 0
	for i, r := range command {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case r == ' ':
			words = append(words, command[start:i])
			start = i + 1
		}
	}
	return append(words, command[start:])
}
