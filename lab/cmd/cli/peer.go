package cli

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// PeerFlags say which peer is meant: one of an adapter's file, one of the
// gallery, an HTTPS server that takes its files by path, or a client that runs as its image says.
type PeerFlags struct {
	adapter string
	gallery string

	host, speaks string // whom a client calls, and what it says

	ca, cert, key string
	ports         []int
	env           []string
	command       []string

	flags *pflag.FlagSet // which of them were given
}

// imageFlags are those of an image without an adapter, and the key of an adapter
// that says the same.
var imageFlags = []struct{ name, key string }{
	{"name", "command"},
	{"speaks", "speaks"},
	{"port", "port"},
	{"ca-file", "material.files.ca"},
	{"cert-file", "material.files.cert"},
	{"key-file", "material.files.key"},
	{"env", "env"},
	{"command", "command"},
}

// Register adds the flags of a peer of that role.
func (p *PeerFlags) Register(flags *pflag.FlagSet, role wire.Role) {
	p.flags = flags
	flags.StringVar(&p.adapter, "adapter", "", "file that says how the image is run; mtlslab adapter init writes one")
	flags.StringVar(
		&p.gallery,
		"peer",
		"",
		"peer of the gallery, such as "+map[wire.Role]string{wire.Server: "nginx", wire.Client: "curl"}[role],
	)
	port := "of an image without an adapter: where it listens for HTTPS; of another, only there"
	if role == wire.Client {
		port = "of an image without an adapter: where it calls"
		flags.StringVar(&p.host, "name", "", "of an image without an adapter: the host that it calls")
		flags.StringVar(
			&p.speaks,
			"speaks",
			string(adapter.HTTP),
			"of an image without an adapter: how it is answered, http or line",
		)
	}
	flags.IntSliceVar(&p.ports, "port", []int{443}, port)
	flags.StringVar(&p.ca, "ca-file", "", "where it reads the roots that it trusts")
	flags.StringVar(&p.cert, "cert-file", "", "where it reads its chain")
	flags.StringVar(&p.key, "key-file", "", "where it reads its key")
	flags.StringArrayVar(&p.env, "env", nil, "variable of its environment, NAME=VALUE; may be repeated")
	flags.StringArrayVar(&p.command, "command", nil, "word of its command, in place of the image's; may be repeated")
}

// Meant is a peer that the flags mean, and the command that means it alone: of our own there
// is none.
type Meant struct {
	Peer    peer.Peer
	Command string
}

// Peers are those that are meant: a server at each of its ports, unless --port chooses one.
func (p *PeerFlags) Peers(role wire.Role, args []string) ([]Meant, error) {
	if err := p.check(args); err != nil {
		return nil, err
	}
	var image foreign.Image
	var flags, named string
	var err error
	switch {
	case p.flags.Changed("peer"):
		if image, err = foreign.FromGallery(p.gallery, role); err != nil {
			err = fmt.Errorf("--peer %w", err)
		}
		flags = " --peer " + p.gallery
	case p.flags.Changed("adapter"):
		image, err = p.fromFile(role, args)
		flags = " --adapter " + Quoted(p.adapter)
	case len(args) > 0:
		image, err = p.fromFlags(role, args[0])
		flags = p.asFlags()
	default:
		return []Meant{{Peer: peer.Own{}}}, nil
	}
	if err != nil {
		return nil, err
	}
	if len(args) > 0 {
		named = " " + Quoted(args[0])
	}
	return p.atPorts(image, flags+named)
}

