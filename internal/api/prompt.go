package api

import (
	"crypto/rand"
	"net/http"
	"time"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/native"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// An ask is the body of a prompt.
type ask struct {
	turn.Prompt
	User string `json:"user,omitempty"` // on whose behalf; needs manage if it is not the token's own
}

func (a *API) prompt(w http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	ch := r.PathValue("channel")
	if err := may(who, gateway.Prompt, ch); err != nil {
		return nil, err
	}
	var in ask
	if err := body(w, r, &in); err != nil {
		return nil, err
	}
	p := in.Prompt
	p.User = in.User
	if p.User == "" {
		p.User = who.User
	} else if p.User != who.User {
		if err := may(who, gateway.Manage, ch); err != nil {
			return nil, err
		}
	}
	if p.Message == "" {
		p.Message = rand.Text() // asked without an id, it cannot be asked again
	}
	if err := checkPrompt(ch, p); err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	name, again, err := a.turns.Accept(ctx, turns.Ask{
		App: who.App, Channel: ch, Prompt: p, Trace: native.Trace(r), At: time.Now().UnixMilli(),
	})
	if err != nil {
		return nil, err
	}
	return created{http.StatusAccepted, map[string]any{"turn": name, "message": p.Message, "again": again}}, nil
}

// checkPrompt checks what a command's prompt is checked for, and what only a
// back end may set.
func checkPrompt(ch string, p turn.Prompt) error {
	c := wire.Command{Type: wire.CmdPrompt, Channel: ch, Prompt: &p}
	if err := c.Check(); err != nil {
		return err
	}
	if p.Supersedes != "" {
		if err := turn.CheckName(p.Supersedes); err != nil {
			return err
		}
	}
	return checkUser(p.User)
}

// cancel stops the turn of a message, whether or not it has begun.
func (a *API) cancel(w http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	ch := r.PathValue("channel")
	if err := may(who, gateway.Cancel, ch); err != nil {
		return nil, err
	}
	var in struct {
		Message string `json:"message"`
		User    string `json:"user"`
	}
	if err := body(w, r, &in); err != nil {
		return nil, err
	}
	if in.Message == "" {
		return nil, bad("message is missing", "name the message whose turn is to stop")
	}
	if in.User == "" {
		in.User = who.User
	}
	return a.stop(r, turn.NewID(who.App, ch, turn.NameFor(who.App, ch, in.User, in.Message)), who)
}

func (a *API) cancelTurn(_ http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	id := turnID(r, who)
	if err := may(who, gateway.Cancel, id.Channel); err != nil {
		return nil, err
	}
	return a.stop(r, id, who)
}

func (a *API) stop(r *http.Request, id turn.ID, who gateway.Identity) (any, error) {
	ctx, cancel := limited(r)
	defer cancel()
	if err := a.turns.Cancel(ctx, id, who.User); err != nil {
		return nil, err
	}
	return created{http.StatusAccepted, map[string]string{"turn": id.Name}}, nil
}
