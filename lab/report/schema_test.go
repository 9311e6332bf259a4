package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/card"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// schema is the part of JSON Schema that ours are written in.
type schema struct {
	Dialect     string             `json:"$schema"`
	ID          string             `json:"$id"`
	Title       string             `json:"title"`
	Description string             `json:"description"`
	Ref         string             `json:"$ref"`
	Type        string             `json:"type"`
	Format      string             `json:"format"`
	Const       any                `json:"const"`
	Enum        []string           `json:"enum"`
	Minimum     *float64           `json:"minimum"`
	Required    []string           `json:"required"`
	Properties  map[string]*schema `json:"properties"`
	Items       *schema            `json:"items"`
	Encoding    string             `json:"contentEncoding"`
	Defs        map[string]*schema `json:"$defs"`

	files map[string]*schema // of the root, by name: those that it refers to
}

func readSchema(t *testing.T, name string) *schema {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields() // else this test would not know the keyword
	var s schema
	if err := decoder.Decode(&s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// resolve follows a reference to a part of the same file or of another, and returns
// the root of that.
func (s *schema) resolve(root *schema) (part, of *schema) {
	if s.Ref == "" {
		return s, root
	}
	file, path, _ := strings.Cut(s.Ref, "#/")
	if file != "" {
		root = root.files[file]
	}
	kind, name, _ := strings.Cut(path, "/")
	return map[string]map[string]*schema{"$defs": root.Defs, "properties": root.Properties}[kind][name].resolve(root)
}

// faults says where the value is not as the schema has it; it knows no property
// but those named.
func (s *schema) faults(root *schema, at string, value any) (all []string) {
	s, root = s.resolve(root)
	bad := func(why string) { all = append(all, fmt.Sprintf("%s: %v %s", at, value, why)) }
	if s.Const != nil && value != s.Const {
		bad(fmt.Sprintf("is not %v", s.Const))
	}
	if text, ok := value.(string); s.Enum != nil && (!ok || !slices.Contains(s.Enum, text)) {
		bad(fmt.Sprintf("is none of %q", s.Enum))
	}
	typ := map[reflect.Kind]string{
		reflect.String: "string", reflect.Float64: "integer", reflect.Bool: "boolean", reflect.Map: "object",
		reflect.Slice: "array",
	}[reflect.ValueOf(value).Kind()]
	if s.Type != "" && s.Type != typ {
		bad("is not of type " + s.Type)
	}
	switch value := value.(type) {
	case float64:
		if s.Minimum != nil && value < *s.Minimum {
			bad("is too small")
		}
	case string:
		if _, err := time.Parse(time.RFC3339, value); s.Format == "date-time" && err != nil {
			bad("is no time")
		}
	case []any:
		for i, item := range value {
			all = append(all, s.Items.faults(root, fmt.Sprintf("%s[%d]", at, i), item)...)
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := value[name]; !ok {
				bad("lacks " + name)
			}
		}
		for name, item := range value {
			if s.Properties[name] == nil {
				bad("has " + name)
				continue
			}
			all = append(all, s.Properties[name].faults(root, at+"."+name, item)...)
		}
	}
	return all
}

func TestGoldenJSONIsAsTheSchemaSays(t *testing.T) {
	t.Parallel()
	s := readSchema(t, "audit.schema.json")
	for _, name := range []string{"everything.json", "clean.json", "uncontrolled.json", "product.json"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var document any
		if err := json.Unmarshal(content, &document); err != nil {
			t.Fatal(err)
		}
		for _, fault := range s.faults(s, name, document) {
			t.Error(fault)
		}
		if name != "everything.json" {
			continue
		}
		for _, breakIt := range []func(map[string]any){
			func(d map[string]any) { d["format"] = 1.0 },
			func(d map[string]any) { d["verdict"] = "waived" },
			func(d map[string]any) { d["took_ns"] = -1.0 },
			func(d map[string]any) { d["began"] = "today" },
			func(d map[string]any) { d["isolated"] = "no" },
			func(d map[string]any) { delete(d, "findings") },
			func(d map[string]any) { delete(d["findings"].([]any)[0].(map[string]any), "case") },
		} {
			var broken map[string]any
			if err := json.Unmarshal(content, &broken); err != nil {
				t.Fatal(err)
			}
			if breakIt(broken); len(s.faults(s, name, broken)) != 1 {
				t.Error("a broken document is as the schema says")
			}
		}
	}
}

// The schema and the Go types name the same fields, and require the same.
func TestSchemaIsTheTypes(t *testing.T) {
	t.Parallel()
	s := readSchema(t, "audit.schema.json")
	compare(t, s, s, reflect.TypeFor[report.Document]())
	compare(t, s, s.Defs["finding"], reflect.TypeFor[finding.Finding]())
	compare(t, s, s.Defs["counts"], reflect.TypeFor[report.Counts]())
	compare(t, s, s.Defs["product"], reflect.TypeFor[finding.Product]())
	for _, c := range []struct {
		at   *schema
		want []string
	}{
		{s.Defs["role"], words(wire.Server, wire.Client)},
		{s.Properties["profile"], words(cases.RFC5280, cases.SPIFFE, cases.Strict)},
		{s.Properties["verdict"], words(finding.Passed, finding.Failed, finding.Inconclusive)},
		{
			s.Defs["finding"].Properties["status"],
			words(finding.Passed, finding.Failed, finding.Inconclusive, finding.Waived, finding.Untried),
		},
		{s.Defs["finding"].Properties["expect"], words(cases.MustRefuse, cases.MustAccept, cases.MayEither)},
	} {
		if !slices.Equal(c.at.Enum, c.want) {
			t.Errorf("the schema has %q, the types %q", c.at.Enum, c.want)
		}
	}
	if s.Properties["format"].Const != float64(finding.Format) {
		t.Errorf("the schema is of format %v", s.Properties["format"].Const)
	}
}

func words[S ~string](all ...S) (words []string) {
	for _, word := range all {
		words = append(words, string(word))
	}
	return words
}

func compare(t *testing.T, root, s *schema, of reflect.Type) {
	t.Helper()
	var names, required []string
	for _, field := range reflect.VisibleFields(of) {
		name, option, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous {
			continue
		}
		names = append(names, name)
		if option == "" {
			required = append(required, name)
		}
		property := s.Properties[name]
		if property == nil {
			t.Errorf("%s: no %q in the schema", of, name)
			continue
		}
		kind := map[reflect.Kind]string{
			reflect.String: "string", reflect.Int: "integer", reflect.Int64: "integer", reflect.Bool: "boolean",
			reflect.Slice: "array",
		}[field.Type.Kind()]
		resolved, _ := property.resolve(root)
		if is := resolved.Type; is != "" && kind != "" && is != kind {
			t.Errorf("%s.%s is of type %s in the schema", of, name, is)
		}
		if property.Description+resolved.Description == "" && of != reflect.TypeFor[report.Counts]() {
			t.Errorf("%s.%s is not described", of, name)
		}
	}
	slices.Sort(names)
	slices.Sort(required)
	if got := slices.Sorted(maps.Keys(s.Properties)); !slices.Equal(got, names) {
		t.Errorf("%s: the schema has %q, the type %q", of, got, names)
	}
	if got := slices.Sorted(slices.Values(s.Required)); !slices.Equal(got, required) {
		t.Errorf("%s: the schema requires %q, the type %q", of, got, required)
	}
}

func scorecardSchema(t *testing.T) *schema {
	t.Helper()
	s := readSchema(t, "../card/scorecard.schema.json")
	s.files = map[string]*schema{"../report/audit.schema.json": readSchema(t, "audit.schema.json")}
	return s
}

func TestScorecardIsAsTheSchemaSays(t *testing.T) {
	t.Parallel()
	s := scorecardSchema(t)
	var out bytes.Buffer
	sc := few()
	sc.Interop[3].Status = finding.Inconclusive // what is none of the known is no document of ours
	if err := card.JSON(&out, sc); err != nil {
		t.Fatal(err)
	}
	for name, breakIt := range map[string]func(map[string]any){
		"":               func(map[string]any) {},
		"format":         func(d map[string]any) { d["format"] = 1.0 },
		"profile":        func(d map[string]any) { d["profile"] = "lax" },
		"began":          func(d map[string]any) { d["began"] = "today" },
		"no audits":      func(d map[string]any) { delete(d, "audits") },
		"audit's format": func(d map[string]any) { d["audits"].([]any)[0].(map[string]any)["format"] = 1.0 },
		"audit's case": func(d map[string]any) {
			delete(d["audits"].([]any)[0].(map[string]any)["findings"].([]any)[0].(map[string]any), "case")
		},
		"verdict": func(d map[string]any) { d["audits"].([]any)[0].(map[string]any)["verdict"] = "passed" },
		"interop": func(d map[string]any) { d["interop"].([]any)[0].(map[string]any)["status"] = "odd" },
		"sent":    func(d map[string]any) { d["sent"].([]any)[0].(map[string]any)["role"] = "third" },
	} {
		var document map[string]any
		if err := json.Unmarshal(out.Bytes(), &document); err != nil {
			t.Fatal(err)
		}
		breakIt(document)
		faults := s.faults(s, "scorecard", document)
		if (name != "") != (len(faults) == 1) || len(faults) > 1 {
			t.Errorf("%q broken: %q", name, faults)
		}
	}
}

func TestScorecardSchemaIsTheTypes(t *testing.T) {
	t.Parallel()
	s := scorecardSchema(t)
	compare(t, s, s, reflect.TypeFor[finding.Scorecard]())
	compare(t, s, s.Defs["audit"], reflect.TypeFor[finding.Audit]())
	compare(t, s, s.Defs["interop"], reflect.TypeFor[finding.Interop]())
	compare(t, s, s.Defs["sent"], reflect.TypeFor[finding.Sent]())
	if want := words(finding.Passed, finding.Failed, finding.Inconclusive, finding.Waived, finding.Untried); !slices.Equal(
		s.Defs["interop"].Properties["status"].Enum,
		want,
	) {
		t.Errorf("a interop's status is one of %q", s.Defs["interop"].Properties["status"].Enum)
	}
}
