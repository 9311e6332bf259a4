package exercises_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/exercises"
)

// TestLabFaults has each fault of a lab file told with its line and key.
func TestLabFaults(t *testing.T) {
	t.Parallel()
	good := exercises.All()[0].For("ada-c0ffee").Start[exercises.LabFile]
	if _, err := exercises.ReadLab("lab.yaml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string][2]string{
		"lab.yaml:6: certificates.server.authority: there is no authority": {"authority: lab ", "authority: labs "},
		"certificates.server: it names nobody":                             {"    dns: [server.ada-c0ffee.test]  ", "    # "},
		"choose from serverAuth, clientAuth":                               {"[serverAuth]", "[server]"},
		"there is no certificate \"nobody\"":                               {"certificate: client", "certificate: nobody"},
		"server.client_cas: there is no authority and no certificate":      {"client_cas: [lab]", "client_cas: [labs]"},
		"is no URI, such as": {
			"uri: [spiffe://ada-c0ffee.test/client]\n    usage: [clientAuth]\n  impostor",
			"uri: [client]\n    usage: [clientAuth]\n  impostor",
		},
		"client_auth: \"Requires\": choose from NoClientCert": {"RequireAndVerifyClientCert", "Requires"},
		"no such key; choose from":                            {"server_name:", "servername:"},
		"authorities.stranger: that is an authority already": {
			"certificates:", "authorities: {stranger: {permitted_dns: []}}\ncertificates:",
		},
	} {
		changed := strings.Replace(good, change[0], change[1], 1)
		if changed == good {
			t.Fatalf("%q is not in the lab file", change[0])
		}
		if _, err := exercises.ReadLab("lab.yaml", []byte(changed)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", change[1], err, says)
		}
	}
	if _, err := exercises.ReadLab("lab.yaml", nil); err == nil {
		t.Error("an empty file is none")
	}
}

// TestOwnExercise reads an exercise of somebody's own, as it is packed, and with parts missing.
func TestOwnExercise(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mine")
	if err := exercises.Pack("02-mutual", dir); err != nil {
		t.Fatal(err)
	}
	e, err := exercises.ReadDir(dir)
	if err != nil || e.ID != "mine" || len(e.Claims) == 0 {
		t.Fatalf("read %+v, %v", e, err)
	}
	file := filepath.Join(dir, "exercise.yaml")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string][2]string{
		"title":                   {"title: ", "minutes_: "},
		"kind: want lab":          {"kind: lab", "kind: laboratory"},
		"minutes: want how many":  {"minutes: 5", "minutes: 0"},
		"wrong: want at least 3":  {"wrong:\n", "wrong: []\ncheats_:\n"},
		"hints: want three: the ": {"hints:\n", "hints: [one]\nhints_:\n"},
	} {
		changed := strings.Replace(string(whole), change[0], change[1], 1)
		if says == "wrong: want at least 3" || says == "hints: want three: the " {
			changed = cut(t, string(whole), change[0])
		}
		if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := exercises.ReadDir(dir); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", change[0], err, says)
		}
	}
	if _, err := exercises.ReadDir(t.TempDir()); err == nil {
		t.Error("an empty directory is no exercise")
	}
}

// cut takes a key of the top with its list out.
func cut(t *testing.T, text, key string) string {
	t.Helper()
	before, after, ok := strings.Cut(text, "\n"+key)
	if !ok {
		t.Fatalf("%q is not in the exercise", key)
	}
	rest := strings.Split(after, "\n")
	for len(rest) > 0 && (strings.HasPrefix(rest[0], " ") || rest[0] == "") {
		rest = rest[1:]
	}
	return before + "\n" + strings.Join(rest, "\n")
}

// TestEdits has an edit that does not fit be an error.
func TestEdits(t *testing.T) {
	t.Parallel()
	files := map[string]string{exercises.LabFile: "one two one"}
	for _, e := range []exercises.Edit{{Replace: "one", By: "1"}, {Replace: "three"}, {File: "other", Replace: "one"}} {
		if made, err := exercises.Apply(files, []exercises.Edit{e}); err == nil {
			t.Errorf("%+v made %v", e, made)
		}
	}
	made, err := exercises.Apply(files, []exercises.Edit{{Replace: "two", By: "2"}, {File: "new", Write: "x"}})
	if err != nil || made[exercises.LabFile] != "one 2 one" || made["new"] != "x" || files["new"] != "" {
		t.Errorf("made %v of %v, %v", made, files, err)
	}
}
