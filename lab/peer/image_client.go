package peer

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// imageClient is a client of somebody else's image, which is run again and again in one
// container. That is made with the first call, for whom it calls and what it is given.
type imageClient struct {
	*broughtImage
	namesMaterial bool // its configuration files name its material, so that it has no other beside it
	namesLists    bool // they name its revocation lists, so that it cannot do without

	mu      sync.Mutex
	process *sandbox.Process
	runner  *command.Runner
	own     wire.Material // with which it was started
	altered int           // how often it was given other material so far
}

func newImageClient(b *broughtImage) (*imageClient, error) {
	c := &imageClient{broughtImage: b}
	dir := b.Adapter.Dir()
	var texts [3]map[string]string
	for i, values := range []adapter.Values{
		b.Adapter.ValuesFor(dir, false), b.Adapter.ValuesFor(dir, true), b.Adapter.ValuesFor(dir+"-1", false),
	} {
		var err error
		if texts[i], err = b.expandMap(b.Adapter.Files, "files", values); err != nil {
			return nil, err
		}
	}
	for name, text := range texts[0] {
		c.namesLists = c.namesLists || text != texts[1][name]
		c.namesMaterial = c.namesMaterial || text != texts[2][name]
	}
	return c, nil
}

func (c *imageClient) Lacks(d Demand) string {
	switch {
	case d.Lists && !c.Adapter.TakesLists():
		return "its adapter gives it no revocation lists"
	case d.Altered && (c.namesMaterial || !c.movable()):
		return "its material is at fixed places, so that it has no other beside it"
	case d.Lists && c.namesLists:
		return "its configuration file names its revocation lists, so that it cannot do without at other times"
	default:
		return ""
	}
}

func (c *imageClient) Close(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process != nil {
		_ = c.process.Stop(ctx) // what stays is removed with the lab
	}
}

func (c *imageClient) Call(ctx context.Context, call Call) (wire.Outcome, error) {
	address, err := call.Server(ctx)
	if err != nil {
		return wire.Outcome{}, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return wire.Outcome{}, err
	}
	if net.ParseIP(host) == nil {
		if host, err = c.in.Lookup(ctx, host); err != nil {
			return wire.Outcome{}, err
		}
	}
	dir, err := c.prepare(ctx, call, host)
	if err != nil {
		return wire.Outcome{}, err
	}
	values := c.Adapter.ValuesFor(dir, call.Lists)
	if values.Port, err = strconv.Atoi(port); err != nil {
		return wire.Outcome{}, err
	}
	values.IP, values.Version, values.Message, values.Nonce = host, call.Version, call.Message, call.Nonce
	result, err := c.run(ctx, values)
	if err != nil {
		return wire.Outcome{}, err
	}
	return c.account(result, values)
}

// prepare returns the directory of the material that the call is to be made with, in the
// container, which it starts if there is none.
func (c *imageClient) prepare(ctx context.Context, call Call, server string) (dir string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	dir = c.Adapter.Dir()
	if c.process == nil {
		if err := c.start(ctx, call, server); err != nil {
			return "", err
		}
	}
	if !call.Altered && same(call.Material, c.own) {
		return dir, nil
	}
	c.altered++
	dir += "-" + strconv.Itoa(c.altered)
	files, err := c.material(call.Material, dir)
	if err != nil {
		return "", err
	}
	return dir, c.in.Copy(ctx, c.process, c.owner(), files)
}

func same(a, b wire.Material) bool {
	return bytes.Equal(a.Trust, b.Trust) && bytes.Equal(a.Chain, b.Chain) && bytes.Equal(a.Key, b.Key) &&
		bytes.Equal(a.CRL, b.CRL)
}

// manyCalls is how many are worth what it takes to have a container read its files
// faster: seconds.
const manyCalls = 100

// start starts the container of a client, with the material of its first call. The
// server's name leads to whom it calls.
func (c *imageClient) start(ctx context.Context, call Call, server string) (err error) {
	p := c.program(c.place.Names.Fresh(c.Name()), "")
	if !call.Named {
		p.Hosts = []string{adapter.Host + ":" + server}
	}
	p.Often = call.Calls > manyCalls
	if p.Files, err = c.configured(call.Material, c.Adapter.ValuesFor(c.Adapter.Dir(), false)); err != nil {
		return err
	}
	started, err := c.in.StartImage(ctx, p)
	if err != nil {
		return fmt.Errorf("starting %s: %w", c.Name(), err)
	}
	c.process, c.own = started, call.Material
	c.runner = command.NewRunner(c.Name(), started.Stdin, started.Stdout, started.Stderr.Said)
	return c.askVersion(ctx, started)
}

// run runs the client once.
func (c *imageClient) run(ctx context.Context, values adapter.Values) (command.Result, error) {
	what := command.Command{ID: values.Nonce, Limit: runLimit}
	none := command.Result{}
	var err error
	if what.Argv, err = c.Adapter.ExpandAll(slices.Concat(c.Adapter.Entrypoint, c.Adapter.Command), values); err != nil {
		return none, err
	}
	env, err := c.expandMap(c.Adapter.Env, "env", values)
	if err != nil {
		return none, err
	}
	for name, value := range env {
		what.Env = append(what.Env, name+"="+value)
	}
	input, err := c.Adapter.Expand(c.Adapter.Stdin, values)
	if err != nil {
		return none, err
	}
	what.Stdin = []byte(input)
	if what.Hangup, err = c.Adapter.Expand(c.Adapter.Hangup, values); err != nil {
		return none, err
	}
	running, err := c.runner.Start(what)
	if err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, runLimit+AccountGrace, fmt.Errorf("it took longer than %v", runLimit))
	defer cancel()
	result, err := running.Wait(ctx)
	if err != nil {
		return result, fmt.Errorf("%s: waiting for it to end: %w", c.Name(), err)
	}
	if result.Fault != "" {
		return result, &UnusableError{
			Peer: c.Name(),
			What: "its command could not be run: " + result.Fault,
			Look: "command",
		}
	}
	return result, nil
}

// account is what came of a run.
func (c *imageClient) account(result command.Result, values adapter.Values) (wire.Outcome, error) {
	o := wire.Outcome{
		Role: wire.Client, Kind: wire.Failed, Time: time.Now(), Detail: fmt.Sprintf("exit code %d", result.Exit),
	}
	delivered, err := c.delivered(result, values)
	switch {
	case err != nil:
		return o, err
	case delivered:
		o.Kind = wire.Delivered
	case result.TimedOut:
		o.Reason, o.Detail = wire.Timeout, fmt.Sprintf("it did not end within %v", runLimit)
	case crashed(result.Exit):
		o.Reason = wire.Crashed
	}
	if last := lastLine(result.Err); last != "" {
		o.Detail += "; it said: " + last
	}
	return o, nil
}

// delivered says whether the client calls its message delivered.
func (c *imageClient) delivered(result command.Result, values adapter.Values) (bool, error) {
	codes := c.Adapter.Delivered.Exit
	if len(codes) == 0 {
		codes = []int{0}
	}
	if result.TimedOut || !slices.Contains(codes, result.Exit) {
		return false, nil
	}
	text, err := c.Adapter.Expand(
		c.Adapter.Delivered.Output,
		adapter.Values{Message: values.Message, Nonce: values.Nonce},
	)
	if err != nil {
		return false, err
	}
	pattern, err := regexp.Compile(text)
	return err == nil && pattern.MatchString(result.Out+result.Err), err
}
