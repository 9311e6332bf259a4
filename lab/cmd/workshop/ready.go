package workshop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/learn"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Ready is one thing that a workshop needs of a machine.
type Ready struct {
	Name, Found, Do string
	OK, Optional    bool
}

// Readiness says whether a machine is ready for a workshop, without a network.
func Readiness(ctx context.Context) []Ready {
	all := []Ready{programs(ctx)}
	var missing []string
	for _, l := range learn.Languages() {
		if what := l.Missing(); what != "" {
			missing = append(missing, what)
		}
	}
	language := Ready{
		Name:     "languages",
		OK:       len(missing) < len(learn.Languages()),
		Found:    "the programs of exercise 01 can be run",
		Optional: true,
	}
	if !language.OK {
		language.Found, language.Do = "neither "+strings.Join(
			missing,
			" nor ",
		), "install one, or do the others: each stands alone"
	}
	return append(all, language, container(ctx), directory(), Ready{
		Name: "exercises", OK: true, Found: fmt.Sprintf("%d, of which %d need nothing but this command", count(), alone()),
	})
}

// alone is how many exercises need nothing else.
func alone() (n int) {
	for _, e := range exercises.All() {
		if e.Needs == "" {
			n++
		}
	}
	return n
}

// programs are what audits are made by.
func programs(ctx context.Context) Ready {
	r := Ready{Name: "programs", OK: true, Found: "carried by this command"}
	if images.Carrying() {
		return r
	}
	found, err := images.FindToolchain(ctx)
	switch {
	case err != nil:
		return Ready{
			Name:  r.Name,
			Found: "this command carries none, and " + err.Error(),
			Do:    "use the one file of make dist",
		}
	case found.TooOld():
		return Ready{
			Name: r.Name, Found: "this command carries none, and " + found.Version + " is too old to compile them",
			Do: "use the one file of make dist",
		}
	}
	r.Found = "compiled by " + found.Version + " when they are first needed"
	return r
}

// container says whether exercise 11 can be done with its image.
func container(ctx context.Context) Ready {
	r := Ready{Name: "nginx", Optional: true}
	engine, err := sandbox.Connect(ctx)
	if err != nil {
		r.Found, r.Do = "no engine answers", "none is needed: exercise 11 has a form for processes"
		return r
	}
	p, err := foreign.FromGallery("nginx", wire.Server)
	if err == nil {
		r.OK, err = p.BuiltIn(ctx, engine)
	}
	switch {
	case err != nil:
		r.Found = err.Error()
	case r.OK:
		r.Found = "the image of exercise 11 is at hand"
	default:
		r.Found = "its image, of exercise 11, is not in the engine yet"
		r.Do = "mtlslab bundle load FILE; with a network it is built when first needed"
	}
	return r
}

// directory says whether a workshop can be unpacked here.
func directory() Ready {
	r := Ready{Name: "directory", OK: true}
	here, err := os.Getwd()
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(here, ".mtlslab-"); err == nil {
			_ = probe.Close()
			_ = os.Remove(probe.Name())
		}
	}
	if err != nil {
		return Ready{Name: r.Name, Found: err.Error(), Do: "go to a directory of your own"}
	}
	r.Found = filepath.Join(here, DefaultDir)
	return r
}
