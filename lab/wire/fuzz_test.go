package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// What is read from a tar is read again from the tar written of it.
func FuzzReadMaterialTar(f *testing.F) {
	whole := writeTar(f, small).Bytes()
	f.Add(whole)
	f.Add(whole[:len(whole)-1024])
	f.Add(writeTar(f, wire.Material{Key: []byte("key")}).Bytes())
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, input []byte) {
		m, err := wire.ReadMaterialTar(bytes.NewReader(input))
		if err != nil {
			fault, ok := errors.AsType[*wire.MaterialError](err)
			if !ok || fault.File == "" {
				t.Fatalf("error %#v names no file", err)
			}
			return
		}
		if len(m.Trust) == 0 || len(m.Chain) == 0 || len(m.Key) == 0 {
			t.Fatal("a bundle without what is required")
		}
		again, err := wire.ReadMaterialTar(writeTar(t, m))
		if err != nil || !bytes.Equal(again.Trust, m.Trust) || !bytes.Equal(again.Chain, m.Chain) ||
			!bytes.Equal(again.Key, m.Key) || !bytes.Equal(again.CRL, m.CRL) {
			t.Errorf("read %+v, %v, then %+v", m, err, again)
		}
	})
}

// Trust is all or nothing, and credentials hold what their doc promises.
func FuzzParseMaterial(f *testing.F) {
	m := goodMaterial(f)
	f.Add(m.Trust, m.Chain, m.Key, m.CRL)
	f.Add(m.Trust[:len(m.Trust)/2], m.Chain, m.Key, []byte(nil))
	f.Add(join(m.Trust, m.Trust), m.Chain, m.Key, []byte("text"))
	f.Add(m.Trust, m.Key, m.Chain, m.CRL)
	f.Fuzz(func(t *testing.T, trust, chain, key, crl []byte) {
		creds, err := wire.Material{Trust: trust, Chain: chain, Key: key, CRL: crl}.Parse()
		if err != nil {
			if _, ok := errors.AsType[*wire.MaterialError](err); !ok || creds != nil {
				t.Fatalf("error %#v with %v", err, creds)
			}
			return
		}
		if creds.Own.Leaf == nil || len(creds.Own.Certificate) == 0 || creds.Own.PrivateKey == nil || creds.Roots == nil {
			t.Errorf("credentials are %+v", creds)
		}
		if len(crl) > 0 && len(creds.CRLs) == 0 {
			t.Error("revocation lists were dropped")
		}
	})
}

func FuzzMessageReader(f *testing.F) {
	f.Add([]byte("one\r\ntwo"), 8, false)
	f.Add([]byte("\xff\n"), 1, true)
	f.Add([]byte("\r\r\r\r"), 2, false)
	f.Fuzz(func(t *testing.T, input []byte, limit int, ended bool) {
		limit &= 1<<13 - 1 // on both sides of the buffer's size
		messages, err := readAll(bytes.NewReader(input), limit, func() bool { return ended })
		for _, message := range messages {
			if len(message) > limit || !utf8.ValidString(message) || strings.Contains(message, "\n") {
				t.Errorf("message %q over limit %d or malformed", message, limit)
			}
		}
		if errors.Is(err, io.EOF) == ended && reasonOf(err) == "" {
			t.Errorf("error %v, ended %v", err, ended)
		}
		if errors.Is(err, io.EOF) {
			plain := strings.ReplaceAll(string(input), "\r\n", "\n")
			if want := strings.TrimSuffix(plain, "\n"); strings.Join(messages, "\n") != want {
				t.Errorf("messages %q of %q", messages, input)
			}
		}
	})
}

// What passes the check arrives as it was sent.
func FuzzCheckMessage(f *testing.F) {
	f.Add("Hello, server!")
	f.Add("a\r")
	f.Add("a\nb")
	f.Fuzz(func(t *testing.T, message string) {
		if wire.CheckMessage(message) != nil {
			return
		}
		got, err := readAll(strings.NewReader(message+"\n"), wire.MaxMessage, nil)
		if !errors.Is(err, io.EOF) || len(got) != 1 || got[0] != message {
			t.Errorf("sent %q, arrived %q, %v", message, got, err)
		}
	})
}

func FuzzParseOutcome(f *testing.F) {
	var line bytes.Buffer
	if err := (&wire.Journal{Role: wire.Client, W: &line}).Write(fullOutcome()); err != nil {
		f.Fatal(err)
	}
	f.Add(line.Bytes())
	f.Add([]byte(`{"role":"client","kind":"delivered"}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		first, err := wire.ParseOutcome(input)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := (&wire.Journal{Role: first.Role, W: &again}).Write(first); err != nil {
			return // a year that JSON has no form for
		}
		second, err := wire.ParseOutcome(again.Bytes())
		if err != nil || second.Kind != first.Kind || second.Role != first.Role || second.Reason != first.Reason ||
			second.Detail != first.Detail {
			t.Errorf("read %+v, then %+v, %v", first, second, err)
		}
	})
}

// No receipt but the one for this message and this client passes.
func FuzzReceipt(f *testing.F) {
	const message = "Hello, server!"
	own := authority{}.issuing(f, "root", nil).leaf(f, nil).Leaf
	id := wire.IdentityOf(own)
	good, err := json.Marshal(wire.Receipt{SHA256: wire.DigestOf(message).SHA256, Client: id})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, line []byte) {
		receipt, err := wire.ParseReceipt(line)
		if err == nil {
			err = receipt.Check(message, own)
		}
		switch {
		case err == nil && (receipt.Client.Key != id.Key || receipt.SHA256 != wire.DigestOf(message).SHA256):
			t.Errorf("%s passes", line)
		case err != nil && reasonOf(err) != wire.BadReceipt:
			t.Errorf("error %v, want bad_receipt", err)
		}
	})
}

func FuzzPrintable(f *testing.F) {
	f.Add("Hello, server!")
	f.Add("\x1b[2J\u202e\xff")
	f.Fuzz(func(t *testing.T, text string) {
		got := wire.Printable(text)
		if !utf8.ValidString(got) ||
			strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
			t.Errorf("%q is not printable", got)
		}
		if again := wire.Printable(got); !reflect.DeepEqual(again, got) {
			t.Errorf("%q becomes %q", got, again)
		}
	})
}
