package workshop

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// What is in a bundle, besides its contents.
const (
	bundleFormat = 1
	contentsFile = "bundle.json"
	imagesFile   = "images.tar"
	commandsDir  = "commands"
	pagesDir     = "pages"
)

// contents are what a bundle says of itself, which comes first.
type contents struct {
	Format   int      `json:"format"`
	Commands []string `json:"commands"` // mtlslab-linux-amd64, ...
	Images   []string `json:"images"`   // by which an engine knows them
}

// NewBundle is the command bundle.
func NewBundle() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bundle",
		Short: "All that a workshop needs in one file, for no network",
		Args:  cli.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSave(), newLoad())
	return cmd
}

// aFile is what both take.
const aFile = "one file, such as workshop.tar.gz"

func newSave() *cobra.Command {
	var dist string
	var peers []string
	cmd := &cobra.Command{
		Use:   "save FILE",
		Short: "Write the commands, the exercises' pages and images into one file",
		Long: `Write a file with the command for each system, as make dist made it, the pages
of the exercises, and, where an engine answers, the images that exercises and
audits need. mtlslab bundle load takes it apart, with no network.`,
		Args: exactly(aFile),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			out, err := cli.OpenOutput(args[0])
			if err != nil {
				return cli.UsageError{Err: err}
			}
			defer out.Discard()
			commands, err := commandsOf(dist)
			if err != nil {
				return cli.UsageError{Err: err}
			}
			refs, engine, err := gather(cmd, peers)
			if err != nil {
				return err
			}
			say := contents{Format: bundleFormat, Images: refs}
			for _, c := range commands {
				say.Commands = append(say.Commands, filepath.Base(c))
			}
			if err := out.Write(func(w io.Writer) error { return save(cmd.Context(), w, say, commands, engine) }); err != nil {
				return err
			}
			if cli.WantsJSON(cmd) {
				return cli.PrintJSON(cmd.OutOrStdout(), say)
			}
			p := page(cmd)
			p.Row("bundle", indent, "", args[0], 0)
			p.Row("commands", indent, "", strings.Join(say.Commands, ", "), 0)
			p.Row("images", indent, "", strings.Join(say.Images, ", "), 0)
			p.Row("pages", indent, "", console.Plural(count(), "exercise"), 0)
			return flush(cmd, p)
		},
	}
	cmd.Flags().StringVar(&dist, "dist", "dist", "directory of the commands, of make dist")
	cmd.Flags().StringSliceVar(&peers, "peer", []string{"nginx"}, "servers of the gallery whose images come along")
	return cmd
}

// commandsOf are the commands in a directory, or that which runs, if it can be used by itself.
func commandsOf(dist string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(dist, "mtlslab-*"))
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(file string) bool { return strings.HasSuffix(file, ".json") })
	if len(found) > 0 {
		return found, nil
	}
	own, err := os.Executable()
	if err != nil || !images.Carrying() {
		return nil, fmt.Errorf("%s has no commands: make dist, or name the directory by --dist", dist)
	}
	return []string{own}, nil
}

// gather has an engine bring the images that come along, and returns their names. Where none
// answers there are none.
func gather(cmd *cobra.Command, names []string) (refs []string, engine *sandbox.Engine, err error) {
	ctx := cmd.Context()
	engine, err = sandbox.Connect(ctx)
	if errors.Is(err, sandbox.ErrNoEngine) {
		fmt.Fprintln(cmd.ErrOrStderr(), "mtlslab: no engine answers, so no images come along")
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	l, err := lab.Start(ctx, lab.Config{Runtime: sandbox.Containers, Progress: func(what string) {
		fmt.Fprintln(cmd.ErrOrStderr(), "mtlslab:", what)
	}})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	for _, name := range names {
		p, err := foreign.FromGallery(name, wire.Server)
		if err != nil {
			return nil, nil, cli.UsageError{Err: fmt.Errorf("--peer: %w", err)}
		}
		product, err := l.Identify(ctx, p, wire.Server)
		if err != nil {
			return nil, nil, err
		}
		refs = append(refs, product.Image)
	}
	if has, err := images.HasBase(ctx, engine); err != nil || has {
		return append(refs, images.BaseRef), engine, err
	}
	return refs, engine, nil
}

// save writes the bundle.
func save(ctx context.Context, w io.Writer, say contents, commands []string, engine *sandbox.Engine) error {
	packed := gzip.NewWriter(w)
	all := tar.NewWriter(packed)
	about, err := json.MarshalIndent(say, "", "  ")
	if err != nil {
		return err
	}
	if err := add(all, contentsFile, 0o644, about); err != nil {
		return err
	}
	for _, file := range commands {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := add(all, path.Join(commandsDir, filepath.Base(file)), 0o755, content); err != nil {
			return err
		}
	}
	for _, e := range exercises.All() {
		if err := add(all, path.Join(pagesDir, e.ID+".md"), 0o644, []byte(e.Page)); err != nil {
			return err
		}
	}
	if len(say.Images) > 0 {
		if err := addImages(ctx, all, engine, say.Images); err != nil {
			return err
		}
	}
	return errors.Join(all.Close(), packed.Close())
}

// addImages has the engine save images, by way of a file, because a tar names sizes first.
func addImages(ctx context.Context, all *tar.Writer, engine *sandbox.Engine, refs []string) error {
	saved, err := engine.ImageSave(ctx, refs)
	if err != nil {
		return fmt.Errorf("saving images: %w", err)
	}
	defer saved.Close() //nolint:errcheck // read-only
	scratch, err := os.CreateTemp("", "mtlslab-bundle-")
	if err != nil {
		return err
	}
	defer os.Remove(scratch.Name()) //nolint:errcheck // the system removes it
	defer scratch.Close()           //nolint:errcheck // likewise
	size, err := io.Copy(scratch, saved)
	if err != nil {
		return fmt.Errorf("saving images: %w", err)
	}
	if _, err := scratch.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := all.WriteHeader(&tar.Header{Name: imagesFile, Mode: 0o644, Size: size}); err != nil {
		return err
	}
	_, err = io.Copy(all, scratch)
	return err
}

func add(all *tar.Writer, name string, mode int64, content []byte) error {
	if err := all.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := all.Write(content)
	return err
}

func newLoad() *cobra.Command {
	var into string
	cmd := &cobra.Command{
		Use:   "load FILE",
		Short: "Take such a file apart: command, pages and images",
		Long: `Take such a file apart: this system's command and the pages into a directory,
and the images into the engine, if one answers.`,
		Args: exactly(aFile),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := os.Open(args[0])
			if err != nil {
				return cli.UsageError{Err: err}
			}
			defer file.Close() //nolint:errcheck // read-only
			l := &loading{cmd: cmd, into: into, command: "mtlslab-" + runtime.GOOS + "-" + runtime.GOARCH}
			if runtime.GOOS == "windows" {
				l.command += ".exe"
			}
			if err := l.load(file); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return l.tell()
		},
	}
	cmd.Flags().StringVar(&into, "into", ".", "directory for the command and the pages")
	return cmd
}

