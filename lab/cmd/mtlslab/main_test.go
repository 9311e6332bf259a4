package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// TestMain makes the command available to scripts and to tests that need it as
// a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mtlslab": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}})
}

// TestScripts runs testdata/script. Each script is a user at a terminal, with
// an owner of its own, so that `mtlslab clean` cleans up after it alone.
func TestScripts(t *testing.T) {
	t.Parallel()
	module, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			setEnvironment(env, module)
			return oldEngine(env)
		},
		Condition: func(condition string) (bool, error) {
			if condition != "engine" {
				return false, fmt.Errorf("unknown condition %q", condition)
			}
			return haveEngine(t), nil
		},
	})
}

// setEnvironment gives a script what the command needs to find its source and an engine.
func setEnvironment(env *testscript.Env, module string) {
	for _, name := range []string{
		"HOME", "XDG_CACHE_HOME", "GOCACHE", "GOPATH", "GOPROXY", "GOMODCACHE", "DOCKER_HOST",
	} {
		if value, ok := os.LookupEnv(name); ok {
			env.Setenv(name, value)
		}
	}
	env.Setenv("MODULE", module)
	env.Setenv("MTLSLAB_OWNER", "script-"+filepath.Base(env.WorkDir))
}

// haveEngine fails the test rather than say no where an engine is required.
func haveEngine(t testing.TB) bool {
	if testing.Short() {
		return false
	}
	_, err := sandbox.Connect(context.Background())
	if err != nil && os.Getenv("MTLSLAB_REQUIRE_ENGINE") == "1" {
		t.Errorf("MTLSLAB_REQUIRE_ENGINE=1: %v", err)
	}
	return err == nil
}

// oldEngine listens where $OLD_ENGINE says and speaks an API from 2016.
func oldEngine(env *testscript.Env) error {
	socket := filepath.Join(env.WorkDir, "engine.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Api-Version", "1.24")
		w.Header().Set("Ostype", "linux")
		_, _ = w.Write([]byte(`{"ApiVersion":"1.24","Version":"1.12.0","Os":"linux","Arch":"amd64"}`))
	})}
	go server.Serve(listener) //nolint:errcheck // it ends with the script
	env.Defer(func() { _ = server.Close() })
	env.Setenv("OLD_ENGINE", "unix://"+socket)
	return nil
}
