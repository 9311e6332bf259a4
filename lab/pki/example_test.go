package pki_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// An impostor has an identity of the same name from an authority of the same
// name. Its material trusts ours, so that it can talk to our peers; theirs does
// not trust it.
func Example() {
	ours, err := pki.New(pki.Config{})
	if err != nil {
		log.Fatal(err)
	}
	theirs, err := pki.New(pki.Config{})
	if err != nil {
		log.Fatal(err)
	}

	server, err := ours.Issue(pki.Request{Role: wire.Server, Name: "server", DNS: []string{"server"}})
	if err != nil {
		log.Fatal(err)
	}
	impostor, err := theirs.Issue(pki.Request{Role: wire.Client, Name: "client"})
	if err != nil {
		log.Fatal(err)
	}

	for _, peer := range []*pki.Identity{server, impostor} {
		credentials, err := peer.Material(ours).Parse()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(peer, peer.Certificate.DNSNames, len(credentials.Own.Certificate))
	}

	_, err = ours.Issue(pki.Request{Role: wire.Client, Name: "a client"})
	if fault, ok := errors.AsType[*pki.InputError](err); ok {
		fmt.Println("faulty:", fault.Field)
	}
	// Output:
	// spiffe://lab/server [server] 2
	// spiffe://lab/client [] 2
	// faulty: Request.Name
}
