package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// adaptedServer is a running server of somebody else's image.
type adaptedServer struct {
	*adapted
	*process
	address string           // host:port
	output  *journal[string] // its lines, of both streams
	values  adapter.Values

	within *spare // the container that it shares with others, one at a time; nil if it has its own
	signal func(ctx context.Context, name string) error
}

// AdapterError says that a peer could not be put to the test: either it or what
// its adapter says of it is wrong, and no verdict can be had.
type AdapterError struct {
	Peer string
	What string   // went wrong
	Look string   // at what, to mend it
	Log  []string // the peer's last lines
}

func (e *AdapterError) Error() string {
	text := fmt.Sprintf("%s: %s\n  look at: %s", e.Peer, e.What, e.Look)
	if len(e.Log) == 0 {
		return text + "\n  it wrote nothing"
	}
	return text + "\n  it wrote last:\n    " + strings.Join(e.Log, "\n    ")
}

// errEnded says that a server ended before it was ready.
var errEnded = errors.New("it ended before it was ready")

// startServer starts a server with that material, with its revocation lists or
// without, and does not wait for it.
func (a *adapted) startServer(ctx context.Context, name string, material wire.Material, lists bool) (*adaptedServer, error) {
	s := &adaptedServer{adapted: a, output: newJournal[string](), values: a.ValuesFor(a.Dir(), lists)}
	files, err := a.filesOf(material, a.Dir(), s.values)
	if err != nil {
		return nil, err
	}
	env := make(map[string]string, len(a.Env))
	for key, text := range a.Env {
		if env[key], err = a.Expand(text, s.values); err != nil {
			return nil, err
		}
	}
	argv, err := a.argvOf(s.values)
	if err != nil {
		return nil, err
	}
	if s.process, err = a.start(ctx, name, stay{files: files, env: env, argv: argv}); err != nil {
		return nil, fmt.Errorf("starting %s: %w", a.Name, err)
	}
	s.signal = func(ctx context.Context, name string) error {
		_, err := a.host.engine.ContainerKill(ctx, s.id, client.ContainerKillOptions{Signal: "SIG" + name})
		return err
	}
	go readText(s.output, s.process.stdout)
	ip, err := a.host.addressOf(ctx, s.process)
	if err != nil {
		// One that has ended is seen to have, by whoever waits for it.
		ip = "0.0.0.0"
	}
	s.address = net.JoinHostPort(ip, strconv.Itoa(a.Port))
	return s, nil
}

// filesOf are a peer's material and its configuration.
func (a *adapted) filesOf(material wire.Material, dir string, values adapter.Values) ([]adapter.File, error) {
	files, err := a.MaterialFiles(material, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Name, err)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Files)) {
		text, err := a.Expand(a.Files[name], values)
		if err != nil {
			return nil, fmt.Errorf("%s: files %s: %w", a.Name, name, err)
		}
		files = append(files, adapter.File{Path: name, Data: []byte(text), Mode: 0o644})
	}
	return files, nil
}

// argvOf is what a server is started with.
func (a *adapted) argvOf(values adapter.Values) ([]string, error) {
	argv := a.argv
	if len(a.Entrypoint) > 0 {
		expanded, err := a.ExpandAll(a.Entrypoint, values)
		if err != nil {
			return nil, err
		}
		argv = expanded
	}
	command, err := a.ExpandAll(a.Command, values)
	if err != nil {
		return nil, err
	}
	if argv = slices.Concat(argv, command); len(argv) == 0 {
		return nil, fmt.Errorf("%s: neither its image nor its adapter says what to run", a.Name)
	}
	return argv, nil
}

// knockPause is between two looks at whether a server listens: some start a process
// for each.
const knockPause = 40 * time.Millisecond

// ready waits until the server takes connections. It returns errEnded if that has
// ended, and an *AdapterError if it is not ready within the limit.
func (s *adaptedServer) ready(ctx context.Context, by *adversary) error {
	within := s.Ready.Limit()
	limit, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if s.Ready.Log != "" {
		pattern := regexp.MustCompile(s.Ready.Log)
		if _, err := s.output.await(limit, pattern.MatchString); err != nil {
			return s.unready(ctx, limit, fmt.Sprintf("no line of its output matched ready.log within %v", within), "ready.log, command")
		}
	}
	ticker := time.NewTicker(knockPause)
	defer ticker.Stop()
	knocking, leave := context.WithCancel(limit)
	defer leave()
	go func() { // nobody answers for a container that is gone, nor says so
		select {
		case <-s.ended:
			leave()
		case <-knocking.Done():
		}
	}()
	for {
		open, err := by.knock(knocking, s.address)
		switch {
		case open:
			return s.stillThere(limit)
		case !s.alive():
			return errEnded
		case err != nil && limit.Err() == nil:
			return err
		}
		select {
		case <-s.ended:
			return errEnded
		case <-limit.Done():
			return s.unready(ctx, limit, fmt.Sprintf("nothing listens on port %d after %v", s.Port, within), "port, command, files")
		case <-ticker.C:
		}
	}
}

