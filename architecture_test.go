package mtlslab_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const architecture = "docs/architecture.md"

// TestRoomsAreDrawn holds the table of rooms to the packages that there are: each is in
// it, and imports only rooms that stand below it.
func TestRoomsAreDrawn(t *testing.T) {
	t.Parallel()
	var drawn []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(read(t, architecture), -1) {
		drawn = append(drawn, row[1])
	}
	for _, p := range list(t, "./...") {
		room := p.room()
		if room == "" || strings.Contains(room, "testdata") {
			continue
		}
		place := slices.Index(drawn, room)
		if place < 0 {
			t.Errorf("%s does not draw %s", architecture, room)
			continue
		}
		drawn[place] += " " // seen
		for _, imported := range p.Imports {
			other := strings.TrimPrefix(imported, self+"/")
			below := slices.IndexFunc(drawn, func(s string) bool { return strings.TrimSpace(s) == other })
			if within(imported, self) && below < place {
				t.Errorf("%s draws %s below %s, which it imports", architecture, room, other)
			}
		}
	}
	for _, room := range drawn {
		if !strings.HasSuffix(room, " ") {
			t.Errorf("%s draws %s, and there is no such package", architecture, room)
		}
	}
}

// TestWaysAreDrawn holds the lists of functions to the code: each function is there, and
// refers to those below it in that order.
func TestWaysAreDrawn(t *testing.T) {
	t.Parallel()
	declared := functions(t)
	var above []string // the functions that the current line is within
	var after []token.Pos
	lines := regexp.MustCompile("(?m)^( *)- `([a-z]+\\.[A-Za-z.]+)`").FindAllStringSubmatch(read(t, architecture), -1)
	if len(lines) < 20 {
		t.Fatalf("only %d functions are drawn", len(lines))
	}
	for _, line := range lines {
		depth, name := len(line[1])/2, line[2]
		if declared[name] == nil {
			t.Errorf("%s: there is no function %s", architecture, name)
		}
		if depth > len(above) {
			t.Fatalf("%s: %s is too far in", architecture, name)
		}
		above, after = append(above[:depth], name), append(after[:depth], 0)
		if depth == 0 || declared[above[depth-1]] == nil {
			continue
		}
		called := name[strings.LastIndex(name, ".")+1:]
		at := referred(declared[above[depth-1]], called, after[depth-1])
		if at == token.NoPos {
			t.Errorf("%s: %s does not call %s after those above it", architecture, above[depth-1], name)
			continue
		}
		after[depth-1] = at
	}
}

// referred is where a function first refers to a name, after a place.
func referred(f *ast.FuncDecl, name string, after token.Pos) token.Pos {
	found := token.NoPos
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == name && id.Pos() > after && found == token.NoPos {
			found = id.Pos()
		}
		return true
	})
	return found
}

// functions are those of all rooms, by names such as audit.round.try.
func functions(t *testing.T) map[string]*ast.FuncDecl {
	t.Helper()
	all := make(map[string]*ast.FuncDecl)
	for room := range maps.Keys(rooms) {
		files, err := filepath.Glob(filepath.Join(filepath.FromSlash(room), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range parsed.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && !strings.HasSuffix(file, "_test.go") {
					all[path.Base(room)+"."+receiver(f)+f.Name.Name] = f
				}
			}
		}
	}
	return all
}

// receiver is the name of a method's type, with a dot.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if generic, ok := of.(*ast.IndexExpr); ok {
		of = generic.X
	}
	if id, ok := of.(*ast.Ident); ok {
		return id.Name + "."
	}
	return ""
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
