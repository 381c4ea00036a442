// Package aisdk answers the AI SDK (useChat of versions 5, 6 and 7) from the
// log of a turn: the UI message stream v1 over server-sent events, and over the
// WebSocket of version 7.
//
//	POST /api/chat              a prompt, tool results, or regenerate; answered with the stream
//	GET  /api/chat/{id}/stream  the stream of what runs, from its first chunk; 204 when nothing does
//	POST /api/chat/{id}/stop    cancels what runs
//	GET  /api/chat              the WebSocket
//
// The id of a chat is the name of a channel, that of a user's message the id of
// the prompt, and that of an assistant's message the name of the turn. A reader
// that goes away cancels nothing (design: 4).
//
// Read mapper.go for how events become chunks, with tool.go and epoch.go, then
// request.go, ask.go and play.go, resume.go, and frame.go with ws.go.
package aisdk

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/socket"
)

// Options configure a Transport; the zero value works.
type Options struct {
	Path      string                                              // "": DefaultPath
	Prefix    string                                              // of channels: a chat's id follows it
	Version   string                                              // of the AI SDK that clients have who declare none; "": 5
	MaxBody   int64                                               // bytes of a request; 0: DefaultMaxBody
	Ping      time.Duration                                       // 0: answer.Ping
	Anonymous func(*http.Request) (who gateway.Identity, ok bool) // for requests without a token; nil: none are let in
	Model     string                                              // key of the body that names the model; "": none does
	System    string                                              // key of the body that holds a system prompt; "": none does
	Params    []string                                            // keys of the body that are model parameters
	Log       *slog.Logger
}

// Defaults of Options. useChat sends the whole conversation each time.
const (
	DefaultPath    = "/api/chat"
	DefaultMaxBody = 8 << 20
)

// closeTime bounds how long clients may take to say goodbye.
const closeTime = 2 * time.Second

// commandTime bounds what a request may take at the broker before it is
// answered.
const commandTime = 10 * time.Second

// A Transport serves the AI SDK on one node.
type Transport struct {
	g    *gateway.Gateway // set once
	door answer.Door
	opts Options
	base version
	log  *slog.Logger
	ws   *socket.Group
	wg   sync.WaitGroup // requests over WebSockets
}

// New returns a transport over g.
func New(g *gateway.Gateway, auth gateway.Authenticate, o Options) *Transport {
	if o.Path == "" {
		o.Path = DefaultPath
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
	return &Transport{
		g: g, door: answer.Door{Auth: auth, Anonymous: o.Anonymous}, opts: o, base: parseVersion(o.Version), log: o.Log,
		ws: socket.NewGroup(socket.Options{MaxMessage: int(o.MaxBody)}),
	}
}

// Close ends what the transport started. Sessions end with the gateway: close
// that first.
func (t *Transport) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := t.ws.Close(ctx); err != nil {
		t.log.Warn("close connections", "err", err)
	}
	t.wg.Wait()
}

// Register adds the transport's routes to mux.
func (t *Transport) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST "+t.opts.Path, t.post)
	mux.HandleFunc("GET "+t.opts.Path, t.socket)
	mux.HandleFunc("GET "+t.opts.Path+"/{id}/stream", t.resume)
	mux.HandleFunc("POST "+t.opts.Path+"/{id}/stop", t.stop)
}

// declared is the version that a client says it has, in the query (?sdk=7) or a header, else
// base.
func declared(r *http.Request, base version) version {
	for _, s := range []string{r.URL.Query().Get("sdk"), r.Header.Get("X-AI-SDK-Version")} {
		if s != "" {
			return parseVersion(s)
		}
	}
	return base
}

// refuse answers a request that was not carried out: the SDK shows the body.
func (t *Transport) refuse(w http.ResponseWriter, err error) {
	p := answer.Explain(err)
	p.Log(t.log, "chat request")
	p.Head(w.Header())
	http.Error(w, p.Error(), p.Status)
}
