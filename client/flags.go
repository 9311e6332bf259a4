package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// config is what flags, environment and arguments say.
type config struct {
	connect    string // host:port
	serverName string
	material   string
	minVersion uint16
	maxVersion uint16
	timeout    time.Duration // zero: none
	lifetime   time.Duration // zero: none
	anonymous  bool          // present no certificate
	staple     bool          // the server must show an OCSP response
	echo       bool          // the message itself will do for a receipt
	json       bool
	keyLog     bool // tell the sessions' secrets
	version    bool
	messages   []string // none: lines of standard input

	every       time.Duration // between two messages of a stream; there is none if zero
	count       int           // of them; without end if zero
	connections string        // how they share connections
	metrics     string        // host:port at which Prometheus is answered; nowhere if empty
}

func (c *config) flagSet() *flag.FlagSet {
	fs := flag.NewFlagSet("client", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	fs.StringVar(&c.connect, "connect", "localhost:"+wire.DefaultPort, "`host:port` of the server")
	fs.StringVar(
		&c.serverName,
		"server-name",
		"",
		"DNS `name` or IP address that the server's certificate must hold (default the host of -connect)",
	)
	fs.StringVar(
		&c.material,
		"material",
		"",
		"`directory` with ca.crt, tls.crt and tls.key, or - for a tar of them on standard input; required",
	)
	fs.Func("min-version", "lowest TLS `version` to accept, 1.2 or 1.3 (default 1.2)", versionInto(&c.minVersion))
	fs.Func("max-version", "highest TLS `version` to offer, 1.2 or 1.3 (default 1.3)", versionInto(&c.maxVersion))
	fs.DurationVar(
		&c.timeout,
		"timeout",
		10*time.Second,
		"longest `time` that the exchange may take, begun anew by each line of standard input; 0 is for ever",
	)
	fs.DurationVar(
		&c.lifetime,
		"lifetime",
		0,
		"longest `time` that the process may live, waiting for material included; 0 is for ever",
	)
	fs.Func("log", "`form` of the output, text or json (default text)", func(form string) error {
		c.json = form == "json"
		if !c.json && form != "text" {
			return errors.New("choose text or json")
		}
		return nil
	})
	fs.BoolVar(&c.anonymous, "no-certificate", false, "present no certificate, to see a server refuse that")
	fs.BoolVar(
		&c.staple,
		"require-staple",
		false,
		"refuse a server that shows no OCSP response about its certificate; one that it shows is heeded anyway",
	)
	fs.BoolVar(
		&c.echo,
		"echo",
		false,
		"take the message itself for its receipt, of a server that gives no other; it tells of nobody that was verified",
	)
	fs.BoolVar(
		&c.keyLog,
		"key-log",
		false,
		"tell the session's secrets, by which whoever has recorded it can read it; with -log json, for labs alone",
	)
	c.streamFlags(fs)
	fs.BoolVar(&c.version, wire.VersionFlag, false, "print the version and exit")
	return fs
}

func versionInto(version *uint16) func(string) error {
	return func(s string) (err error) {
		*version, err = wire.ParseVersion(s)
		return err
	}
}

// parseFlags reads flags first, then the environment for those not given. The
// flag set is returned for the help text.
func parseFlags(args []string, getenv func(string) (string, bool)) (config, *flag.FlagSet, error) {
	var c config
	fs := c.flagSet()
	if err := fs.Parse(args); err != nil {
		return c, fs, err
	}
	if c.version {
		return c, fs, nil
	}
	if err := wire.SetFromEnvironment(fs, getenv); err != nil {
		return c, fs, err
	}
	c.messages = fs.Args()
	return c, fs, c.check()
}

// check completes the config, or says what cannot be used.
func (c *config) check() error {
	host, port, err := net.SplitHostPort(c.connect)
	if err != nil {
		return fmt.Errorf("-connect %q: give host:port", c.connect)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("-connect %q: the port must be a number from 1 to 65535", c.connect)
	}
	c.serverName = cmp.Or(c.serverName, host)
	switch {
	case host == "":
		return fmt.Errorf("-connect %q: give host:port", c.connect)
	case c.material == "":
		return errors.New("-material is required: a directory, or - for a tar on standard input")
	case c.material == wire.Stdin && len(c.messages) == 0:
		return errors.New("-material -: give the messages as arguments, because standard input is the material")
	case c.maxVersion != 0 && c.maxVersion < c.minVersion:
		return errors.New("-min-version is above -max-version")
	case c.keyLog && !c.json:
		return errors.New("-key-log: give -log json, of which the secrets are lines")
	case c.timeout < 0:
		return fmt.Errorf("-timeout %v is negative", c.timeout)
	case c.lifetime < 0:
		return fmt.Errorf("-lifetime %v is negative", c.lifetime)
	}
	for i, message := range c.messages {
		if err := wire.CheckMessage(message); err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return c.checkStream()
}
