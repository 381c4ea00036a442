package api

import (
	"net/http"
	"time"

	"github.com/karez/karez/internal/gateway"
)

// gather is how long nodes have to answer for their sessions.
const gather = 500 * time.Millisecond

// connections lists the sessions of an app, or of one of its users.
func (a *API) connections(_ http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	if err := by.May(gateway.Manage, gateway.EveryChannel); err != nil {
		return nil, err
	}
	list, more, err := a.g.List(r.Context(), gateway.Target{App: by.Who().App, User: r.URL.Query().Get("user")}, gather)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []gateway.SessionInfo{}
	}
	return map[string]any{"connections": list, "more": more}, nil
}

func (a *API) signalConnection(w http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	return a.send(w, r, by, gateway.Target{App: by.Who().App, Session: r.PathValue("connection")})
}

func (a *API) signalUser(w http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	return a.send(w, r, by, gateway.Target{App: by.Who().App, User: r.PathValue("user")})
}

// send gives a signal to connections, and says how many there were.
func (a *API) send(w http.ResponseWriter, r *http.Request, by gateway.Caller, t gateway.Target) (any, error) {
	in, err := a.note(w, r)
	if err != nil {
		return nil, err
	}
	n, err := by.Send(r.Context(), t, in, gather)
	if err != nil {
		return nil, err
	}
	return map[string]int{"connections": n}, nil
}

func (a *API) kickConnection(_ http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	return a.kick(r, by, gateway.Target{App: by.Who().App, Session: r.PathValue("connection")})
}

func (a *API) kickUser(_ http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	return a.kick(r, by, gateway.Target{App: by.Who().App, User: r.PathValue("user")})
}

func (a *API) kick(r *http.Request, by gateway.Caller, t gateway.Target) (any, error) {
	if err := by.May(gateway.Manage, gateway.EveryChannel); err != nil {
		return nil, err
	}
	n, err := a.g.Kick(r.Context(), t, gather)
	if err != nil {
		return nil, err
	}
	return map[string]int{"connections": n}, nil
}
