package openai

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/turn"
)

// A mapping makes a protocol's events of a turn's.
type mapping interface {
	add(*turn.Event) []event
	ended() bool
}

func (m *chat) ended() bool     { return m.over }
func (m *response) ended() bool { return m.over }

// A player gives a turn to one reader.
type player struct {
	t     *Transport
	rd    *answer.Reader
	p     place
	m     mapping
	after int // number of the last event that the reader has; -1: none
	sse   *answer.SSE
	write func(event)
}

// errGone says that the reader has left.
var errGone = errors.New("the reader is gone")

// play streams until the turn has ended, the reader is gone, or the log cannot
// be followed. An error that the reader should hear of is returned.
func (p *player) play(ctx context.Context) error {
	done, err := p.before(ctx)
	for !done && err == nil {
		var evs []turn.Event
		evs, err = p.rd.Next(ctx, p.t.opts.Ping)
		switch {
		case err != nil:
		case len(evs) == 0:
			p.sse.Comment("ping")
			if p.sse.Flush() != nil {
				err = errGone
			}
		default:
			done, err = p.give(evs)
		}
	}
	if err == io.EOF || ctx.Err() != nil || err == errGone {
		return nil
	}
	if errors.Is(err, gateway.ErrDraining) || errors.Is(err, gateway.ErrClosed) {
		panic(http.ErrAbortHandler) // a clean end would pass for the answer's
	}
	return err
}

// before gives what the log has, without what later epochs have taken back from
// those who were not shown it.
func (p *player) before(ctx context.Context) (done bool, err error) {
	a, err := p.t.g.Turns().Answer(ctx, turn.NewID(p.rd.Session().Who().App, p.p.channel, p.p.turn))
	if err != nil {
		return false, err
	}
	if err := p.rd.Follow(ctx, p.p.channel, p.p.turn, 0); err != nil || a.Epoch <= 1 {
		return false, err
	}
	var s answer.Survivors
	rest, err := p.rd.Through(ctx, a.At, s.Add)
	if err != nil {
		return false, err
	}
	for _, c := range s.Cuts {
		if c.First > 0 && number(c.First) <= p.after && p.after < number(c.At) {
			return false, takenBack
		}
	}
	return p.give(append(s.Events(), rest...))
}

func number(s turn.Seq) int { return int(s-1) * stride }

// give maps events and writes what the reader does not have.
func (p *player) give(evs []turn.Event) (done bool, err error) {
	var out []event
	for i := range evs {
		for _, e := range p.m.add(&evs[i]) {
			if e.number > p.after || p.after < 0 {
				out = append(out, e)
			}
		}
	}
	for _, e := range merge(out) {
		p.write(e)
	}
	if p.sse.Flush() != nil {
		return true, errGone
	}
	return p.m.ended(), nil
}

// wait returns when a turn has ended.
func (t *Transport) wait(ctx context.Context, rd *answer.Reader, p place) error {
	if err := rd.Follow(ctx, p.channel, p.turn, 0); err != nil {
		return err
	}
	for {
		if _, err := rd.Next(ctx, time.Hour); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// begin does what both endpoints begin with: who asks, what, and its turn.
func (t *Transport) begin(w http.ResponseWriter, r *http.Request, param string) (*answer.Reader, *request, place, bool) {
	who, err := t.door.Who(r)
	var q *request
	if err == nil {
		q, err = t.read(w, r)
	}
	var rd *answer.Reader
	if err == nil {
		rd, err = answer.Open(t.g, who)
	}
	if err != nil {
		t.refuse(w, err)
		return nil, nil, place{}, false
	}
	p, err := t.ask(r.Context(), rd.Session(), r, q, param)
	if err != nil {
		rd.Close()
		t.refuse(w, err)
		return nil, nil, place{}, false
	}
	w.Header().Set("X-Request-Id", p.turn)
	return rd, q, p, true
}

func (t *Transport) postChat(w http.ResponseWriter, r *http.Request) {
	rd, q, p, ok := t.begin(w, r, "messages")
	if !ok {
		return
	}
	defer rd.Close()
	c := completion{id: prefixChat + p.turn, created: time.Now().Unix(), model: q.Model}
	if c.model == "" {
		c.model = t.opts.Model
	}
	if q.Stream {
		c.usage = q.StreamOptions != nil && q.StreamOptions.Usage
		t.streamChat(w, r, rd, p, c)
		return
	}
	if err := t.wait(r.Context(), rd, p); err != nil {
		t.refuse(w, err)
		return
	}
	a, err := t.g.Turns().Answer(r.Context(), turn.NewID(rd.Session().Who().App, p.channel, p.turn))
	if err != nil {
		t.refuse(w, err)
		return
	}
	m := newChat()
	m.end(&turn.Event{Kind: terminal[a.State], Data: a.Outcome})
	if m.wrong != nil {
		w.Header().Set("X-Should-Retry", "false") // it would be another turn
		t.refuse(w, m.wrong)
		return
	}
	write(w, http.StatusOK, c.whole(a, m.reason))
}

// terminal is the kind of the event that a state came by.
var terminal = map[turn.State]turn.Kind{turn.Completed: turn.KindEnd, turn.Aborted: turn.KindCancelled, turn.Failed: turn.KindError}

func (t *Transport) streamChat(w http.ResponseWriter, r *http.Request, rd *answer.Reader, p place, c completion) {
	m := newChat()
	pl := &player{t: t, rd: rd, p: p, m: m, after: -1, sse: answer.NewSSE(w)}
	pl.write = func(e event) { pl.sse.Add("", encode(c.delta(e))) }
	err := pl.play(r.Context())
	if r.Context().Err() != nil {
		return
	}
	switch {
	case err != nil:
		pl.sse.Add("", encode(object{"error": errorObject(answer.Explain(err))}))
	case m.wrong != nil:
		pl.sse.Add("", encode(object{"error": errorObject(m.wrong)}))
	case m.over:
		pl.sse.Add("", encode(c.chunk([]any{object{"index": 0, "delta": object{}, "logprobs": nil, "finish_reason": m.reason}}, nil)))
		if c.usage {
			pl.sse.Add("", encode(c.chunk([]any{}, usageObject(m.usage))))
		}
	default:
		return // the reader is gone
	}
	pl.sse.Add("", []byte("[DONE]"))
	_ = pl.sse.Flush() // the reader may be gone already
}

// label is a channel as clients name it.
func (t *Transport) label(channel string) string { return strings.TrimPrefix(channel, t.opts.Prefix) }
