//go:build ignore

// Sends a message to a server that shows a certificate of the authority. Or so it says.
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
	address, message := os.Args[1], os.Args[2]
	own, err := tls.LoadX509KeyPair("client/tls.crt", "client/tls.key")
	if err != nil {
		log.Fatal(err)
	}
	config := tls.Config{Certificates: []tls.Certificate{own}, InsecureSkipVerify: true}
	verify(config)
	conn, err := tls.Dial("tcp", address, &config)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(conn, message)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Answer:", answer)
}

// verify has a configuration demand a certificate of the authority.
func verify(config tls.Config) {
	trust, err := os.ReadFile("client/ca.crt")
	if err != nil {
		log.Fatal(err)
	}
	config.RootCAs = x509.NewCertPool()
	config.RootCAs.AppendCertsFromPEM(trust)
	config.ServerName = "server.LEARNER.test"
	config.InsecureSkipVerify = false
}
