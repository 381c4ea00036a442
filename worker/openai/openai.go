// Package openai is the provider for OpenAI and for every server that speaks
// its API: Ollama, vLLM, LM Studio, llama.cpp, and hosted ones. It speaks chat
// completions, or the Responses API when told so.
//
// Chat and Responses are the two formats as decoders; package upstream uses
// them too. Read openai.go, then chat_request.go and chat.go, or
// responses_request.go and responses.go; tools.go and usage.go are shared.
package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/stream"
)

// Defaults of Options.
const (
	DefaultBaseURL = "https://api.openai.com/v1"
	DefaultModel   = "gpt-4.1-mini" // only at DefaultBaseURL
)

// The APIs of Options.API.
const (
	APIChat      = "chat"
	APIResponses = "responses"
)

// Options of New. With the Key alone it asks OpenAI.
type Options struct {
	BaseURL string        // up to and with /v1; "": DefaultBaseURL
	Key     string        // may be empty for a server without keys
	Model   string        // for requests that name none; needed with another BaseURL
	API     string        // APIChat ("") or APIResponses
	Client  *http.Client  // nil: one made for streams
	Idle    time.Duration // longest time without a byte; 0: stream.DefaultIdle
	Quiet   time.Duration // longest time without content; 0: stream.DefaultQuiet
}

// A Provider asks one server. It implements worker.Provider.
type Provider struct {
	o      Options
	url    string
	client *stream.Client

	// noUsage is set once the server has refused stream_options, which some
	// compatible ones do not know.
	noUsage atomic.Bool
}

// New returns a provider, or an error that says which option to mend.
func New(o Options) (*Provider, error) {
	hint := "check the key of this server (OPENAI_API_KEY)"
	own := o.BaseURL == "" || strings.TrimRight(o.BaseURL, "/") == DefaultBaseURL
	if own {
		o.BaseURL, hint = DefaultBaseURL, "check OPENAI_API_KEY"
		if o.Model == "" {
			o.Model = DefaultModel
		}
		if o.Key == "" {
			return nil, errors.New("no key for OpenAI: set OPENAI_API_KEY, or name another server with --base-url http://localhost:11434/v1")
		}
	}
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the base URL of the model server is not valid: give one like http://localhost:11434/v1")
	}
	if o.Model == "" {
		return nil, errors.New("no model: say which one this server shall use (--model)")
	}
	path := "/chat/completions"
	switch o.API {
	case "", APIChat:
		o.API = APIChat
	case APIResponses:
		path = "/responses"
	default:
		return nil, fmt.Errorf("unknown API %q: %s and %s are known", o.API, APIChat, APIResponses)
	}
	who := "the model server"
	if own {
		who = "OpenAI"
	}
	u.Path = strings.TrimRight(u.Path, "/") + path
	u.RawPath = ""
	return &Provider{o: o, url: u.String(), client: stream.New(who, stream.Options{
		HTTP: o.Client, Idle: o.Idle, Quiet: o.Quiet, Hint: hint, Hide: []string{o.Key, u.Host, u.Hostname()},
	})}, nil
}

// Name returns "openai".
func (p *Provider) Name() string { return "openai" }

// Stream implements worker.Provider.
func (p *Provider) Stream(ctx context.Context, req worker.Request, emit func(turn.Event) error) (string, error) {
	if req.Model == "" {
		req.Model = p.o.Model
	}
	r, err := p.post(ctx, req)
	if err != nil {
		return "", err
	}
	defer r.Close()
	w := stream.NewWriter(emit)
	var d stream.Decoder = NewChat(w, p.client, audioMedia(req.Params))
	if p.o.API == APIResponses {
		d = NewResponses(w, p.client)
	}
	switch media := r.Header.Get("Content-Type"); {
	case strings.Contains(media, "json"): // a server that does not stream
		return r.Decode(stream.JSON, w, d)
	case strings.Contains(media, "text/html"):
		return "", p.client.WebPage()
	}
	return r.Decode(stream.SSE, w, d)
}

// post asks, and asks again without stream_options where they were refused.
func (p *Provider) post(ctx context.Context, req worker.Request) (*stream.Reply, error) {
	h := http.Header{}
	if p.o.Key != "" {
		h.Set("Authorization", "Bearer "+p.o.Key)
	}
	stream.Trace(h, req.Trace)
	for {
		usage := !p.noUsage.Load()
		body, err := p.body(req, usage)
		if err != nil {
			return nil, err
		}
		r, err := p.client.Post(ctx, p.url, h, body)
		if usage && namesStreamOptions(err) {
			p.noUsage.Store(true)
			continue
		}
		return r, err
	}
}

func (p *Provider) body(req worker.Request, usage bool) ([]byte, error) {
	if p.o.API == APIResponses {
		return ResponsesBody(req)
	}
	return ChatBody(req, usage)
}

func namesStreamOptions(err error) bool {
	var pe *worker.ProviderError
	if !errors.As(err, &pe) || pe.Status != http.StatusBadRequest && pe.Status != http.StatusUnprocessableEntity {
		return false
	}
	return strings.Contains(pe.Message, "stream_options") || strings.Contains(pe.Message, "include_usage")
}

// audioMedia says what kind of sound was asked for.
func audioMedia(params json.RawMessage) string {
	var o struct {
		Audio struct {
			Format string `json:"format"`
		} `json:"audio"`
	}
	_ = json.Unmarshal(params, &o) // no object: no sound was asked for
	switch f := o.Audio.Format; f {
	case "", "pcm16":
		return PCM16
	case "mp3":
		return "audio/mpeg"
	default:
		return "audio/" + f
	}
}
