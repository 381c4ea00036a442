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

func (a *API) history(_ http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	ch := r.PathValue("channel")
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
	past, err := by.History(ctx, ch, r.URL.Query().Get("turn"), turn.Seq(before), int(min(limit, 1<<16)))
	if err != nil {
		return nil, err
	}
	return native.History(past), nil
}

// members is the answer to presence.
type members struct {
	Members []wire.Member `json:"members"`
}

func (a *API) presence(_ http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	ch := r.PathValue("channel")
	ctx, cancel := limited(r)
	defer cancel()
	ms, err := by.Members(ctx, ch)
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

// note reads a note; what is in it is the gateway's to check.
func (a *API) note(w http.ResponseWriter, r *http.Request) (gateway.Note, error) {
	var in note
	err := body(w, r, &in)
	return gateway.Note(in), err
}

// publish puts an event on a channel's timeline, where it is kept.
func (a *API) publish(w http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	ch := r.PathValue("channel")
	in, err := a.note(w, r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	seq, err := by.Publish(ctx, ch, in)
	if err != nil {
		return nil, err
	}
	return created{http.StatusCreated, map[string]any{"seq": seq}}, nil
}

// signal tells those who follow a channel now; it is not kept.
func (a *API) signal(w http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	ch := r.PathValue("channel")
	in, err := a.note(w, r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	if err := by.Signal(ctx, ch, in); err != nil {
		return nil, err
	}
	return created{http.StatusAccepted, struct{}{}}, nil
}

func (a *API) settings(_ http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	ch := r.PathValue("channel")
	if err := by.May(gateway.Manage, ch); err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	return a.turns.Settings(ctx, by.Who().App, ch)
}

func (a *API) setSettings(w http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	ch := r.PathValue("channel")
	if err := by.May(gateway.Manage, ch); err != nil {
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
	if err := a.turns.SetSettings(ctx, by.Who().App, ch, in); err != nil {
		return nil, err
	}
	return a.turns.Settings(ctx, by.Who().App, ch)
}

// deleteChannel cancels what runs and removes all that is kept of a channel.
func (a *API) deleteChannel(_ http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	ch := r.PathValue("channel")
	if err := by.May(gateway.Manage, ch); err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	if err := a.turns.DeleteChannel(ctx, by.Who().App, ch, by.Who().User); err != nil {
		return nil, err
	}
	return struct{}{}, nil
}
