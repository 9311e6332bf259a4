package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab"
)

func newImages() *cobra.Command {
	var tag string
	cmd := &cobra.Command{
		Use:   "images",
		Short: "Build the images of the server and the client into the engine",
		Long: `Build the images of the server and the client into the engine, where it does
not have them already. The same source always gives the same digest.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			show := newNarrator(cmd)
			show.progress("building the images, if need be")
			began := time.Now()
			made, err := lab.BuildImages(cmd.Context(), tag)
			if err != nil {
				return err
			}
			if show.json {
				return printJSON(show.out, struct {
					Format int            `json:"format"`
					Images []images.Image `json:"images"`
				}{1, made})
			}
			show.images(made, time.Since(began))
			return nil
		},
	}
	cmd.Flags().StringVar(&tag, "tag", "dev", "second name of each image, mtlslab/NAME:TAG, as compose.yaml uses it")
	return cmd
}

func newClean() *cobra.Command {
	var withImages bool
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove everything your labs have left in the engine",
		Long: `Remove every container, network and volume that your labs have made in the
engine, those of labs that still run included. They are known by their label.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			removed, err := lab.Clean(cmd.Context())
			if err != nil {
				return err
			}
			var names []string
			if withImages {
				if names, err = lab.RemoveImages(cmd.Context()); err != nil {
					return err
				}
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), struct {
					Format  int           `json:"format"`
					Removed lab.Leftovers `json:"removed"`
					Images  []string      `json:"images,omitempty"`
				}{1, removed, names})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", removed)
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
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look at what the lab needs on this machine",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			checks := examine(cmd)
			if wantsJSON(cmd) {
				if err := printJSON(cmd.OutOrStdout(), struct {
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
					return errInconclusive
				}
			}
			return nil
		},
	}
}

func examine(cmd *cobra.Command) []check {
	checks := []check{program("go", "install Go 1.26 or later, https://go.dev/dl", false)}
	engine, left, err := lab.Examine(cmd.Context())
	if err != nil {
		return append(checks, check{
			Name: "engine", Found: err.Error(),
			Do: "start one (apt-get install docker.io), or set DOCKER_HOST; without one `mtlslab run` uses processes",
		})
	}
	checks = append(checks, check{
		Name: "engine", OK: true,
		Found: fmt.Sprintf("%s, API %s, %s, at %s", engine.Version, engine.API, engine.Arch, engine.Host),
	})
	leftovers := check{Name: "leftovers", OK: left.Total() == 0, Found: left.String(), optional: true}
	if !leftovers.OK {
		leftovers.Do = "they may belong to labs that run now; otherwise: mtlslab clean"
	}
	return append(checks, leftovers, compose(cmd.Context()), program("openssl", "only to look at certificates by hand", true))
}

func program(name, do string, optional bool) check {
	path, err := exec.LookPath(name)
	if err != nil {
		return check{Name: name, Found: "not on the PATH", Do: do, optional: optional}
	}
	return check{Name: name, OK: true, Found: path, optional: optional}
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
