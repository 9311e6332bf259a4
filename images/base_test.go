package images_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/images"
)

// A fakeRegistry is an engine that has no image, and whose registry answers as its fields say.
type fakeRegistry struct {
	images.BaseEngine        // what it does not do itself
	err               error  // of the request
	answer            string // a message a line
	silent            bool   // whether there is no answer
	has               bool   // whether the engine has the image
	pulls             int
}

func (f *fakeRegistry) ImageInspect(
	context.Context,
	string,
	...client.ImageInspectOption,
) (client.ImageInspectResult, error) {
	if !f.has {
		return client.ImageInspectResult{}, errdefs.ErrNotFound
	}
	var result client.ImageInspectResult
	result.ID, result.Size = "sha256:1", 7
	return result, nil
}

func (f *fakeRegistry) ImagePull(
	ctx context.Context,
	_ string,
	_ client.ImagePullOptions,
) (client.ImagePullResponse, error) {
	f.pulls++
	if f.silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if f.err != nil {
		return nil, f.err
	}
	f.has = !strings.Contains(f.answer, "error")
	return pullAnswer{ReadCloser: io.NopCloser(strings.NewReader(f.answer))}, nil
}

// ServerVersion is of an engine that no Debian can be made for, so that nothing is made.
func (*fakeRegistry) ServerVersion(context.Context, client.ServerVersionOptions) (client.ServerVersionResult, error) {
	return client.ServerVersionResult{Os: "plan9"}, nil
}

// A pullAnswer is read, and not asked in any of the other ways.
type pullAnswer struct {
	io.ReadCloser
	client.ImagePullResponse
}

func (p pullAnswer) Read(b []byte) (int, error) { return p.ReadCloser.Read(b) }
func (p pullAnswer) Close() error               { return p.ReadCloser.Close() }

func TestBase(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		has   bool
		made  string
		pulls int
	}{
		{"there already", true, images.MadeCached, 0},
		{"out of a registry", false, images.MadePulled, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			engine := fakeRegistry{
				has:    tt.has,
				answer: `{"status":"Pulling from library/debian"}` + "\n" + `{"status":"Done"}`,
			}
			if has, err := images.HasBase(t.Context(), &engine); err != nil || has != tt.has || engine.pulls > 0 {
				t.Errorf("has it: %t, %v, after %d pulls", has, err, engine.pulls)
			}
			got, err := new(images.Builder).Base(t.Context(), &engine, nil)
			if err != nil {
				t.Fatal(err)
			}
			got.Took = 0
			want := images.BaseImage{Ref: "debian:bookworm-slim", Digest: "sha256:1", Size: 7, Made: tt.made}
			if got != want || engine.pulls != tt.pulls {
				t.Errorf("got %+v after %d pulls, want %+v after %d", got, engine.pulls, want, tt.pulls)
			}
		})
	}
}

// Pull tells that it begins, and its error is the engine's own.
func TestPull(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, answer, says string // no says means pulled
	}{
		{"pulled", `{"status":"Done"}`, ""},
		{"refused", `{"errorDetail":{"message":"manifest unknown"}}`, "manifest unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var told []string
			err := images.Pull(
				t.Context(),
				&fakeRegistry{answer: tt.answer},
				"shop:1",
				func(line string) { told = append(told, line) },
			)
			if (err == nil) != (tt.says == "") || err != nil && err.Error() != tt.says {
				t.Errorf("got %v, want %q", err, tt.says)
			}
			if len(told) != 1 || told[0] != "pulling shop:1" {
				t.Errorf("told %q", told)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := images.Pull(ctx, &fakeRegistry{silent: true}, "shop:1", func(string) { cancel() }); !errors.Is(
		err,
		context.Canceled,
	) {
		t.Errorf("interrupted: %v", err)
	}
	if err := images.Pull(t.Context(), &fakeRegistry{answer: `{"status":"Done"}`}, "shop:1", nil); err != nil {
		t.Errorf("with nobody to tell: %v", err)
	}
}

// Where no registry gives the image and it cannot be made either, both reasons are told.
func TestBaseWithoutRegistry(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		engine fakeRegistry
		says   string
	}{
		{"no registry", fakeRegistry{err: errors.New("no such host")}, "no such host"},
		{
			"a registry that breaks off",
			fakeRegistry{answer: `{"status":"x"}` + "\n" + `{"error":"toomanyrequests"}`},
			"toomanyrequests",
		},
		{"a registry that is silent", fakeRegistry{silent: true}, "no registry has answered"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var told []string
			_, err := images.BaseTest{
				Ref:      images.BaseRef,
				Patience: time.Millisecond * 50,
			}.Ensure(
				t.Context(),
				&tt.engine,
				func(line string) {
					told = append(told, line)
				},
			)
			if err == nil {
				t.Fatal("got an image out of nowhere")
			}
			for _, part := range []string{tt.says, "plan9"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not say %q: %v", part, err)
				}
			}
			if lines := strings.Count(err.Error(), "\n") + 1; lines > 3 {
				t.Errorf("the error has %d lines:\n%v", lines, err)
			}
			if len(told) != 2 || !strings.Contains(told[1], "from Debian's packages") {
				t.Errorf("told %q", told)
			}
		})
	}
}

