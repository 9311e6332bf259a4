package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/learn"
)

// TestLearn plays the exercises as a learner would, by the same commands and without a network:
// first the obvious wrong fix, then the right one. What the learner types is in the scripts.
func TestLearn(t *testing.T) {
	t.Parallel()
	module, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/learn",
		Setup: func(env *testscript.Env) error {
			setEnvironment(env, module)
			env.Setenv("GOPROXY", "off")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"edit": edit, "answer": answer, "learner": whose,
		},
		Condition: func(condition string) (bool, error) {
			switch condition {
			case "pyopenssl":
				return havePyOpenSSL(t), nil
			default:
				return haveEngine(t), nil
			}
		},
	})
}

// edit replaces a text that is in a file once: edit FILE OLD NEW. A \n stands for a line's end,
// and ${WHO} for what learner found.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	unquote := strings.NewReplacer(`\n`, "\n", "${WHO}", ts.Getenv("WHO")).Replace
	file, before, after := ts.MkAbs(args[0]), unquote(args[1]), unquote(args[2])
	content := ts.ReadFile(args[0])
	if strings.Count(content, before) != 1 {
		ts.Fatalf("%s has %q %d times", args[0], before, strings.Count(content, before))
	}
	ts.Check(os.WriteFile(file, []byte(strings.Replace(content, before, after, 1)), 0o600))
}

// answer looks something up and writes it down: answer FILE KEY IN PATTERN NTH puts the group of
// the NTH match, from 1, behind KEY.
func answer(ts *testscript.TestScript, _ bool, args []string) {
	nth, err := strconv.Atoi(args[4])
	ts.Check(err)
	all := regexp.MustCompile(args[3]).FindAllStringSubmatch(ts.ReadFile(args[2]), -1)
	if len(all) < nth {
		ts.Fatalf("%s has %q %d times", args[2], args[3], len(all))
	}
	content := ts.ReadFile(args[0])
	put := regexp.MustCompile(`(?m)^  `+args[1]+`: "[^"]*"`).
		ReplaceAllString(content, "  "+args[1]+`: "`+all[nth-1][1]+`"`)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(put), 0o600))
}

// whose puts a lab file's learner into ${WHO}, which edit knows: learner FILE.
func whose(ts *testscript.TestScript, _ bool, args []string) {
	_, after, _ := strings.Cut(ts.ReadFile(args[0]), "learner: ")
	who, _, _ := strings.Cut(after, "\n")
	ts.Setenv("WHO", who)
}

func havePyOpenSSL(t *testing.T) bool {
	t.Helper()
	for _, l := range learn.Languages() {
		if l.Name == "Python" && l.Missing() == "" {
			return true
		}
	}
	if os.Getenv("MTLSLAB_REQUIRE_TOOLS") != "" {
		t.Fatal("pyOpenSSL is missing")
	}
	return false
}

// TestPages carries out the commands of the exercises' pages, in the exercise as it is given.
func TestPages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "workshop")
	for _, e := range exercises.All() {
		if code, _, said := carryOut(t, "learn", "start", e.ID, "--workshop", dir); code != cli.ExitPass {
			t.Fatalf("%s: exit code %d: %s", e.ID, code, said)
		}
	}
	for _, e := range exercises.All() {
		for _, line := range regexp.MustCompile("(?m)^mtlslab (.+)$").FindAllStringSubmatch(e.Page, -1) {
			args := strings.Fields(line[1])
			if args[0] == "learn" {
				args = append(slices.Insert(args, 2, e.ID), "--workshop", dir)
			}
			for i := range args {
				if strings.Contains(args[i], "nginx/") {
					args[i] = filepath.Join(dir, e.ID, args[i])
				}
			}
			if slices.Contains(args, "--containers") || args[0] == "audit" {
				if !haveEngine(t) {
					continue
				}
			}
			t.Run(e.ID+" "+line[1], func(t *testing.T) {
				code, out, said := carryOut(t, args...)
				if code != cli.ExitPass && code != cli.ExitFail {
					t.Errorf("exit code %d\n%s%s", code, out, said)
				}
			})
		}
	}
}
