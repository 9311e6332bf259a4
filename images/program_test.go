package images_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mtlslab/mtlslab/images"
)

// withProgram is a build context that holds a program.
func withProgram(from, body string) fstest.MapFS {
	return fstest.MapFS{
		"Dockerfile":           {Data: []byte("FROM " + from + "\nCOPY program /program\n")},
		"_program/main.go":     {Data: []byte("package main\n\nfunc main() { " + body + " }\n")},
		"_program/program.mod": {Data: []byte("module program\n\ngo 1.24\n")},
		"_program/program.sum": {},
	}
}

// A program is compiled before its image is built, and is no part of the image's name.
func TestProgramOfABuild(t *testing.T) {
	t.Parallel()
	engine := fakeBuilder{ids: map[string]string{"base": "sha256:base"}}
	for range 2 {
		if _, err := new(images.Builder).Build(t.Context(), &engine, "x", withProgram("base", ""), nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(engine.builds) != 1 {
		t.Errorf("%d builds, want one", len(engine.builds))
	}
	var names []string
	for archive := tar.NewReader(bytes.NewReader(engine.given)); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
		if header.Name != "program" {
			continue
		}
		magic := make([]byte, 4)
		if _, err := io.ReadFull(archive, magic); err != nil || string(magic) != "\x7fELF" || header.Mode != 0o755 {
			t.Errorf("%s begins with %q, mode %o", header.Name, magic, header.Mode)
		}
	}
	if last := names[len(names)-1]; last != "program" {
		t.Errorf("the context is %v, with no program", names)
	}
}

// A program of a published module is compiled as that says, but for what takes the place of one of its files.
func TestProgramOfAModule(t *testing.T) {
	t.Parallel()
	const named = "github.com/fsnotify/fsnotify@v1.10.1 ./cmd/fsnotify"
	for name, test := range map[string]struct{ module, file, text, want string }{
		"as it is":   {module: named},
		"replaced":   {module: named, file: "cmd/fsnotify/main.go", text: "package main; func main() {}", want: "undefined"},
		"elsewhere":  {module: named, file: "cmd/none.go", want: "cmd/none.go takes the place of no file of"},
		"no program": {module: "github.com/fsnotify/fsnotify@v1.10.1", want: "_program"},
		"no version": {module: "github.com/fsnotify/fsnotify@v0.0.0-none", want: "v0.0.0-none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := fakeBuilder{ids: map[string]string{"base": "sha256:base"}}
			files := fstest.MapFS{
				"Dockerfile":      {Data: []byte("FROM base\nCOPY program /program\n")},
				"_program/module": {Data: []byte(test.module + "\n")},
			}
			if test.file != "" {
				files["_program/in-place-of/"+test.file] = &fstest.MapFile{Data: []byte(test.text)}
			}
			_, err := new(images.Builder).Build(t.Context(), &engine, "x", files, nil)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q, or none if that is empty", err, test.want)
			}
			if (err == nil) != (len(engine.builds) == 1) {
				t.Errorf("%d builds", len(engine.builds))
			}
		})
	}
}

func TestProgramThatDoesNotCompile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ from, body, want string }{
		"a fault":  {from: "base", body: "undeclared()", want: "undefined"},
		"scratch":  {from: "scratch", body: "", want: "starts from no image"},
		"a module": {from: "base", body: "} import \"example.test/none\"; func other() {", want: "_program"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := fakeBuilder{ids: map[string]string{"base": "sha256:base"}}
			_, err := new(images.Builder).Build(t.Context(), &engine, "x", withProgram(test.from, test.body), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			if len(engine.builds) > 0 {
				t.Error("an image was built without its program")
			}
		})
	}
}
