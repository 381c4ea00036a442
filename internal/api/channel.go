package api

import (
	"encoding/json"
	"net/http"

	"github.com/karez/karez/channel"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/native"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

func (a *API) history(_ http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	ch := r.PathValue("channel")
	if err := may(who, gateway.Read, ch); err != nil {
		return nil, err
	}
	before, err := number(r, "before")
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit")
	if err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	past, err := a.turns.History(ctx, who.App, ch, r.URL.Query().Get("turn"), turn.Seq(before), int(min(limit, 1<<16)))
	if err != nil {
		return nil, err
	}
	return native.History(past), nil
}

// members is the answer to presence.
type members struct {
	Members []wire.Member `json:"members"`
}

func (a *API) presence(_ http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	ch := r.PathValue("channel")
	if err := may(who, gateway.Presence, ch); err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	ms, err := a.g.Members(ctx, who.App, ch)
	if err != nil {
		return nil, err
	}
	return members{native.Members(ms)}, nil
}

// A note is the body of publish and signal.
type note struct {
	Name string          `json:"name"`
	Data json.RawMessage `json:"data,omitempty"`
	From string          `json:"from,omitempty"` // shown as the sender; needs manage if it is not the token's own user
}

// note reads a body that says something on a channel, or to somebody.
// kind is the command that it is checked as.
func (a *API) note(w http.ResponseWriter, r *http.Request, who gateway.Identity, kind, ch string) (note, error) {
	var in note
	if err := body(w, r, &in); err != nil {
		return in, err
	}
	c := wire.Command{Type: kind, Channel: ch, Name: in.Name, Data: in.Data}
	if err := c.Check(); err != nil {
		return in, err
	}
	if err := checkUser(in.From); err != nil {
		return in, err
	}
	if in.From == "" {
		in.From = who.User
	}
	if in.From != who.User {
		return in, may(who, gateway.Manage, ch)
	}
	return in, nil
}

// publish puts an event on a channel's timeline, where it is kept.
func (a *API) publish(w http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	ch := r.PathValue("channel")
	if err := may(who, gateway.Publish, ch); err != nil {
		return nil, err
	}
	in, err := a.note(w, r, who, wire.CmdPublish, ch)
	if err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	seq, err := a.g.Publish(ctx, who.App, ch, in.Name, in.Data, in.From)
	if err != nil {
		return nil, err
	}
	return created{http.StatusCreated, map[string]any{"seq": seq}}, nil
}

// signal tells those who follow a channel now; it is not kept.
func (a *API) signal(w http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	ch := r.PathValue("channel")
	if err := may(who, gateway.Publish, ch); err != nil {
		return nil, err
	}
	in, err := a.note(w, r, who, wire.CmdSignal, ch)
	if err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	if err := a.g.Signal(ctx, who.App, gateway.Signal{Channel: ch, Name: in.Name, Data: in.Data, From: in.From}); err != nil {
		return nil, err
	}
	return created{http.StatusAccepted, struct{}{}}, nil
}

func (a *API) settings(_ http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	ch := r.PathValue("channel")
	if err := may(who, gateway.Manage, ch); err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	return a.turns.Settings(ctx, who.App, ch)
}

func (a *API) setSettings(w http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	ch := r.PathValue("channel")
	if err := may(who, gateway.Manage, ch); err != nil {
		return nil, err
	}
	var in channel.Settings
	if err := body(w, r, &in); err != nil {
		return nil, err
	}
	if err := in.Check(); err != nil {
		return nil, bad(err.Error(), "/v1/openapi.json lists the settings")
	}
	ctx, cancel := limited(r)
	defer cancel()
	if err := a.turns.SetSettings(ctx, who.App, ch, in); err != nil {
		return nil, err
	}
	return a.turns.Settings(ctx, who.App, ch)
}

// deleteChannel cancels what runs and removes all that is kept of a channel.
func (a *API) deleteChannel(_ http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	ch := r.PathValue("channel")
	if err := may(who, gateway.Manage, ch); err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	if err := a.turns.DeleteChannel(ctx, who.App, ch, who.User); err != nil {
		return nil, err
	}
	return struct{}{}, nil
}
