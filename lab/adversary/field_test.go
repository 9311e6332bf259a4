package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// A line that cannot be used gives an error line, and the next is read.
func TestBadLines(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	_, address := startServer(t, p)
	f := newFighter(t)
	good := p.asClient(t, "good", "1.3", address)
	for _, c := range []struct {
		name, line string
		id         string // that the error names
	}{
		{name: "empty", line: ""},
		{name: "not JSON", line: "attack!"},
		{name: "two values", line: `{"id":"a","end":true} {}`},
		{name: "unknown field", line: `{"id":"b","rôle":"client"}`},
		{name: "no id", line: `{"role":"client"}`},
		{name: "no role", line: `{"id":"c","no_tls":true}`, id: "c"},
		{name: "bad key", line: `{"id":"d","role":"client","connect":"x:1","chain":["AA=="],"key":"AA=="}`, id: "d"},
		{name: "too long", line: `{"id":"` + strings.Repeat("x", attack.MaxLine) + `"}`},
		{name: "no such address", line: `{"id":"e","role":"server","listen":"192.0.2.1:1","no_tls":true}`, id: "e"},
	} {
		before := len(f.errors())
		f.tell(c.line)
		f.await(func(attack.Report) bool { return len(f.reported()) > before })
		got := f.errors()[before]
		if got.ID != c.id || got.Error == "" {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	f.begin(good)
	if seen := f.evidence("good").Last(); !sightOf(seen, good.Message).receipt {
		t.Errorf("after all those lines: %+v", seen)
	}
}

func (f *fighter) reported() []attack.Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reports
}

func (f *fighter) errors() (errs []attack.Report) {
	for _, r := range f.reported() {
		if r.Error != "" {
			errs = append(errs, r)
		}
	}
	return errs
}

// An id is of one attack at a time, and an end that comes too late is none.
func TestIDs(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	f := newFighter(t)
	f.begin(p.asServer(t, "once", ""))
	f.listening("once")
	f.begin(p.asServer(t, "once", ""))
	if r := f.await(func(r attack.Report) bool { return r.Error != "" }); r.ID != "once" ||
		r.Error != errIDInUse.Error() {
		t.Errorf("the second of an id: %+v", r)
	}
	f.begin(attack.Attack{ID: "once", End: true})
	f.await(func(r attack.Report) bool { return r.Evidence != nil })
	f.begin(attack.Attack{ID: "once", End: true})
	f.begin(p.asServer(t, "once", ""))
	f.await(func(r attack.Report) bool { return r.Listening != "" && len(f.reported()) == 4 })
}

// The end of the input ends a server attack and is waited for by a client's.
func TestEndOfInput(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	_, address := startServer(t, p)
	var in, out bytes.Buffer
	client := p.asClient(t, "client", "1.3", address)
	for _, a := range []attack.Attack{p.asServer(t, "server", ""), client} {
		in.Write(must[[]byte](t)(json.Marshal(a)))
		in.WriteByte('\n')
	}
	in.Truncate(in.Len() - 1) // the last line need not end
	if code := run(
		t.Context(), nil, func(string) (string, bool) { return "", false }, stdio{&in, &out, io.Discard},
	); code != exitDone {
		t.Fatalf("exits with %d", code)
	}
	seen := map[string]attack.Evidence{}
	for line := range strings.Lines(out.String()) {
		if r := must[attack.Report](t)(attack.ParseReport([]byte(line))); r.Evidence != nil {
			seen[r.ID] = *r.Evidence
		}
	}
	if _, ok := seen["server"]; !ok || !sightOf(seen["client"].Last(), client.Message).receipt {
		t.Errorf("said %s", &out)
	}
}

// Two hundred attacks of either role at once, each with its own evidence.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	const many = 200
	p := newPair(t, "")
	_, address := startServer(t, p)
	f := newFighter(t)
	var clients, servers []attack.Attack
	for i := range many {
		a := p.asClient(t, fmt.Sprintf("client-%d", i), bothVersions[i%2], address)
		a.NoCertificate = i%4 < 2
		clients, servers = append(clients, a), append(servers, p.asServer(t, fmt.Sprintf("server-%d", i), ""))
	}
	for i := range many {
		f.begin(clients[i])
		f.begin(servers[i])
	}
	for i := range many {
		seen := f.evidence(clients[i].ID).Last()
		if got := sightOf(seen, clients[i].Message).receipt; got == clients[i].NoCertificate {
			t.Errorf("%s: a receipt is %t: %+v", clients[i].ID, got, seen)
		}
		if f.listening(servers[i].ID) == "" {
			t.Errorf("%s does not listen", servers[i].ID)
		}
	}
	var ends sync.WaitGroup
	for i := range many { // of this process, so that they are its clients too
		ends.Go(func() {
			a := p.asClient(t, fmt.Sprintf("against-%d", i), "1.3", f.listening(servers[i].ID))
			f.begin(a)
			f.evidence(a.ID)
			f.begin(attack.Attack{ID: servers[i].ID, End: true})
			if !f.evidence(servers[i].ID).Heard(a.Message) {
				t.Errorf("%s did not hear its client", servers[i].ID)
			}
		})
	}
	ends.Wait()
}

