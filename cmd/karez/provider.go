package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/anthropic"
	"github.com/karez/karez/worker/demo"
	"github.com/karez/karez/worker/openai"
	"github.com/karez/karez/worker/scripted"
	"github.com/karez/karez/worker/upstream"
)

// providerFlags say who answers prompts. Keys come from the environment alone,
// as a command line can be read by everybody on the machine.
type providerFlags struct {
	Provider  string        `help:"Who answers: demo, openai, anthropic, upstream, scripted. By default whom --url, --script or a key in ANTHROPIC_API_KEY or OPENAI_API_KEY (in this order) is for, else demo." env:"KAREZ_PROVIDER" placeholder:"NAME"`
	BaseURL   string        `name:"base-url" help:"Address of a server that speaks the API of openai or anthropic, up to and with /v1." env:"KAREZ_BASE_URL" placeholder:"URL"`
	Model     string        `help:"Model of prompts that name none." env:"KAREZ_MODEL"`
	API       string        `name:"api" help:"API of openai: ${enum}." enum:"chat,responses" default:"chat" env:"KAREZ_API"`
	MaxTokens int           `name:"max-tokens" help:"Longest answer of anthropic, in tokens, where a prompt says nothing." default:"8192" env:"KAREZ_MAX_TOKENS"`
	URL       string        `name:"url" help:"Chat endpoint that upstream asks." env:"KAREZ_UPSTREAM_URL" placeholder:"URL"`
	Request   string        `help:"What upstream is sent: auto, aisdk, aisdk-message, openai, text." default:"auto" env:"KAREZ_UPSTREAM_REQUEST" placeholder:"SHAPE"`
	Answer    string        `help:"What upstream answers with, should it not be recognised: auto, text, aisdk, aisdk-v4, openai, openai-responses, anthropic, ollama, loose." default:"auto" env:"KAREZ_UPSTREAM_ANSWER" placeholder:"FORMAT"`
	Header    []string      `help:"Header that upstream is sent, as 'Name: value'; may be repeated." sep:"none" env:"KAREZ_UPSTREAM_HEADER" placeholder:"HEADER"`
	Script    string        `help:"File that scripted plays." env:"KAREZ_SCRIPT" placeholder:"FILE"`
	Idle      time.Duration `name:"provider-idle" help:"Longest time that a provider may send nothing at all." default:"60s" env:"KAREZ_PROVIDER_IDLE"`
	Quiet     time.Duration `name:"provider-quiet" help:"Longest time that a provider may send nothing but keep-alives." default:"5m" env:"KAREZ_PROVIDER_QUIET"`
}

// Where keys are.
const (
	envAnthropic = "ANTHROPIC_API_KEY"
	envOpenAI    = "OPENAI_API_KEY"
)

// provider returns the provider that the flags choose.
func (f providerFlags) provider(log *slog.Logger) (worker.Provider, error) {
	name, why := f.Provider, ""
	if name == "" {
		name, why = f.choose()
	}
	if err := f.misplaced(name); err != nil {
		return nil, err
	}
	p, err := f.open(name)
	if err == nil && why != "" {
		log.Info("provider chosen", "provider", name, "because", why)
	}
	return p, err
}

func (f providerFlags) open(name string) (worker.Provider, error) {
	switch name {
	case "demo":
		return made(demo.New())
	case "openai":
		return made(openai.New(openai.Options{
			BaseURL: f.BaseURL, Key: os.Getenv(envOpenAI), Model: f.Model, API: f.API, Idle: f.Idle, Quiet: f.Quiet,
		}))
	case "anthropic":
		return made(anthropic.New(anthropic.Options{
			BaseURL: f.BaseURL, Key: os.Getenv(envAnthropic), Model: f.Model, MaxTokens: f.MaxTokens, Idle: f.Idle, Quiet: f.Quiet,
		}))
	case "upstream":
		h, err := f.header()
		if err != nil {
			return nil, err
		}
		return made(upstream.New(upstream.Options{
			URL: f.URL, Request: f.Request, Answer: f.Answer, Model: f.Model, Header: h, Idle: f.Idle, Quiet: f.Quiet,
		}))
	case "scripted":
		if f.Script == "" {
			return nil, errors.New("no script: give the file to play with --script FILE")
		}
		return made(scripted.Open(f.Script))
	}
	return nil, fmt.Errorf("unknown provider %q: demo, openai, anthropic, upstream and scripted are known", name)
}

// made keeps a nil *P from becoming a provider that is not nil.
func made[P worker.Provider](p P, err error) (worker.Provider, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// choose picks the provider that the flags and keys are for, and says why; ""
// when there was no choice to make.
func (f providerFlags) choose() (name, why string) {
	switch {
	case f.URL != "":
		return "upstream", "--url is given"
	case f.Script != "":
		return "scripted", "--script is given"
	case os.Getenv(envAnthropic) != "":
		if os.Getenv(envOpenAI) != "" {
			return "anthropic", envAnthropic + " is set, and comes before " + envOpenAI
		}
		return "anthropic", envAnthropic + " is set"
	case os.Getenv(envOpenAI) != "":
		return "openai", envOpenAI + " is set"
	}
	return "demo", ""
}

// misplaced finds flags that the provider would pass over, which is never what
// was meant.
func (f providerFlags) misplaced(name string) error {
	model := name == "openai" || name == "anthropic"
	switch {
	case f.BaseURL != "" && name == "upstream":
		return errors.New("--base-url is for openai and anthropic: give the address of the chat endpoint with --url")
	case f.URL != "" && f.Script != "":
		return errors.New("--url is for upstream and --script for scripted: give one of them")
	case f.BaseURL != "" && f.Provider == "": // nor is a key sent to whom it is not for
		return errors.New("--base-url needs to know which API the server speaks: add --provider openai or --provider anthropic")
	case f.URL != "" && model:
		return fmt.Errorf("--url is for upstream: give the address of the model server with --base-url, or ask the chat endpoint with --provider upstream instead of %s", name)
	case f.URL != "" && name != "upstream":
		return fmt.Errorf("--url (KAREZ_UPSTREAM_URL) is for --provider upstream, and %s would not ask it: leave one of them out", name)
	case f.BaseURL != "" && !model:
		return fmt.Errorf("--base-url (KAREZ_BASE_URL) is for --provider openai and anthropic, and %s would not ask it: leave one of them out", name)
	case f.Script != "" && name != "scripted":
		return fmt.Errorf("--script (KAREZ_SCRIPT) is for --provider scripted, and %s would not play it: leave one of them out", name)
	case len(f.Header) > 0 && name != "upstream":
		return errors.New("--header is for --provider upstream alone")
	}
	return nil
}

func (f providerFlags) header() (http.Header, error) {
	h := http.Header{}
	lines := strings.Split(strings.Join(f.Header, "\n"), "\n") // the environment has one a line
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok { // the line may be a key: it is not shown
			return nil, fmt.Errorf("header %d has no colon: write it like --header 'Authorization: Bearer …'", i+1)
		}
		h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return h, nil
}

// answers says who answers, for the operator: never more of an address than its
// host, as the rest may be a secret.
func (f providerFlags) answers(p worker.Provider) string {
	addr := f.BaseURL
	if p.Name() == "upstream" {
		addr = f.URL
	}
	out := p.Name()
	if f.Model != "" && out != "demo" && out != "scripted" {
		out += " " + f.Model
	}
	if u, err := url.Parse(addr); err == nil && u.Host != "" {
		out += " at " + u.Host
	}
	return out
}
