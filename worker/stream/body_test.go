package stream

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

func TestBody(t *testing.T) {
	for params, want := range map[string]string{
		``:                             `{"stream":true}`,
		`null`:                         `{"stream":true}`,
		`{"stream":false,"n":9,"t":1}`: `{"stream":true,"t":1}`,
	} {
		got, err := Body(map[string]any{"stream": true}, json.RawMessage(params), "n")
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", params, got, err)
		}
	}
	for _, params := range []string{`[]`, `1`, `{`, `"x"`} {
		if _, err := Body(map[string]any{}, json.RawMessage(params)); worker.AsProviderError(err).Code != turn.CodeProviderRejected {
			t.Errorf("%s: %v, want a refusal", params, err)
		}
	}
}

func TestHeaderValue(t *testing.T) {
	for in, want := range map[string]string{"ada": "ada", "a b%\r\n\x7f": "a%20b%25%0D%0A%7F", "آ": "%D8%A2", "": ""} {
		if got := HeaderValue(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// What a server says is one line without addresses and keys.
func TestScrub(t *testing.T) {
	c := New("the model server", Options{Hide: []string{"Sesame.Street", "q"}})
	for in, want := range map[string]string{
		"ask https://a.b/c?d=e, please":                      "ask [address] please",
		"dial tcp 10.0.0.1:80 and [fe80::1]:80: no":          "dial tcp [address] and [address]: no",
		"localhost:11434 or db.internal:5432":                "[address] or [address]",
		"key sk-abcdef123456 and Bearer abc.def.ghi":         "key [key] and [key]",
		"open SESAME.street quickly":                         "open [hidden] quickly",
		"a\r\n\tb\x00c":                                      "a b c",
		"at 12:30 it costs 1.5":                              "at 12:30 it costs 1.5",
		strings.Repeat(" ", 2000) + "sesame.street" + "\xff": "[hidden]\uFFFD",
	} {
		if got := c.Scrub(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := c.Scrub(strings.Repeat("水", 500)); len(got) > maxMessage || !strings.HasSuffix(got, "…") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

func FuzzFailed(f *testing.F) {
	for _, s := range []string{`"no"`, `{"error":{"message":"no","code":429}}`, `[{"detail":[{"msg":"no"}]}]`, `null`, `{"type":"overloaded_error"}`} {
		f.Add([]byte(s))
	}
	c := New("the model server", Options{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if pe := worker.AsProviderError(c.Failed(raw)); pe.Message == "" || len(pe.Message) > 2*maxMessage || strings.Contains(pe.Message, "\n") {
			t.Fatalf("%+v", pe)
		}
	})
}
