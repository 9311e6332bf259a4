package main

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// peerFlags say which peer is meant: one of an adapter's file, one of the
// gallery, or an HTTPS server that takes its files by path.
type peerFlags struct {
	adapter string
	gallery string

	ca, cert, key string
	port          int
	env           []string
	command       []string
}

func (p *peerFlags) register(flags *pflag.FlagSet, role wire.Role) {
	flags.StringVar(&p.adapter, "adapter", "", "file that says how the image is run; mtlslab adapter init writes one")
	flags.StringVar(&p.gallery, "peer", "", "peer of the gallery, such as "+map[wire.Role]string{wire.Server: "nginx", wire.Client: "curl"}[role])
	if role == wire.Client {
		return
	}
	flags.IntVar(&p.port, "port", 443, "of an image without an adapter: where it listens for HTTPS")
	flags.StringVar(&p.ca, "ca-file", "", "where it reads the roots that it trusts")
	flags.StringVar(&p.cert, "cert-file", "", "where it reads its chain")
	flags.StringVar(&p.key, "key-file", "", "where it reads its key")
	flags.StringArrayVar(&p.env, "env", nil, "variable of its environment, NAME=VALUE; may be repeated")
	flags.StringArrayVar(&p.command, "command", nil, "word of its command, in place of the image's; may be repeated")
}

// peer is the peer that is meant, and the command that means it. The zero Peer
// is our own.
func (p *peerFlags) peer(role wire.Role, args []string) (lab.Peer, string, error) {
	command := "mtlslab audit " + string(role)
	switch {
	case p.adapter != "" && p.gallery != "":
		return lab.Peer{}, "", errors.New("--adapter or --peer, not both")
	case p.gallery != "" && len(args) > 0:
		return lab.Peer{}, "", errors.New("--peer has an image of its own: give no other")
	case p.gallery != "":
		peer, err := galleryPeer(p.gallery, role)
		return peer, command + " --peer " + p.gallery, err
	case p.adapter != "":
		peer, err := p.fromFile(role, args)
		return peer, strings.Join(append([]string{command, "--adapter", quoted(p.adapter)}, args...), " "), err
	case len(args) > 0:
		peer, err := p.fromFlags(role, args[0])
		return peer, command + p.asFlags() + " " + quoted(args[0]), err
	case p.ca != "" || p.cert != "" || p.key != "" || len(p.env) > 0 || len(p.command) > 0:
		return lab.Peer{}, "", errors.New("these flags are of an image: name it")
	default:
		return lab.Peer{}, "", nil
	}
}

func (p *peerFlags) fromFile(role wire.Role, args []string) (lab.Peer, error) {
	a, err := readAdapter(p.adapter)
	if err != nil {
		return lab.Peer{}, fmt.Errorf("--adapter: %w", err)
	}
	if a.Role != role {
		return lab.Peer{}, fmt.Errorf("%s: it is of a %s: mtlslab audit %[2]s", p.adapter, a.Role)
	}
	if len(args) > 0 {
		a.Image, a.Build = args[0], ""
	}
	return lab.Peer{Adapter: a}, nil
}

// fromFlags makes an adapter of flags, for the commonest of servers.
func (p *peerFlags) fromFlags(role wire.Role, image string) (lab.Peer, error) {
	if role == wire.Client {
		return lab.Peer{}, errors.New("a client needs an adapter, which says how it is called: mtlslab adapter init client")
	}
	if p.ca == "" || p.cert == "" || p.key == "" {
		return lab.Peer{}, errors.New("give --ca-file, --cert-file and --key-file, where the image reads them; or --adapter")
	}
	a := &adapter.Adapter{
		Name: nameOf(image), Role: role, Image: image, Port: p.port, Speaks: adapter.HTTP, Command: p.command,
		Material: adapter.Material{Files: adapter.Layout{CA: p.ca, Cert: p.cert, Key: p.key}}, Env: make(map[string]string),
	}
	for _, pair := range p.env {
		name, value, found := strings.Cut(pair, "=")
		if !found {
			return lab.Peer{}, fmt.Errorf("--env %q: want NAME=VALUE", pair)
		}
		a.Env[name] = value
	}
	return lab.Peer{Adapter: a}, a.Check()
}

func (p *peerFlags) asFlags() string {
	words := []string{"", "--port", strconv.Itoa(p.port), "--ca-file", quoted(p.ca), "--cert-file", quoted(p.cert), "--key-file", quoted(p.key)}
	for _, pair := range p.env {
		words = append(words, "--env", quoted(pair))
	}
	for _, word := range p.command {
		words = append(words, "--command", quoted(word))
	}
	return strings.Join(words, " ")
}

// nameOf is what a peer is called whose image is known alone.
func nameOf(image string) string {
	base, _, _ := strings.Cut(path.Base(image), "@")
	base, _, _ = strings.Cut(base, ":")
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(base))
	return strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == '-' }), "-")
}

// quoted is a word as a shell reads it.
func quoted(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,", r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func atMostOneImage(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return usageError{fmt.Errorf("%s takes one image, got %q; see %s --help", cmd.CommandPath(), args, cmd.CommandPath())}
}

// galleryPeer is the peer of that name which comes with mtlslab.
func galleryPeer(name string, role wire.Role) (lab.Peer, error) {
	all, err := lab.Gallery()
	if err != nil {
		return lab.Peer{}, err
	}
	var names []string
	for _, p := range all {
		if p.Adapter.Role != role {
			continue
		}
		if p.Adapter.Name == name || p.Adapter.BuildName() == name {
			return p, nil
		}
		names = append(names, p.Adapter.BuildName())
	}
	return lab.Peer{}, fmt.Errorf("--peer %q: the gallery has no such %s; choose from %s", name, role, strings.Join(names, ", "))
}
