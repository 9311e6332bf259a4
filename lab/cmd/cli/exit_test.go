package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// TestConclude holds what is said last, and the exit code, against the error.
func TestConclude(t *testing.T) {
	t.Parallel()
	broke := errors.New("the engine went away")
	left := &sandbox.LeftoverError{Left: sandbox.Leftovers{Networks: 1}}
	open := &lab.CloseError{Err: broke}
	for _, tt := range []struct {
		name        string
		err         error
		interrupted bool
		code        int
		says        string // how it begins; nothing if empty
		not         string // is not in it
	}{
		{"all is well", nil, false, cli.ExitPass, "", ""},
		{"a claim failed", cli.ErrFail, false, cli.ExitFail, "", ""},
		{"inconclusive", cli.ErrInconclusive, false, cli.ExitBroken, "", ""},
		{"faulty", cli.ErrFaulty, false, cli.ExitUsage, "", ""},
		{"usage", cli.UsageError{Err: errors.New("--x: no")}, false, cli.ExitUsage, "mtlslab: --x: no\n", ""},
		{"the lab broke", broke, false, cli.ExitBroken, "mtlslab: the engine went away\n", ""},
		{
			"interrupted", fmt.Errorf("the exchange: %w", context.Canceled), true, cli.ExitInterrupted,
			"mtlslab: interrupted; nothing was left behind\n", "",
		},
		{
			"left behind", errors.Join(broke, left), false, cli.ExitLeftover,
			"mtlslab: the engine went away\nleft behind: ", "",
		},
		{
			"left behind after a failure", errors.Join(cli.ErrFail, left), false, cli.ExitLeftover,
			"mtlslab: left behind: ", "a claim failed",
		},
		{
			"nobody knows after a failure", errors.Join(cli.ErrFail, open), false, cli.ExitLeftover,
			"mtlslab: closing the lab: ", "a claim failed",
		},
		{
			"interrupted and left behind", errors.Join(context.Canceled, left), true, cli.ExitLeftover,
			"mtlslab: interrupted; left behind: ", "nothing",
		},
		{
			"interrupted and nobody knows", errors.Join(context.Canceled, open), true, cli.ExitLeftover,
			"mtlslab: interrupted; closing the lab: the engine went away\n", "nothing",
		},
		{
			"interrupted while cleaning up", cli.UnfinishedError{Err: broke}, true, cli.ExitLeftover,
			"mtlslab: interrupted; the engine went away\n", "nothing",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.interrupted {
				cancel()
			}
			var out bytes.Buffer
			code := cli.Conclude(ctx, tt.err, &out)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			said := out.String()
			if !strings.HasPrefix(said, tt.says) || tt.says == "" && said != "" ||
				tt.not != "" && strings.Contains(said, tt.not) {
				t.Errorf("said %q, want %q", said, tt.says)
			}
			if code == cli.ExitLeftover && !strings.Contains(said, "mtlslab clean") {
				t.Errorf("%q does not say what to do", said)
			}
		})
	}
}
