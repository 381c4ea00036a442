// Package openai answers an OpenAI SDK from the log of a turn: chat completions
// and responses, streamed or whole, in the background, resumed and cancelled.
//
//	POST /v1/chat/completions
//	POST /v1/responses
//	GET  /v1/responses/{id}         whole, or with stream=true and starting_after=N the events after N
//	POST /v1/responses/{id}/cancel
//
// A request is a prompt in a channel: the one it names in metadata.channel or
// as its conversation, that of the response it follows, else one of its own. A
// reader that goes away cancels nothing (design: 4).
//
// Read request.go for what becomes the prompt, responses.go and chat.go for how
// events become theirs, then play.go.
package openai

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/internal/gateway"
)

// Options configure a Transport; the zero value works.
type Options struct {
	Prefix    string                                              // of the channels that clients name
	Fresh     string                                              // begins the channels of requests that name none; "": DefaultFresh
	Model     string                                              // what clients call the model that the channel or worker chooses; "": DefaultModel
	MaxBody   int64                                               // bytes of a request; 0: DefaultMaxBody
	Ping      time.Duration                                       // 0: answer.Ping
	Anonymous func(*http.Request) (who gateway.Identity, ok bool) // for requests without a token; nil: none are let in
	Log       *slog.Logger
}

// Defaults of Options. Clients send whole conversations.
const (
	DefaultFresh   = "openai:"
	DefaultModel   = "karez"
	DefaultMaxBody = 8 << 20
)

// commandTime bounds what a request may take at the broker before it is
// answered.
const commandTime = 10 * time.Second

// Prefixes of ids. That of a response made in the background says so: its
// events begin otherwise.
const (
	prefixResponse   = "resp_"
	prefixBackground = "respbg_"
	prefixChat       = "chatcmpl-"
)

// A Transport serves OpenAI's API on one node.
type Transport struct {
	g    *gateway.Gateway // set once
	door answer.Door
	opts Options
	log  *slog.Logger
}

// New returns a transport over g.
func New(g *gateway.Gateway, auth gateway.Authenticate, o Options) *Transport {
	if o.Fresh == "" {
		o.Fresh = DefaultFresh
	}
	if o.Model == "" {
		o.Model = DefaultModel
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.Ping == 0 {
		o.Ping = answer.Ping
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Transport{g: g, door: answer.Door{Auth: auth, Anonymous: o.Anonymous}, opts: o, log: o.Log}
}

// Register adds the transport's routes to mux.
func (t *Transport) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/chat/completions", t.postChat)
	mux.HandleFunc("POST /v1/responses", t.postResponse)
	mux.HandleFunc("GET /v1/responses/{id}", t.getResponse)
	mux.HandleFunc("POST /v1/responses/{id}/cancel", t.cancelResponse)
}
