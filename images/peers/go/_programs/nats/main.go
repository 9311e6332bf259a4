// Publishes -message on a subject of a NATS server.
package main

import (
	"flag"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"programs/common"
)

func main() {
	flag.Parse()
	conn, err := nats.Connect("tls://"+*common.Host+":"+*common.Port, nats.Secure(common.Config()),
		nats.NoReconnect(), nats.Timeout(10*time.Second))
	common.Check(err)
	common.Check(conn.Publish("lab", []byte(*common.Message)))
	common.Check(conn.FlushTimeout(10 * time.Second))
	fmt.Println("published")
}
