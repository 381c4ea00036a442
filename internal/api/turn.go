package api

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/httpio"
	"github.com/karez/karez/internal/refusal"
	"github.com/karez/karez/internal/transport/native"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// createTurn begins a turn that a back end answers by itself.
func (a *API) createTurn(w http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	id := turnID(r, by)
	if err := by.May(gateway.Manage, id.Channel); err != nil {
		return nil, err
	}
	var in ask
	if err := body(w, r, &in); err != nil {
		return nil, err
	}
	in.Prompt.User = in.User
	check := in.Prompt
	if check.Text == "" && len(check.Content) == 0 {
		check.Text = "nothing" // there may be nothing asked
	}
	if err := check.Check(); err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	again, err := a.turns.Create(ctx, id, in.Prompt, time.Now().UnixMilli())
	if err != nil {
		return nil, err
	}
	code := http.StatusCreated
	if again {
		code = http.StatusOK
	}
	return created{code, map[string]any{"turn": id.Name, "again": again}}, nil
}

// readTurn answers with a turn as it stands.
func (a *API) readTurn(_ http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	id := turnID(r, by)
	if err := by.May(gateway.Read, id.Channel); err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	answer, err := a.turns.Answer(ctx, id)
	if err != nil {
		return nil, err
	}
	return oneTurn{HistoryTurn: native.HistoryTurn(turns.PastTurn{Name: id.Name, Answer: answer})}, nil
}

// oneTurn is a turn without its place on the timeline, which is not in its log.
type oneTurn struct {
	wire.HistoryTurn
	Timeline *turn.Seq `json:"timeline,omitempty"`
}

// readEvents answers with a log from a place on, an event a line, and with
// live=true goes on until the turn ends or the caller leaves.
func (a *API) readEvents(w http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	id := turnID(r, by)
	if err := by.May(gateway.Read, id.Channel); err != nil {
		return nil, err
	}
	after, err := number(r, "after")
	if err != nil {
		return nil, err
	}
	if r.URL.Query().Get("live") == "true" {
		return nil, a.follow(w, r, by, id, turn.Seq(after))
	}
	return nil, a.lines(w, r, id, turn.Seq(after))
}

// lines writes a log as NDJSON. An error after the first byte ends the answer
// with a line that holds it.
func (a *API) lines(w http.ResponseWriter, r *http.Request, id turn.ID, at turn.Seq) error {
	evs, err := broker.ReadText(r.Context(), a.b, id, at, 1024)
	if err != nil && err != io.EOF {
		return err
	}
	if len(evs) == 0 && err == nil && at == 0 {
		return turns.ErrNoTurn
	}
	out := newLineWriter(w)
	for err == nil && len(evs) > 0 {
		if out.events(evs) != nil {
			return nil // the caller is gone
		}
		at = evs[len(evs)-1].Seq
		evs, err = broker.ReadText(r.Context(), a.b, id, at, 1024)
	}
	a.close(r, out, err)
	return nil
}

// close ends an answer of lines, which err ended.
func (a *API) close(r *http.Request, out *lineWriter, err error) {
	if err != nil && err != io.EOF && r.Context().Err() == nil {
		e := refusal.Explain(err)
		e.Log(a.log, "write lines", "path", r.URL.Path)
		_ = out.value(errorBody{Error: e.Wire()}) // as good as it goes, as is the flush
	}
	_ = out.flush()
}

// follow writes a log as it grows, until it ends or either side goes. It is a
// session as any other, which ends with its token and can be closed.
func (a *API) follow(w http.ResponseWriter, r *http.Request, by gateway.Caller, id turn.ID, after turn.Seq) error {
	p, err := a.g.OpenPull(by.Who())
	if err != nil {
		return err
	}
	s := p.Session()
	defer s.Close(nil)
	if _, err := s.Follow(r.Context(), gateway.Follow{Channel: id.Channel, Turn: id.Name, After: after}); err != nil {
		return err
	}
	out := newLineWriter(w)
	if out.flush() != nil {
		return nil // the caller is gone
	}
	for {
		it, err := p.Next(r.Context())
		switch {
		case err != nil:
			a.close(r, out, err)
			return nil
		case it.Kind == gateway.ItemBatch:
			if out.events(it.Batch.Pieces) != nil {
				return nil // the caller is gone
			}
		case it.Kind == gateway.ItemEnded:
			a.close(r, out, it.Why)
			return nil
		}
	}
}

// A lineWriter writes values as lines.
type lineWriter struct{ out *httpio.Flusher }

// lineRoom is how many bytes of lines are gathered before they are written.
const lineRoom = 32 << 10

func newLineWriter(w http.ResponseWriter) *lineWriter {
	h := w.Header()
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold tokens back
	return &lineWriter{httpio.NewFlusher(w)}
}

func (l *lineWriter) events(evs []turn.Event) error {
	for i := range evs {
		l.out.Buf = append(wire.AppendLine(l.out.Buf, &evs[i]), '\n')
		if err := l.spill(); err != nil {
			return err
		}
	}
	return l.flush()
}

// value writes v soon; flush writes it now.
func (l *lineWriter) value(v any) error {
	p, err := json.Marshal(v)
	if err != nil {
		return err
	}
	l.out.Buf = append(append(l.out.Buf, p...), '\n')
	return l.spill()
}

func (l *lineWriter) spill() error {
	if len(l.out.Buf) < lineRoom {
		return nil
	}
	return l.flush()
}

func (l *lineWriter) flush() error { return l.out.Flush() }
