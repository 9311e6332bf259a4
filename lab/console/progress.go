package console

import (
	"cmp"
	"fmt"
	"io"
	"sync"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Progress says how far one audit has come: on a terminal in one line that is
// redrawn, elsewhere in a line for every tenth. Its methods may be called at the
// same time. It is not for results; those belong on standard output.
type Progress struct {
	Out      io.Writer
	Terminal bool // whether Out understands control sequences; see [IsTerminal]
	Width    int  // in columns; 80 if 0

	mu     sync.Mutex
	tenths int  // that have been printed
	drawn  bool // whether the line is there
}

// clearLine takes the cursor to the first column and empties its line (ECMA-48,
// 8.3.41).
const clearLine = "\r\x1b[K"

// Update says that done of total findings are made, and what is on now. A writer
// that fails is not worth failing an audit for.
func (p *Progress) Update(done, total int, current string) {
	if total <= 0 {
		return
	}
	done = min(max(done, 0), total)
	p.mu.Lock()
	defer p.mu.Unlock()
	text := fmt.Sprintf("%3d %%  %d of %d", done*100/total, done, total)
	if !p.Terminal {
		if tenths := done * 10 / total; tenths > p.tenths {
			p.tenths = tenths
			_, _ = fmt.Fprintln(p.Out, text)
		}
		return
	}
	if current != "" {
		text += "  " + wire.Printable(current)
	}
	width := cmp.Or(p.Width, DefaultWidth)
	// A character in the last column makes some terminals begin a new line.
	_, _ = fmt.Fprint(p.Out, clearLine+text[:Fit(text, max(1, width-1))])
	p.drawn = true
}

// Clear takes the line away, before anything else is printed.
func (p *Progress) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		_, _ = fmt.Fprint(p.Out, clearLine)
		p.drawn = false
	}
}
