package wire_test

import (
	"testing"

	"github.com/mtlslab/mtlslab/lab/wire"
)

func TestReceipt(t *testing.T) {
	root := authority{}.issuing(t, "root", nil)
	own, other := root.leaf(t, nil).Leaf, root.leaf(t, nil).Leaf // of the same names and serial number
	const message = "Hello, server!"
	for _, c := range []struct {
		name   string
		change func(*wire.Receipt)
		want   wire.Reason
	}{
		{"good", func(*wire.Receipt) {}, ""},
		{"of another message", func(r *wire.Receipt) { r.SHA256 = wire.DigestOf("other").SHA256 }, wire.BadReceipt},
		{"of no message", func(r *wire.Receipt) { r.SHA256 = "" }, wire.BadReceipt},
		{"of another key", func(r *wire.Receipt) { r.Client.Key = wire.IdentityOf(other).Key }, wire.BadReceipt},
		{"of another serial number", func(r *wire.Receipt) { r.Client.Serial = "3" }, wire.BadReceipt},
		{"of nobody", func(r *wire.Receipt) { r.Client = wire.Identity{} }, wire.BadReceipt},
	} {
		t.Run(c.name, func(t *testing.T) {
			receipt := wire.Receipt{SHA256: wire.DigestOf(message).SHA256, Client: wire.IdentityOf(own)}
			c.change(&receipt)
			if got := receipt.Check(message, own); reasonOf(got) != c.want || (got == nil) != (c.want == "") {
				t.Errorf("error %v, want %q", got, c.want)
			}
		})
	}
}

func TestParseReceiptFaults(t *testing.T) {
	for _, c := range []struct{ name, line string }{
		{"nothing", ""},
		{"text", "Hello, client!"},
		{"another type", `"sha256"`},
		{"a field of another type", `{"sha256":1}`},
		{"two", "{}{}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := wire.ParseReceipt([]byte(c.line)); reasonOf(err) != wire.BadReceipt {
				t.Errorf("error %v, want bad_receipt", err)
			}
		})
	}
}