func TestBaseStopsWhenTold(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := new(images.Builder).Base(ctx, &fakeRegistry{silent: true}, func(string) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestAble(t *testing.T) {
	t.Parallel()
	there := func(string) (string, error) { return "/usr/sbin/debootstrap", nil }
	absent := func(string) (string, error) { return "", exec.ErrNotFound }
	tests := []struct {
		name       string
		os, arch   string
		uid        int
		lookPath   func(string) (string, error)
		engineOS   string
		engineArch string
		says       string // empty means able
	}{
		{"root on amd64", "linux", "amd64", 0, there, "linux", "amd64", ""},
		{"root on arm64", "linux", "arm64", 0, there, "linux", "arm64", ""},
		{"no debootstrap", "linux", "amd64", 0, absent, "linux", "amd64", "apt-get install -y debootstrap"},
		{"not root", "linux", "amd64", 1000, there, "linux", "amd64", "only root"},
		{"another system", "darwin", "arm64", 0, there, "linux", "arm64", "only Linux"},
		{"another machine than the engine's", "linux", "amd64", 0, there, "linux", "arm64", "the engine is of arm64"},
		{"an unknown architecture", "linux", "riscv64", 0, there, "linux", "riscv64", "only amd64"},
		{"an engine of Windows", "linux", "amd64", 0, there, "windows", "amd64", "windows"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := images.Able(tt.os, tt.arch, tt.uid, tt.lookPath, tt.engineOS, tt.engineArch)
			if tt.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, tt.says)
			}
		})
	}
}

// noRegistry is a real engine that cannot pull.
type noRegistry struct{ *client.Client }

func (noRegistry) ImagePull(context.Context, string, client.ImagePullOptions) (client.ImagePullResponse, error) {
	return nil, errors.New("no registry in this test")
}

// bootstrapping returns an engine, if this host can run debootstrap, and looks at the end for what is left behind.
func bootstrapping(t *testing.T) noRegistry {
	t.Helper()
	engine := noRegistry{realEngine(t)}
	version, err := engine.ServerVersion(t.Context(), client.ServerVersionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := images.AbleHere(version.Os, version.Arch); err != nil {
		lacks(t, err)
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Cleanup(func() {
		entries, err := os.ReadDir(tmp)
		if err != nil || len(entries) != 0 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
		mounts, err := os.ReadFile("/proc/self/mounts")
		if err != nil || strings.Contains(string(mounts), tmp) {
			t.Errorf("something is still mounted in %s, %v", tmp, err)
		}
	})
	return engine
}

// lacks skips a test of what this host cannot do, unless all must be tested.
func lacks(t *testing.T, why error) {
	t.Helper()
	if os.Getenv("MTLSLAB_REQUIRE_TOOLS") == "1" {
		t.Fatalf("MTLSLAB_REQUIRE_TOOLS=1: %v", why)
	}
	t.Skip(why)
}

// TestBaseOfDebiansPackages makes the whole image, which takes a minute or more;
// `make base` does the same where the image is missing.
func TestBaseOfDebiansPackages(t *testing.T) {
	if testing.Short() || os.Getenv("MTLSLAB_TEST_BASE") != "1" && os.Getenv("MTLSLAB_REQUIRE_TOOLS") != "1" {
		t.Skip("takes half a minute or more; MTLSLAB_TEST_BASE=1 asks for it, and so does MTLSLAB_REQUIRE_TOOLS=1")
	}
	engine := bootstrapping(t)
	needMirror(t)
	ref := "mtlslab-images-test:" + hello().Name
	discard(t, engine.Client, ref)
	for _, want := range []string{images.MadeDebootstrap, images.MadeCached} {
		made, err := images.BaseTest{Ref: ref}.Ensure(t.Context(), engine, func(line string) { t.Log(line) })
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v", made)
		if made.Made != want {
			t.Errorf("made %q, want %q", made.Made, want)
		}
		if limit := int64(120 << 20); made.Size > limit {
			t.Errorf("%d bytes, more than %d", made.Size, limit)
		}
	}
	inspected, err := engine.ImageInspect(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if got := inspected.Config.Cmd; len(got) != 1 || got[0] != "bash" {
		t.Errorf("the command is %q", got)
	}
	if code := exitCode(t, engine.Client, ref,
		"sh", "-c", "grep -q '^deb .* bookworm main' /etc/apt/sources.list && apt-get --version"); code != 0 {
		t.Errorf("a container of it ends with %d", code)
	}
}

// needMirror skips a test where Debian's packages cannot be had.
func needMirror(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(
		ctx,
		http.MethodHead,
		images.DebianMirror+"/dists/bookworm/InRelease",
		nil,
	)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		lacks(t, fmt.Errorf("no mirror of Debian: %w", err))
	}
	_ = answer.Body.Close()
}

func TestBaseWithoutMirror(t *testing.T) {
	engine := bootstrapping(t)
	_, err := images.BaseTest{
		Ref:    "mtlslab-images-test:never",
		Mirror: "http://127.0.0.1:1/debian",
	}.Ensure(
		t.Context(),
		engine,
		nil,
	)
	if err == nil {
		t.Fatal("Debian was made of nothing")
	}
	if !strings.Contains(err.Error(), "http://127.0.0.1:1/debian") {
		t.Errorf("the error does not name the mirror: %v", err)
	}
	if lines := strings.Count(err.Error(), "\n") + 1; lines > 3 {
		t.Errorf("the error has %d lines:\n%v", lines, err)
	}
}

// Interrupted in the middle, it leaves no file and no mount.
func TestBaseInterrupted(t *testing.T) {
	engine := bootstrapping(t)
	needMirror(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := images.BaseTest{Ref: "mtlslab-images-test:never"}.Ensure(ctx, engine, func(line string) {
		if strings.HasPrefix(line, "fetching") {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
