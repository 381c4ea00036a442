// Package api is the HTTP API for back ends: prompt, write and read turns,
// publish, reach people, look after channels. It speaks the native protocol's
// JSON and its errors, and asks the same decision of the same tokens.
// docs/openapi.json describes it, and is served at /v1/openapi.json.
//
// It is request and answer; clients that wait for tokens use a transport.
//
// Read api.go, then prompt.go, turn.go, append.go (with lines.go and inbox.go),
// channel.go, export.go and people.go.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/docs"
	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/httpio"
	"github.com/karez/karez/internal/refusal"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// maxBody bounds a request's body, in bytes, but for the streams of append.go,
// which are bounded line by line (lines.go).
const maxBody = 1 << 20

// callTime bounds what one request may take at the broker.
const callTime = 30 * time.Second

// An API serves the HTTP API of one node.
type API struct {
	g     *gateway.Gateway
	turns *turns.Turns
	b     broker.Broker
	auth  gateway.Authenticate
	log   *slog.Logger
}

// New returns the API of g.
func New(g *gateway.Gateway, auth gateway.Authenticate, log *slog.Logger) *API {
	return &API{g: g, turns: g.Turns(), b: g.Turns().Broker(), auth: auth, log: log}
}

// A handler carries out a request of a known caller. What it returns is
// written as JSON; nil means that it has answered by itself.
type handler func(w http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error)

// Routes lists the API, as a ServeMux pattern each.
func (a *API) routes() map[string]handler {
	return map[string]handler{
		"POST /v1/channels/{channel}/prompts":             a.prompt,
		"POST /v1/channels/{channel}/cancel":              a.cancel,
		"PUT /v1/channels/{channel}/turns/{turn}":         a.createTurn,
		"GET /v1/channels/{channel}/turns/{turn}":         a.readTurn,
		"GET /v1/channels/{channel}/turns/{turn}/events":  a.readEvents,
		"POST /v1/channels/{channel}/turns/{turn}/epochs": a.begin,
		"POST /v1/channels/{channel}/turns/{turn}/events": a.appendEvents,
		"POST /v1/channels/{channel}/turns/{turn}/cancel": a.cancelTurn,
		"GET /v1/channels/{channel}/history":              a.history,
		"GET /v1/channels/{channel}/presence":             a.presence,
		"POST /v1/channels/{channel}/events":              a.publish,
		"POST /v1/channels/{channel}/signals":             a.signal,
		"GET /v1/channels/{channel}/settings":             a.settings,
		"PUT /v1/channels/{channel}/settings":             a.setSettings,
		"GET /v1/channels/{channel}/export":               a.export,
		"DELETE /v1/channels/{channel}":                   a.deleteChannel,
		"GET /v1/connections":                             a.connections,
		"POST /v1/connections/{connection}/signals":       a.signalConnection,
		"DELETE /v1/connections/{connection}":             a.kickConnection,
		"POST /v1/users/{user}/signals":                   a.signalUser,
		"DELETE /v1/users/{user}/connections":             a.kickUser,
	}
}

// Register adds the API to mux.
func (a *API) Register(mux *http.ServeMux) {
	for pattern, h := range a.routes() {
		mux.HandleFunc(pattern, a.serve(h))
	}
	a.registerUnknown(mux)
	mux.HandleFunc("GET /v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write(docs.OpenAPI); err != nil {
			a.log.Debug("write description", "err", err)
		}
	})
}

// serve knows the caller, and writes what h returns.
func (a *API) serve(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := a.auth(r.Context(), auth.FromRequest(r))
		if err == nil {
			err = checkPath(r)
		}
		var out any
		if err == nil {
			out, err = h(w, r, a.g.Caller(who, ""))
		}
		switch {
		case err != nil:
			a.refuse(w, err)
		case out != nil:
			a.write(w, http.StatusOK, out)
		}
	}
}

// An errorBody is the form of every refusal.
type errorBody struct {
	Error *wire.Error `json:"error"`
	Top   turn.Seq    `json:"top,omitempty"` // of a turn whose events were written in part
}

func (a *API) refuse(w http.ResponseWriter, err error) {
	e := refusal.Explain(err)
	e.Log(a.log, "serve request")
	e.Head(w.Header())
	out := errorBody{Error: e.Wire()}
	if p := (*partial)(nil); errors.As(err, &p) {
		out.Top = p.top
	}
	a.write(w, e.Status(), out)
}

// created is what a handler returns to be answered with 201 or 202.
type created struct {
	code int
	body any
}

func (a *API) write(w http.ResponseWriter, code int, v any) {
	if c, ok := v.(created); ok {
		code, v = c.code, c.body
	}
	p, err := json.Marshal(v)
	if err != nil {
		a.log.Error("encode answer", "err", err)
		http.Error(w, "encode answer", http.StatusInternalServerError)
		return
	}
	if err := httpio.WriteJSON(w, code, p); err != nil {
		a.log.Debug("write answer", "err", err)
	}
}

// checkPath checks the names in a request's path.
func checkPath(r *http.Request) error {
	if err := checkUser(r.PathValue("user")); err != nil {
		return err
	}
	if ch := r.PathValue("channel"); ch != "" {
		if err := turn.CheckChannel(ch); err != nil {
			return err
		}
	}
	if name := r.PathValue("turn"); name != "" {
		return turn.CheckName(name)
	}
	return nil
}

// checkUser refuses what no token could name.
func checkUser(user string) error {
	if len(user) > auth.MaxUser || !utf8.ValidString(user) {
		return bad(fmt.Sprintf("user has %d bytes, at most %d of UTF-8 are taken", len(user), auth.MaxUser), "")
	}
	return nil
}

func turnID(r *http.Request, by gateway.Caller) turn.ID {
	return turn.NewID(by.Who().App, r.PathValue("channel"), r.PathValue("turn"))
}

// body decodes a JSON body into v; an empty body leaves v as it is.
func body(w http.ResponseWriter, r *http.Request, v any) error {
	p, err := httpio.ReadBody(w, r, maxBody)
	if err != nil {
		return err
	}
	if len(p) == 0 {
		return nil
	}
	if !utf8.Valid(p) {
		return bad("the body is not valid UTF-8", "")
	}
	if err := json.Unmarshal(p, v); err != nil {
		return bad("the body is not the JSON that is wanted: "+err.Error(), "/v1/openapi.json describes it")
	}
	return nil
}

func bad(message, hint string) error {
	return refusal.Bad(message, hint)
}

// number reads a number of the query; absent is 0.
func number(r *http.Request, name string) (uint64, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, bad(name+" is not a number: "+strconv.Quote(s), "leave it out for 0")
	}
	return n, nil
}

func limited(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), callTime)
}
