// Package anthropic is the provider for the Anthropic Messages API.
//
// It can go on from an unfinished answer: the text so far is sent as the
// beginning of the model's own message. Messages is the format as a decoder,
// which package upstream uses too. Read anthropic.go, request.go, messages.go,
// then prefill.go.
package anthropic

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/stream"
)

// Defaults of Options.
const (
	DefaultBaseURL   = "https://api.anthropic.com/v1"
	DefaultModel     = "claude-haiku-4-5"
	DefaultMaxTokens = 8192 // more lets answers grow longer; the API wants a number
)

// version is the API's version that this package was written for.
const version = "2023-06-01"

// Options of New. With the Key alone it asks Anthropic.
type Options struct {
	BaseURL   string        // up to and with /v1; "": DefaultBaseURL
	Key       string        // may be empty for another server
	Model     string        // for requests that name none; "": DefaultModel
	MaxTokens int           // of an answer, where the parameters say nothing; 0: DefaultMaxTokens
	Client    *http.Client  // nil: one made for streams
	Idle      time.Duration // longest time without a byte; 0: stream.DefaultIdle
	Quiet     time.Duration // longest time without content; 0: stream.DefaultQuiet
}

// A Provider asks one server. It implements worker.Provider and
// worker.Continuer.
type Provider struct {
	o      Options
	url    string
	client *stream.Client

	noPrefill sync.Map // models that have refused to go on from a text; string → true
}

// New returns a provider, or an error that says which option to mend.
func New(o Options) (*Provider, error) {
	own := o.BaseURL == "" || strings.TrimRight(o.BaseURL, "/") == DefaultBaseURL
	who, hint := "the model server", "check the key of this server (ANTHROPIC_API_KEY)"
	if own {
		o.BaseURL, who, hint = DefaultBaseURL, "Anthropic", "check ANTHROPIC_API_KEY"
		if o.Key == "" {
			return nil, errors.New("no key for Anthropic: set ANTHROPIC_API_KEY, or name another server with --base-url")
		}
	}
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the base URL of the model server is not valid: give one like " + DefaultBaseURL)
	}
	if o.Model == "" {
		o.Model = DefaultModel
	}
	if o.MaxTokens <= 0 {
		o.MaxTokens = DefaultMaxTokens
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/")+"/messages", ""
	return &Provider{o: o, url: u.String(), client: stream.New(who, stream.Options{
		HTTP: o.Client, Idle: o.Idle, Quiet: o.Quiet, Hint: hint, Hide: []string{o.Key, u.Host, u.Hostname()},
	})}, nil
}

// Name returns "anthropic".
func (p *Provider) Name() string { return "anthropic" }

// Stream implements worker.Provider.
func (p *Provider) Stream(ctx context.Context, req worker.Request, emit func(turn.Event) error) (string, error) {
	if req.Model == "" {
		req.Model = p.o.Model
	}
	body, err := Body(req, p.o.MaxTokens)
	if err != nil {
		return "", err
	}
	h := http.Header{}
	h.Set("Anthropic-Version", version)
	if p.o.Key != "" {
		h.Set("X-Api-Key", p.o.Key)
	}
	stream.Trace(h, req.Trace)
	r, err := p.client.Post(ctx, p.url, h, body)
	if err != nil {
		return "", p.learn(req, err)
	}
	defer r.Close()
	w := stream.NewWriter(emit)
	if part, text, blank := prefill(req.Sofar); text != "" {
		w = stream.NewWriter(once(blank, emit))
		w.Resume(part)
	}
	d := NewMessages(w, p.client)
	switch media := r.Header.Get("Content-Type"); {
	case strings.Contains(media, "json"): // a server that does not stream
		return r.Decode(stream.JSON, w, d)
	case strings.Contains(media, "text/html"):
		return "", p.client.WebPage()
	}
	return r.Decode(stream.SSE, w, d)
}

// learn remembers a model that cannot go on from a text, so that the next try
// asks it afresh.
func (p *Provider) learn(req worker.Request, err error) error {
	var pe *worker.ProviderError
	if len(req.Sofar) == 0 || !errors.As(err, &pe) || pe.Status != http.StatusBadRequest {
		return err
	}
	if m := strings.ToLower(pe.Message); strings.Contains(m, "prefill") || strings.Contains(m, "end with a user message") {
		p.noPrefill.Store(req.Model, true)
		pe.Retry = true
	}
	return err
}

// CanContinue reports whether the model can be asked to go on: the answer is
// text alone so far, and thinking and output formats, which the API does not
// combine with it, are off.
func (p *Provider) CanContinue(req worker.Request) bool {
	model := req.Model
	if model == "" {
		model = p.o.Model
	}
	if _, refused := p.noPrefill.Load(model); refused {
		return false
	}
	var params struct {
		Thinking struct {
			Type string `json:"type"`
		} `json:"thinking"`
		Format json.RawMessage `json:"output_format"`
		Config struct {
			Format json.RawMessage `json:"format"`
		} `json:"output_config"` // where it is now
	}
	if len(req.Params) > 0 && json.Unmarshal(req.Params, &params) != nil {
		return false
	}
	if t := params.Thinking.Type; t != "" && t != "disabled" || params.Format != nil || params.Config.Format != nil {
		return false
	}
	_, text, _ := prefill(req.Sofar)
	return text != ""
}