// loading is a bundle that is being taken apart.
type loading struct {
	cmd     *cobra.Command
	into    string
	command string // this system's

	say     contents
	written []string
	loaded  bool // its images
	pages   int
}

// errNoBundle says that a file is none.
var errNoBundle = errors.New("it is no bundle that this mtlslab knows: make one by mtlslab bundle save")

func (l *loading) load(file io.Reader) error {
	packed, err := gzip.NewReader(file)
	if err != nil {
		return errNoBundle
	}
	all := tar.NewReader(packed)
	for {
		header, err := all.Next()
		if errors.Is(err, io.EOF) && l.say.Format == bundleFormat {
			return nil
		}
		if err != nil {
			return errors.Join(errNoBundle, err)
		}
		if l.say.Format != bundleFormat && header.Name != contentsFile {
			return errNoBundle
		}
		if err := l.take(header, all); err != nil {
			return err
		}
	}
}

// take takes one part of it. Parts that nobody knows are left.
func (l *loading) take(header *tar.Header, content io.Reader) error {
	dir, name := path.Split(header.Name)
	switch path.Clean(dir) {
	case ".":
		switch name {
		case contentsFile:
			return json.NewDecoder(content).Decode(&l.say)
		case imagesFile:
			return l.give(content)
		}
	case commandsDir:
		if name == l.command {
			return l.write(
				filepath.Join(l.into, strings.Replace(name, l.command, short(l.command), 1)),
				0o755,
				content,
			)
		}
	case pagesDir:
		l.pages++
		return l.write(filepath.Join(l.into, pagesDir, filepath.Base(name)), 0o644, content)
	}
	return nil
}

// short is the name under which a command is used.
func short(command string) string { return "mtlslab" + filepath.Ext(command) }

func (l *loading) write(at string, mode os.FileMode, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil { //nolint:gosec // for whoever is in the room
		return err
	}
	file, err := os.OpenFile(at+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(at+".new"))
	}
	l.written = append(l.written, at)
	return os.Rename(at+".new", at) // one that runs is replaced, not written to
}

// give gives the engine images, if there is one.
func (l *loading) give(archive io.Reader) error {
	engine, err := sandbox.Connect(l.cmd.Context())
	if errors.Is(err, sandbox.ErrNoEngine) {
		return nil // it is told
	}
	if err != nil {
		return err
	}
	answer, err := engine.ImageLoad(l.cmd.Context(), archive)
	if err != nil {
		return fmt.Errorf("loading images: %w", err)
	}
	defer answer.Close() //nolint:errcheck // read-only
	if _, err := io.Copy(io.Discard, answer); err != nil {
		return fmt.Errorf("loading images: %w", err)
	}
	l.loaded = true
	return nil
}

func (l *loading) tell() error {
	if cli.WantsJSON(l.cmd) {
		return cli.PrintJSON(l.cmd.OutOrStdout(), struct {
			Format  int      `json:"format"`
			Written []string `json:"written"`
			Images  []string `json:"images"` // that the engine has been given
		}{1, l.written, l.given()})
	}
	p := page(l.cmd)
	command := slices.IndexFunc(l.written, func(at string) bool { return filepath.Dir(at) == filepath.Clean(l.into) })
	if command >= 0 {
		p.Row("command", indent, "", l.written[command], 0)
	} else {
		p.Row("command", indent, "", fmt.Sprintf("the bundle has none for this system, %s; it has %s",
			l.command, strings.Join(l.say.Commands, ", ")), 0)
	}
	p.Row("pages", indent, "", filepath.Join(l.into, pagesDir), 0)
	switch {
	case l.loaded:
		p.Row("images", indent, "", strings.Join(l.say.Images, ", "), 0)
	case len(l.say.Images) > 0:
		p.Row("images", indent, "", "no engine answers, so they were left; exercises run on processes", 0)
	}
	p.Row("next", indent, "", "mtlslab doctor --workshop", 0)
	return flush(l.cmd, p)
}

func (l *loading) given() []string {
	if !l.loaded {
		return nil
	}
	return l.say.Images
}