// atPorts are the image at each of its ports, or at that which is chosen.
func (p *PeerFlags) atPorts(image foreign.Image, words string) (all []Meant, err error) {
	each := image.Adapter.AtEach()
	known := p.flags.Changed("peer") || p.flags.Changed("adapter")
	for _, a := range each {
		one := Meant{foreign.Image{Adapter: a, Context: image.Context}, "mtlslab audit " + string(a.Role)}
		if !known && a.Role == wire.Server || len(each) > 1 {
			one.Command += " --port " + strconv.Itoa(a.At())
		}
		one.Command += words
		if !known || !p.flags.Changed("port") || slices.Contains(p.ports, a.At()) {
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("--port %s: %s listens at none of these", p.portList(), image.Adapter.Name)
	}
	return all, nil
}

// check says which flags do not go together. None is without effect.
func (p *PeerFlags) check(args []string) error {
	adapter, gallery := p.flags.Changed("adapter"), p.flags.Changed("peer")
	switch {
	case adapter && gallery:
		return errors.New("--adapter or --peer, not both")
	case adapter && p.adapter == "":
		return errors.New("--adapter: name a file; mtlslab adapter init writes one")
	case gallery && len(args) > 0:
		return errors.New("--peer has an image of its own: give no other")
	case len(args) > 0 && args[0] == "":
		return errors.New("the image has no name")
	}
	for _, flag := range imageFlags {
		switch {
		case !p.flags.Changed(flag.name), flag.name == "port" && (adapter || gallery):
		case adapter:
			return fmt.Errorf("--%s: an adapter says that itself; see %s in %s", flag.name, flag.key, p.adapter)
		case gallery:
			return fmt.Errorf("--%s: an adapter says that itself, that of --peer %s too", flag.name, p.gallery)
		case len(args) == 0:
			return fmt.Errorf("--%s is of an image: name the image", flag.name)
		}
	}
	return nil
}

func (p *PeerFlags) fromFile(role wire.Role, args []string) (foreign.Image, error) {
	return FromFile(p.adapter, role, args...)
}

// FromFile is the peer of that role of which a file says how it is run, with another image if one is
// given.
func FromFile(file string, role wire.Role, image ...string) (foreign.Image, error) {
	a, err := adapter.ReadFile(file)
	if err != nil {
		return foreign.Image{}, fmt.Errorf("--adapter: %w", err)
	}
	if a.Role != role {
		return foreign.Image{}, fmt.Errorf("%s: it is of a %s: mtlslab audit %[2]s", file, a.Role)
	}
	if len(image) > 0 {
		a.Image, a.Build = image[0], ""
	}
	if err := CheckBuild(file, a); err != nil {
		return foreign.Image{}, fmt.Errorf("--adapter: %w", err)
	}
	return foreign.Image{Adapter: a}, nil
}

// fromFlags makes an adapter of flags, for the commonest of servers, and for clients that nobody
// wants to configure.
func (p *PeerFlags) fromFlags(role wire.Role, image string) (foreign.Image, error) {
	if role == wire.Client {
		return p.asIs(image)
	}
	if p.ca == "" || p.cert == "" || p.key == "" {
		return foreign.Image{}, errors.New(
			"give --ca-file, --cert-file and --key-file, where the image reads them; or --adapter",
		)
	}
	a := adapter.HTTPS(image)
	if err := a.Check(); err != nil {
		return foreign.Image{}, fmt.Errorf("image %q: %w", image, err)
	}
	return foreign.Image{Adapter: a}, p.fill(a)
}

// asIs is a client that runs as its image says.
func (p *PeerFlags) asIs(image string) (foreign.Image, error) {
	switch {
	case p.host == "":
		return foreign.Image{}, errors.New(
			"give --name, the host that it calls, so that it runs as it is; or an adapter, " +
				"which says how it is called: mtlslab adapter init client",
		)
	case len(p.ports) != 1:
		return foreign.Image{}, fmt.Errorf("--port %s: want the one port that it calls", p.portList())
	case (p.cert == "") != (p.key == ""):
		return foreign.Image{}, errors.New("give --cert-file and --key-file together, or neither")
	}
	a := adapter.AsIs(image, p.host, p.ports[0], adapter.HTTP)
	if err := faultOf(a, "--port", p.portList()); err != nil {
		return foreign.Image{}, err
	}
	a.Speaks = adapter.Protocol(p.speaks)
	if err := faultOf(a, "--speaks", p.speaks); err != nil {
		return foreign.Image{}, err
	}
	return foreign.Image{Adapter: a}, p.fillRest(a)
}

// fill gives a good adapter what the flags say, one after the other, so that a
// fault is that of the flag after which there is one.
func (p *PeerFlags) fill(a *adapter.Adapter) error {
	a.Port, a.Ports = p.ports[0], p.ports[1:]
	if err := faultOf(a, "--port", p.portList()); err != nil {
		return err
	}
	return p.fillRest(a)
}

// fillRest gives it what the flags of both sides say.
func (p *PeerFlags) fillRest(a *adapter.Adapter) error {
	files := &a.Material.Files
	for _, file := range []struct {
		flag, path string
		to         *string
	}{{"--ca-file", p.ca, &files.CA}, {"--cert-file", p.cert, &files.Cert}, {"--key-file", p.key, &files.Key}} {
		if file.path == "" && a.Role == wire.Client {
			continue
		}
		if !path.IsAbs(file.path) || path.Clean(file.path) != file.path {
			return fmt.Errorf(
				"%s %s: want an absolute path without dots, where the image reads it",
				file.flag,
				Quoted(file.path),
			)
		}
		*file.to = file.path
		if err := faultOf(a, file.flag, file.path); err != nil {
			return err
		}
	}
	for _, pair := range p.env {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return fmt.Errorf("--env %s: want NAME=VALUE", Quoted(pair))
		}
		a.Env[name] = value
		if err := faultOf(a, "--env", pair); err != nil {
			return err
		}
	}
	for _, word := range p.command {
		a.Command = append(a.Command, word)
		if err := faultOf(a, "--command", word); err != nil {
			return err
		}
	}
	return nil
}

