package adapter_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mtlslab/mtlslab/lab/adapter"
)

// TestGallery reads every adapter that comes with mtlslab.
func TestGallery(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../images/peers/*/*.yaml")
	manuals, failed := filepath.Glob("../../images/[ms]*/*.yaml") // manuals, and clients that stay
	if err != nil || failed != nil || len(paths) == 0 || len(manuals) == 0 {
		t.Fatalf("adapters: %v, %v; %v, %v", paths, err, manuals, failed)
	}
	paths = append(paths, manuals...)
	for _, path := range paths {
		a, err := adapter.ReadFile(path)
		if err == nil {
			err = a.CheckBuild(os.DirFS(a.BuildDir()))
		}
		if err != nil {
			t.Error(err)
		}
	}
}
