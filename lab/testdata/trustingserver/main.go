// Command trustingserver is a server broken on purpose: it asks for a
// certificate and verifies none. The lab must catch it.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"log"
	"os"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

func main() {
	listen := flag.String("listen", ":"+wire.DefaultPort, "")
	material := flag.String("material", "", "")
	lifetime := flag.Duration("lifetime", time.Minute, "")
	_ = flag.String("log", "json", "")
	_ = flag.Bool("until-eof", false, "") // its lifetime is short
	flag.Parse()
	time.AfterFunc(*lifetime, func() { os.Exit(0) })

	creds, err := wire.LoadCredentials(*material, os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := tls.Listen("tcp", *listen, &tls.Config{
		Certificates: []tls.Certificate{creds.Own},
		ClientAuth:   tls.RequestClientCert,
	})
	if err != nil {
		log.Fatal(err)
	}
	journal := &wire.Journal{Role: wire.Server, W: os.Stdout}
	own := wire.IdentityOf(creds.Own.Leaf)
	_ = journal.Write(wire.Outcome{Kind: wire.Listening, Local: listener.Addr().String(), Own: &own})
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(conn.(*tls.Conn), journal)
	}
}

func serve(conn *tls.Conn, journal *wire.Journal) {
	defer conn.Close()
	account := wire.Outcome{Local: conn.LocalAddr().String(), Remote: conn.RemoteAddr().String()}
	if err := conn.Handshake(); err != nil {
		explained := wire.Explain(err, nil, conn.ConnectionState(), tls.VersionTLS12, time.Now())
		account.Kind, account.Reason, account.Alert = explained.Kind, explained.Reason, explained.Alert
		_ = journal.Write(account)
		return
	}
	var peer wire.Identity
	if certs := conn.ConnectionState().PeerCertificates; len(certs) > 0 {
		peer = wire.IdentityOf(certs[0])
	}
	reader := wire.NewMessageReader(conn, wire.MaxMessage, nil)
	for {
		message, err := reader.Next()
		if err != nil {
			return
		}
		digest, negotiated := wire.DigestOf(message), wire.NegotiatedOf(conn.ConnectionState())
		account.Kind, account.Peer, account.Message = wire.Received, &peer, &digest
		_ = journal.Write(account)
		receipt, err := json.Marshal(wire.Receipt{SHA256: digest.SHA256, Client: peer, TLS: negotiated})
		if err != nil {
			log.Fatal(err)
		}
		if _, err := conn.Write(append(receipt, '\n')); err != nil {
			return
		}
	}
}