// faultOf is what is wrong with an adapter since a flag was heeded, without the
// key, which whoever gave the flag has not written.
func faultOf(a *adapter.Adapter, flag, value string) error {
	err := a.Check()
	if err == nil {
		return nil
	}
	if cause := errors.Unwrap(err); cause != nil {
		err = cause
	}
	return fmt.Errorf("%s %s: %w", flag, Quoted(value), err)
}

// portList are the ports as they are given.
func (p *PeerFlags) portList() string {
	words := make([]string, len(p.ports))
	for i, port := range p.ports {
		words[i] = strconv.Itoa(port)
	}
	return strings.Join(words, ",")
}

func (p *PeerFlags) asFlags() string {
	words := []string{""}
	if p.host != "" {
		words = append(words, "--name", Quoted(p.host), "--port", p.portList(), "--speaks", p.speaks)
	}
	for _, file := range []struct{ flag, path string }{
		{"--ca-file", p.ca}, {"--cert-file", p.cert}, {"--key-file", p.key},
	} {
		if file.path != "" {
			words = append(words, file.flag, Quoted(file.path))
		}
	}
	for _, pair := range p.env {
		words = append(words, "--env", Quoted(pair))
	}
	for _, word := range p.command {
		words = append(words, "--command", Quoted(word))
	}
	return strings.Join(words, " ")
}

// Quoted is a word as a shell reads it.
func Quoted(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,", r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// AtMostOneImage refuses a second argument.
func AtMostOneImage(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return UsageError{
		fmt.Errorf("%s takes one image, got %q; see %s --help", cmd.CommandPath(), args, cmd.CommandPath()),
	}
}

// CheckBuild looks at what the image of an adapter is built of, if it is.
func CheckBuild(name string, a *adapter.Adapter) error {
	if a.Build == "" {
		return nil
	}
	files := os.DirFS(a.BuildDir())
	if _, err := images.NeedsBase(files); err != nil {
		return fmt.Errorf("%s: build: %s: %w", name, a.BuildDir(), err)
	}
	return a.CheckBuild(files)
}
