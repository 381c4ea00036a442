package api

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/karez/karez/docs"
)

// words splits a command line as a shell does, as far as the guide needs it.
func words(s string) (out []string) {
	var w strings.Builder
	var quote rune
	in := false
	for _, c := range strings.ReplaceAll(s, "\\\n", " ") {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, in = c, true
		case quote == 0 && (c == ' ' || c == '\n'):
			if in {
				out = append(out, w.String())
				w.Reset()
			}
			in = false
		default:
			w.WriteRune(c)
			in = true
		}
	}
	if in {
		out = append(out, w.String())
	}
	return out
}

// curl makes the request that a command line of the guide makes.
func (r *rig) curl(t *testing.T, line string) (int, string) {
	t.Helper()
	args := words(line)
	method, path, body := "", "", ""
	var header []string
	for i := 1; i < len(args); i++ {
		switch a := args[i]; a {
		case "-N":
		case "-X", "-H", "-d", "--data-binary":
			i++
			switch a {
			case "-X":
				method = args[i]
			case "-H":
				name, value, _ := strings.Cut(args[i], ": ")
				header = append(header, name, strings.ReplaceAll(value, "$TOKEN", r.admin()))
			default:
				body = args[i]
			}
		default:
			p, ok := strings.CutPrefix(a, "https://karez.example")
			if !ok {
				t.Fatalf("%s: this test does not know %q", line, a)
			}
			path = p
		}
	}
	if method == "" {
		method = map[bool]string{true: "GET", false: "POST"}[body == ""]
	}
	status, p := r.do("", method, path, body, header...)
	return status, string(p)
}

// The examples of docs/http-api.md work, in their order, and answer as it says.
func TestGuide(t *testing.T) {
	page, err := docs.Pages.ReadFile("http-api.md")
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	s := readSpec(t)
	r.seen = func(x exchange) {
		_, pattern := r.mux.Handler(x.req)
		s.checkExchange(t, pattern, x)
	}
	blocks := regexp.MustCompile("(?s)```(sh|json)\n(.*?)```\n").FindAllStringSubmatch(string(page), -1)
	ran, last := 0, ""
	for _, b := range blocks {
		if b[1] == "json" {
			want := regexp.QuoteMeta(strings.TrimSpace(b[2]))
			want = "^" + strings.ReplaceAll(want, "…", `[^,"}]*`) + "$"
			if got := strings.TrimSpace(last); !regexp.MustCompile(want).MatchString(got) {
				t.Errorf("answered\n%s\nthe guide says\n%s", got, b[2])
			}
			continue
		}
		for _, line := range regexp.MustCompile(`(?m)^curl `).Split(b[2], -1)[1:] {
			status, answer := r.curl(t, "curl "+line)
			if status >= 300 {
				t.Errorf("curl %s: %d %s", line, status, answer)
			}
			ran, last = ran+1, answer
		}
	}
	if ran < 14 || !json.Valid([]byte(last)) {
		t.Errorf("%d examples were run", ran)
	}
}
