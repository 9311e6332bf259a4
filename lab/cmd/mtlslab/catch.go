package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// example is the peer of the gallery that makes the mistake of the example that
// the project grew from.
const example = "pyopenssl-verify-mode"

// catch is the mistake found in one role: the last act of a demonstration, where
// the engine has the image.
type catch struct {
	Role    wire.Role       `json:"role"`
	Case    string          `json:"case"`
	Caught  bool            `json:"caught"`
	Finding finding.Finding `json:"finding"`

	words string
}

// catches are what must be found.
var catches = []catch{
	{
		Role:  wire.Server,
		Case:  "protocol/no-client-certificate",
		words: "its server took a message from a client with no certificate",
	},
	{Role: wire.Client, Case: "chain/other-authority", words: "its client handed its message to an impostor"},
}

// explanation is for a reader who knows the example and not yet what is wrong with
// it.
const explanation = "verify_mode is an attribute of the standard library's ssl.SSLContext; pyOpenSSL's " +
	"Context has none " +
	"of that name. Python stores it without a word, get_verify_mode() stays 0, and nobody is verified. " +
	"set_verify() sets it; " +
	"to a client VERIFY_FAIL_IF_NO_PEER_CERT means nothing."

// catchExample audits the example in both roles, with the one case that shows
// its mistake. It returns nothing if the engine does not have its image.
func catchExample(ctx context.Context, l *lab.Lab) ([]catch, time.Duration, error) {
	began := time.Now()
	peers := make([]foreign.Image, len(catches))
	for i, c := range catches {
		image, err := foreign.FromGallery(example, c.Role)
		if err != nil {
			return nil, 0, err
		}
		if built, err := image.Built(ctx, l.Sandbox()); err != nil || !built {
			return nil, 0, err
		}
		peers[i] = image
	}
	found := make([]catch, len(catches))
	group, ctx := errgroup.WithContext(ctx)
	for i, c := range catches {
		group.Go(func() error {
			result, err := l.Audit(ctx, audit.Audit{
				Role: c.Role, Peer: peers[i], Cases: []string{c.Case}, Versions: []string{"1.3"},
				Profile: cases.RFC5280, Command: "mtlslab audit " + string(c.Role) + " --peer " + example,
			})
			if err != nil {
				return fmt.Errorf("the example's %s: %w", c.Role, err)
			}
			found[i] = c
			found[i].Finding = result.Findings[0]
			found[i].Caught = result.Verdict() == finding.Failed
			return nil
		})
	}
	err := group.Wait()
	return found, time.Since(began), err
}

// mistake shows what was found in the example.
func (n *narrator) mistake(found []catch, took time.Duration) {
	if len(found) == 0 {
		return
	}
	n.line("mistake", "context.verify_mode = ..., for context.set_verify(...)", took)
	n.line("", explanation, 0)
	for _, c := range found {
		verdict := "caught"
		if !c.Caught {
			verdict = "NOT CAUGHT: " + c.Finding.Decision
		}
		n.line("", c.words+": "+verdict, 0)
	}
}
