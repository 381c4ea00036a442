package native

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// sentinels are the errors below this package, by the name of their variable.
var sentinels = map[string]error{
	"auth.ErrBadToken": auth.ErrBadToken, "auth.ErrExpired": auth.ErrExpired, "auth.ErrForbidden": auth.ErrForbidden, "auth.ErrNotYet": auth.ErrNotYet,
	"broker.ErrAhead": broker.ErrAhead, "broker.ErrClosed": broker.ErrClosed, "broker.ErrConflict": broker.ErrConflict, "broker.ErrEnded": broker.ErrEnded,
	"broker.ErrExists": broker.ErrExists, "broker.ErrFenced": broker.ErrFenced, "broker.ErrGap": broker.ErrGap, "broker.ErrLeaseLost": broker.ErrLeaseLost,
	"broker.ErrMalformed": broker.ErrMalformed, "broker.ErrNotFound": broker.ErrNotFound, "broker.ErrTooLarge": broker.ErrTooLarge,
	"broker.ErrTrimmed": broker.ErrTrimmed, "broker.ErrUnavailable": broker.ErrUnavailable,
	"gateway.ErrBadName": gateway.ErrBadName, "gateway.ErrClosed": gateway.ErrClosed, "gateway.ErrDraining": gateway.ErrDraining,
	"gateway.ErrExpired": gateway.ErrExpired, "gateway.ErrForbidden": gateway.ErrForbidden, "gateway.ErrFull": gateway.ErrFull,
	"gateway.ErrKicked": gateway.ErrKicked, "gateway.ErrNotFollow": gateway.ErrNotFollow, "gateway.ErrSubject": gateway.ErrSubject,
	"gateway.ErrTooMany": gateway.ErrTooMany, "gateway.ErrNotJoined": gateway.ErrNotJoined,
	"turn.ErrBadID":   turn.ErrBadID,
	"turns.ErrNoTurn": turns.ErrNoTurn, "turns.ErrPromptTooLarge": turns.ErrPromptTooLarge,
}

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

// Every error that a caller may decide by has a row, and no row is of an error
// that is gone.
func TestEverySentinelHasARow(t *testing.T) {
	var names []string
	for _, dir := range []string{"internal/gateway", "internal/turns", "broker", "turn", "internal/auth"} {
		names = append(names, declared(t, dir)...)
	}
	for _, n := range names {
		err := sentinels[n]
		if err == nil {
			t.Errorf("%s is new: give it a row in errors.go, and name it in this test", n)
			continue
		}
		if !slices.ContainsFunc(table, func(r row) bool { return r.err == err }) {
			t.Errorf("%s has no row in errors.go", n)
		}
		e := Explain(fmt.Errorf("some words: %w", err))
		if !slices.Contains(wire.Codes(), e.Code) || e.Message == "" {
			t.Errorf("%s is told as %+v", n, e)
		}
	}
	if len(names) != len(sentinels) {
		t.Errorf("%d errors are declared, this test knows %d", len(names), len(sentinels))
	}
}

// What is not known tells nothing of the server's inside.
func TestUnknownErrorTellsNothing(t *testing.T) {
	e := Explain(errors.New("dial tcp 10.0.0.7:6379: refused"))
	if e.Code != wire.CodeInternal || strings.Contains(e.Message+e.Hint, "10.0.0.7") || e.RetryIn == 0 {
		t.Errorf("%+v", e)
	}
}

func TestBusyNamesTheTurn(t *testing.T) {
	if e := Explain(fmt.Errorf("x: %w", &turns.BusyError{Turn: "t1"})); e.Code != wire.CodeBusy || e.Turn != "t1" || e.RetryIn != 0 {
		t.Errorf("%+v", e)
	}
	if e := Explain(&turns.BusyError{Turn: "t1", Full: true}); e.Code != wire.CodeTooMany || e.RetryIn == 0 {
		t.Errorf("%+v", e)
	}
}

// The hint of a token's own error goes before the table's.
func TestTokenErrorKeepsItsHint(t *testing.T) {
	e := Explain(&auth.TokenError{Err: auth.ErrExpired, Reason: "it was valid until noon", Hint: "look at the clock"})
	if e.Code != wire.CodeExpired || e.Hint != "look at the clock" || !strings.Contains(e.Message, "noon") {
		t.Errorf("%+v", e)
	}
	e = Explain((*auth.Grants)(nil).Decide(auth.Read, "app", "x"))
	if e.Code != wire.CodeForbidden || e.Hint != "connect with a token" {
		t.Errorf("%+v", e)
	}
}

// Status and close code of every code, as docs/protocol.md has them.
func TestStatusAndCloseCode(t *testing.T) {
	want := map[string][2]int{
		wire.CodeBadFrame: {400, 4400}, wire.CodeBadRequest: {400, 4400}, wire.CodeUnknownCommand: {400, 4400},
		wire.CodeUnauthorized: {401, 4401}, wire.CodeExpired: {401, 4408}, wire.CodeForbidden: {403, 4403},
		wire.CodeNotFound: {404, 4400}, wire.CodeTooLarge: {413, 1009}, wire.CodeTooMany: {429, 4400},
		wire.CodeBusy: {409, 4400}, wire.CodeConflict: {409, 4400}, wire.CodeEnded: {409, 4400}, wire.CodeTrimmed: {410, 4400},
		wire.CodeSlowDown: {429, 1013}, wire.CodeUnavailable: {503, 1013}, wire.CodeDraining: {503, 1012}, wire.CodeInternal: {500, 1011},
	}
	for _, c := range wire.Codes() {
		if got := [2]int{Status(c), closeCode(c)}; got != want[c] {
			t.Errorf("%s: %v, want %v", c, got, want[c])
		}
	}
}
