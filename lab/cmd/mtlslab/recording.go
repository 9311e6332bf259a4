package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/capture"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/console"
)

// recording is what goes over a lab's network, with the secrets by which it can be read, if that
// was asked for. Its zero value records nothing.
type recording struct {
	path string
	out  *cli.Output
	file *capture.File
	stop func() // reading frames
}

func (r *recording) register(flags *pflag.FlagSet, further string) {
	flags.StringVar(&r.path, "capture", "", "also write what goes over the network to this file, pcapng, with the "+
		"secrets by which it can be read"+further)
}

// open opens the file, and has the lab tell secrets.
func (r *recording) open(cfg *lab.Config) (err error) {
	if r.path == "" {
		return nil
	}
	if r.out, err = cli.OpenOutput(r.path); err != nil {
		return cli.UsageError{Err: fmt.Errorf("--capture: %w", err)}
	}
	r.file = new(capture.File)
	cfg.Secrets = r.file
	return nil
}

// begin reads frames from now on. An error says why that cannot be.
func (r *recording) begin(ctx context.Context, facts lab.Facts, loud io.Writer) error {
	if r.file == nil {
		return nil
	}
	fmt.Fprintf(loud, "mtlslab: --capture: the secrets of every session go into %s\n", r.path)
	if facts.Interface == "" {
		return errors.New("--capture: the peers' network is not an interface of this machine: " +
			"its engine is elsewhere, or is Podman")
	}
	reading, cancel := context.WithCancel(ctx)
	wait, err := r.file.Interface(reading, facts.Interface)
	if err != nil {
		cancel()
		return fmt.Errorf("--capture: %w; it wants Linux, and root or CAP_NET_RAW, where the engine runs", err)
	}
	r.stop = func() {
		cancel()
		wait()
	}
	return nil
}

// end writes the file.
func (r *recording) end(show *narrator) error {
	if r.file == nil {
		return nil
	}
	r.stop()
	r.file.KeepOpened()
	err := r.out.Write(func(w io.Writer) error {
		_, err := r.file.WriteTo(w)
		return err
	})
	if err != nil {
		return fmt.Errorf("--capture: %w", err)
	}
	show.line(
		"capture",
		fmt.Sprintf("%s: %s, and the secrets to read them by; they are of certificates that die with this run",
			r.path, console.Plural(r.file.Frames(), "frame")),
		0,
	)
	return nil
}

// discard leaves no file where none was written.
func (r *recording) discard() {
	if r.out != nil {
		r.out.Discard()
	}
	if r.stop != nil {
		r.stop()
	}
}