// stillThere returns errEnded unless the server's container runs, as the engine
// says now: the address of one that has ended may be another's already.
func (s *adaptedServer) stillThere(ctx context.Context) error {
	if s.within != nil {
		if !s.alive() {
			return errEnded
		}
		return nil
	}
	made, err := s.host.engine.ContainerInspect(ctx, s.id, client.ContainerInspectOptions{})
	switch {
	case err != nil:
		return fmt.Errorf("inspecting %s: %w", s.Name, err)
	case !made.Container.State.Running:
		<-s.ended
		return errEnded
	default:
		return nil
	}
}

func (s *adaptedServer) unready(ctx, limit context.Context, what, look string) error {
	select {
	case <-s.ended:
		return errEnded
	default:
	}
	if ctx.Err() != nil || limit.Err() == nil {
		return context.Cause(ctx)
	}
	return s.unusable(what, look)
}

func (s *adaptedServer) unusable(what, look string) *AdapterError {
	return &AdapterError{Peer: s.Name, What: what, Look: look, Log: s.lastLines()}
}

// lastWords is how many lines of a peer's output an error shows.
const lastWords = 8

// lastLines are the end of what it wrote.
func (s *adaptedServer) lastLines() []string {
	lines := slices.DeleteFunc(s.output.all(), func(line string) bool { return strings.TrimSpace(line) == "" })
	lines = lines[max(0, len(lines)-lastWords):]
	for i, line := range lines {
		lines[i] = wire.Printable(line)
	}
	return lines
}

// alive says whether the server still runs.
func (s *adaptedServer) alive() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// knock tries whether somebody listens at an address.
func (a *adversary) knock(ctx context.Context, address string) (bool, error) {
	knock := attack.Attack{
		ID: "knock-" + newID(), Role: wire.Client, Connect: address, Limit: trialLimit,
		Deviation: attack.Deviation{NoTLS: true, HangUp: true},
	}
	if err := a.begin(knock); err != nil {
		return false, err
	}
	evidence, err := a.evidence(ctx, knock.ID)
	return err == nil && evidence.Last().End == attack.EndHungUp, err
}

// reload has the server take up what its files now say. It does not wait: how
// long that takes, nobody tells.
func (s *adaptedServer) reload(ctx context.Context, material wire.Material) error {
	files, err := s.MaterialFiles(material, s.values.Dir)
	if err != nil {
		return err
	}
	if err := s.put(ctx, s.id, files); err != nil {
		return err
	}
	if s.Reload.Signal != "" {
		return s.signal(ctx, s.Reload.Signal)
	}
	argv, err := s.ExpandAll(s.Reload.Command, s.values)
	if err != nil {
		return err
	}
	output, code, err := s.host.execute(ctx, s.id, argv)
	if err == nil && code != 0 {
		err = s.unusable(fmt.Sprintf("reload.command ended with code %d: %s", code, wire.Printable(lastOf(output))), "reload.command")
	}
	return err
}

// maxExecuted is how much such a program may write, in bytes.
const maxExecuted = 1 << 20

// execute runs a program beside what runs in a container, and returns all that
// it wrote.
func (h *containerHost) execute(ctx context.Context, id string, argv []string) (output string, code int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, errandLimit, fmt.Errorf("%s did not end within %v", argv[0], errandLimit))
	defer cancel()
	made, err := h.engine.ExecCreate(ctx, id, client.ExecCreateOptions{AttachStdout: true, AttachStderr: true, Cmd: argv})
	if err != nil {
		return "", 0, fmt.Errorf("exec: %w", err)
	}
	stream, err := h.engine.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return "", 0, fmt.Errorf("exec: %w", err)
	}
	defer stream.Close()
	defer context.AfterFunc(ctx, stream.Close)() // nothing else ends a read
	var text strings.Builder
	from := &io.LimitedReader{R: stream.Reader, N: maxExecuted}
	_, err = stdcopy.StdCopy(&text, &text, from)
	switch {
	case ctx.Err() != nil:
		return "", 0, fmt.Errorf("exec: %w", context.Cause(ctx))
	case from.N <= 0:
		return "", 0, fmt.Errorf("exec: %s writes more than %d bytes", argv[0], maxExecuted)
	case err != nil:
		return "", 0, fmt.Errorf("exec: %w", err)
	}
	result, err := h.engine.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
	return text.String(), result.ExitCode, err
}

// firstOf is the first line of a text that is not empty, and lastOf its last.
func firstOf(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}

func lastOf(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
