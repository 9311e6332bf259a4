package images_test

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mtlslab/mtlslab/images"
)

const minimal = "FROM scratch\nCOPY server /server\nUSER 1:1\nENTRYPOINT [\"/server\"]\n"

func TestParseDockerfile(t *testing.T) {
	t.Parallel()
	const text = "# a comment\r\n" +
		"from scratch\n\n" +
		"COPY  server\t/server\n" +
		"USER 65532:65532\n" +
		"EXPOSE 12345 53/udp\n" +
		"ENTRYPOINT [\"/server\", \"-v\"]\n" +
		"LABEL a=b c.d=\"e f=g\" \\\n" +
		"# a comment within\n" +
		"      h=\"\"\n" +
		"LABEL a=\"again\""
	from, to, config, err := images.ParseDockerfile("Dockerfile", text)
	if err != nil {
		t.Fatal(err)
	}
	if from != "server" || to != "/server" {
		t.Errorf("copies %q to %q, want server to /server", from, to)
	}
	want := ocispec.ImageConfig{
		User:         "65532:65532",
		ExposedPorts: map[string]struct{}{"12345/tcp": {}, "53/udp": {}},
		Entrypoint:   []string{"/server", "-v"},
		Labels:       map[string]string{"a": "again", "c.d": "e f=g", "h": ""},
	}
	if diff := cmp.Diff(want, config); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestParseDockerfileRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		where      string // what the error begins with
	}{
		{"nothing", "", "D:1: "},
		{"another base image", strings.Replace(minimal, "scratch", "debian", 1), "D:1: "},
		{"a named stage", strings.Replace(minimal, "scratch", "scratch AS x", 1), "D:1: "},
		{"an instruction before FROM", "ARG x\n" + minimal, "D:1: "},
		{"two stages", minimal + "FROM scratch\n", "D:5: "},
		{"an unknown instruction", minimal + "RUN true\n", "D:5: "},
		{"an unknown instruction, continued from above", minimal + "\nRUN a \\\n  b\n", "D:6: "},
		{"ADD", strings.Replace(minimal, "COPY", "ADD", 1), "D:2: "},
		{"an option of COPY", strings.Replace(minimal, "COPY", "COPY --chmod=755", 1), "D:2: "},
		{"COPY of the whole context", strings.Replace(minimal, "COPY server", "COPY .", 1), "D:2: "},
		{"COPY out of the context", strings.Replace(minimal, "COPY server", "COPY ../server", 1), "D:2: "},
		{"COPY into a directory", strings.Replace(minimal, "server /server", "server /bin/", 1), "D:2: "},
		{"COPY to a relative path", strings.Replace(minimal, "server /server", "server server", 1), "D:2: "},
		{"COPY to the parent of the root", strings.Replace(minimal, "server /server", "server /..", 1), "D:2: "},
		{"two COPY", minimal + "COPY client /client\n", "D:5: "},
		{"a user by name", strings.Replace(minimal, "1:1", "nobody", 1), "D:3: "},
		{"root", strings.Replace(minimal, "1:1", "0:1", 1), "D:3: "},
		{"root, spelt out", strings.Replace(minimal, "1:1", "00:1", 1), "D:3: "},
		{"no user, which is root", strings.Replace(minimal, "USER 1:1\n", "", 1), "D:4: "},
		{"no program", "FROM scratch\nUSER 1:1\nENTRYPOINT [\"/x\"]\n", "D:4: "},
		{"no entrypoint", "FROM scratch\nUSER 1:1\nCOPY x /x\n", "D:4: "},
		{"an entrypoint for a shell", strings.Replace(minimal, "[\"/server\"]", "/server", 1), "D:4: "},
		{"an empty entrypoint", strings.Replace(minimal, "[\"/server\"]", "[]", 1), "D:4: "},
		{"EXPOSE of nothing", minimal + "EXPOSE\n", "D:5: "},
		{"EXPOSE of no number", minimal + "EXPOSE https\n", "D:5: "},
		{"EXPOSE of a range", minimal + "EXPOSE 1-2\n", "D:5: "},
		{"EXPOSE of port 0", minimal + "EXPOSE 0\n", "D:5: "},
		{"EXPOSE of port 65536", minimal + "EXPOSE 65536\n", "D:5: "},
		{"EXPOSE of an unknown protocol", minimal + "EXPOSE 1/tls\n", "D:5: "},
		{"LABEL of nothing", minimal + "LABEL\n", "D:5: "},
		{"LABEL without a value", minimal + "LABEL key value\n", "D:5: "},
		{"LABEL with an open quote", minimal + "LABEL a=\"b\n", "D:5: "},
		{"LABEL with single quotes", minimal + "LABEL a='b c'\n", "D:5: "},
		{"a variable", minimal + "LABEL a=$B\n", "D:5: "},
		{"an escape", minimal + "LABEL a=\"\\n\"\n", "D:5: "},
		{"a parser directive", "# escape=`\n" + minimal, "D:1: "},
		{"a continued last line", minimal + "LABEL a=b \\\n", "D:5: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, _, err := images.ParseDockerfile("D", tt.text)
			if err == nil {
				t.Fatalf("accepted:\n%s", tt.text)
			}
			if !strings.HasPrefix(err.Error(), tt.where) {
				t.Errorf("error %q does not begin with %q", err, tt.where)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of more than one line: %q", err)
			}
		})
	}
}

