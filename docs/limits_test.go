package docs

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// bounded are the packages whose every Max…, max… and Default… constant that
// is a number stands in limits.md.
var bounded = []string{
	"wire", "turn", "channel", "broker", "internal/auth", "internal/turns", "internal/presence", "internal/gateway", "internal/socket",
	"internal/transport/native", "internal/transport/pusher", "internal/transport/pusher/apps", "internal/transport/pusher/occupancy", "internal/transport/pusher/rest",
	"internal/transport/aisdk", "internal/transport/openai", "internal/httpio", "internal/api", "internal/server", "worker", "worker/stream", "broker/membroker", "broker/redisbroker",
}

// inner are constants that bound nothing which anybody could meet: header
// sizes, and room inside other bounds.
var inner = []string{"wire.maxFrameValue", "internal/socket.maxHeader", "internal/socket.maxVec"}

// A source holds the constants of packages, by name.
type source struct {
	consts map[string]map[string]ast.Expr
}

func readSource(t *testing.T) *source {
	t.Helper()
	s := &source{consts: map[string]map[string]ast.Expr{}}
	for _, dir := range bounded {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		s.consts[dir] = map[string]ast.Expr{}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
					for _, spec := range g.Specs {
						v := spec.(*ast.ValueSpec)
						for i := range v.Values {
							s.consts[dir][v.Names[i].Name] = v.Values[i]
						}
					}
				}
			}
		}
	}
	return s
}

var units = map[string]int64{
	"time.Millisecond": int64(time.Millisecond), "time.Second": int64(time.Second), "time.Minute": int64(time.Minute), "time.Hour": int64(time.Hour),
}

// value computes a constant as far as bounds need it: numbers, + - * / <<,
// names of the same package, of those above, and of time.
func (s *source) value(dir string, e ast.Expr) (constant.Value, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.INT {
			return constant.MakeFromLiteral(e.Value, e.Kind, 0), nil
		}
	case *ast.ParenExpr:
		return s.value(dir, e.X)
	case *ast.Ident:
		if next := s.consts[dir][e.Name]; next != nil {
			return s.value(dir, next)
		}
	case *ast.SelectorExpr:
		pkg := fmt.Sprint(e.X)
		if n, ok := units[pkg+"."+e.Sel.Name]; ok {
			return constant.MakeInt64(n), nil
		}
		for _, other := range bounded {
			if next := s.consts[other][e.Sel.Name]; filepath.Base(other) == pkg && next != nil {
				return s.value(other, next)
			}
		}
	case *ast.BinaryExpr:
		x, err := s.value(dir, e.X)
		if err != nil {
			return nil, err
		}
		y, err := s.value(dir, e.Y)
		if err != nil {
			return nil, err
		}
		if e.Op == token.SHL {
			n, _ := constant.Uint64Val(y)
			return constant.Shift(x, e.Op, uint(n)), nil
		}
		if e.Op == token.QUO {
			return constant.BinaryOp(x, token.QUO_ASSIGN, y), nil // of integers, as go/constant has it
		}
		return constant.BinaryOp(x, e.Op, y), nil
	}
	return nil, fmt.Errorf("%s: no number", dir)
}

// quantity reads what a person does: 16 KiB, 10,000, 2 min.
func quantity(s string) (int64, error) {
	number, unit, _ := strings.Cut(s, " ")
	n, err := strconv.ParseInt(strings.ReplaceAll(number, ",", ""), 10, 64)
	by, ok := map[string]int64{
		"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "ms": int64(time.Millisecond), "s": int64(time.Second), "min": int64(time.Minute), "h": int64(time.Hour),
	}[unit]
	if err != nil || !ok {
		return 0, fmt.Errorf("%q is no quantity", s)
	}
	return n * by, nil
}

// limits.md names each bound once, with the value that the source has.
func TestLimitsAreTheSource(t *testing.T) {
	src := readSource(t)
	page, err := Pages.ReadFile("limits.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([\\w/]+)\\.(\\w+)` \\| ([^|]+) \\|").FindAllStringSubmatch(string(page), -1) {
		dir, name, text := m[1], m[2], m[3]
		where := dir + "." + name
		if told[where] {
			t.Errorf("%s stands there twice", where)
		}
		told[where] = true
		e := src.consts[dir][name]
		if e == nil {
			t.Errorf("%s is not in the source any more", where)
			continue
		}
		got, err := src.value(dir, e)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		want, err := quantity(text)
		if n, _ := constant.Int64Val(got); err != nil || n != want {
			t.Errorf("%s is %v in the source, limits.md says %s (%v)", where, got, text, err)
		}
	}
	bound := regexp.MustCompile(`^(Max|max|Default|kept)[A-Z]`)
	for _, dir := range bounded {
		for _, name := range slices.Sorted(maps.Keys(src.consts[dir])) {
			where := dir + "." + name
			if !bound.MatchString(name) || told[where] || slices.Contains(inner, where) {
				continue
			}
			if _, err := src.value(dir, src.consts[dir][name]); err == nil {
				t.Errorf("%s is a bound that limits.md does not have", where)
			}
		}
	}
	if len(told) < 50 {
		t.Errorf("only %d rows were read", len(told))
	}
}
