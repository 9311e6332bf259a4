package images_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/images"
)

// buildKitAlone is a real engine without its first builder.
type buildKitAlone struct{ *client.Client }

func (b buildKitAlone) ImageBuild(
	ctx context.Context,
	files io.Reader,
	options client.ImageBuildOptions,
) (client.ImageBuildResult, error) {
	if options.Version == build.BuilderV1 {
		return client.ImageBuildResult{}, errors.New("no such builder")
	}
	return b.Client.ImageBuild(ctx, files, options)
}

// builders are an engine in two ways.
func builders(engine *client.Client) map[string]images.BuildEngine {
	return map[string]images.BuildEngine{"first": engine, "buildkit": buildKitAlone{engine}}
}

func TestBuildInAnEngine(t *testing.T) {
	t.Parallel()
	engine, source := realEngine(t), hello()
	base, err := images.Ensure(t.Context(), engine, source)
	if err != nil {
		t.Fatal(err)
	}
	discard(t, engine, base[0].Ref)
	for name, builder := range builders(engine) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := oneFile(source.Name)
			files["Dockerfile"] = &fstest.MapFile{
				Data: []byte("FROM " + base[0].Ref + "\nCOPY etc/file /file\nRUN [\"/server\"]\n"),
			}
			for _, wantCached := range []bool{false, true} {
				var told []string
				made, err := new(images.Builder).Build(
					t.Context(),
					builder,
					source.Name+"-"+name,
					files,
					func(line string) { told = append(told, line) },
				)
				if err != nil {
					t.Fatal(err)
				}
				discard(t, engine, made.Ref)
				t.Logf("%+v %q", made, told)
				if made.Cached != wantCached {
					t.Errorf("cached %t, want %t", made.Cached, wantCached)
				}
				if !wantCached && !slices.ContainsFunc(told, func(line string) bool { return strings.Contains(line, "RUN ") }) {
					t.Errorf("nothing is told of the last step: %q", told)
				}
				inspected, err := engine.ImageInspect(t.Context(), made.Ref)
				if err != nil {
					t.Fatal(err)
				}
				if inspected.ID != made.Digest || inspected.Size != made.Size ||
					inspected.Config.Labels["mtlslab.image"] != made.Name {
					t.Errorf("the engine has %s, %d bytes, labels %v", inspected.ID, inspected.Size, inspected.Config.Labels)
				}
				if code := exitCode(t, engine, made.Ref); code != 0 {
					t.Errorf("a container of the image ends with %d", code)
				}
			}
		})
	}
}

// The error of a failed build is its step and its last words, and not its log.
func TestBuildFailsInAnEngine(t *testing.T) {
	t.Parallel()
	engine, source := realEngine(t), hello()
	source.Package = "./images/testdata/fails"
	base, err := images.Ensure(t.Context(), engine, source)
	if err != nil {
		t.Fatal(err)
	}
	discard(t, engine, base[0].Ref)
	for name, builder := range builders(engine) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{"Dockerfile": {Data: []byte("FROM " + base[0].Ref + "\nRUN [\"/server\"]\n")}}
			made, err := new(images.Builder).Build(t.Context(), builder, source.Name+"-"+name, files, nil)
			if err == nil {
				discard(t, engine, made.Ref)
				t.Fatal("a program that failed was taken for one that did not")
			}
			for _, part := range []string{source.Name, "step 2/", ", RUN [\"/server\"]: ", ": 3", "what went wrong", "line 99"} {
				if part == ": 3" && name == "first" {
					part = "exit code 3"
				}
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not say %q:\n%v", part, err)
				}
			}
			if lines := strings.Count(err.Error(), "\n") + 1; lines > 6 {
				t.Errorf("the error has %d lines:\n%v", lines, err)
			}
		})
	}
}

func TestExplainBuild(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		outputs []string
		step    string
		lines   []string
	}{
		{"nothing", nil, "", nil},
		{"a step without output", []string{"Step 1/2 : RUN x", "\n", " ---> Running in 1\n"}, "step 1/2, RUN x", nil},
		{
			"the second step",
			[]string{"Step 1/2 : RUN x\nold\n", "Step 2/2 : RUN y\nnew\n"},
			"step 2/2, RUN y",
			[]string{"new"},
		},
		{"lines in pieces", []string{"Step 1/1 : RUN x\nab", "c\nde", "f"}, "step 1/1, RUN x", []string{"abc", "def"}},
		{
			"colours",
			[]string{"Step 1/1 : RUN x\n", "\x1b[91mbad\n\x1b[0m", "Removing intermediate container 1\n"},
			"step 1/1, RUN x",
			[]string{"bad"},
		},
		{"a bar that grows", []string{"Step 1/1 : RUN x\n", "1%\r50%\r100%\r\n"}, "step 1/1, RUN x", []string{"100%"}},
		{
			"many lines",
			[]string{"Step 1/1 : RUN x\n", "1\n2\n3\n4\n5\n6\n7\n"},
			"step 1/1, RUN x",
			[]string{"3", "4", "5", "6", "7"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var outputs [][]byte
			for _, output := range tt.outputs {
				outputs = append(outputs, []byte(output))
			}
			step, lines, err := images.ExplainBuild(outputs, nil, errors.New("failed"))
			if step != tt.step || !slices.Equal(lines, tt.lines) {
				t.Errorf("got %q and %q, want %q and %q", step, lines, tt.step, tt.lines)
			}
			if !strings.Contains(err.Error(), "failed") {
				t.Errorf("the error hides its cause: %v", err)
			}
		})
	}
}

func FuzzExplainBuild(f *testing.F) {
	f.Add([]byte("Step 1/2 : RUN x\nab\r\n"), []byte("\x1b[91mbad\n"), []byte{})
	f.Add([]byte{}, []byte{}, []byte("\x0a\x14\x0a\x01d\x1a\x0b[1/2] RUN x\x2a\x00\x1a\x08\x0a\x01d\x22\x03hi\n"))
	f.Fuzz(func(t *testing.T, one, two, trace []byte) {
		_, lines, err := images.ExplainBuild([][]byte{one, two}, [][]byte{trace}, errors.New("failed"))
		if len(lines) > 5 {
			t.Errorf("%d lines", len(lines))
		}
		for _, line := range lines {
			if utf8.RuneCountInString(line) > 200 || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n") {
				t.Errorf("line %q", line)
			}
		}
		if !strings.Contains(err.Error(), "failed") {
			t.Errorf("the error hides its cause: %v", err)
		}
	})
}

func FuzzBases(f *testing.F) {
	f.Add("FROM debian:bookworm-slim AS x\nFROM x\n")
	f.Add("RUN a \\\nfrom b\n")
	f.Fuzz(func(t *testing.T, text string) {
		bases, _ := images.Bases(fstest.MapFS{"Dockerfile": {Data: []byte(text)}})
		for _, base := range bases {
			if base == "" || strings.ContainsAny(base, " \n$") {
				t.Errorf("base %q", base)
			}
		}
	})
}
