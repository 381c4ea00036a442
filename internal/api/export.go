package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// An exportLine is one line of an export: an entry of the timeline, followed,
// where it begins a turn, by the lines of that turn's log.
type exportLine struct {
	Log   string          `json:"log"` // timeline, or a turn's name
	Event json.RawMessage `json:"event"`
}

// export writes all that is kept of a channel, an event a line.
func (a *API) export(w http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	ch := r.PathValue("channel")
	if err := by.May(gateway.Manage, ch); err != nil {
		return nil, err
	}
	tl := turn.Timeline(by.Who().App, ch)
	from, err := a.turns.Oldest(r.Context(), tl)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, &wire.Error{Code: wire.CodeNotFound, Message: "there is no channel " + ch}
	}
	if err != nil {
		return nil, err
	}
	out := newLineWriter(w)
	done := make(map[string]bool)
	err = a.exportLog(r, out, tl, from, func(ev turn.Event) error {
		var b channel.Begun
		if ev.Kind != channel.KindTurn || json.Unmarshal(ev.Data, &b) != nil || turn.CheckName(b.Turn) != nil || done[b.Turn] {
			return nil
		}
		done[b.Turn] = true
		return a.exportLog(r, out, turn.NewID(by.Who().App, ch, b.Turn), 0, nil)
	})
	a.close(r, out, err)
	return nil, nil
}

// exportLog writes one log; then is called after each of its events.
func (a *API) exportLog(r *http.Request, out *lineWriter, id turn.ID, at turn.Seq, then func(turn.Event) error) error {
	name := id.Name
	if id.Kind == turn.TimelineLog {
		name = "timeline"
	}
	for {
		evs, err := broker.ReadText(r.Context(), a.b, id, at, 256)
		if err == io.EOF || len(evs) == 0 && err == nil {
			return nil
		}
		if err != nil {
			return err
		}
		for _, ev := range evs {
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
