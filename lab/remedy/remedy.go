// Package remedy carries out what is said to help: a peer is audited once more for each setting,
// which alone differs, and what that mends and makes worse is held against the audit without it.
//
// It exists so that nobody is told of a setting that nobody has seen help. What a remedy is, is in
// the peer's adapter; what it came to is a [finding.Remedy].
package remedy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/peer"
)

// An Auditor audits a peer, such as an [audit.Auditor].
type Auditor interface {
	Audit(ctx context.Context, a audit.Audit) (finding.Audit, error)
}

// Of are the remedies of a peer. Only somebody else's image has any.
func Of(p peer.Peer) int {
	if image, ok := p.(foreign.Image); ok {
		return len(image.Adapter.Remedies)
	}
	return 0
}

// Check says which remedy of a peer, or which report on it, is about a case that there is not.
func Check(p peer.Peer) error {
	image, ok := p.(foreign.Image)
	if !ok {
		return nil
	}
	known := func(id string) bool {
		return slices.ContainsFunc(cases.All(), func(c cases.Case) bool {
			return c.ID == id || strings.HasSuffix(id, "/") && strings.HasPrefix(c.ID, id)
		})
	}
	for _, r := range image.Adapter.Remedies {
		for _, id := range slices.Concat(r.Mends, r.Fails) {
			if !known(id) {
				return fmt.Errorf("%s: remedy %q: there is no case %s", image.Name(), r.Setting, id)
			}
		}
	}
	for _, r := range image.Adapter.Reports {
		for _, id := range slices.Concat(r.Fails, r.Holds) {
			if !known(id) {
				return fmt.Errorf("%s: report %s: there is no case %s", image.Name(), r.At, id)
			}
		}
	}
	return nil
}

// Try audits the peer of an audit again with each of its remedies, and returns the audit with
// what they came to. A remedy with which the peer cannot be put to the test is none, and says so.
func Try(ctx context.Context, by Auditor, what audit.Audit, without finding.Audit) (finding.Audit, error) {
	image, ok := what.Peer.(foreign.Image)
	if !ok {
		return without, nil
	}
	for _, r := range image.Adapter.Remedies {
		changed, err := image.Adapter.Remedied(r)
		if err != nil {
			return without, err
		}
		again := what
		again.Peer = foreign.Image{Adapter: changed, Context: image.Context}
		came := finding.Remedy{Setting: r.Setting, Source: r.Source}
		with, err := by.Audit(ctx, again)
		switch broke, unusable := errors.AsType[*peer.UnusableError](err); {
		case unusable:
			came.Wrong = "with it the peer cannot be put to the test: " + broke.What
		case err != nil:
			return without, err
		default:
			came = came.Compare(without, with, r.Mends, r.Fails)
		}
		without.Remedies = append(without.Remedies, came)
	}
	return without, nil
}
