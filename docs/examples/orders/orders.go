// Package orders is a small service with clients and servers that verify each other, and an
// example of how its tests ask who gets in: see orders_test.go.
package orders

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"time"
)

// Order is what a shop asks for.
type Order struct {
	ID   string `json:"id"`
	Item string `json:"item"`
}

// Files are the paths of what one side is given, PEM.
type Files struct{ CA, Cert, Key string }

// NewServer returns a server that tells orders to shops of its authority, and to nobody else.
// The caller has it listen, by ServeTLS with empty paths.
func NewServer(f Files, orders map[string]Order) (*http.Server, error) {
	config, err := f.config()
	if err != nil {
		return nil, err
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	handler := http.NewServeMux()
	handler.HandleFunc("GET /{id}", func(w http.ResponseWriter, r *http.Request) {
		order, ok := orders[r.PathValue("id")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(order) // the client sees whether it is whole
	})
	return &http.Server{Handler: handler, TLSConfig: config, ReadHeaderTimeout: 5 * time.Second}, nil
}

// NewClient returns a client that asks no server but one of its authority, and of the name
// that it calls.
func NewClient(f Files) (*http.Client, error) {
	config, err := f.config()
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 5 * time.Second}, nil
}

func (f Files) config() (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, errors.New(f.CA + ": no certificate in it")
	}
	return &tls.Config{
		Certificates: []tls.Certificate{own}, RootCAs: roots, ClientCAs: roots, MinVersion: tls.VersionTLS12,
	}, nil
}
