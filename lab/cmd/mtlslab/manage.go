package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/cmd/workshop"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// validTag is what may stand behind the colon of an image's name.
var validTag = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

func newImages() *cobra.Command {
	var tag string
	cmd := &cobra.Command{
		Use:   "images",
		Short: "Build the images of mtlslab's own programs into the engine",
		Long: `Build the images of mtlslab's own programs into the engine, where it does not
have them already: server, client, mint, which makes the material of
compose.yaml, and adversary. The same source always gives the same digest.`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if tag != "" && !validTag.MatchString(tag) {
				return cli.UsageError{
					Err: fmt.Errorf(
						"--tag %q: want letters, digits, dots, hyphens and underscores, at most 128, the first a letter, "+
							"a digit or an underscore",
						tag,
					),
				}
			}
			show := newNarrator(cmd)
			show.progress("building the images, if need be")
			began := time.Now()
			made, err := buildImages(cmd.Context(), tag)
			if err != nil {
				return err
			}
			if show.json {
				return cli.PrintJSON(show.out, struct {
					Format int            `json:"format"`
					Images []images.Image `json:"images"`
				}{1, made})
			}
			show.images(made, time.Since(began))
			return nil
		},
	}
	cmd.Flags().StringVar(
		&tag,
		"tag",
		"dev",
		"second name of each image, mtlslab/NAME:TAG, as compose.yaml uses it; none if empty",
	)
	return cmd
}

// buildImages brings the images of all our own programs into the engine, and gives them
// the tag as a second name unless it is empty.
func buildImages(ctx context.Context, tag string) ([]images.Image, error) {
	engine, err := sandbox.Connect(ctx)
	if err != nil {
		return nil, err
	}
	made, err := images.Ensure(ctx, engine)
	if err != nil || tag == "" {
		return made, err
	}
	return made, images.Tag(ctx, engine, tag, made...)
}

func newClean() *cobra.Command {
	var withImages bool
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove everything your labs have left in the engine",
		Long: `Remove every container, network and volume that your labs have made in the
engine, those of labs that still run included. They are known by their label.`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			engine, err := sandbox.Connect(cmd.Context())
			if err != nil {
				return err
			}
			removed, err := engine.Clean(cmd.Context())
			if err != nil && cmd.Context().Err() != nil {
				err = cli.UnfinishedError{Err: err}
			}
			if err != nil {
				return err
			}
			var names []string
			if withImages { // of which those that are in use stay
				names, err = images.Prune(cmd.Context(), engine)
			}
			if cli.WantsJSON(cmd) {
				return errors.Join(err, cli.PrintJSON(cmd.OutOrStdout(), struct {
					Format  int               `json:"format"`
					Removed sandbox.Leftovers `json:"removed"`
					Images  []string          `json:"images,omitempty"`
				}{1, removed, names}))
			}
			fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", removed)
			for _, name := range names {
				fmt.Fprintf(cmd.OutOrStdout(), "removed image %s\n", name)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&withImages, "images", false, "remove mtlslab's images too")
	return cmd
}

// check is one thing that the lab needs, or could use.
type check struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	Do    string `json:"do,omitempty"` // what to do about it

	optional bool
}

func newDoctor() *cobra.Command {
	var forWorkshop bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at what the lab needs on this machine",
		Args:  cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			checks := examineFor(cmd, forWorkshop)
			if cli.WantsJSON(cmd) {
				if err := cli.PrintJSON(cmd.OutOrStdout(), struct {
					Format int     `json:"format"`
					Checks []check `json:"checks"`
				}{1, checks}); err != nil {
					return err
				}
			} else {
				show := newNarrator(cmd)
				for _, c := range checks {
					show.check(c)
				}
			}
			for _, c := range checks {
				if !c.OK && !c.optional {
					return cli.ErrInconclusive
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&forWorkshop, "workshop", false,
		"look whether this machine is ready for mtlslab learn, without a network")
	return cmd
}

// examineFor looks at what a lab needs, or a workshop.
func examineFor(cmd *cobra.Command, forWorkshop bool) (checks []check) {
	if !forWorkshop {
		return examine(cmd)
	}
	for _, r := range workshop.Readiness(cmd.Context()) {
		checks = append(checks, check{Name: r.Name, OK: r.OK, Found: r.Found, Do: r.Do, optional: r.Optional})
	}
	return checks
}

// examineEngine tells which engine answers, and what the caller's labs have in it.
func examineEngine(ctx context.Context) (*sandbox.Engine, sandbox.Leftovers, error) {
	engine, err := sandbox.Connect(ctx)
	if err != nil {
		return nil, sandbox.Leftovers{}, err
	}
	left, err := engine.Left(ctx)
	return engine, left, err
}

func examine(cmd *cobra.Command) []check {
	ctx := cmd.Context()
	checks := toolchain(ctx)
	engine, left, err := examineEngine(ctx)
	if err != nil {
		return append(checks, check{
			Name: "engine", Found: err.Error(),
			Do: "start one (apt-get install docker.io), or set DOCKER_HOST; without one `mtlslab run` uses processes",
		})
	}
	facts := engine.Facts()
	checks = append(checks, check{
		Name: "engine", OK: true,
		Found: fmt.Sprintf("%s %s, API %s, %s, at %s", facts.Name, facts.Version, facts.API, facts.Arch, facts.Host),
	})
	for _, what := range facts.Cannot() {
		checks = append(checks, check{Name: "cannot", Found: what, optional: true})
	}
	leftovers := check{Name: "leftovers", OK: left.Total() == 0, Found: left.String(), optional: true}
	if !leftovers.OK {
		leftovers.Do = "they may belong to labs that run now; otherwise: mtlslab clean"
	}
	checks = append(checks, leftovers)
	checks = append(checks, base(ctx, engine)...)
	return append(checks, compose(ctx), program("openssl", "only to look at certificates by hand"))
}

// installGo is what to do without the least version that go.mod names.
const installGo = "install Go 1.26 or later, https://go.dev/dl"

// toolchain looks at what the peers are built with and of.
func toolchain(ctx context.Context) []check {
	if images.Carrying() {
		return []check{{Name: "programs", OK: true, Found: "carried by this command, which needs neither Go nor source"}}
	}
	found, err := images.FindToolchain(ctx)
	goes := check{Name: "go", OK: !found.TooOld(), Found: found.Version}
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return []check{{Name: "go", Found: "not on the PATH", Do: installGo}}
	case found.Version == "":
		return []check{{Name: "go", Found: err.Error(), Do: installGo}}
	case found.TooOld():
		goes.Found, goes.Do = fmt.Sprintf("%s, and go.mod wants %s", found.Version, found.Wants), installGo
	}
	source := check{Name: "source", OK: err == nil, Found: found.Source}
	if err != nil {
		source.Found = err.Error()
	}
	return []check{goes, source}
}

