package adapter_test

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/wire"
)

var updateReference = flag.Bool("update-reference", false, "write docs/reference/adapter.md and adapter.schema.json")

// TestReference holds what is generated against what it is generated from.
//
//	go test ./lab/adapter -run Reference -update-reference
func TestReference(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"../../docs/reference/adapter.md":          page(),
		"../../docs/reference/adapter.schema.json": string(adapter.Schema()),
	} {
		if *updateReference {
			if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(got), want); diff != "" {
			t.Errorf("%s (-) against the code (+); -update-reference writes it:\n%s", path, diff)
		}
	}
}

func page() string {
	var b strings.Builder
	b.WriteString(`# Adapters

An adapter is a YAML file that says how somebody else's image is run as a peer. ` +
		"`mtlslab adapter init`" + ` writes one to begin
with, ` + "`mtlslab adapter check`" +
		` says what is wrong with one, and [adapter.schema.json](adapter.schema.json) tells editors what there
is. This page is made from the code.

## Keys

| key | type | what it says |
| --- | --- | --- |
`)
	keys(&b, reflect.TypeFor[adapter.Adapter](), "")
	b.WriteString(`
## Templates

Templates are those of Go's text/template. An unknown name is an error.

| name | what it is |
| --- | --- |
`)
	for _, row := range [][2]string{
		{
			"CA, Cert, Key, Combined, PKCS12, TrustStore, JKS, TrustJKS",
			"path of that file of the material; empty if material.files does not name it",
		},
		{"CRL", "path of the revocation lists; empty in all but the cases of revocation, for which the peer is started anew"},
		{"Dir", "directory of the material"},
		{"Password", "of the keystores: " + adapter.Password},
		{"Host", "the name that the server's certificate is for: " + adapter.Host},
		{"Port", "where the server listens"},
		{"IP", "of a client: the server's address"},
		{"Version", "of a client: 1.2 or 1.3 where it is to speak that alone, else empty"},
		{"Client", "whom a server is to admit: " + wire.FieldURI.Of("client") + ", or what the field of identity holds"},
		{"Message", "of a client: the line to say"},
		{"Nonce", "of a client: the part of it that is new each time, twelve hexadecimal digits"},
	} {
		fmt.Fprintf(&b, "| `%s` | %s |\n", strings.ReplaceAll(row[0], ", ", "`, `"), row[1])
	}
	return b.String()
}

func keys(b *strings.Builder, t reflect.Type, prefix string) {
	for field := range t.Fields() {
		key := field.Tag.Get("yaml")
		if key == "" {
			continue
		}
		fmt.Fprintf(
			b,
			"| `%s` | %s | %s |\n",
			prefix+key,
			kind(field.Type),
			strings.ReplaceAll(adapter.DescriptionOf(t, field), "|", `\|`),
		)
		switch of := field.Type; {
		case of.Kind() == reflect.Struct:
			keys(b, of, prefix+key+".")
		case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct:
			keys(b, of.Elem(), prefix+key+"[].")
		}
	}
}

func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		return "keys"
	case reflect.Map:
		return "texts by name"
	case reflect.Slice:
		return "list of " + strings.TrimSuffix(kind(t.Elem()), "s") + "s"
	case reflect.Pointer:
		return kind(t.Elem())
	case reflect.Int:
		return "number"
	case reflect.Bool:
		return "true or false"
	default:
		return "text"
	}
}
