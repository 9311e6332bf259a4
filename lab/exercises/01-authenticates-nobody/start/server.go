//go:build ignore

// Takes messages from clients that show a certificate of the authority. Or so it says.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"
)

func main() {
	own, err := tls.LoadX509KeyPair("server/tls.crt", "server/tls.key")
	if err != nil {
		log.Fatal(err)
	}
	config := tls.Config{Certificates: []tls.Certificate{own}}
	verify(config)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &config)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Listening on", listener.Addr())
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		if message, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
			fmt.Println("Refused:", err)
		} else {
			fmt.Println("Received:", message)
			fmt.Fprintln(conn, "received")
		}
		conn.Close()
	}
}

// verify has a configuration demand a certificate of the authority.
func verify(config tls.Config) {
	trust, err := os.ReadFile("server/ca.crt")
	if err != nil {
		log.Fatal(err)
	}
	config.ClientCAs = x509.NewCertPool()
	config.ClientCAs.AppendCertsFromPEM(trust)
	config.ClientAuth = tls.RequireAndVerifyClientCert
}