// base looks at what the gallery's images start from, and if it is missing, at
// whether it can be made here.
func base(ctx context.Context, engine *sandbox.Engine) []check {
	has, err := images.HasBase(ctx, engine)
	switch {
	case err != nil:
		return []check{{Name: "base", Found: err.Error(), optional: true}}
	case has:
		return []check{{Name: "base", OK: true, Found: images.BaseRef, optional: true}}
	}
	made := check{Name: "debootstrap", OK: true, Found: "can make it where no registry answers", optional: true}
	if err := images.CanMakeBase(engine.Facts().Arch); err != nil {
		made.OK, made.Found, made.Do = false, err.Error(), "only where no registry gives "+images.BaseRef
	}
	return []check{{
		Name: "base", Found: "the engine has no " + images.BaseRef,
		Do: "only the gallery needs it: mtlslab base", optional: true,
	}, made}
}

// program looks for one that is not needed.
func program(name, do string) check {
	path, err := exec.LookPath(name)
	if err != nil {
		return check{Name: name, Found: "not on the PATH", Do: do, optional: true}
	}
	return check{Name: name, OK: true, Found: path, optional: true}
}

func compose(ctx context.Context) check {
	c := check{Name: "compose", optional: true}
	for _, command := range [][]string{{"docker", "compose", "version"}, {"docker-compose", "version"}} {
		if exec.CommandContext(ctx, command[0], command[1:]...).Run() == nil { //nolint:gosec // two fixed commands
			c.OK, c.Found = true, command[0]
			if command[1] == "compose" {
				c.Found = "docker compose"
			}
			return c
		}
	}
	c.Found, c.Do = "not found", "only compose.yaml needs it"
	return c
}

var howMade = map[string]string{
	images.MadeCached: "there already", images.MadePulled: "pulled", images.MadeDebootstrap: "made of Debian's packages",
}

func newBase() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "base",
		Short: "Bring debian:bookworm-slim into the engine, pulled or made here",
		Long: `Bring debian:bookworm-slim into the engine, from which the gallery's images
start: it is pulled, or where no registry gives it, made of Debian's packages,
which takes root, debootstrap and a minute.`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			engine, err := sandbox.Connect(cmd.Context())
			if check && errors.Is(err, sandbox.ErrNoEngine) {
				return nil // then nothing is built from it
			}
			if err != nil {
				return err
			}
			if check {
				return checkBase(cmd.Context(), engine)
			}
			tell := func(text string) { fmt.Fprintf(cmd.ErrOrStderr(), "mtlslab: %s\n", text) }
			made, err := new(images.Builder).Base(cmd.Context(), engine, tell)
			if err != nil {
				return err
			}
			if cli.WantsJSON(cmd) {
				return cli.PrintJSON(cmd.OutOrStdout(), made)
			}
			_, err = fmt.Fprintf(
				cmd.OutOrStdout(),
				"%s: %s, %.1f MB, %.19s\n",
				made.Ref,
				howMade[made.Made],
				float64(made.Size)/1e6,
				made.Digest,
			)
			return err
		},
	}
	cmd.Flags().BoolVar(
		&check,
		"check",
		false,
		"only see whether the image is there, can be pulled or can be made, and say what is wanting",
	)
	return cmd
}

// checkBase says in one line what to install where the image is missing, cannot be made and
// cannot be pulled.
func checkBase(ctx context.Context, engine *sandbox.Engine) error {
	has, err := images.HasBase(ctx, engine)
	if has || err != nil {
		return err
	}
	wanting := images.CanMakeBase(engine.Facts().Arch)
	if wanting == nil || images.Pull(ctx, engine, images.BaseRef, func(string) {}) == nil {
		return nil
	}
	return fmt.Errorf("the engine has no %s, and no registry gives it: %w", images.BaseRef, wanting)
}
