package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
)

// ErrNoEngine says that no container engine answers, or none that is recent
// enough.
var ErrNoEngine = errors.New("no usable container engine")

// EngineFacts is what a container engine says of itself.
type EngineFacts struct {
	Name    string `json:"name"` // "Docker" or "Podman"
	Version string `json:"version"`
	API     string `json:"api"`      // the version spoken
	Arch    string `json:"arch"`     // as Go spells it
	Host    string `json:"endpoint"` // "unix:///var/run/docker.sock"
}

// Cannot says what this engine has no way to do, a line each.
func (f EngineFacts) Cannot() []string {
	if f.Name == byPodman {
		return []string{
			"the host cannot be kept out of a lab's network, and answers at its gateway: isolation is not proven",
			"names are not resolved in a lab's network: peers are told addresses",
		}
	}
	return nil
}

// The names of engines.
const (
	byDocker = "Docker"
	byPodman = "Podman"
)

// Engine is a connection to the container engine. It is a client of the engine's API
// besides, for those who bring images into it.
type Engine struct {
	*client.Client
	provider *testcontainers.DockerProvider
	about    EngineFacts
}

// Facts is what the engine says of itself.
func (e *Engine) Facts() EngineFacts { return e.about }

// Connect finds the engine that testcontainers-go would use. Its error is
// [ErrNoEngine] if none answers.
func Connect(ctx context.Context) (*Engine, error) {
	if err := answers(ctx); err != nil && os.Getenv(client.EnvOverrideHost) != "" {
		// testcontainers-go would quietly go on to another engine.
		return nil, fmt.Errorf(
			"%w at %s=%s: %w",
			ErrNoEngine,
			client.EnvOverrideHost,
			os.Getenv(client.EnvOverrideHost),
			err,
		)
	}
	if err := settle(); err != nil {
		return nil, err
	}
	provider, err := testcontainers.NewDockerProvider(testcontainers.WithLogger(tclog.NewNoopLogger()))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoEngine, err)
	}
	docker, ok := provider.Client().(*testcontainers.DockerClient)
	if !ok {
		return nil, fmt.Errorf("testcontainers-go gave a client of type %T", provider.Client())
	}
	provider.SetClient(keptOpen{docker})
	e := &Engine{Client: docker.Client, provider: provider}
	version, err := e.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoEngine, err)
	}
	e.about = EngineFacts{
		Name: byDocker, Version: version.Version, API: e.ClientVersion(), Arch: version.Arch, Host: e.DaemonHost(),
	}
	for _, component := range version.Components {
		if component.Name == "Podman Engine" {
			e.about.Name = byPodman
		}
	}
	return e, nil
}

// keptOpen is a client that is not closed. testcontainers-go closes its client
// after every call, and with it connections on which another call has not read the
// engine's answer yet: a container has then started, and is said to have not. What
// is idle closes by itself.
type keptOpen struct{ client.APIClient }

func (keptOpen) Close() error { return nil }

// answerTimeout is how long an engine may take to say that it is there.
const answerTimeout = 5 * time.Second

// answers asks the engine that the environment names whether it is there and
// recent enough.
func answers(ctx context.Context) error {
	c, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // only connections that are idle
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	_, err = c.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	return err
}

// settle does once what testcontainers-go keeps for the whole process: it is to say
// nothing on its own, and to start no reaper.
var settle = sync.OnceValue(func() error {
	tclog.SetDefault(tclog.NewNoopLogger())
	return leaveReaper()
})

// leaveReaper sees to it that testcontainers-go starts no reaper for what is ours, which
// ends by itself and is swept. The setting is read once in a process: whoever started
// containers before keeps his own, and ours are reaped with them.
func leaveReaper() error {
	const variable = "TESTCONTAINERS_RYUK_DISABLED"
	if os.Getenv(variable) != "" {
		return nil
	}
	return os.Setenv(variable, "true")
}
