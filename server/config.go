package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// config is what flags and environment say.
type config struct {
	listen     string
	metrics    string // host:port; nowhere if empty
	material   string
	allow      []string
	minVersion uint16

	handshakeTimeout time.Duration
	idleTimeout      time.Duration
	drain            time.Duration
	lifetime         time.Duration // zero: none
	untilEOF         bool
	reach            []string // host:port

	maxConnections int
	maxMessage     int // bytes

	json    bool
	probe   bool
	version bool
}

// limitFlags are those of time, of number, and of what the server tries.
func (c *config) limitFlags(fs *flag.FlagSet) {
	fs.DurationVar(
		&c.handshakeTimeout,
		"handshake-timeout",
		5*time.Second,
		"longest `time` from accept to the end of the handshake",
	)
	fs.DurationVar(&c.idleTimeout, "idle-timeout", time.Minute, "longest `time` that a whole message may take to come")
	fs.DurationVar(&c.drain, "drain", 5*time.Second, "longest `time` that stopping may take")
	fs.DurationVar(&c.lifetime, "lifetime", 0, "`time` after which the server stops by itself; 0 is never")
	fs.BoolVar(
		&c.untilEOF,
		"until-eof",
		false,
		"stop when standard input ends, as it does when whoever started the server is gone; needs -material -",
	)
	fs.Func(
		"reach",
		"`address` to try to reach, host:port, and to tell what came of it; several with commas or by repeating",
		func(s string) error {
			for address := range strings.SplitSeq(s, ",") {
				if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
					return fmt.Errorf("%q is not host:port", address)
				}
				c.reach = append(c.reach, address)
			}
			return nil
		},
	)
	fs.IntVar(
		&c.maxConnections,
		"max-connections",
		1024,
		"most connections at once; when full, the oldest that is not authenticated gives way",
	)
	fs.IntVar(&c.maxMessage, "max-message", wire.MaxMessage, "most `bytes` in a message")
}

func (c *config) flagSet() *flag.FlagSet {
	fs := flag.NewFlagSet("server", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	fs.StringVar(&c.listen, "listen", ":"+wire.DefaultPort, "`address` to listen on")
	fs.StringVar(
		&c.material,
		"material",
		"",
		"`directory` with ca.crt, tls.crt and tls.key, watched for changes, or - for a tar of them on "+
			"standard input, and another there whenever they change; required",
	)
	fs.StringVar(&c.metrics, "metrics", "", "`address` to answer Prometheus on, plain HTTP, at /metrics (default nowhere)")
	fs.Func(
		"allow",
		"`identity` to accept, a URI or DNS name; several with commas or by repeating (default every verified client)",
		func(s string) error {
			for name := range strings.SplitSeq(s, ",") {
				if name = strings.TrimSpace(name); name == "" {
					return errors.New("an empty identity")
				}
				c.allow = append(c.allow, name)
			}
			return nil
		},
	)
	fs.Func("min-version", "lowest TLS `version` to accept, 1.2 or 1.3 (default 1.2)", func(s string) (err error) {
		c.minVersion, err = wire.ParseVersion(s)
		return err
	})
	c.limitFlags(fs)
	fs.Func("log", "`form` of the output, text or json (default text)", func(form string) error {
		c.json = form == "json"
		if !c.json && form != "text" {
			return errors.New("choose text or json")
		}
		return nil
	})
	fs.BoolVar(&c.probe, "probe", false, "see whether a server at -listen answers and demands a certificate, and exit")
	fs.BoolVar(&c.version, wire.VersionFlag, false, "print the version and exit")
	return fs
}

// parseFlags reads flags first, then the environment for those not given.
func parseFlags(args []string, lookup func(string) (string, bool)) (config, *flag.FlagSet, error) {
	var c config
	fs := c.flagSet()
	if err := fs.Parse(args); err != nil {
		return c, fs, err
	}
	if c.version {
		return c, fs, nil
	}
	if err := wire.SetFromEnvironment(fs, lookup); err != nil {
		return c, fs, err
	}
	if fs.NArg() > 0 {
		return c, fs, fmt.Errorf("argument %q: the server takes flags only", fs.Arg(0))
	}
	return c, fs, c.check()
}

func (c *config) check() error {
	for _, address := range []struct{ flag, value string }{{"listen", c.listen}, {"metrics", c.metrics}} {
		_, port, err := net.SplitHostPort(address.value)
		if address.value == "" && address.flag == "metrics" {
			continue
		}
		if err != nil {
			return fmt.Errorf("-%s %q: give host:port or :port", address.flag, address.value)
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("-%s %q: the port must be a number from 0 to 65535", address.flag, address.value)
		}
	}
	if c.material == "" && !c.probe {
		return errors.New("-material is required: a directory, or - for a tar on standard input")
	}
	if c.untilEOF && c.material != wire.Stdin {
		return errors.New("-until-eof: needs -material -, or standard input means nothing")
	}
	for _, limit := range []struct {
		name  string
		value time.Duration
	}{{"handshake-timeout", c.handshakeTimeout}, {"idle-timeout", c.idleTimeout}, {"drain", c.drain}} {
		if limit.value <= 0 {
			return fmt.Errorf("-%s %v: must be more than nothing", limit.name, limit.value)
		}
	}
	switch {
	case c.lifetime < 0:
		return fmt.Errorf("-lifetime %v is negative", c.lifetime)
	case c.maxConnections < 1:
		return fmt.Errorf("-max-connections %d: must be at least 1", c.maxConnections)
	case c.maxMessage < 1 || c.maxMessage > wire.MaxMessage:
		return fmt.Errorf("-max-message %d: must be from 1 to %d", c.maxMessage, wire.MaxMessage)
	}
	return nil
}

func printHelp(w io.Writer, fs *flag.FlagSet) {
	_, _ = io.WriteString(w, "server takes messages from clients that it has verified, prints them and answers\n"+
		"each with a receipt.\n\n"+
		"    server -material DIR [flags]\n\n"+
		"SIGHUP, and any change of the directory, reload the material; what cannot be\n"+
		"loaded leaves the old in use. SIGTERM drains and stops, a second one at once.\n\n"+
		"A message is a line of UTF-8. The last needs no newline: it ends with the\n"+
		"client's close_notify. After two seconds of silence in mid-line the client is\n"+
		"asked whether that was all, by the server's own close_notify; only if it answers\n"+
		"with its own is the line a message, one without a receipt. A connection that\n"+
		"just ends delivers nothing of its last line.\n\n"+
		"Flags, each with the variable that is read where the flag is not given:\n"+
		wire.DescribeFlags(fs)+
		"\nExit codes: 0 stopped, 1 bad material or address, 2 usage.\n")
}
