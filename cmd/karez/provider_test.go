package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// choice returns the name of the provider that a command line chooses, or the
// error, and what was logged.
func choice(t *testing.T, args ...string) (name, logged string) {
	t.Helper()
	var f providerFlags
	k, err := kong.New(&f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse(args); err != nil {
		return "error: " + err.Error(), ""
	}
	var b bytes.Buffer
	p, err := f.provider(slog.New(slog.NewTextHandler(&b, nil)))
	if err != nil {
		if p != nil {
			t.Error("a provider beside an error")
		}
		return "error: " + err.Error(), b.String()
	}
	return p.Name(), b.String()
}

func TestProviderChoice(t *testing.T) {
	script := filepath.Join(t.TempDir(), "empty.script")
	if err := os.WriteFile(script, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const url = "http://localhost:3000/api/chat"
	for _, x := range []struct {
		name      string
		anthropic string
		openai    string
		args      []string
		want      string // of the provider's name or error
		logged    string
	}{
		{"nothing", "", "", nil, "demo", ""},
		{"a key", "a", "", nil, "anthropic", "ANTHROPIC_API_KEY is set"},
		{"another key", "", "o", nil, "openai", "OPENAI_API_KEY is set"},
		{"both keys", "a", "o", nil, "anthropic", "comes before OPENAI_API_KEY"},
		{"a script", "", "", []string{"--script", script}, "scripted", "--script is given"},
		{"a name wins", "a", "o", []string{"--provider", "demo"}, "demo", ""},
		{"an endpoint wins", "a", "", []string{"--url", url}, "upstream", "--url is given"},
		{"upstream", "", "", []string{"--provider=upstream", "--url", url, "--header", "Cookie: a=1, b=2", "--header", "X-App: y", "--request=openai"}, "upstream", ""},
		{"Ollama", "", "", []string{"--provider=openai", "--base-url=http://localhost:11434/v1", "--model=llama3.2"}, "openai", ""},
		{"no key", "", "", []string{"--provider=openai"}, "error: no key for OpenAI: set OPENAI_API_KEY", ""},
		{"no other key", "", "", []string{"--provider=anthropic"}, "error: no key for Anthropic: set ANTHROPIC_API_KEY", ""},
		{"no model", "", "", []string{"--provider=openai", "--base-url=http://localhost:11434/v1"}, "error: no model: say which one", ""},
		{"no address", "", "", []string{"--provider=upstream"}, "error: no address of the chat endpoint: give one like --url", ""},
		{"no script", "", "", []string{"--provider=scripted"}, "error: no script: give the file to play with --script FILE", ""},
		{"no such script", "", "", []string{"--script", script + "x"}, "error: open script", ""},
		{"unknown", "", "", []string{"--provider=gemini"}, `error: unknown provider "gemini": demo, openai, anthropic, upstream and scripted are known`, ""},
		{"unknown API", "", "o", []string{"--api=soap"}, "error: --api must be one of", ""},
		{"unknown shape", "", "", []string{"--url", url, "--request=soap"}, `error: unknown shape of request "soap"`, ""},
		{"unknown format", "", "", []string{"--url", url, "--answer=soap"}, `error: unknown format of answer "soap"`, ""},
		{"broken header", "", "", []string{"--url", url, "--header", "secret"}, "error: header 1 has no colon", ""},
		{"base URL without a name", "a", "", []string{"--base-url=http://localhost:11434/v1"}, "error: --base-url needs to know which API", ""},
		{"base URL of upstream", "", "", []string{"--url", url, "--base-url=http://x/v1"}, "error: --base-url is for openai and anthropic", ""},
		{"URL of openai", "", "o", []string{"--provider=openai", "--url", url}, "error: --url is for upstream", ""},
		{"header of demo", "", "", []string{"--header", "A: b"}, "error: --header is for --provider upstream", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Setenv(envAnthropic, x.anthropic)
			t.Setenv(envOpenAI, x.openai)
			got, logged := choice(t, x.args...)
			if !strings.HasPrefix(got, x.want) {
				t.Errorf("%v: %s, want %s", x.args, got, x.want)
			}
			if !strings.Contains(logged, x.logged) || x.logged == "" && logged != "" {
				t.Errorf("%v logged %q, want %q", x.args, logged, x.logged)
			}
			if strings.Contains(got+logged, "secret") {
				t.Errorf("a header is shown: %s", got)
			}
		})
	}
}
