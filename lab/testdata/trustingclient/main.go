// Command trustingclient is a client broken on purpose: it takes any server for
// the right one. The lab must catch it.
package main

import (
	"bufio"
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

func main() {
	connect := flag.String("connect", "", "")
	material := flag.String("material", "", "")
	lifetime := flag.Duration("lifetime", time.Minute, "")
	_ = flag.String("log", "json", "")
	_ = flag.String("server-name", "", "")
	flag.Parse()
	time.AfterFunc(*lifetime, func() { os.Exit(1) })

	creds, err := wire.LoadCredentials(*material, os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	conn, err := tls.Dial("tcp", *connect, &tls.Config{
		Certificates:       []tls.Certificate{creds.Own},
		InsecureSkipVerify: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	message := flag.Arg(0)
	if _, err := fmt.Fprintln(conn, message); err != nil {
		log.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := wire.ParseReceipt(line)
	if err != nil {
		log.Fatal(err)
	}
	digest, peer := wire.DigestOf(message), wire.IdentityOf(conn.ConnectionState().PeerCertificates[0])
	_ = (&wire.Journal{Role: wire.Client, W: os.Stdout}).Write(wire.Outcome{
		Kind: wire.Delivered, Local: conn.LocalAddr().String(), Remote: conn.RemoteAddr().String(),
		Peer: &peer, Message: &digest, Receipt: &receipt,
	})
}
