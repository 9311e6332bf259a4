// Answers each request with the path that was asked for; with -host, asks for the path -message, or, with -stay, for
// each line of its input.
package main

import (
	"bufio"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"programs/common"
)

var (
	stay   = flag.Bool("stay", false, "ask for each line of standard input, by one client")
	reads  = flag.Bool("reread", false, "read certificate and key anew for each handshake")
	server = "https://"
)

func main() {
	flag.Parse()
	config := common.Config()
	if *common.Host == "" {
		answer := func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.URL.Path) }
		server := http.Server{Addr: ":" + *common.Port, TLSConfig: config, Handler: http.HandlerFunc(answer)}
		log.Fatal(server.ListenAndServeTLS("", ""))
	}
	if *reads {
		take(config)
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	server += *common.Host + ":" + *common.Port + "/"
	if !*stay {
		common.Check(ask(client, *common.Message))
		return
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := ask(client, lines.Text()); err != nil {
			fmt.Println(err)
		}
	}
}

func ask(client http.Client, path string) error {
	answer, err := client.Get(server + path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", answer.Status)
	}
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}

// take has certificate and key be read when they are asked for.
func take(c *tls.Config) {
	reread := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		own, err := tls.LoadX509KeyPair(*common.Cert, *common.Key)
		return &own, err
	}
	c.Certificates = nil
	c.GetClientCertificate = reread
}