// Keys that crypto/tls would not sign with come as far as the certificate: the
// other side sees that it is what it must refuse.
func TestUnwillingKeys(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	_, address := startServer(t, p)
	f := newFighter(t)
	p224 := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	for name, key := range map[string]crypto.Signer{"P-224": p224, "RSA-512": weakKey(t)} {
		for _, version := range bothVersions {
			t.Run(name+", "+version, func(t *testing.T) {
				a := p.asClient(t, idOf(t), version, address)
				leaf := must[*x509.Certificate](t)(x509.ParseCertificate(a.Chain[0]))
				der := must[[]byte](
					t,
				)(
					x509.CreateCertificate(rand.Reader, leaf, &x509.Certificate{RawSubject: leaf.RawIssuer}, key.Public(), p224),
				)
				a.Chain, a.Key = [][]byte{der}, marshalKey(t, key)
				f.begin(a)
				if seen := f.evidence(a.ID).Last(); seen.End != attack.EndAlert || seen.Alert.Code == 80 {
					t.Errorf("saw %+v", seen)
				}
			})
		}
	}
}

// weakKey is made by hand: crypto/rsa makes none so short, outside of the
// adversary's own binary.
func weakKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	for {
		one := big.NewInt(1)
		a, b := must[*big.Int](t)(rand.Prime(rand.Reader, 256)), must[*big.Int](t)(rand.Prime(rand.Reader, 256))
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(a, b), E: 65537}, Primes: []*big.Int{a, b}}
		phi := new(big.Int).Mul(new(big.Int).Sub(a, one), new(big.Int).Sub(b, one))
		if key.D = new(big.Int).ModInverse(big.NewInt(65537), phi); key.D != nil && a.Cmp(b) != 0 && key.N.BitLen() == 512 {
			key.Precompute()
			return key
		}
	}
}

// A signature that cannot be made is one that nobody made.
func TestSignerNeverFails(t *testing.T) {
	t.Parallel()
	s := signer{Signer: failing{weakKey(t)}}
	signature, err := s.Sign(rand.Reader, make([]byte, 32), crypto.SHA256)
	if err != nil || len(signature) != 64 {
		t.Errorf("%d bytes, %v", len(signature), err)
	}
}

type failing struct{ crypto.Signer }

func (failing) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("too short")
}

// What one more attack costs on loopback, one after the other. The server has
// its part in the time, and none in cpu-µs, which is the adversary's share and
// that of this test.
func BenchmarkClientAttack(b *testing.B) {
	for _, version := range bothVersions {
		b.Run(version, func(b *testing.B) {
			p := newPair(b, "")
			_, address := startServer(b, p)
			f := newFighter(b)
			a := p.asClient(b, "", version, address)
			a.NoCertificate = true
			share := processorTime(b)
			for i := 0; b.Loop(); i++ {
				f.forget()
				a.ID = fmt.Sprint(i)
				f.begin(a)
				f.evidence(a.ID)
			}
			share()
		})
	}
}

// What one more server attack costs, without the client that is audited: to
// listen, be told to end, and say so.
func BenchmarkServerAttack(b *testing.B) {
	p := newPair(b, "")
	f := newFighter(b)
	a := p.asServer(b, "", "1.3")
	share := processorTime(b)
	for i := 0; b.Loop(); i++ {
		f.forget()
		a.ID = fmt.Sprint(i)
		f.begin(a)
		f.listening(a.ID)
		f.begin(attack.Attack{ID: a.ID, End: true})
		f.evidence(a.ID)
	}
	share()
}

// What an attack costs when there are 200 at once.
func BenchmarkAtOnce(b *testing.B) {
	const many = 200
	p := newPair(b, "")
	_, address := startServer(b, p)
	f := newFighter(b)
	a := p.asClient(b, "", "1.3", address)
	share := processorTime(b)
	for b.Loop() {
		f.forget()
		for i := range many {
			a.ID = fmt.Sprint(i)
			f.begin(a)
		}
		for i := range many {
			f.evidence(fmt.Sprint(i))
		}
	}
	share()
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/many, "µs/attack")
}

// forget drops the reports that have come.
func (f *fighter) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = nil
}
