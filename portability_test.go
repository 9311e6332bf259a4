package mtlslab_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// platforms are of each system on which the command line is to run, and of both architectures. Of
// each system one is enough: no file is of one architecture alone. Containers are of Linux wherever
// the engine is.
var platforms = []string{"linux/arm64", "darwin/arm64", "windows/amd64"}

// TestPortable compiles and vets everything for each platform. With -short it compiles the
// command line alone: a standard library that was never compiled for a platform takes a minute.
func TestPortable(t *testing.T) {
	t.Parallel()
	step := []string{"vet", "./..."}
	if testing.Short() {
		step = []string{"build", "-o", os.DevNull, "./lab/cmd/mtlslab"}
	}
	for _, platform := range platforms {
		system, architecture, _ := strings.Cut(platform, "/")
		cmd := exec.CommandContext(t.Context(), "go", step...)
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+architecture, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: go %s: %v\n%s", platform, strings.Join(step, " "), err, out)
		}
	}
}
