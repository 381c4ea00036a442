package pusher

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/karez/karez/internal/turns"
)

// declared reads the names of a package's sentinel errors from its source.
func declared(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../../..", dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(dir, err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					if strings.HasPrefix(n.Name, "Err") {
						names = append(names, f.Name.Name+"."+n.Name)
					}
				}
			}
		}
	}
	return names
}

// Every error that a caller may decide by has a row.
func TestEverySentinelHasARow(t *testing.T) {
	source, err := os.ReadFile("errors.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"internal/gateway", "internal/turns", "broker", "turn"} {
		for _, n := range declared(t, dir) {
			if !strings.Contains(string(source), "{"+n+",") {
				t.Errorf("%s has no row in errors.go", n)
			}
		}
	}
	for _, r := range table {
		if got, ok := find(fmt.Errorf("some words: %w", r.err)); !ok || got != r || r.status < 400 || r.code < 4000 {
			t.Errorf("%v is told as %+v", r.err, got)
		}
	}
}

// What is not known tells nothing of the server's inside.
func TestUnknownErrorTellsNothing(t *testing.T) {
	if s := explain(errors.New("dial tcp 10.0.0.7:6379: refused")); strings.Contains(s, "10.0.0.7") {
		t.Error(s)
	}
	if s := explain(&turns.BusyError{Turn: "t1"}); !strings.Contains(s, "t1") {
		t.Error(s)
	}
}
