package learn

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/journal"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Language is what a server and a client of an exercise are written in.
type Language struct {
	Name, Extension string

	// prepare makes the program of a file in a directory ready, and returns how it is run.
	prepare func(ctx context.Context, dir, file string) ([]string, error)
	// Missing says what is not there that it needs; "" if all is.
	Missing func() string
}

// Languages are those of exercises, the one that is taken if nothing speaks for another first.
func Languages() []Language { return []Language{python, golang} }

var python = Language{
	Name: "Python", Extension: ".py",
	prepare: func(_ context.Context, _, file string) ([]string, error) { return []string{interpreter(), file}, nil },
	Missing: func() string {
		if interpreter() == "" {
			return "Python 3 with pyOpenSSL (on Debian python3-openssl)"
		}
		return ""
	},
}

// interpreter is a Python that has pyOpenSSL; "" if none has.
var interpreter = sync.OnceValue(func() string {
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if err := exec.Command(name, "-c", "import OpenSSL").Run(); err == nil { //nolint:gosec // one of two
			return name
		}
	}
	return ""
})

var golang = Language{
	Name: "Go", Extension: ".go",
	prepare: func(ctx context.Context, dir, file string) ([]string, error) {
		program := filepath.Join(dir, strings.TrimSuffix(file, ".go")+".exe") // as Windows wants it
		build := exec.CommandContext(ctx, "go", "build", "-o", program, file) //nolint:gosec // the learner's own
		build.Dir = dir
		build.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0")
		if said, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s cannot be compiled: %s", file, lastLine(string(said)))
		}
		return []string{program}, nil
	},
	Missing: func() string {
		if _, err := exec.LookPath("go"); err != nil {
			return "Go"
		}
		return ""
	},
}

// MissingError says that what an exercise needs is not there.
type MissingError struct{ What string }

func (m *MissingError) Error() string { return "this exercise needs " + m.What }

// languageOf is the one in which a learner has changed something, or else the first that is there.
func languageOf(e exercises.Exercise, files map[string]string) (Language, error) {
	var missing []string
	var first *Language
	for _, l := range Languages() {
		if what := l.Missing(); what != "" {
			missing = append(missing, what)
			continue
		}
		for file, content := range e.Start {
			if path.Ext(file) == l.Extension && files[file] != content {
				return l, nil
			}
		}
		if first == nil {
			first = &l
		}
	}
	if first == nil {
		return Language{}, &MissingError{What: strings.Join(missing, ", or ")}
	}
	return *first, nil
}

// pair is a server and a client of a learner's, as programs in a directory.
type pair struct {
	*room
	dir            string
	server, client []string
}

func checkPrograms(
	ctx context.Context, e exercises.Exercise, learner string, files map[string]string,
) (all []Found, err error) {
	language, err := languageOf(e, files)
	if err != nil {
		return nil, err
	}
	r, err := newRoom(learner, new(exercises.Lab), e.Certificates)
	if err != nil {
		return nil, &BrokenError{What: err.Error()}
	}
	p := &pair{room: r}
	if p.dir, err = os.MkdirTemp("", "mtlslab-learn-"); err != nil {
		return nil, &BrokenError{What: err.Error()}
	}
	defer os.RemoveAll(p.dir) //nolint:errcheck // the system removes it
	if err := p.lay(files); err != nil {
		return nil, &BrokenError{What: err.Error()}
	}
	for _, program := range []struct {
		name string
		argv *[]string
	}{{"server", &p.server}, {"client", &p.client}} {
		if *program.argv, err = language.prepare(ctx, p.dir, program.name+language.Extension); err != nil {
			return stopped(Read, "the programs can be run", err.Error()+"."), nil
		}
	}
	for _, c := range e.Claims {
		came, err := p.try(ctx, c)
		if err != nil {
			return nil, &BrokenError{What: err.Error()}
		}
		if ctx.Err() != nil {
			return all, context.Cause(ctx)
		}
		all = append(all, found(c, came))
	}
	return all, nil
}

