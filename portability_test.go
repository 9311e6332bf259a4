package mtlslab_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// platforms are those on which the command line is to run. Containers are of Linux
// wherever the engine is.
var platforms = []string{
	"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64",
}

// TestPortable compiles and vets everything for each platform. With -short it compiles the
// command line alone, for one of each system: a standard library that was never compiled
// for a platform takes a minute.
func TestPortable(t *testing.T) {
	t.Parallel()
	for i, platform := range platforms {
		steps := [][]string{{"build", "-o", os.DevNull, "./lab/cmd/mtlslab"}}
		switch {
		case testing.Short() && i%2 == 1:
			continue
		case !testing.Short():
			steps = [][]string{{"vet", "./..."}, {"build", "./..."}}
		}
		for _, step := range steps {
			system, architecture, _ := strings.Cut(platform, "/")
			cmd := exec.CommandContext(t.Context(), "go", step...)
			cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+architecture, "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: go %s: %v\n%s", platform, strings.Join(step, " "), err, out)
			}
		}
	}
}
