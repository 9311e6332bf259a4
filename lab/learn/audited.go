package learn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// The file of an exercise in which an image is audited, where there are containers.
const imageFile = "nginx/server.yaml"

// Claims of an audit besides those that name cases.
const (
	claimGood  = "good"
	claimWhole = "whole"
)

// checkAudit audits the server that a learner has set up.
func (k Checker) checkAudit(
	ctx context.Context, e exercises.Exercise, learner string, files map[string]string,
) ([]Found, error) {
	set, fault := readLab(learner, files)
	if fault != nil {
		return fault, nil
	}
	subject, discard, err := k.subject(set, files)
	if err != nil {
		return stopped(
			Read,
			"the server can be set up",
			"It cannot be set up as it is written: "+err.Error()+".",
		), nil
	}
	defer discard()
	// The cases that the exercise is about come first, by themselves: that is quick, and all the
	// others are of interest only once these are right.
	about := audit.Audit{Role: wire.Server, Peer: subject, Once: true}
	for _, claim := range e.Claims {
		about.Cases = append(about.Cases, claim.Cases...)
	}
	all, err := k.claimed(ctx, about, e.Claims, func(c exercises.Claim) bool { return c.Name != claimWhole })
	if err != nil || slices.ContainsFunc(all, func(f Found) bool { return !f.Passed }) {
		return all, err
	}
	about.Cases = nil
	rest, err := k.claimed(ctx, about, e.Claims, func(c exercises.Claim) bool { return c.Name == claimWhole })
	return append(all, rest...), err
}

// claimed is what an audit says of some of an exercise's claims.
func (k Checker) claimed(
	ctx context.Context, what audit.Audit, claims []exercises.Claim, of func(exercises.Claim) bool,
) ([]Found, error) {
	result, err := k.Audit(ctx, what)
	unusable, is := errors.AsType[*peer.UnusableError](err)
	if err != nil && !is {
		return nil, err
	}
	var all []Found
	for _, claim := range claims {
		if !of(claim) {
			continue
		}
		f := Found{Claim: claim.Name, Is: claim.Is, Came: "let in"}
		switch {
		case unusable != nil:
			f.ServerSaw = unusable.What
		case claim.Name == claimGood:
			f.Passed = result.Delivered() > 0
		case claim.Version != "":
			f.Came = otherVersion
			f.Passed = slices.ContainsFunc(result.Controls, func(c finding.Finding) bool {
				return c.Version == claim.Version && c.Status == finding.Passed
			})
		case len(claim.Cases) == 0:
			f.Passed = result.Verdict() == finding.Passed
		default:
			f.Passed = !letIn(result, claim.Cases, &f)
		}
		if f.Passed {
			f.Came, f.ClientSaw, f.ServerSaw = "", "", ""
		} else {
			f.Means = claim.Says
		}
		all = append(all, f)
		if unusable != nil {
			break // of the others nothing is known
		}
	}
	return all, nil //nolint:nilerr // a server that cannot be used is an answer
}

// letIn says whether one of the cases failed, and what was seen of the first.
func letIn(result finding.Audit, ids []string, f *Found) bool {
	for _, found := range result.Findings {
		if slices.Contains(ids, found.Case) && found.Status == finding.Failed {
			f.ClientSaw, f.ServerSaw = found.Client, found.Server
			f.Came = "let in by " + found.Case
			return true
		}
	}
	return false
}

// subject is the learner's server: of the lab file, or an image.
func (k Checker) subject(set *exercises.Lab, files map[string]string) (_ peer.Peer, discard func(), err error) {
	if !k.Containers {
		return peer.Configured(
				"your-server",
				func(m wire.Material) (*tls.Config, error) { return given(set.Server, m) },
			),
			func() {}, nil
	}
	dir, err := os.MkdirTemp("", "mtlslab-learn-")
	if err != nil {
		return nil, nil, err
	}
	discard = func() { _ = os.RemoveAll(dir) } // the system removes it
	for name, content := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(content), 0o600)); err != nil {
			discard()
			return nil, nil, err
		}
	}
	read, err := adapter.Read(filepath.Join(dir, filepath.FromSlash(imageFile)), strings.NewReader(files[imageFile]))
	if err != nil {
		discard()
		return nil, nil, err
	}
	return foreign.Image{Adapter: read}, discard, nil
}

// given is a server's configuration of material that it is given: its authority is the lab's.
func given(of exercises.Server, m wire.Material) (*tls.Config, error) {
	own, err := tls.X509KeyPair(m.Chain, m.Key)
	if err != nil {
		return nil, err
	}
	trusts := slices.Contains(of.ClientCAs, exercises.Own)
	of.ClientCAs = nil // the lab's are given
	config, err := new(room).serverConfig(of, nil)
	if err != nil {
		return nil, err
	}
	config.Certificates = []tls.Certificate{own}
	if trusts {
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(m.Trust) {
			return nil, fmt.Errorf("there is no root in %q", exercises.Own)
		}
	}
	return config, nil
}
