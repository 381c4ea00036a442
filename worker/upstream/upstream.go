// Package upstream is the provider that asks a chat endpoint which exists
// already, so that an application gets Karez without changing a line: it is
// sent the conversation as its own front end would send it, and its answer is
// read in whichever of the common stream formats it comes.
//
// Read upstream.go, then request.go for what is sent and recognise.go for how
// an answer's format is told. Each format is a decoder of its own: ui.go and
// data.go (AI SDK), ollama.go, loose.go (JSON or text in no known format) and
// text.go; those of OpenAI and Anthropic are with their providers.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/stream"
)

// who is what messages call the endpoint: its address is nobody's business.
const who = "the chat endpoint"

// Options of New. With the URL alone it sends what most endpoints take and
// recognises the answer by itself.
type Options struct {
	URL     string        // where prompts are posted to
	Request string        // one of Request…; "": RequestAuto
	Answer  string        // one of Answer…; "": AnswerAuto
	Model   string        // for requests that name none; may be empty
	Header  http.Header   // sent with every request: keys, cookies
	Client  *http.Client  // nil: one made for streams
	Idle    time.Duration // longest time without a byte; 0: stream.DefaultIdle
	Quiet   time.Duration // longest time without content; 0: stream.DefaultQuiet
}

// A Provider asks one endpoint. It implements worker.Provider. It is no
// worker.Continuer: none of these formats can ask for the rest of an answer.
type Provider struct {
	o      Options
	url    string
	client *stream.Client
}

// New returns a provider, or an error that says which option to mend.
func New(o Options) (*Provider, error) {
	if o.URL == "" {
		return nil, errors.New("no address of the chat endpoint: give one like --url http://localhost:3000/api/chat")
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the address of the chat endpoint is not valid: give one like --url http://localhost:3000/api/chat")
	}
	if o.Request == "" {
		o.Request = RequestAuto
	}
	if !slices.Contains(Requests, o.Request) {
		return nil, fmt.Errorf("unknown shape of request %q: %s are known", o.Request, strings.Join(Requests, ", "))
	}
	if o.Answer == "" {
		o.Answer = AnswerAuto
	}
	if !slices.Contains(Answers, o.Answer) {
		return nil, fmt.Errorf("unknown format of answer %q: %s are known", o.Answer, strings.Join(Answers, ", "))
	}
	if err := checkHeader(o.Header); err != nil {
		return nil, err
	}
	o.Header = o.Header.Clone()
	return &Provider{o: o, url: u.String(), client: stream.New(who, stream.Options{
		HTTP: o.Client, Idle: o.Idle, Quiet: o.Quiet, Hint: "check the headers it is sent (--header)", Hide: hidden(u, o.Header),
	})}, nil
}

// Name returns "upstream".
func (p *Provider) Name() string { return "upstream" }

// Stream implements worker.Provider.
func (p *Provider) Stream(ctx context.Context, req worker.Request, emit func(turn.Event) error) (string, error) {
	if req.Model == "" {
		req.Model = p.o.Model
	}
	body, media, err := requestBody(p.o.Request, req)
	if err != nil {
		return "", err
	}
	r, err := p.client.Post(ctx, p.url, p.header(req, media), body)
	if err != nil {
		return "", err
	}
	defer r.Close()
	return p.read(r, stream.NewWriter(emit))
}

// header is the operator's, and who asks what, for endpoints that want to know.
// A try again has the same Idempotency-Key: it is the same prompt.
func (p *Provider) header(req worker.Request, media string) http.Header {
	h := p.o.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Content-Type", media)
	for name, value := range map[string]string{
		"Karez-User": req.User, "Karez-Channel": req.ID.Channel, "Karez-Turn": req.ID.Name, "Idempotency-Key": req.ID.Name,
	} {
		if value != "" {
			h.Set(name, stream.HeaderValue(value))
		}
	}
	stream.Trace(h, req.Trace)
	return h
}

// checkHeader finds what net/http would refuse only when it is sent.
func checkHeader(h http.Header) error {
	for name, values := range h {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool {
			return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
		}) {
			return fmt.Errorf("%q is not the name of a header: give it like --header 'Authorization: Bearer …'", stream.Clip(name, 40))
		}
		if http.CanonicalHeaderKey(name) == "Host" {
			return errors.New("the Host header follows from the address of the chat endpoint and cannot be set")
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return fmt.Errorf("the value of header %s contains a control character", name)
			}
		}
	}
	return nil
}

// hidden are the endpoint's address and everything in its requests that may be
// a secret.
func hidden(u *url.URL, h http.Header) []string {
	hide := []string{u.Host, u.Hostname(), u.Path, u.User.String()}
	if pw, ok := u.User.Password(); ok {
		hide = append(hide, pw)
	}
	for _, vs := range u.Query() {
		hide = append(hide, vs...)
	}
	for _, vs := range h {
		for _, v := range vs {
			hide = append(append(hide, v), strings.Fields(v)...)
		}
	}
	return slices.DeleteFunc(hide, func(s string) bool { return s == "" })
}
