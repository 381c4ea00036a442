package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/karez/karez/broker"
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

// A note is the body of publish and signal.
type note struct {
	Name string          `json:"name"`
	Data json.RawMessage `json:"data,omitempty"`
	From string          `json:"from,omitempty"` // shown as the sender; needs manage if it is not the token's own user
}

// note reads a body that says something on a channel, or to somebody.
func (a *API) note(w http.ResponseWriter, r *http.Request, who gateway.Identity, ch string) (note, error) {
	var in note
	if err := body(w, r, &in); err != nil {
		return in, err
	}
	c := wire.Command{Type: wire.CmdSignal, Channel: ch, Name: in.Name, Data: in.Data}
	if err := c.Check(); err != nil {
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
	in, err := a.note(w, r, who, ch)
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
	in, err := a.note(w, r, who, ch)
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

// An exportLine is one line of an export: an entry of the timeline, followed,
// where it begins a turn, by the lines of that turn's log.
type exportLine struct {
	Log   string          `json:"log"` // timeline, or a turn's name
	Event json.RawMessage `json:"event"`
}

// export writes all that is kept of a channel, an event a line.
func (a *API) export(w http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	ch := r.PathValue("channel")
	if err := may(who, gateway.Manage, ch); err != nil {
		return nil, err
	}
	tl := turn.Timeline(who.App, ch)
	from, err := a.turns.Oldest(r.Context(), tl)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, &wire.Error{Code: wire.CodeNotFound, Message: "there is no channel " + ch}
	}
	if err != nil {
		return nil, err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	out := newLineWriter(w)
	done := make(map[string]bool)
	err = a.exportLog(r, out, tl, from, func(ev turn.Event) error {
		var b channel.Begun
		if ev.Kind != channel.KindTurn || json.Unmarshal(ev.Data, &b) != nil || turn.CheckName(b.Turn) != nil || done[b.Turn] {
			return nil
		}
		done[b.Turn] = true
		return a.exportLog(r, out, turn.NewID(who.App, ch, b.Turn), 0, nil)
	})
	if err != nil && r.Context().Err() == nil {
		out.failure(err)
	}
	return nil, nil
}

// exportLog writes one log; then is called after each of its events.
func (a *API) exportLog(r *http.Request, out *lineWriter, id turn.ID, at turn.Seq, then func(turn.Event) error) error {
	name := id.Name
	if id.Kind == turn.TimelineLog {
		name = "timeline"
	}
	for {
		evs, err := a.b.Read(r.Context(), id, at, 256)
		if err == io.EOF || len(evs) == 0 && err == nil {
			return nil
		}
		if err != nil {
			return err
		}
		for _, ev := range turn.Align(nil, evs) {
			if err := out.value(exportLine{Log: name, Event: wire.AppendLine(nil, &ev)}); err != nil {
				return err
			}
			if then != nil {
				if err := then(ev); err != nil {
					return err
				}
			}
		}
		at = evs[len(evs)-1].Seq
	}
}
