// Answers each request with the path that was asked for; with -host, asks for the path -message.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"programs/common"
)

func main() {
	flag.Parse()
	config := common.Config()
	if *common.Host == "" {
		answer := func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.URL.Path) }
		server := http.Server{Addr: ":" + *common.Port, TLSConfig: config, Handler: http.HandlerFunc(answer)}
		log.Fatal(server.ListenAndServeTLS("", ""))
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	answer, err := client.Get("https://" + *common.Host + ":" + *common.Port + "/" + *common.Message)
	common.Check(err)
	if answer.StatusCode != http.StatusOK {
		log.Fatal(answer.Status)
	}
	_, err = io.Copy(os.Stdout, answer.Body)
	common.Check(err)
}
