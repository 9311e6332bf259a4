// Command between passes a connection on to a server, and hinders it as it is told: late, slow, cut
// short, reset. It stands between the clients and the server of a drill.
//
// It exists so that faults of a network can be made where nobody may change the network. What it does
// to a connection is toxiproxy's; it is told on standard input, because nothing else reaches a network
// with no way out.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mtlslab/mtlslab/lab/hindrance"
)

func main() {
	listen := flag.String("listen", "", "host:port")
	to := flag.String("to", "", "host:port of the server")
	lifetime := flag.Duration("lifetime", time.Hour, "after which it ends by itself")
	flag.Parse()
	time.AfterFunc(*lifetime, func() { os.Exit(0) })
	if err := run(*listen, *to, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "between:", err)
		os.Exit(1)
	}
}

// run passes connections on until in ends.
func run(listen, to string, in io.Reader, out io.Writer) error {
	quiet := zerolog.Nop()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), quiet)
	proxy := toxiproxy.NewProxy(server, "server", listen, to)
	if err := proxy.Start(); err != nil {
		return fmt.Errorf("-listen %s: %w", listen, err)
	}
	defer proxy.Stop()
	answers := json.NewEncoder(out)
	if err := answers.Encode(hindrance.Answer{Listening: proxy.Listen}); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		answer := hindrance.Answer{Done: true}
		if err := obey(proxy, lines.Bytes()); err != nil {
			answer.Error = err.Error()
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
	return nil
}

// obey takes all hindrances away and puts that of a line in their place.
func obey(proxy *toxiproxy.Proxy, line []byte) error {
	h, err := hindrance.Parse(line)
	if err != nil {
		return err
	}
	proxy.Toxics.ResetToxics(context.Background())
	if h.Kind == "" {
		return nil
	}
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	_, err = proxy.Toxics.AddToxicJson(bytes.NewReader(text))
	return err
}
