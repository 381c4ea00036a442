package answer

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/wire"
)

// Every error that a caller may decide by has a row: as many as are declared
// below this package, all different.
func TestEverySentinelHasARow(t *testing.T) {
	n := 0
	for _, dir := range []string{"internal/gateway", "internal/turns", "broker", "turn", "internal/auth"} {
		files, err := filepath.Glob(filepath.Join("../..", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
					for _, s := range g.Specs {
						for _, name := range s.(*ast.ValueSpec).Names {
							if strings.HasPrefix(name.Name, "Err") {
								n++
							}
						}
					}
				}
			}
		}
	}
	seen := map[error]bool{}
	for _, r := range table {
		seen[r.err] = true
		p := Explain(fmt.Errorf("some words: %w", r.err))
		if p.Status < 400 || p.Message == "" || !slices.Contains(wire.Codes(), p.Code) {
			t.Errorf("%v is told as %+v", r.err, p)
		}
	}
	if rows := len(seen) - 2; rows != n { // two are of package context
		t.Errorf("%d errors are declared, the table has %d", n, rows)
	}
}

func TestExplain(t *testing.T) {
	if p := Explain(errors.New("dial tcp 10.0.0.7:6379: refused")); p.Status != 500 || strings.Contains(p.Error(), "10.0.0.7") {
		t.Errorf("an unknown error tells of the server's inside: %+v", p)
	}
	if p := Explain(&turns.BusyError{Turn: "t1"}); p.Status != http.StatusConflict || p.Retry != 0 {
		t.Errorf("%+v", p)
	}
	if p := Explain(&turns.BusyError{Turn: "t1", Full: true}); p.Status != http.StatusTooManyRequests || p.Retry == 0 {
		t.Errorf("%+v", p)
	}
	if p := Explain(&wire.Error{Code: wire.CodeExpired, Message: "m"}); p.Status != http.StatusUnauthorized {
		t.Errorf("%+v", p)
	}
	if p := Explain(fmt.Errorf("x: %w", &http.MaxBytesError{Limit: 7})); p.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("%+v", p)
	}
	h := http.Header{}
	Explain(&wire.Error{Code: wire.CodeUnauthorized, Message: "m", RetryIn: 1500}).Head(h)
	if h.Get("WWW-Authenticate") == "" || h.Get("Retry-After") != "2" {
		t.Errorf("%v", h)
	}
}
