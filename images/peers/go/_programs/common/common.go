// Package common is what the programs of this directory have in common: flags, and crypto/tls as
// its documentation has it.
package common

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"log"
	"os"
)

// The flags.
var (
	CA      = flag.String("ca", "", "trusted roots")
	Cert    = flag.String("cert", "", "chain")
	Key     = flag.String("key", "", "key")
	Auth    = flag.String("auth", "require-and-verify", "of a server: how client certificates are taken")
	Allow   = flag.String("allow", "", "of a server: the URI that alone is admitted")
	Version = flag.String("version", "", "of TLS, 1.2 or 1.3, if only that is to be spoken")
	Host    = flag.String("host", "", "of a client: whom it calls")
	Port    = flag.String("port", "", "where it calls, or listens")
	Message = flag.String("message", "", "of a client: what it says")
	Driver  = flag.String("driver", "", "of a client of a database: which")
	NoName  = flag.Bool("insecure-skip-verify", false, "of a client: verify nobody")
)

var auths = map[string]tls.ClientAuthType{
	"request": tls.RequestClientCert, "require-any": tls.RequireAnyClientCert,
	"verify-if-given": tls.VerifyClientCertIfGiven, "require-and-verify": tls.RequireAndVerifyClientCert,
}

// Config is what the flags say.
func Config() *tls.Config {
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(*CA)
	Check(err)
	if !roots.AppendCertsFromPEM(pem) {
		log.Fatalf("%s: no certificate", *CA)
	}
	own, err := tls.LoadX509KeyPair(*Cert, *Key)
	Check(err)
	c := &tls.Config{
		Certificates: []tls.Certificate{own}, RootCAs: roots, ClientCAs: roots, ClientAuth: auths[*Auth],
		ServerName: *Host, InsecureSkipVerify: *NoName,
	}
	switch *Version {
	case "1.2":
		c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	case "1.3":
		c.MinVersion = tls.VersionTLS13
	}
	if *Allow != "" {
		c.VerifyConnection = admits
	}
	return c
}

// admits refuses whose certificate has not the URI, and that alone.
func admits(state tls.ConnectionState) error {
	if len(state.PeerCertificates) > 0 {
		if all := state.PeerCertificates[0].URIs; len(all) == 1 && all[0].String() == *Allow {
			return nil
		}
	}
	return fmt.Errorf("not %s", *Allow)
}

// Check ends the program where there is an error.
func Check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
