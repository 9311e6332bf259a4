package lab

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// adaptedClient is a container in which somebody else's client is run again and
// again.
type adaptedClient struct {
	*adapted
	*errands
}

// errandLimit is how long a client may take. It is longer than the adversary's
// patience, so that a client that waits for that is not taken for one that hangs.
const errandLimit = 2 * adaptedLimit

// startClient starts the container of a client, with its material beside whatever
// it is to have besides. with.hosts tell it where the server is; without, the
// engine's resolver does.
func (a *adapted) startClient(ctx context.Context, name string, material wire.Material, with stay) (*adaptedClient, error) {
	files, err := a.filesOf(material, a.Dir(), a.ValuesFor(a.Dir(), false))
	if err != nil {
		return nil, err
	}
	with.files = append(files, with.files...)
	started, err := a.start(ctx, name, with)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", a.Name, err)
	}
	return &adaptedClient{adapted: a, errands: sentOn(a.Name, started)}, nil
}

// spoiled is the material of one case, which a client has beside its own.
type spoiled struct {
	dir     string
	without string // why there is none
}

// spoil makes the material of all cases that are about it, by their ids, and the
// files that it is.
func (r *auditor) spoil(plan []trial) (map[string]spoiled, []adapter.File, error) {
	made := make(map[string]spoiled)
	var all []adapter.File
	for _, t := range plan {
		if _, done := made[t.ID]; done || t.Material == nil || !r.visitor.movable() {
			continue
		}
		dir := fmt.Sprintf("%s-%d", r.visitor.Dir(), len(made)+1)
		files, err := r.visitor.MaterialFiles(t.Material(r.subject), dir)
		switch {
		case err == nil:
			made[t.ID] = spoiled{dir: dir}
		case errors.Is(err, adapter.ErrNotPackable):
			made[t.ID] = spoiled{without: unpackable(err)}
		default:
			return nil, nil, err
		}
		all = append(all, files...)
	}
	if len(made) == 0 {
		return made, nil, nil
	}
	// What shows that the peer works from such a directory at all.
	made[controlID] = spoiled{dir: r.visitor.Dir() + "-0"}
	good, err := r.visitor.MaterialFiles(r.subject, made[controlID].dir)
	return made, append(all, good...), err
}

// bound says whether a client's configuration files name its material, so that it
// has no other beside it, or its revocation lists, so that it cannot do without.
func (a *adapted) bound() (toMaterial, toLists bool, err error) {
	here, listed, there := a.ValuesFor(a.Dir(), false), a.ValuesFor(a.Dir(), true), a.ValuesFor(a.Dir()+"-1", false)
	for name, text := range a.Files {
		var texts [3]string
		for i, values := range []adapter.Values{here, listed, there} {
			if texts[i], err = a.Expand(text, values); err != nil {
				return false, false, fmt.Errorf("%s: files %s: %w", a.Name, name, err)
			}
		}
		toLists = toLists || texts[0] != texts[1]
		toMaterial = toMaterial || texts[0] != texts[2]
	}
	return toMaterial, toLists, nil
}

// unpackable says why a case is not tried on a peer that reads keystores.
func unpackable(err error) string {
	return "spoiled like this it cannot be put into a keystore: " + err.Error()
}

// call is one run of a client.
type call struct {
	dir     string // of the material
	lists   bool   // whether it is given its revocation lists
	ip      string // of whom it calls
	port    int
	version string // of TLS, if it is for the client to see to that
	message string
	nonce   string
}

// run runs the client once.
func (c *adaptedClient) run(ctx context.Context, call call) (command.Result, error) {
	values := c.ValuesFor(call.dir, call.lists)
	values.IP, values.Port, values.Version = call.ip, call.port, call.version
	values.Message, values.Nonce = call.message, call.nonce
	errand := command.Command{ID: call.nonce, Limit: errandLimit}
	var err error
	if errand.Argv, err = c.ExpandAll(slices.Concat(c.Entrypoint, c.Command), values); err != nil {
		return command.Result{}, err
	}
	for name, text := range c.Env {
		value, err := c.Expand(text, values)
		if err != nil {
			return command.Result{}, err
		}
		errand.Env = append(errand.Env, name+"="+value)
	}
	input, err := c.Expand(c.Stdin, values)
	if err != nil {
		return command.Result{}, err
	}
	errand.Stdin = []byte(input)
	if errand.Hangup, err = c.Expand(c.Hangup, values); err != nil {
		return command.Result{}, err
	}
	sent, err := c.send(errand)
	if err != nil {
		return command.Result{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, errandLimit+accountGrace, fmt.Errorf("the errand took longer than %v", errandLimit))
	defer cancel()
	back, err := sent.wait(ctx)
	if err != nil {
		return back, fmt.Errorf("%s: waiting for its return: %w", c.Name, err)
	}
	if back.Fault != "" {
		return back, &AdapterError{Peer: c.Name, What: "its command could not be run: " + back.Fault, Look: "command"}
	}
	return back, nil
}

// delivered says whether the client calls its message delivered.
func (c *adaptedClient) delivered(back command.Result, call call) (bool, error) {
	codes := c.Delivered.Exit
	if len(codes) == 0 {
		codes = []int{0}
	}
	if back.TimedOut || !slices.Contains(codes, back.Exit) {
		return false, nil
	}
	text, err := c.Expand(c.Delivered.Output, adapter.Values{Message: call.message, Nonce: call.nonce})
	if err != nil {
		return false, err
	}
	pattern, err := regexp.Compile(text)
	return err == nil && pattern.MatchString(back.Out+back.Err), err
}

// accountOfReturn is what came of a run, in the words of a client's account.
func accountOfReturn(back command.Result, delivered bool) wire.Outcome {
	o := wire.Outcome{Role: wire.Client, Kind: wire.Failed, Time: time.Now(), Detail: fmt.Sprintf("exit code %d", back.Exit)}
	switch {
	case delivered:
		o.Kind = wire.Delivered
	case back.TimedOut:
		o.Reason, o.Detail = wire.Timeout, fmt.Sprintf("it did not end within %v", errandLimit)
	}
	if last := lastOf(back.Err); last != "" {
		o.Detail += "; it said: " + last
	}
	return o
}
