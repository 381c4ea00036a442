package refusal

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/presence"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// sentinels are the errors below this package, by the name of their variable.
var sentinels = map[string]error{
	"auth.ErrBadToken": auth.ErrBadToken, "auth.ErrExpired": auth.ErrExpired, "auth.ErrNotYet": auth.ErrNotYet,
	"broker.ErrAhead": broker.ErrAhead, "broker.ErrClosed": broker.ErrClosed, "broker.ErrConflict": broker.ErrConflict, "broker.ErrEnded": broker.ErrEnded,
	"broker.ErrExists": broker.ErrExists, "broker.ErrFenced": broker.ErrFenced, "broker.ErrGap": broker.ErrGap, "broker.ErrLeaseLost": broker.ErrLeaseLost,
	"broker.ErrMalformed": broker.ErrMalformed, "broker.ErrNotFound": broker.ErrNotFound, "broker.ErrTooLarge": broker.ErrTooLarge,
	"broker.ErrTrimmed": broker.ErrTrimmed, "broker.ErrUnavailable": broker.ErrUnavailable,
	"gateway.ErrBadName": gateway.ErrBadName, "gateway.ErrClosed": gateway.ErrClosed, "gateway.ErrDraining": gateway.ErrDraining,
	"gateway.ErrExpired": gateway.ErrExpired, "gateway.ErrForbidden": gateway.ErrForbidden, "gateway.ErrFull": gateway.ErrFull,
	"gateway.ErrKicked": gateway.ErrKicked, "gateway.ErrNotFollow": gateway.ErrNotFollow, "gateway.ErrSubject": gateway.ErrSubject,
	"gateway.ErrTooMany": gateway.ErrTooMany, "gateway.ErrNotJoined": gateway.ErrNotJoined,
	"turn.ErrBadID": turn.ErrBadID, "turn.ErrBadField": turn.ErrBadField,
	"presence.ErrBadMember": presence.ErrBadMember, "presence.ErrCrowded": presence.ErrCrowded, "presence.ErrAbsent": presence.ErrAbsent,
	"turns.ErrNoTurn": turns.ErrNoTurn, "turns.ErrPromptTooLarge": turns.ErrPromptTooLarge,
}

// declared reads the names of a package's sentinel errors from its source.
func declared(t *testing.T, dir string) (names []string) {
	t.Helper()
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
	for _, dir := range []string{"internal/gateway", "internal/turns", "internal/presence", "broker", "turn", "internal/auth"} {
		names = append(names, declared(t, dir)...)
	}
	for _, n := range names {
		err := sentinels[n]
		if err == nil {
			t.Errorf("%s is new: give it a row in table.go, and name it in this test", n)
			continue
		}
		if !slices.ContainsFunc(table, func(r row) bool { return r.err == err }) {
			t.Errorf("%s has no row in table.go", n)
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
	if e.Code != wire.CodeInternal || strings.Contains(e.Message+e.Hint, "10.0.0.7") || e.RetryIn == 0 || e.Cause == nil {
		t.Errorf("%+v", e)
	}
}

// What a client is told names neither addresses nor logs, whatever was wrapped
// on the way; what it is told of its own request stays.
func TestNoErrorTellsTheInside(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("read app/chat:rd/timeline: %w: Redis at 10.2.3.4:6379: dial tcp 10.2.3.4:6379: refused", broker.ErrUnavailable), "a server behind this one does not answer"},
		{fmt.Errorf("read record of app/chat:rd: %w", broker.ErrClosed), "this node is going down"},
		{fmt.Errorf("accept app/chat:rd/turn/t1: %w", context.DeadlineExceeded), "a server behind this one is slow"},
		{fmt.Errorf("read app/chat:rd/turn/t1: %w: %w", broker.ErrMalformed, errors.New("field xyz of 10.2.3.4")), "the log has an entry that cannot be understood"},
		{fmt.Errorf("append turn to app/chat:rd/timeline: %w", broker.ErrConflict), "somebody else changed it meanwhile"},
		{fmt.Errorf("read app/chat:rd/turn/t1: %w", fmt.Errorf("%w: t1", turns.ErrNoTurn)), "no such turn: t1"},
		{errors.Join(fmt.Errorf("line 3: %w: 300000 bytes, the most is 262144", broker.ErrTooLarge), errors.New("dial tcp 10.2.3.4:6379")), "value too large: 300000 bytes, the most is 262144"},
	} {
		if e := Explain(c.err); e.Message != c.want {
			t.Errorf("%v is told as %q, want %q", c.err, e.Message, c.want)
		}
	}
	for _, r := range table {
		e := Explain(fmt.Errorf("read app/chat:rd/timeline: %w", r.err))
		if said := e.Message + e.Hint; strings.Contains(said, "app/chat:rd") || strings.Contains(said, "broker") || strings.Contains(said, "Redis") {
			t.Errorf("%v is told as %q, %q", r.err, e.Message, e.Hint)
		}
	}
}

// What a client is not told is logged once, as loud as it matters.
func TestLogSaysTheCause(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("%w: dial 10.2.3.4", broker.ErrUnavailable), `level=WARN msg="carry out" type=x err="broker unavailable: dial 10.2.3.4"`},
		{errors.New("nil map"), `level=ERROR msg="carry out" type=x err="nil map"`},
		{fmt.Errorf("read: %w", context.Canceled), `level=DEBUG msg="carry out" type=x err="read: context canceled"`},
		{gateway.ErrForbidden, ""},
	} {
		var buf strings.Builder
		log := slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		Explain(c.err).Log(log, "carry out", "type", "x")
		if got := strings.TrimSpace(buf.String()); got != c.want {
			t.Errorf("logged %q, want %q", got, c.want)
		}
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
}

// A refusal for want of a verb says which, and how the token would have to look.
func TestForbiddenSaysWhatIsMissing(t *testing.T) {
	e := Explain(fmt.Errorf("x: %w", &gateway.ForbiddenError{Verb: gateway.Prompt, Channel: "chat:42"}))
	if e.Code != wire.CodeForbidden || !strings.Contains(e.Message, "prompt on channel") || !strings.Contains(e.Hint, `"chat:42": ["prompt"]`) {
		t.Errorf("%+v", e)
	}
}
