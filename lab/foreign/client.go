package foreign

import (
	"bytes"
	"cmp"
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
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// imageClient is a client of somebody else's image, which is run again and again in one
// container. That is made with the first call, for whom it calls and what it is given.
type imageClient struct {
	*broughtImage
	namesMaterial bool // its configuration files name its material, so that it has no other beside it
	namesLists    bool // they name its revocation lists, so that it cannot do without

	mu    sync.Mutex
	rooms map[bool]*clientRoom // by whether its configuration files name revocation lists
}

// clientRoom is a container in which the client is run.
type clientRoom struct {
	*command.Runner
	process *sandbox.Process
	own     wire.Material // with which it was started
	altered int           // how often it was given other material so far
}

func newImageClient(b *broughtImage) (*imageClient, error) {
	c := &imageClient{broughtImage: b, rooms: make(map[bool]*clientRoom)}
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

func (c *imageClient) Lacks(d peer.Demand) string {
	switch {
	case d.Store && c.Adapter.TrustsStore():
		return "the authority that it is to trust is put into its system's store"
	case d.Lists && !c.Adapter.TakesLists():
		return "its adapter gives it no revocation lists"
	default:
		return ""
	}
}

func (c *imageClient) Close(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, in := range c.rooms {
		_ = in.process.Stop(ctx) // what stays is removed with the lab
	}
}

func (c *imageClient) Call(ctx context.Context, call peer.Call) (wire.Outcome, error) {
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
	in, dir, err := c.prepare(ctx, call, host)
	if err != nil {
		return wire.Outcome{}, err
	}
	if !c.shared(in) {
		defer in.process.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // what stays is removed with the lab
	}
	values := c.Adapter.ValuesFor(dir, call.Lists)
	if values.Port, err = strconv.Atoi(port); err != nil {
		return wire.Outcome{}, err
	}
	values.IP, values.Version, values.Message, values.Nonce = host, call.Version, call.Message, call.Nonce
	result, err := c.run(ctx, in, values, call.Patience)
	if err != nil {
		return wire.Outcome{}, err
	}
	return c.account(result, values)
}

// prepare returns the container in which the call is to be made, and the directory of its
// material there. Where that can be at one place alone and is another's, the container is for
// this call alone.
func (c *imageClient) prepare(ctx context.Context, call peer.Call, server string) (*clientRoom, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	dir, kind := c.Adapter.Dir(), call.Lists && c.namesLists
	in := c.rooms[kind]
	fixed := c.namesMaterial || !c.movable()
	if fixed && (call.Altered || in != nil && !same(call.Material, in.own)) {
		in, err := c.open(ctx, call, server)
		return in, dir, err
	}
	if in == nil {
		var err error
		if in, err = c.open(ctx, call, server); err != nil {
			return nil, "", err
		}
		c.rooms[kind] = in
	}
	if !call.Altered && same(call.Material, in.own) {
		return in, dir, nil
	}
	in.altered++
	dir += "-" + strconv.Itoa(in.altered)
	files, err := c.material(call.Material, dir)
	if err != nil {
		return nil, "", err
	}
	return in, dir, c.in.Put(ctx, in.process, in.Runner, c.owner(), files)
}

// shared says whether a container is for more than one call.
func (c *imageClient) shared(in *clientRoom) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rooms[true] == in || c.rooms[false] == in
}

func same(a, b wire.Material) bool {
	return bytes.Equal(a.Trust, b.Trust) && bytes.Equal(a.Chain, b.Chain) && bytes.Equal(a.Key, b.Key) &&
		bytes.Equal(a.CRL, b.CRL)
}

// open starts a container of the client, with the material of a call. The server's name
// leads to whom that calls.
func (c *imageClient) open(ctx context.Context, call peer.Call, server string) (*clientRoom, error) {
	p := c.program(c.place.Names.Fresh(c.Name()), "", call.Store)
	if !call.Named || c.place.Sandbox.Facts().Nameless {
		p.Hosts = []string{c.Adapter.Host() + ":" + server}
	}
	var err error
	lists := call.Lists && c.namesLists
	if p.Files, err = c.configured(call.Material, call.Store, c.Adapter.ValuesFor(c.Adapter.Dir(), lists)); err != nil {
		return nil, err
	}
	started, err := c.in.StartImage(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Name(), err)
	}
	runner := command.NewRunner(c.Name(), started.Stdin, started.Stdout, started.Stderr.Said)
	return &clientRoom{Runner: runner, process: started, own: call.Material}, c.askVersion(ctx, runner)
}

// run runs the client once.
func (c *imageClient) run(
	ctx context.Context, in *clientRoom, values adapter.Values, patience time.Duration,
) (command.Result, error) {
	limit := runLimit
	if patience > 0 {
		limit = patience + imagePatience // what waits for the other side ends when that gives up
	}
	what := command.Command{ID: values.Nonce, Limit: limit}
	none := command.Result{}
	argv := slices.Concat(c.Adapter.Entrypoint, c.Adapter.Command)
	var err error
	if len(c.Adapter.Worker) > 0 {
		argv = c.Adapter.Command
		if what.Worker, err = c.Adapter.ExpandAll(c.Adapter.Worker, values); err != nil {
			return none, err
		}
	}
	if what.Argv, err = c.Adapter.ExpandAll(argv, values); err != nil {
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
	running, err := in.Start(what)
	if err != nil {
		return none, err
	}
	late := fmt.Errorf("it took longer than %v", limit)
	ctx, cancel := context.WithTimeoutCause(ctx, command.Slack*limit+peer.StartLimit, late)
	defer cancel()
	result, err := running.Wait(ctx)
	if err != nil {
		return result, fmt.Errorf("%s: waiting for it to end: %w", c.Name(), err)
	}
	if result.Fault != "" {
		return result, &peer.UnusableError{
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
		o.Reason, o.Detail = wire.Timeout, "it did not end in time"
	case peer.Crashed(result.Exit):
		o.Reason = wire.Crashed
	}
	// What a worker says of a run is one text.
	if last := cmp.Or(lastLine(result.Err), lastLine(result.Out)); last != "" {
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
