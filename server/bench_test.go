package main

import (
	"bufio"
	"crypto/tls"
	"io"
	"sync"
	"testing"
)

// BenchmarkMessages sends over one connection.
func BenchmarkMessages(b *testing.B) {
	p := newPair(b)
	_, address := startServer(b, credentials(b, p.server.Material(p.authority)), io.Discard)
	b.Run("each after the receipt of the one before", func(b *testing.B) {
		conn := dial(b, address, p.config(b))
		receipts := bufio.NewReader(conn)
		for b.Loop() {
			conn.send(b, hello+"\n")
			_, err := receipts.ReadSlice('\n')
			try(b, err)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	})
	b.Run("without waiting", func(b *testing.B) {
		conn := dial(b, address, p.config(b))
		var reading sync.WaitGroup
		reading.Go(func() {
			receipts := bufio.NewReader(conn)
			for range b.N {
				if _, err := receipts.ReadSlice('\n'); err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.ResetTimer()
		for range b.N {
			conn.send(b, hello+"\n")
		}
		reading.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	})
}

// BenchmarkHandshakes has a message delivered over each connection; client and
// server share the processors.
func BenchmarkHandshakes(b *testing.B) {
	p := newPair(b)
	_, address := startServer(b, credentials(b, p.server.Material(p.authority)), io.Discard)
	for _, c := range []struct {
		name  string
		cache tls.ClientSessionCache
	}{{"full", nil}, {"resumed", tls.NewLRUClientSessionCache(64)}} {
		b.Run(c.name, func(b *testing.B) {
			config := p.config(b)
			config.ClientSessionCache = c.cache
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					p.deliver(b, address, config)
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "handshakes/s")
		})
	}
}
