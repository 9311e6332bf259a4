// Package issuer is an authority that runs: step-ca of smallstep, in a container of its own, with an
// intermediate of the lab's. Certificates are applied for with a token, renewed by who holds them, and
// revoked.
//
// It exists so that what renews certificates in life can do so in a drill. It is no peer: nobody tests
// it, and what it refuses is told as a [*RefusedError].
package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"time"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const (
	port = "9000"
	dir  = "/var/lib/step-ca" // a volume: the container's own files cannot be changed
	user = "65532:65532"

	startLimit = 20 * time.Second // until it listens
	lifeLimit  = time.Hour        // of it, after which it ends by itself
	lookPause  = 20 * time.Millisecond
)

// StepCA is step-ca, running. Its methods may be called by many goroutines at once.
type StepCA struct {
	authority   *pki.Authority
	adversary   *attack.Adversary // by whom it is called: nobody else reaches its network
	provisioner *pki.Provisioner
	process     *sandbox.Process
	name        string // its hostname
	address     string // host:port
}

// Start starts it in a sandbox of containers, as what issues in the name of an authority. Whoever trusts
// that trusts what it issues.
func Start(
	ctx context.Context, in *sandbox.Isolated, names *sandbox.Names, by *attack.Adversary, of *pki.Authority,
) (*StepCA, error) {
	s := &StepCA{authority: of, adversary: by, name: names.Fresh(images.StepCA.Name)}
	if err := s.start(ctx, in); err != nil {
		return nil, fmt.Errorf("starting %s: %w", s.name, err)
	}
	return s, nil
}

func (s *StepCA) start(ctx context.Context, in *sandbox.Isolated) (err error) {
	if s.provisioner, err = pki.NewProvisioner("lab"); err != nil {
		return err
	}
	image, err := in.Image(ctx, images.StepCA)
	if err != nil {
		return err
	}
	files, err := s.files()
	if err != nil {
		return err
	}
	s.process, err = in.StartImage(ctx, sandbox.ImageProgram{
		Hostname: s.name, Ref: image.Ref, Files: files, Owner: user, Dirs: []string{dir},
		Env: map[string]string{"STEPPATH": dir},
	})
	if err != nil {
		return err
	}
	ip, err := s.process.Address(ctx)
	if err != nil {
		return err
	}
	s.address = net.JoinHostPort(ip, port)
	runner := command.NewRunner(s.name, s.process.Stdin, s.process.Stdout, s.process.Stderr.Said)
	running, err := runner.Start(command.Command{
		ID: sandbox.NewID(), Argv: []string{"/step-ca", dir + "/ca.json"}, Lines: true, Alone: true, Limit: lifeLimit,
	})
	if err != nil {
		return err
	}
	return listens(ctx, runner, running)
}

// listens waits until something listens in its container.
func listens(ctx context.Context, in *command.Runner, running *command.Running) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("it does not listen after %v", startLimit))
	defer cancel()
	ticker := time.NewTicker(lookPause)
	defer ticker.Stop()
	for {
		switch life, err := in.Look(ctx, sandbox.NewID()); {
		case err != nil:
			return err
		case len(life.Listening) > 0:
			return nil
		}
		select {
		case <-ticker.C:
		case <-running.Ended:
			last := ""
			for _, line := range running.Lines.All() {
				last = line
			}
			return fmt.Errorf("it ended, and said: %s", wire.Printable(last))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// files are what it is given: its configuration, and what it issues by.
func (s *StepCA) files() ([]sandbox.File, error) {
	intermediate, key, err := s.authority.Delegate()
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]any{
		"root": dir + "/root.crt", "crt": dir + "/intermediate.crt", "key": dir + "/intermediate.key",
		"address": ":" + port, "dnsNames": []string{s.name},
		"db": map[string]string{"type": "bbolt", "dataSource": dir + "/db/db"}, // or it revokes nothing
		"authority": map[string]any{
			"provisioners": []any{s.provisioner},
			"claims":       map[string]string{"minTLSCertDuration": "1s"}, // in place of five minutes
		},
	})
	const private = 0o600
	return []sandbox.File{
		{Path: dir + "/db", Mode: fs.ModeDir | 0o700},
		{Path: dir + "/ca.json", Mode: private, Data: config},
		{Path: dir + "/root.crt", Mode: private, Data: s.authority.Trust()},
		{Path: dir + "/intermediate.crt", Mode: private, Data: intermediate},
		{Path: dir + "/intermediate.key", Mode: private, Data: key},
	}, err
}

// Stop ends it.
func (s *StepCA) Stop(ctx context.Context) error { return s.process.Stop(ctx) }

// RefusedError says that step-ca would not.
type RefusedError struct{ What string }

func (e *RefusedError) Error() string { return "step-ca refuses: " + e.What }

// IsRefused says whether step-ca would not.
func IsRefused(err error) bool {
	_, ok := errors.AsType[*RefusedError](err)
	return ok
}