// lay writes the learner's files, and the material of both sides.
func (p *pair) lay(files map[string]string) error {
	all := make(map[string][]byte)
	for name, content := range files {
		all[name] = []byte(content)
	}
	for _, side := range []string{"server", "client"} {
		made, err := p.certificate(side)
		if err != nil {
			return err
		}
		var chain bytes.Buffer
		for _, der := range made.Certificate.Certificate {
			if err := pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
				return err
			}
		}
		all[side+"/ca.crt"] = p.authorities[exercises.Own].Trust()
		all[side+"/tls.crt"] = chain.Bytes()
		all[side+"/tls.key"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: made.key})
	}
	for name, content := range all {
		at := filepath.Join(p.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(at, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// try makes the exchange of a claim, with a program for each side that is the learner's.
func (p *pair) try(ctx context.Context, c exercises.Claim) (seen, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*limit)
	defer cancel()
	message := "Hello, server! (" + rand.Text() + ")"
	if c.ServerShows != "" {
		return p.tryClient(ctx, c, message)
	}
	s, err := p.start(ctx)
	if err != nil {
		return seen{}, err
	}
	defer s.stop()
	var client wire.Outcome
	switch {
	case s.address == "":
		client = wire.Outcome{Role: wire.Client, Kind: wire.Unreachable}
	case c.ClientShows != "":
		_, config, err := p.clientOf(c)
		if err != nil {
			return seen{}, err
		}
		client = call(ctx, s.address, config, "receipt", message)
	default:
		client = p.call(ctx, s.address, message)
	}
	serves := client.Kind == wire.Failed && client.Reason == wire.Disconnected && p.servesStill(ctx, s)
	server := s.account(message)
	switch {
	case server.Kind == wire.Received && client.Reason == wire.BadReceipt: // its answer is a word of its own
		client = wire.Outcome{Role: wire.Client, Kind: wire.Delivered}
	case server.Kind == wire.Received:
	case client.Kind == wire.RefusedByPeer:
		server.Kind, server.Reason = wire.Refused, wire.ByAlert
	case serves:
		server.Kind, server.Reason = wire.Refused, wire.ByClosing
	}
	return judged(message, client, &server).placed(c), nil
}

// servesStill says whether the good client is served by a server that hung up on another: only
// then was that a refusal.
func (p *pair) servesStill(ctx context.Context, s *running) bool {
	_, config, err := p.clientOf(exercises.Claim{ClientShows: "client"})
	if err != nil {
		return false
	}
	again := rand.Text()
	_ = call(ctx, s.address, config, "receipt", again) // what it says is no receipt of ours
	ctx, cancel := context.WithTimeout(ctx, settled)
	defer cancel()
	_, err = s.said.Await(ctx, func(line string) bool { return strings.Contains(line, again) })
	return err == nil
}

// tryClient has the learner's client call somebody else.
func (p *pair) tryClient(ctx context.Context, c exercises.Claim, message string) (seen, error) {
	serves, shows, err := p.serverOf(c)
	if err != nil {
		return seen{}, err
	}
	s, err := p.serve(serves, shows)
	if err != nil {
		return seen{}, err
	}
	client := p.call(ctx, s.address(), message)
	accounts := s.stop()
	var server *wire.Outcome
	if len(accounts) > 0 {
		server = &accounts[len(accounts)-1]
		if server.Message == nil && client.Kind == wire.Failed && client.Reason != wire.Timeout {
			// It ended by itself, and said so. What of that reached the other side is that side's to read.
			client.Kind, client.Reason = wire.Refused, wire.ByClosing
			server.Kind, server.Reason = wire.Failed, wire.Disconnected
		}
	}
	return judged(message, client, server).placed(c), nil
}

// running is a learner's server.
type running struct {
	address string
	said    *journal.Journal[string]
	stop    func() string // ends it, and returns the end of what it complained of
}

// start runs the server, and waits until it says where it listens, or has ended.
func (p *pair) start(ctx context.Context) (*running, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, p.server[0], p.server[1:]...) //nolint:gosec // the learner's own
	cmd.Dir, cmd.WaitDelay = p.dir, settled
	complaints := new(bytes.Buffer)
	cmd.Stderr = complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	s := &running{said: journal.New[string]()}
	read := make(chan struct{})
	go func() {
		defer close(read)
		journal.ReadText(s.said, out)
	}()
	s.stop = func() string {
		cancel()
		<-read
		_ = cmd.Wait() // it was killed
		return lastLine(complaints.String())
	}
	waiting, done := context.WithTimeout(ctx, limit)
	defer done()
	first, err := s.said.Await(waiting, func(line string) bool { return strings.HasPrefix(line, "Listening on ") })
	if err == nil {
		s.address = strings.TrimPrefix(first, "Listening on ")
	}
	return s, nil
}

// account ends the server, and is what it said of a message.
func (s *running) account(message string) wire.Outcome {
	ctx, cancel := context.WithTimeout(context.Background(), settled)
	defer cancel()
	line, err := s.said.Await(ctx, func(line string) bool {
		return strings.Contains(line, message) || strings.HasPrefix(line, "Refused:")
	})
	o := wire.Outcome{Role: wire.Server, Kind: wire.Failed, Detail: s.stop()}
	switch {
	case err == nil && strings.Contains(line, message):
		o.Kind, o.Message, o.Detail = wire.Received, new(wire.DigestOf(message)), ""
	case err == nil:
		o.Detail = line
	case s.address == "":
		o.Detail = "it ended before it listened: " + o.Detail
	}
	return o
}

// settled is how long a server may take to print what it has received, once its client is done.
const settled = time.Second

// call runs the client. What it says of how that went is its exit code.
func (p *pair) call(ctx context.Context, address, message string) wire.Outcome {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	argv := slices.Concat(p.client, []string{address, message})
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the learner's own
	cmd.Dir, cmd.WaitDelay = p.dir, settled
	said, err := cmd.CombinedOutput()
	o := wire.Outcome{Role: wire.Client, Kind: wire.Delivered}
	switch {
	case ctx.Err() != nil:
		o.Kind, o.Reason, o.Detail = wire.Failed, wire.Timeout, "it did not end"
	case err != nil:
		o.Kind, o.Detail = wire.Failed, lastLine(string(said))
	}
	return o
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return wire.Printable(lines[len(lines)-1])
}
