package api

import (
	"net/http"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/httpio"
	"github.com/karez/karez/turn"
)

// An ask is the body of a prompt.
type ask struct {
	turn.Prompt
	User string `json:"user,omitempty"` // on whose behalf; needs manage if it is not the token's own
}

func (a *API) prompt(w http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	var in ask
	if err := body(w, r, &in); err != nil {
		return nil, err
	}
	p := in.Prompt
	p.User = in.User
	ctx, cancel := limited(r)
	defer cancel()
	asked, err := by.Prompt(ctx, r.PathValue("channel"), p, httpio.Trace(r))
	if err != nil {
		return nil, err
	}
	return created{http.StatusAccepted, map[string]any{"turn": asked.Turn, "message": asked.Message, "again": asked.Again}}, nil
}

// cancel stops the turn of a message, whether or not it has begun.
func (a *API) cancel(w http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	var in struct {
		Message string `json:"message"`
		User    string `json:"user"`
	}
	if err := body(w, r, &in); err != nil {
		return nil, err
	}
	return a.stop(r, by, "", in.User, in.Message)
}

func (a *API) cancelTurn(_ http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	return a.stop(r, by, r.PathValue("turn"), "", "")
}

func (a *API) stop(r *http.Request, by gateway.Caller, name, user, message string) (any, error) {
	ctx, cancel := limited(r)
	defer cancel()
	name, err := by.Cancel(ctx, r.PathValue("channel"), name, user, message)
	if err != nil {
		return nil, err
	}
	return created{http.StatusAccepted, map[string]string{"turn": name}}, nil
}
