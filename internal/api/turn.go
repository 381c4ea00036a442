package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/native"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// createTurn begins a turn that a back end answers by itself.
func (a *API) createTurn(w http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	id := turnID(r, who)
	if err := may(who, gateway.Manage, id.Channel); err != nil {
		return nil, err
	}
	var in ask
	if err := body(w, r, &in); err != nil {
		return nil, err
	}
	in.Prompt.User = in.User
	check := in.Prompt
	if check.Message == "" {
		check.Message = id.Name // there may be none, and nothing asked
	}
	if check.Text == "" && len(check.Content) == 0 {
		check.Text = "nothing"
	}
	if err := checkPrompt(id.Channel, check); err != nil {
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
func (a *API) readTurn(_ http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	id := turnID(r, who)
	if err := may(who, gateway.Read, id.Channel); err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	answer, err := a.turns.Answer(ctx, id)
	if err != nil {
		return nil, err
	}
	return native.HistoryTurn(turns.PastTurn{Name: id.Name, Answer: answer}), nil
}

// readEvents answers with a log from a place on, an event a line, and with
// live=true goes on until the turn ends or the caller leaves.
func (a *API) readEvents(w http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	id := turnID(r, who)
	if err := may(who, gateway.Read, id.Channel); err != nil {
		return nil, err
	}
	after, err := number(r, "after")
	if err != nil {
		return nil, err
	}
	live := r.URL.Query().Get("live") == "true"
	return nil, a.lines(w, r, id, turn.Seq(after), live)
}

// lines writes a log as NDJSON. An error after the first byte ends the answer
// with a line that holds it.
func (a *API) lines(w http.ResponseWriter, r *http.Request, id turn.ID, at turn.Seq, live bool) error {
	evs, err := a.b.Read(r.Context(), id, at, 1024)
	if err != nil && err != io.EOF {
		return err
	}
	if len(evs) == 0 && err == nil && at == 0 && !live {
		return turns.ErrNoTurn
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	out := newLineWriter(w)
	if out.flush() != nil {
		return nil // the caller is gone
	}
	for err == nil && (len(evs) > 0 || live) {
		if len(evs) > 0 {
			if err := out.events(turn.Align(a.before(r, id, at, evs), evs)); err != nil {
				return nil // the caller is gone
			}
			at = evs[len(evs)-1].Seq
		}
		if live {
			evs, err = broker.Wait(r.Context(), a.b, id, at, 1024)
		} else {
			evs, err = a.b.Read(r.Context(), id, at, 1024)
		}
	}
	if err != nil && err != io.EOF && r.Context().Err() == nil {
		out.failure(err)
	}
	return nil
}

// before reads what Align needs of the events ahead of evs.
func (a *API) before(r *http.Request, id turn.ID, at turn.Seq, evs []turn.Event) []turn.Event {
	if at == 0 || !turn.NeedsLookback(evs) {
		return nil
	}
	from := at - min(at, turn.Lookback)
	before, err := a.b.Read(r.Context(), id, from, int(at-from))
	if err != nil {
		return nil // trimmed: the cut character is gone with it
	}
	return before
}

// A lineWriter writes values as lines.
type lineWriter struct {
	w   io.Writer
	rc  *http.ResponseController
	buf []byte
}

// lineRoom is how many bytes of lines are gathered before they are written.
const lineRoom = 32 << 10

func newLineWriter(w http.ResponseWriter) *lineWriter {
	return &lineWriter{w: w, rc: http.NewResponseController(w)}
}

func (l *lineWriter) events(evs []turn.Event) error {
	for i := range evs {
		l.buf = append(wire.AppendLine(l.buf, &evs[i]), '\n')
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
	l.buf = append(append(l.buf, p...), '\n')
	return l.spill()
}

func (l *lineWriter) failure(err error) {
	_ = l.value(errorBody{Error: native.Explain(err)}) // as good as it goes, as is this
	_ = l.flush()
}

func (l *lineWriter) spill() error {
	if len(l.buf) < lineRoom {
		return nil
	}
	return l.flush()
}

func (l *lineWriter) flush() error {
	if err := l.rc.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	_, err := l.w.Write(l.buf)
	if l.buf = l.buf[:0]; cap(l.buf) > 2*lineRoom {
		l.buf = nil
	}
	if err != nil {
		return err
	}
	return l.rc.Flush()
}
