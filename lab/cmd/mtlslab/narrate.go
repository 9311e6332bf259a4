package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// width is how many columns a line has; timeWidth of them are for its time.
const (
	width      = 80
	nameWidth  = 10
	timeWidth  = 9
	indentText = "  "
)

// longTTL is how long the peers of audits live at most, should nobody end them.
const longTTL = 2 * time.Hour

// narrator tells a demonstration to a person as it goes, or prints the document
// once it is over.
type narrator struct {
	out, err io.Writer
	json     bool

	mu      sync.Mutex
	pending *time.Timer
	hushed  bool
}

func newNarrator(cmd *cobra.Command) *narrator {
	return &narrator{out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(), json: cli.WantsJSON(cmd)}
}

// patience is how long a step may take before a person is told that it goes on.
const patience = 700 * time.Millisecond

// progress says what is going on, if the next line is long in coming.
func (n *narrator) progress(what string) {
	n.settle()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hushed {
		return
	}
	n.pending = time.AfterFunc(patience, func() { fmt.Fprintf(n.err, "mtlslab: %s\n", what) })
}

// settle takes back what was about to be said.
func (n *narrator) settle() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.pending != nil {
		n.pending.Stop()
	}
}

// hush leaves it to others to say what is going on.
func (n *narrator) hush() {
	n.settle()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hushed = true
}

// line prints a step: its name, what came of it, and how long it took.
func (n *narrator) line(name, text string, took time.Duration) {
	n.settle()
	if n.json {
		return
	}
	if len(name) >= nameWidth { // it would touch what comes after it
		fmt.Fprintln(n.out, name)
		name = ""
	}
	room := width - nameWidth - timeWidth - 1
	for i, part := range console.Wrap(text, room) {
		stamp := ""
		if i == 0 && took > 0 {
			stamp = console.Duration(took)
		}
		line := fmt.Sprintf("%-*s%-*s %*s", nameWidth, name, room, part, timeWidth, stamp)
		fmt.Fprintln(n.out, strings.TrimRight(line, " "))
		name = ""
	}
}

func (n *narrator) place(d demonstration) {
	f := d.Facts
	if f.Runtime == sandbox.Processes {
		n.line("runtime", "local processes on loopback", f.Build)
	} else {
		e := f.Engine
		n.line("engine", fmt.Sprintf("%s %s, API %s, %s", e.Name, e.Version, e.API, e.Arch), f.Connect)
		n.images(f.Images, f.Build)
	}
	n.line("pki", fmt.Sprintf("root, intermediate, 2 leaves; %s; valid for %.0f h",
		d.PKI.Algorithm, time.Until(d.PKI.NotAfter).Hours()), f.Mint)
	if f.Network != nil {
		n.line("network", fmt.Sprintf("%s, %s", f.Network.Name, f.Network.Subnet), f.Connected)
	}
}

func (n *narrator) images(made []images.Image, took time.Duration) {
	name := "images"
	for _, image := range made {
		state := "built"
		if image.Cached {
			state = "cached"
		}
		n.line(name, fmt.Sprintf("%s %.1f MB, %.19s, %s", image.Name, float64(image.Size)/1e6, image.Digest, state), took)
		name, took = "", 0
	}
}

func (n *narrator) check(c check) {
	state := "ok"
	if !c.OK {
		state = "missing"
		if c.optional {
			state = "note"
		}
	}
	n.line(c.Name, state+": "+c.Found, 0)
	if c.Do != "" {
		n.line("", c.Do, 0)
	}
}

func (n *narrator) exchange(d demonstration) {
	v := d.Exchange.Verdict
	if v.Listening.Own != nil {
		n.line("server", fmt.Sprintf("listening on %s as %s", v.Listening.Local, v.Listening.Own), v.Ready)
	}
	if !d.Exchange.Pass {
		n.failure(d.Exchange)
		return
	}
	n.line(
		"client",
		fmt.Sprintf("verified %s; %s, %s", v.Client.Peer, v.Client.TLS.Version, v.Client.TLS.Group),
		v.Took-v.Ready,
	)
	n.line("message", "Received: "+wire.Printable(v.Sent.Text), v.Took)
	n.line("", "from "+v.Identity+", verified by the server", 0)
}

// isolation says what was tried from inside, and what came of it.
func (n *narrator) isolation(d demonstration) {
	if d.Facts.Runtime == sandbox.Processes || d.Isolation.HostOnly {
		return // it is said at the end
	}
	if !d.Isolation.Proven {
		n.line("isolation", "NOT ISOLATED: "+d.Isolation.Why, 0)
		return
	}
	tried := make([]string, len(d.Isolation.Tries))
	for i, try := range d.Isolation.Tries {
		tried[i] = try.Address
	}
	n.line("isolation", fmt.Sprintf("from inside, none of %d answers: %s", len(tried), strings.Join(tried, ", ")), 0)
}

func (n *narrator) controls(claims []claim) {
	name := "controls"
	for _, c := range claims {
		if c.Pass {
			n.line(name, c.Name+": "+c.Verdict.String(), c.Verdict.Took)
		} else {
			n.line(name, c.Name+": FAIL", c.Verdict.Took)
			n.failure(c)
		}
		name = ""
	}
	for _, c := range claims {
		if c.Pass && c.Verdict.By == wire.Client {
			n.line("", "the impostor server never saw the message", 0)
		}
	}
}

// failure shows what each side saw and what it means.
func (n *narrator) failure(c claim) {
	for line := range strings.Lines(c.Diff) {
		n.line("", indentText+strings.TrimRight(line, "\n"), 0)
	}
}

func (n *narrator) end(d demonstration) error {
	if n.json {
		return cli.PrintJSON(n.out, d)
	}
	left := "containers and network removed; none left by label"
	if d.Facts.Runtime == sandbox.Processes {
		left = "processes ended"
	}
	n.line("clean-up", left, d.CleanUp)
	if !d.Isolation.Proven {
		n.line("isolation", "not proven: "+d.Isolation.Why, 0)
	}
	result := "FAIL"
	if d.Pass {
		result = "PASS"
	}
	_, err := fmt.Fprintf(n.out, "%s in %s\n", result, console.Duration(d.Took))
	return err
}
