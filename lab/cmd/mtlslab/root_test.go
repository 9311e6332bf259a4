package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
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
		{"all is well", nil, false, exitPass, "", ""},
		{"a claim failed", errFail, false, exitFail, "", ""},
		{"inconclusive", errInconclusive, false, exitBroken, "", ""},
		{"faulty", errFaulty, false, exitUsage, "", ""},
		{"usage", usageError{errors.New("--x: no")}, false, exitUsage, "mtlslab: --x: no\n", ""},
		{"the lab broke", broke, false, exitBroken, "mtlslab: the engine went away\n", ""},
		{
			"interrupted", fmt.Errorf("the exchange: %w", context.Canceled), true, exitInterrupted,
			"mtlslab: interrupted; nothing was left behind\n", "",
		},
		{"left behind", errors.Join(broke, left), false, exitLeftover, "mtlslab: the engine went away\nleft behind: ", ""},
		{
			"left behind after a failure", errors.Join(errFail, left), false, exitLeftover,
			"mtlslab: left behind: ", "a claim failed",
		},
		{
			"nobody knows after a failure", errors.Join(errFail, open), false, exitLeftover,
			"mtlslab: closing the lab: ", "a claim failed",
		},
		{
			"interrupted and left behind", errors.Join(context.Canceled, left), true, exitLeftover,
			"mtlslab: interrupted; left behind: ", "nothing",
		},
		{
			"interrupted and nobody knows", errors.Join(context.Canceled, open), true, exitLeftover,
			"mtlslab: interrupted; closing the lab: the engine went away\n", "nothing",
		},
		{
			"interrupted while cleaning up", unfinishedError{broke}, true, exitLeftover,
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
			code := conclude(ctx, tt.err, &out)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			said := out.String()
			if !strings.HasPrefix(said, tt.says) || tt.says == "" && said != "" ||
				tt.not != "" && strings.Contains(said, tt.not) {
				t.Errorf("said %q, want %q", said, tt.says)
			}
			if code == exitLeftover && !strings.Contains(said, "mtlslab clean") {
				t.Errorf("%q does not say what to do", said)
			}
		})
	}
}

func TestHelpIsNotWide(t *testing.T) {
	t.Parallel()
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		var out bytes.Buffer
		cmd.SetOut(&out)
		if err := cmd.Help(); err != nil {
			t.Errorf("%s --help: %v", cmd.CommandPath(), err)
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("%s --help: %d columns: %s", cmd.CommandPath(), n, line)
			}
		}
		for _, below := range cmd.Commands() {
			look(below)
		}
	}
	look(newRoot())
}

// TestMessages looks at what becomes of --message before there is a lab.
func TestMessages(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("x", wire.MaxMessage-len(" (0123456789ab)"))
	for _, tt := range []struct {
		name, message string
		good          bool
	}{
		{"greeting", exchange.Greeting, true},
		{"the longest", longest, true},
		{"too long", longest + "x", false},
		{"none", "", false},
		{"two lines", "a\nb", false},
		{"no UTF-8", "a\xff", false},
	} {
		if err := checkMessage(tt.message); (err == nil) != tt.good {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestInstallGo holds the advice against go.mod.
func TestInstallGo(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(installGo, "Go ")
	version, _, _ := strings.Cut(after, " ")
	if version == "" || !strings.Contains(string(text), "\ngo "+version+".") {
		t.Errorf("%q names %q, which is not the version of go.mod", installGo, version)
	}
}
