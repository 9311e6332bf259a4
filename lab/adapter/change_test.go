package adapter_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mtlslab/mtlslab/lab/adapter"
)

const shop = `name: shop
role: server
image: shop:1
port: 8443
speaks: http
about: the shop
command: [serve, --verify=on, "--ca={{.CA}}"]
files:
  /etc/shop.conf: |
    level 1
authentication: [--verify=on]
reload: {signal: HUP}
remedies:
  - setting: level 2
    source: the manual
    change: {level 1: level 2, "--ca={{.CA}}": "--ca={{.CA}}\n--strict"}
    mends: [protocol/no-client-certificate]
`

func readAll(t *testing.T, name, text string) (*adapter.Adapter, error) {
	t.Helper()
	files := fstest.MapFS{"shop/shop.yaml": {Data: []byte(shop)}, "shop/" + name: {Data: []byte(text)}}
	return adapter.ReadFS(files, "peers", "shop/"+name)
}

func TestLike(t *testing.T) {
	t.Parallel()
	a, err := readAll(t, "off.yaml", `like: shop.yaml
name: shop-off
role: server
about: the shop, open
speaks: http
change: {"--verify=on": "--verify=off", level 1: ""}
`)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.Command, []string{"serve", "--verify=off", "--ca={{.CA}}"}) || a.Files["/etc/shop.conf"] != "\n" {
		t.Errorf("%q, %q", a.Command, a.Files)
	}
	if a.Name != "shop-off" || a.About != "the shop, open" || a.Image != "shop:1" || a.Reload.Signal != "HUP" {
		t.Errorf("%+v", a)
	}
	if !slices.Equal(a.Authentication, []string{"--verify=off"}) || len(a.Remedies) > 0 {
		t.Errorf("authentication %q, remedies %v", a.Authentication, a.Remedies)
	}
}

// A worker carries out the command that it was made for, and no other's.
func TestLikeWorker(t *testing.T) {
	t.Parallel()
	const buyer = "name: buyer\nrole: client\nimage: buyer:1\nspeaks: http\n" +
		"entrypoint: [buy]\ncommand: [--strict]\nworker: [buy, --stay]\n"
	const head = "like: buyer.yaml\nname: other\nrole: client\nspeaks: http\n"
	for _, test := range []struct{ name, text, want string }{
		{"as it is", "", "buy --stay"},
		{"other words", "change: {buy: sell}\n", "sell --stay"},
		{"another command", "command: [--lax]\n", ""},
		{"another entrypoint", "entrypoint: [sell]\n", ""},
		{"a worker of its own", "command: [--lax]\nworker: [sell, --stay]\n", "sell --stay"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{
				"shop/buyer.yaml": {Data: []byte(buyer)}, "shop/other.yaml": {Data: []byte(head + test.text)},
			}
			a, err := adapter.ReadFS(files, "peers", "shop/other.yaml")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(a.Worker, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A peer with a remedy differs by that alone.
func TestRemedied(t *testing.T) {
	t.Parallel()
	a, err := readAll(t, "other.yaml", shop)
	if err != nil {
		t.Fatal(err)
	}
	with, err := a.Remedied(a.Remedies[0])
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"serve", "--verify=on", "--ca={{.CA}}", "--strict"}; !slices.Equal(with.Command, want) {
		t.Errorf("got %q, want %q", with.Command, want)
	}
	if with.Files["/etc/shop.conf"] != "level 2\n" || a.Files["/etc/shop.conf"] != "level 1\n" {
		t.Errorf("%q, and the first %q", with.Files, a.Files)
	}
}

func TestChangeFaults(t *testing.T) {
	t.Parallel()
	const head = "name: off\nrole: server\nspeaks: http\nlike: "
	for _, test := range []struct{ name, text, want string }{
		{"no such file", head + "none.yaml\n", "peers/shop/off.yaml:4: like: open shop/none.yaml"},
		{"itself", head + "off.yaml\n", "peers/shop/off.yaml:4: like: it is like itself, by way of others"},
		{
			"words that are not there", head + "shop.yaml\nchange: {--verify=maybe: x}\n",
			`peers/shop/off.yaml:5: change: "--verify=maybe" is in none of `,
		},
		{
			"change of nothing", strings.Replace(shop, "about: the shop", "change: {a: b}", 1),
			"peers/shop/off.yaml:6: change: only of an adapter that is like another",
		},
		{
			"remedy of words that are not there", strings.Replace(shop, "change: {level 1:", "change: {level 3:", 1),
			`peers/shop/off.yaml:16: remedies[0].change: shop: remedy "level 2": "level 3" is in none of `,
		},
		{
			"remedy for nothing", strings.Replace(shop, "mends: [protocol/no-client-certificate]", "mends: []", 1),
			"peers/shop/off.yaml:14: remedies[0]: give mends or fails",
		},
		{
			"report of nothing", shop + "reports:\n  - at: https://example.test/1\n    says: no\n",
			"peers/shop/off.yaml:19: reports[0]: give fails or holds",
		},
		{"a day", shop + "manual: {at: a, read: yesterday}\n", "peers/shop/off.yaml:18: manual.read: want a day"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := readAll(t, "off.yaml", test.text); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
	if _, err := adapter.Read("off.yaml", strings.NewReader(head+"shop.yaml\n")); err == nil ||
		!strings.Contains(err.Error(), "off.yaml:4: like: ") {
		t.Errorf("of no file: %v", err)
	}
}
