package lab_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"slices"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// A message goes from a client to a server, and each verifies the other. Without a
// Runtime the two are containers where an engine answers.
func Example() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Config{Runtime: sandbox.Processes})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer closeLab(ctx, l)

	v, err := l.Run(ctx, exchange.Exchange{Message: "Hello, server!"})
	if err != nil {
		fmt.Println(err) // the lab broke; it says nothing of the peers
		return
	}
	fmt.Println(v)
	fmt.Println("differs: " + v.Diff(verdict.Delivered("spiffe://lab/client")))
	// Output:
	// delivered from spiffe://lab/client
	// differs:
}

// An impostor has the names of the good client from another authority of the same name.
func ExampleLab_Stranger() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Config{Runtime: sandbox.Processes})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer closeLab(ctx, l)

	impostor, err := l.Stranger(wire.Client)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := l.Run(ctx, exchange.Exchange{ClientMaterial: impostor})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v)
	fmt.Println("the message got through:", v.Leaked)
	// Output:
	// refused by the server, unknown_authority
	// the message got through: false
}

// A TLS configuration of this process is audited as any other peer is. This one asks for
// a certificate and looks at none.
func ExampleLab_Audit() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Config{Runtime: sandbox.Processes})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer closeLab(ctx, l)

	careless := peer.Configured("in-process", func(m wire.Material) (*tls.Config, error) {
		own, err := tls.X509KeyPair(m.Chain, m.Key)
		return &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAnyClientCert}, err
	})
	result, err := l.Audit(ctx, audit.Audit{
		Role: wire.Server, Peer: careless, Versions: []string{"1.3"},
		Cases: []string{"chain/self-signed", "protocol/no-client-certificate"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Subject, result.Verdict())
	for _, f := range result.Findings {
		fmt.Printf("%s: %s\n", f.Case, f.Status)
	}
	// Output:
	// in-process failed
	// chain/self-signed: failed
	// protocol/no-client-certificate: passed
}

// An image is audited with its code unchanged; an adapter says how it is run. This one
// comes with mtlslab: a server of pyOpenSSL that sets an attribute in place of calling
// set_verify, and so verifies nobody. It needs an engine.
func ExampleLab_Audit_image() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Config{Runtime: sandbox.Containers})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer closeLab(ctx, l)

	gallery, err := foreign.Gallery() // your own: foreign.Image{Adapter: a}, with a from adapter.Read
	if err != nil {
		fmt.Println(err)
		return
	}
	i := slices.IndexFunc(gallery, func(p foreign.Image) bool {
		return p.Name() == "pyopenssl-verify-mode" && p.Adapter.Role == wire.Server
	})
	result, err := l.Audit(ctx, audit.Audit{
		Role: wire.Server, Peer: gallery[i], Versions: []string{"1.3"}, Cases: []string{"protocol/no-client-certificate"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range result.Findings {
		fmt.Println(f.Case, f.Status)
		fmt.Println(f.Means)
	}
	// Output:
	// protocol/no-client-certificate failed
	// Anybody who can reach the port is served, with no certificate at all.
}

func closeLab(ctx context.Context, l *lab.Lab) {
	if err := l.Close(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
