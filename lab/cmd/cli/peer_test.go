package cli

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestRepeats reads the command that repeats an audit: given to a shell, it means
// the same peer.
func TestRepeats(t *testing.T) {
	t.Parallel()
	const gnutls = "../../../images/peers/gnutls/client.yaml"
	for _, tt := range []struct {
		name string
		role wire.Role
		args []string
		want string
	}{
		{"our own", wire.Server, nil, ""},
		{"of the gallery", wire.Server, []string{"--peer", "nginx"}, "mtlslab audit server --peer nginx"},
		{"an adapter", wire.Client, []string{"--adapter", gnutls}, "mtlslab audit client --adapter " + gnutls},
		{
			"an adapter and an image", wire.Client, []string{"--adapter", gnutls, "shop 1"},
			"mtlslab audit client --adapter " + gnutls + " 'shop 1'",
		},
		{
			"flags", wire.Server,
			[]string{
				"--ca-file=/a b/ca", "--cert-file=/c/crt", "--key-file=/c/key", "--env=A=it's", "--command=a",
				"--command=$b", "shop:1",
			},
			`mtlslab audit server --port 443 --ca-file '/a b/ca' --cert-file /c/crt --key-file /c/key ` +
				`--env 'A=it'\''s' --command a --command '$b' shop:1`,
		},
		{
			"as it is", wire.Client,
			[]string{"--name=api.test", "--ca-file=/c/ca", "--command=a b", "shop:1"},
			"mtlslab audit client --name api.test --port 443 --speaks http --ca-file /c/ca --command 'a b' shop:1",
		},
		{
			"several ports", wire.Server,
			[]string{"--port=443,8443", "--ca-file=/c/ca", "--cert-file=/c/crt", "--key-file=/c/key", "shop"},
			"mtlslab audit server --port 443 --ca-file /c/ca --cert-file /c/crt --key-file /c/key shop\n" +
				"mtlslab audit server --port 8443 --ca-file /c/ca --cert-file /c/crt --key-file /c/key shop",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var p PeerFlags
			flags := pflag.NewFlagSet(tt.name, pflag.ContinueOnError)
			p.Register(flags, tt.role)
			if err := flags.Parse(tt.args); err != nil {
				t.Fatal(err)
			}
			all, err := p.Peers(tt.role, flags.Args())
			if err != nil {
				t.Fatal(err)
			}
			var commands []string
			for _, meant := range all {
				commands = append(commands, meant.Command)
				if _, own := meant.Peer.(peer.Own); own != (tt.want == "") {
					t.Errorf("got %v, want %q", meant.Peer, tt.want)
				}
			}
			if got := strings.Join(commands, "\n"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
