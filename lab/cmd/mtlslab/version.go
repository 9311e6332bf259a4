package main

import (
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
)

// tested are the engines that it was tried with as a whole: docs/reference/engines.md.
var tested = []string{"Docker 20.10", "Docker 26.1, with the containerd image store, too", "Podman 4.3 and 5.4"}

// versionDocument says which mtlslab this is.
type versionDocument struct {
	Format   int      `json:"format"`
	Version  string   `json:"version"`          // a tag, or what Go makes of a commit; "unknown" without either
	Commit   string   `json:"commit,omitempty"` // empty if it was not built in a checkout
	Modified bool     `json:"modified"`         // the checkout differed from that commit
	Go       string   `json:"go"`
	Carries  bool     `json:"carries"` // its programs, so that it needs neither Go nor source
	Engines  []string `json:"engines"` // that it was tested with
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which mtlslab this is, and which engines it was tested with",
		Args:  cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := versionOf(debug.ReadBuildInfo())
			if cli.WantsJSON(cmd) {
				return cli.PrintJSON(cmd.OutOrStdout(), v)
			}
			show := newNarrator(cmd)
			show.line("mtlslab", v.Version, 0)
			if v.Commit != "" {
				commit := v.Commit
				if v.Modified {
					commit += ", modified"
				}
				show.line("commit", commit, 0)
			}
			show.line("go", v.Go, 0)
			programs := "compiled when they are first needed, from source"
			if v.Carries {
				programs = "carried: neither Go nor source is needed"
			}
			show.line("programs", programs, 0)
			for _, engine := range v.Engines {
				show.line("tested", engine, 0)
			}
			return nil
		},
	}
}

// versionOf is what the build says of itself.
func versionOf(info *debug.BuildInfo, ok bool) versionDocument {
	v := versionDocument{Format: 1, Version: "unknown", Carries: images.Carrying(), Engines: tested}
	if !ok {
		return v
	}
	v.Go = info.GoVersion
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
