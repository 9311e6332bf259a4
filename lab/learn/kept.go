package learn

import (
	"cmp"

	"github.com/mtlslab/mtlslab/lab/exercises"
)

// The certificates of who must stay out of every lab that is mended. Their names are no learner's.
const (
	strangerClient = "kept: a stranger's client"
	strangerServer = "kept: a stranger's server"
)

// kept are the claims of every lab besides its own: whatever else is mended, nobody gets in who
// shows nothing, or what a stranger made, on either side.
func kept(e exercises.Exercise) []exercises.Claim {
	asks := "" // what a good client may
	for _, c := range e.Claims {
		if c.Want == delivered && c.ClientShows == "" && c.ServerShows == "" {
			asks = cmp.Or(asks, c.Asks)
		}
	}
	const broken = "What this exercise is about is mended, and something is broken that was right, or should be: "
	return []exercises.Claim{
		{
			Name: "kept-nobody", Is: "besides, who shows no certificate is refused", ClientShows: "none", Asks: asks,
			Want: refusedBy + "server", Says: broken + "a client without a certificate gets in.",
		},
		{
			Name: "kept-stranger", Is: "besides, who shows a stranger's certificate is refused", ClientShows: strangerClient,
			Asks: asks, Want: refusedBy + "server",
			Says: broken + "a client gets in whose certificate a stranger made, with the right names in it.",
		},
		{
			Name: "kept-impostor", Is: "besides, a stranger's server hears nothing", ServerShows: strangerServer,
			Want: refusedBy + "client",
			Says: broken + "the client gives its message to a server that nobody but a stranger vouches for.",
		},
	}
}

// strangers are those certificates, with the very names of the learner's own.
func strangers(lab *exercises.Lab) map[string]exercises.Certificate {
	client := lab.Certificates[lab.Client.Certificate]
	client.Authority, client.Usage, client.Send = exercises.Stranger, []string{"clientAuth"}, nil
	return map[string]exercises.Certificate{
		strangerClient: client,
		strangerServer: {
			Authority: exercises.Stranger, DNS: []string{cmp.Or(lab.Client.ServerName, "any.test")},
			Usage: []string{"serverAuth"},
		},
	}
}
