// Package test holds what is checked of the whole: the shape of the tree here,
// the system with real processes in its other files and folders.
package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/karez/karez/"

// inward says which of our packages each package may import: arrows point
// inwards. A package that begins with a row's name, and a slash, follows that
// row; the longest row counts. cmd may import all.
var inward = map[string][]string{
	"turn":               {},
	"channel":            {},
	"broker":             {"turn"},
	"broker/brokertest":  {"turn", "broker"},
	"broker/faultbroker": {"turn", "broker"},
	"broker/membroker":   {"turn", "broker"},
	"broker/redisbroker": {"turn", "broker", "broker/redisbroker"},
	"wire":               {"turn"},
	"docs":               {},
	"worker":             {"turn", "channel", "broker", "internal/turns"},
	"worker/stream":      {"turn", "worker", "worker/stream"},
	"worker/openai":      {"turn", "worker", "worker/stream"},
	"worker/anthropic":   {"turn", "worker", "worker/stream"},
	"worker/upstream":    {"turn", "worker", "worker/stream", "worker/openai", "worker/anthropic"},
	"worker/demo":        {"turn", "worker", "docs"},
	"worker/scripted":    {"turn", "worker"},
	"client":             {"turn", "channel", "wire"},
	"internal/turns":     {"turn", "channel", "broker"},
	"internal/presence":  {"turn", "broker"},
	"internal/gateway":   {"turn", "channel", "broker", "internal/turns", "internal/presence"},
	"internal/socket":    {},
	"internal/auth":      {"turn"},
	// What a client is told of an error.
	"internal/refusal": {"turn", "broker", "wire", "internal/auth", "internal/turns", "internal/presence", "internal/gateway"},
	"internal/httpio":  {"wire", "internal/refusal"},
	// A transport knows the port's errors, never an adapter, never another
	// transport.
	"internal/transport/native": {"turn", "broker", "wire", "internal/auth", "internal/refusal", "internal/httpio", "internal/turns", "internal/gateway", "internal/socket"},
	"internal/answer":           {"turn", "broker", "wire", "internal/auth", "internal/refusal", "internal/httpio", "internal/turns", "internal/gateway"},
	"internal/transport/pusher": {"turn", "channel", "broker", "internal/turns", "internal/presence", "internal/gateway", "internal/refusal", "internal/socket",
		"internal/transport/pusher/apps", "internal/transport/pusher/occupancy", "internal/transport/pusher/rest"},
	"internal/transport/pusher/apps":      {"turn"},
	"internal/transport/pusher/occupancy": {"turn", "broker", "internal/presence", "internal/gateway", "internal/transport/pusher/apps"},
	"internal/transport/pusher/rest":      {"turn", "broker", "internal/gateway", "internal/refusal", "internal/transport/pusher/apps", "internal/transport/pusher/occupancy"},
	"internal/engineio":                   {"internal/socket"},
	"socketio":                            {"internal/engineio"},
	"internal/selftest":                   {"socketio", "internal/engineio", "internal/socket"},
	"test/socketio":                       {"internal/selftest"},
	"internal/transport/socketio":         {"turn", "channel", "broker", "wire", "socketio", "internal/auth", "internal/refusal", "internal/turns", "internal/gateway"},
	"internal/answer/answertest":          {"turn", "broker", "broker/membroker", "internal/gateway", "internal/turns"},
	"internal/transport/aisdk":            {"turn", "internal/answer", "internal/auth", "internal/gateway", "internal/httpio", "internal/socket", "internal/turns"},
	"internal/transport/openai":           {"turn", "internal/answer", "internal/gateway", "internal/httpio", "internal/turns"},
	"internal/api":                        {"turn", "channel", "broker", "wire", "docs", "internal/auth", "internal/refusal", "internal/httpio", "internal/turns", "internal/gateway", "internal/transport/native"},
	"internal/page":                       {},
	"internal/server":                     {"internal/socket"},
	"examples":                            {"turn", "channel", "broker", "wire", "worker", "client", "socketio"},
	"test":                                {},
}

func TestImportsPointInwards(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(name, "cmd/") {
			continue
		}
		row, ok := rowOf(name)
		if !ok {
			t.Errorf("package %s has no row in test/house_test.go: say what it may import", name)
			continue
		}
		for _, imp := range p.Imports {
			if ours, ok := strings.CutPrefix(imp, module); ok && !slices.Contains(inward[row], ours) {
				t.Errorf("%s imports %s, which does not lie inwards of it", name, ours)
			}
		}
	}
}

func rowOf(name string) (row string, ok bool) {
	for r := range inward {
		if (name == r || strings.HasPrefix(name, r+"/")) && len(r) >= len(row) {
			row, ok = r, true
		}
	}
	return row, ok
}

type pkg struct {
	ImportPath string
	Imports    []string
}

// list asks the go command for all packages.
func list(t *testing.T) []pkg {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// A token passes through these; the README names them in this order. Each
// holds the call that hands it on.
var wayOfAToken = []struct{ file, call string }{
	{"worker/run.go", "r.append("},                           // author.go calls the broker
	{"broker/redisbroker/append.go", "appendScript, keysOf"}, // which publishes; the watch wakes the feed
	{"internal/gateway/feed.go", "c.s.wake(c)"},              // the session's pool
	{"internal/gateway/session.go", "conn.Deliver("},         // a transport
	{"internal/transport/native/write.go", "TryWrite("},      // the socket
}

func TestWayOfATokenIsFiveFiles(t *testing.T) {
	for _, page := range []string{"README.md", "docs/design.md"} {
		text, err := os.ReadFile(filepath.Join("..", page))
		if err != nil {
			t.Error(err)
		}
		rest := string(text)
		for _, f := range wayOfAToken {
			code, err := os.ReadFile(filepath.Join("..", f.file))
			if err != nil || !bytes.Contains(code, []byte(f.call)) {
				t.Errorf("%s does not hand a token on by %q: %v", f.file, f.call, err)
			}
			_, after, ok := strings.Cut(rest, f.file)
			if !ok {
				t.Errorf("%s does not name %s, or not in the order of the way", page, f.file)
				continue
			}
			rest = after
		}
	}
}

// A file with more lines than this has a second noun in it.
const maxLines = 800

func TestFilesAreSmall(t *testing.T) {
	for _, f := range tracked(t) {
		switch filepath.Ext(f) {
		case ".go", ".ts", ".tsx", ".mjs", ".lua", ".sh", ".css":
		default:
			continue
		}
		if strings.Contains(f, "/dist/") {
			continue
		}
		p, err := os.ReadFile(filepath.Join("..", f))
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(p, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines, at most %d: look for the second noun", f, n, maxLines)
		}
	}
}

// Links between our pages lead somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, f := range tracked(t) {
		if filepath.Ext(f) != ".md" {
			continue
		}
		p, err := os.ReadFile(filepath.Join("..", f))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(p), "](")[1:] {
			to, _, ok := strings.Cut(part, ")")
			to, _, _ = strings.Cut(to, "#")
			if !ok || to == "" || strings.Contains(to, "://") || strings.ContainsAny(to, " \n") {
				continue
			}
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(f), to)); err != nil {
				t.Errorf("%s links to %s: %v", f, to, err)
			}
		}
	}
}

func tracked(t *testing.T) []string {
	cmd := exec.Command("git", "ls-files")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	return strings.Fields(string(out))
}
