// Answers each request with the path that was asked for, over TLS as go-spiffe sets it up; with -host, asks for the
// path -message.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime/debug"
	"slices"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

var (
	ca      = flag.String("ca", "", "the bundle of the trust domain")
	cert    = flag.String("cert", "", "chain")
	key     = flag.String("key", "", "key")
	allow   = flag.String("allow", "", "the SPIFFE ID that alone is admitted; the whole trust domain if empty")
	anyone  = flag.Bool("authorize-any", false, "whoever has a SPIFFE ID is admitted")
	version = flag.String("version", "", "of TLS, 1.2 or 1.3, if only that is to be spoken")
	host    = flag.String("host", "", "of a client: whom it calls")
	port    = flag.String("port", "", "where it calls, or listens")
	message = flag.String("message", "", "of a client: what it says")
	strict  = flag.Bool("strict", false, "hold a certificate to its purposes besides, and a server's to the name -host")
	about   = flag.Bool("about", false, "say which go-spiffe this is")
)

func main() {
	flag.Parse()
	if *about {
		if info, ok := debug.ReadBuildInfo(); ok {
			fmt.Println(info.Deps[0].Path, info.Deps[0].Version)
		}
		return
	}
	own, err := x509svid.Load(*cert, *key)
	check(err)
	bundle, err := x509bundle.Load(own.ID.TrustDomain(), *ca)
	check(err)
	if *host == "" {
		config := tlsconfig.MTLSServerConfig(own, bundle, admitted(own.ID.TrustDomain()))
		answer := func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.URL.Path) }
		server := http.Server{Addr: ":" + *port, TLSConfig: config, Handler: http.HandlerFunc(answer)}
		log.Fatal(server.ListenAndServeTLS("", ""))
	}
	config := tlsconfig.MTLSClientConfig(own, bundle, admitted(own.ID.TrustDomain()))
	switch *version {
	case "1.2":
		config.MaxVersion = tls.VersionTLS12
	case "1.3":
		config.MinVersion = tls.VersionTLS13
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	reply, err := client.Get("https://" + *host + ":" + *port + "/" + *message)
	check(err)
	if reply.StatusCode != http.StatusOK {
		log.Fatalf("status %s", reply.Status)
	}
	_, err = io.Copy(os.Stdout, reply.Body)
	check(err)
}

func admitted(domain spiffeid.TrustDomain) tlsconfig.Authorizer {
	var who tlsconfig.Authorizer
	switch {
	case *anyone:
		who = tlsconfig.AuthorizeAny()
	case *allow == "":
		who = tlsconfig.AuthorizeMemberOf(domain)
	default:
		id, err := spiffeid.FromString(*allow)
		check(err)
		who = tlsconfig.AuthorizeID(id)
	}
	if !*strict {
		return who
	}
	return func(id spiffeid.ID, chains [][]*x509.Certificate) error {
		if err := mayPlay(chains[0][0]); err != nil {
			return err
		}
		return who(id, chains)
	}
}

// mayPlay says whether a certificate is for the part of whoever shows it.
func mayPlay(leaf *x509.Certificate) error {
	part := x509.ExtKeyUsageClientAuth
	if *host != "" {
		part = x509.ExtKeyUsageServerAuth
		if err := leaf.VerifyHostname(*host); err != nil {
			return err
		}
	}
	if !slices.Contains(leaf.ExtKeyUsage, part) {
		return errors.New("its certificate is for something else")
	}
	return nil
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
