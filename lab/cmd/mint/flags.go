package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
)

func parseFlags(args []string) (pair, *flag.FlagSet, error) {
	p := pair{dns: []string{"server"}}
	given := false
	fs := flag.NewFlagSet("mint", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	fs.StringVar(&p.server, "server", "", "`directory` for the server's material; required")
	fs.StringVar(&p.client, "client", "", "`directory` for the client's material; required")
	fs.Func(
		"dns",
		"`name` that the client may dial the server by; several by repeating (default server)",
		func(name string) error {
			if !given {
				p.dns, given = nil, true
			}
			p.dns = append(p.dns, name)
			return nil
		},
	)
	fs.Func(
		"algorithm",
		"`kind` of every key: ecdsa-p256, ecdsa-p384, rsa-2048 or ed25519 (default ecdsa-p256)",
		func(kind string) (err error) {
			p.algorithm, err = pki.ParseAlgorithm(kind)
			return err
		},
	)
	fs.DurationVar(&p.validity, "validity", 24*time.Hour, "`time` that the certificates are good for")
	fs.BoolVar(
		&p.groupReads,
		"group-reads",
		false,
		"let the group of the process read the keys, mode 0640 in place of 0600",
	)
	if err := fs.Parse(args); err != nil {
		return p, fs, err
	}
	return p, fs, p.check(fs.Args())
}

func (p pair) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("argument %q: mint takes flags only", rest[0])
	case p.server == "" || p.client == "":
		return errors.New("-server and -client are required, a directory each")
	case filepath.Clean(p.server) == filepath.Clean(p.client):
		return errors.New("-server and -client must be two directories: neither may have the other's key")
	case p.validity < time.Minute:
		return fmt.Errorf("-validity %v: must be at least a minute", p.validity)
	}
	return nil
}

func printHelp(w io.Writer, fs *flag.FlagSet) {
	var b strings.Builder
	b.WriteString("mint makes the material of one server and one client, of a fresh authority.\n\n" +
		"    mint -server DIR -client DIR [flags]\n\n" +
		"Material that is whole, fits together and has half its life ahead is kept.\n" +
		"Otherwise both sides get new, of a new authority.\n\n" +
		"Flags:\n")
	fs.VisitAll(func(f *flag.Flag) {
		argument, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "  -%s\n        %s\n", strings.TrimSpace(f.Name+" "+argument), usage)
	})
	b.WriteString("\nExit codes: 0 both have material, 1 it cannot be made or written, 2 usage.\n")
	_, _ = io.WriteString(w, b.String())
}
