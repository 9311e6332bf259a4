package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/report"
)

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain CASE",
		Short: "Say what a case is: who can do it, what it means, who was hit",
		Long: `Say what the adversary does in a case, what it must hold and what it gets, what
each profile demands and where that is written, and who was hit. Of a case of
certificates, those are made and shown beside the good ones. Nothing is started.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.UsageError{
					Err: fmt.Errorf("%s takes the id of one case, such as chain/self-signed", cmd.CommandPath()),
				}
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return caseIDs(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return explain(cmd, args[0]) },
	}
}

func caseIDs() (ids []string) {
	for _, c := range cases.All() {
		ids = append(ids, c.ID)
	}
	return ids
}

// explained is a case as JSON.
type explained struct {
	Case     string         `json:"case"`
	Attacker cases.Attacker `json:"attacker"`
	Parts    []finding.Part `json:"parts"`
	Differs  []string       `json:"differs,omitempty"` // a text for each role of the adversary
}

func explain(cmd *cobra.Command, id string) error {
	c, known := cases.Find(id)
	if !known {
		return cli.UsageError{Err: fmt.Errorf("there is no case %q%s", id, similar(id))}
	}
	certificates, err := forge(c)
	if err != nil {
		return err
	}
	if !cli.WantsJSON(cmd) {
		out := cmd.OutOrStdout()
		return report.Explain(out, c, certificates, report.Options{Color: cli.InColor(out), Width: width})
	}
	document := explained{Case: c.ID, Attacker: c.Attacker, Parts: append(report.Explanation(c), report.InGallery(c)...)}
	for _, one := range certificates {
		text := fmt.Sprintf("as a %s: %s", one.Role, finding.Difference(one.Good, one.Sent))
		document.Differs = append(document.Differs, text)
	}
	return cli.PrintJSON(cmd.OutOrStdout(), document)
}

// forge makes the certificates of a case, in each role of the adversary; none if it is not
// of certificates.
func forge(c cases.Case) ([]report.Certificates, error) {
	if c.Mutation == nil {
		return nil, nil
	}
	authority, err := pki.New(pki.Config{})
	if err != nil {
		return nil, err
	}
	var all []report.Certificates
	for _, role := range c.Roles {
		good, err := authority.Forge(cases.Control(role))
		if err != nil {
			return nil, err
		}
		sent, err := authority.Forge(cases.Control(role), c.Mutation(cases.Control(role)))
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", c.ID, err)
		}
		all = append(all, report.Certificates{Role: role, Good: good.Chain, Sent: sent.Chain})
	}
	return all, nil
}

// similar names cases whose ids have a word of a wrong one.
func similar(id string) string {
	_, name, _ := strings.Cut(id, "/")
	if name == "" {
		name = id
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '/' })
	near := slices.DeleteFunc(caseIDs(), func(known string) bool {
		return !slices.ContainsFunc(
			words,
			func(word string) bool { return len(word) > 3 && strings.Contains(known, word) },
		)
	})
	const most = 5
	if len(near) == 0 {
		return "; mtlslab audit server --list has those of servers"
	}
	return "; there are " + strings.Join(near[:min(most, len(near))], ", ")
}
