package console

import (
	"io"
	"os"

	"golang.org/x/term"
)

// IsTerminal says whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Size is how many columns and lines the terminal has that w is. Both are 0 if it
// is none, or does not know.
func Size(w io.Writer) (width, height int) {
	if file, ok := w.(*os.File); ok {
		width, height, _ = term.GetSize(int(file.Fd())) // zeros if it fails
	}
	return width, height
}
