package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/wire"
)

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