// Every program has a Dockerfile and every Dockerfile a program; the two agree on what it is called.
func TestOwnDockerfiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, source := range append(images.Own(), images.StepCA) {
		names = append(names, source.Name)
	}
	for _, file := range files {
		name := filepath.Dir(file)
		if !slices.Contains(names, name) {
			t.Errorf("%s: no program of this name", file)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if name == images.StepCA.Name && !strings.Contains(string(text), images.StepCA.Module) {
			t.Errorf("%s: says nothing of %s", file, images.StepCA.Module)
		}
		from, to, config, err := images.ParseDockerfile(file, string(text))
		if err != nil {
			t.Error(err)
			continue
		}
		if from != name || to != "/"+name || !slices.Equal(config.Entrypoint, []string{to}) {
			t.Errorf("%s: copies %q to %q and runs %q", file, from, to, config.Entrypoint)
		}
		if config.User != "65532:65532" {
			t.Errorf("%s: USER %s", file, config.User)
		}
		if config.Labels["mtlslab.image"] != name {
			t.Errorf("%s: label mtlslab.image is %q", file, config.Labels["mtlslab.image"])
		}
	}
	if len(files) != len(names) {
		t.Errorf("Dockerfiles %q for programs %q", files, names)
	}
}

func FuzzParseDockerfile(f *testing.F) {
	f.Add(minimal)
	f.Add(minimal + "EXPOSE 12345\nLABEL a=b \\\n  c=\"d e\"\n")
	f.Add("# escape=`\nFROM scratch\n")
	f.Add("FROM scratch\nCOPY \\")
	f.Fuzz(func(t *testing.T, text string) {
		from, to, config, err := images.ParseDockerfile("D", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "D:") {
				t.Errorf("error %q does not name the file", err)
			}
			return
		}
		if from == "" || path.Base(from) != from || path.Dir(to) != "/" || path.Clean(to) != to {
			t.Errorf("copies %q to %q", from, to)
		}
		if len(config.Entrypoint) == 0 || config.User == "" || strings.HasPrefix(config.User, "0:") {
			t.Errorf("runs %q as %q", config.Entrypoint, config.User)
		}
		_, _, again, err := images.ParseDockerfile("D", text+"\n# a comment\n")
		if diff := cmp.Diff(config, again); err != nil || diff != "" {
			t.Errorf("a comment at the end changes the meaning: %v\n%s", err, diff)
		}
	})
}
