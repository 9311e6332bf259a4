package images

import (
	"cmp"
	"embed"
	"fmt"
	"path"
	"regexp"
	"slices"
)

// A Source is a program that is built from mtlslab's own module, or from another.
type Source struct {
	// Name is what the program and its image are called. The image is mtlslab/Name, so it is made of lower-case letters
	// and digits, with single hyphens between them.
	Name string

	// Module is the module that it is built from, PATH@VERSION, with what its own go.mod and go.sum say; empty means
	// mtlslab's own.
	Module string

	// Package is its main package as `go build` takes it in the root directory of the module, such as "./server".
	Package string

	// Like is the name of the program in [Own] whose Dockerfile makes the image; empty means Name. The image differs from
	// that program's by the binary and the label mtlslab.image alone, which is what a peer broken on purpose needs.
	Like string
}

// Init is the program that is copied into the containers of other images.
var Init = Source{Name: "init", Package: "./lab/init"}

// StepCA is smallstep's authority, which stands on more than a hundred modules: it is built where it is needed, and
// nothing carries it.
var StepCA = Source{
	Name: "step-ca", Module: "github.com/smallstep/certificates@v0.30.2", Package: "./cmd/step-ca",
}

// own is the one place that lists the programs that have an image, each with its Dockerfile
// in the directory of its name.
var own = []Source{
	{Name: "server", Package: "./server"},
	{Name: "client", Package: "./client"},
	{Name: "mint", Package: "./lab/cmd/mint"},
	{Name: "adversary", Package: "./lab/adversary"},
}

//go:embed */Dockerfile
var dockerfiles embed.FS

// Own returns mtlslab's own programs that have an image.
func Own() []Source { return slices.Clone(own) }

var validName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// complete returns the sources, or those of [Own] if there are none, after checking that they can be told apart.
func complete(sources []Source) ([]Source, error) {
	if len(sources) == 0 {
		return Own(), nil
	}
	seen := map[string]bool{}
	for _, s := range sources {
		switch {
		case !validName.MatchString(s.Name):
			return nil, fmt.Errorf(
				"source %q: the name must be lower-case letters and digits, with single hyphens between",
				s.Name,
			)
		case seen[s.Name]:
			return nil, fmt.Errorf("source %q: given twice", s.Name)
		case !validBase(s.base()):
			return nil, fmt.Errorf("source %q: package %q does not end in the name of a directory", s.Name, s.Package)
		}
		seen[s.Name] = true
	}
	return sources, nil
}

// base is what `go build` calls the program.
func (s Source) base() string { return path.Base(s.Package) }

func validBase(base string) bool { return base != "." && base != ".." && base != "/" }

// dockerfile returns what the source's image is made by.
func (s Source) dockerfile() (dockerfile, error) {
	file := path.Join(cmp.Or(s.Like, s.Name), "Dockerfile")
	text, err := dockerfiles.ReadFile(file)
	if err != nil {
		return dockerfile{}, fmt.Errorf(
			"source %q: there is no images/%s; set Like to the name of a program that has one",
			s.Name,
			file,
		)
	}
	return parseDockerfile("images/"+file, string(text))
}
