package aisdk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/turn"
)

// A view is what a reader is to be shown of a turn.
type view struct {
	channel string
	turn    string
	v       version
	each    bool // a chunk for every event: the reader may count them
	counts  bool // it does: nothing is left out for it, whatever was taken back since
	skip    int  // chunks that the reader has; with counts
	replay  bool // what was said before the turn in the same message comes first
}

// A sink takes the chunks of one reader.
type sink interface {
	chunk(seq int, c *chunk) // seq counts from 0
	ping()
	flush() error // an error: the reader is gone
}

// play streams a turn to an HTTP reader.
func (t *Transport) play(w http.ResponseWriter, r *http.Request, rd *answer.Reader, v view) {
	w.Header().Set("X-Vercel-AI-UI-Message-Stream", "v1")
	s := &httpSink{answer.NewSSE(w)}
	err := t.run(r.Context(), rd, v, s)
	switch {
	case err == nil:
		s.sse.Add("", []byte("[DONE]"))
		_ = s.sse.Flush() // the reader may be gone already
	case errors.Is(err, gateway.ErrDraining) || errors.Is(err, gateway.ErrClosed):
		panic(http.ErrAbortHandler) // a clean end would pass for the answer's
	}
}

// An httpSink writes server-sent events.
type httpSink struct{ sse *answer.SSE }

func (s *httpSink) chunk(_ int, c *chunk) { s.sse.Add("", c.encode()) }
func (s *httpSink) ping()                 { s.sse.Comment("ping") }
func (s *httpSink) flush() error          { return s.sse.Flush() }

// A player gives the chunks of one turn to a sink.
type player struct {
	m    *mapper
	v    view
	to   sink
	seen int // chunks so far, those that were skipped too
	done bool
}

// errGone says that the reader has left.
var errGone = errors.New("the reader is gone")

// run streams a turn until it has ended, the reader is gone, or the log cannot
// be followed, which the reader is told.
func (t *Transport) run(ctx context.Context, rd *answer.Reader, v view, to sink) error {
	p := &player{m: newMapper(v.v, v.turn), v: v, to: to}
	p.m.replay = v.replay
	err := t.feed(ctx, rd, p)
	switch {
	case err == nil || ctx.Err() != nil || err == errGone || errors.Is(err, gateway.ErrDraining) || errors.Is(err, gateway.ErrClosed):
		return err
	}
	e := answer.Explain(err)
	e.Log(t.log, "stream turn", "channel", v.channel, "turn", v.turn)
	text := e.Error()
	to.chunk(p.seen, &chunk{Type: "error", Error: &text})
	return to.flush()
}

func (t *Transport) feed(ctx context.Context, rd *answer.Reader, p *player) error {
	if p.v.skip == 0 && !(p.v.counts && p.v.v.resetStep()) {
		if done, err := t.before(ctx, rd, p); done || err != nil {
			return err
		}
	} else if err := rd.Follow(ctx, p.v.channel, p.v.turn, 0); err != nil {
		return err
	}
	for {
		evs, err := rd.Next(ctx, t.opts.Ping)
		switch {
		case err == io.EOF:
			return p.end()
		case err != nil:
			return err
		case len(evs) == 0:
			p.to.ping()
			err = p.to.flush()
		default:
			err = p.give(evs)
		}
		if err != nil {
			return errGone
		}
		if p.done {
			return p.end()
		}
	}
}

// before gives what the log has already, without what an epoch has taken back,
// after the turns that the answer goes on from; it leaves rd behind that.
func (t *Transport) before(ctx context.Context, rd *answer.Reader, p *player) (done bool, err error) {
	app := rd.Session().Who().App
	a, err := t.g.Turns().Answer(ctx, turn.NewID(app, p.v.channel, p.v.turn))
	if err != nil {
		return false, err
	}
	if p.v.replay {
		if err := t.earlier(ctx, rd, p, a); err != nil {
			return false, err
		}
	}
	rest, err := t.past(ctx, rd, p, p.v.turn, a)
	if err != nil {
		return false, err
	}
	p.m.replay = false // what comes now is live
	if err := p.give(rest); err != nil {
		return false, errGone
	}
	if p.done {
		return true, p.end()
	}
	return false, nil
}

// earlier gives the turns that the answer goes on from.
func (t *Transport) earlier(ctx context.Context, rd *answer.Reader, p *player, a turn.Answer) error {
	type earlier struct {
		name string
		a    turn.Answer
	}
	var chain []earlier
	for name := p.v.turn; len(chain) < rounds; {
		root, on := messageOf(name, a.Prompt)
		if !on {
			break
		}
		p.m.id, name = root, a.Prompt.Parent
		var err error
		if a, err = t.g.Turns().Answer(ctx, turn.NewID(rd.Session().Who().App, p.v.channel, name)); err != nil {
			break // no longer kept
		}
		chain = append(chain, earlier{name, a})
		if name == root {
			break
		}
	}
	slices.Reverse(chain)
	for _, e := range chain {
		sub, err := answer.Open(t.g, rd.Session().Who())
		if err != nil {
			return err
		}
		p.m.within = true
		_, err = t.past(ctx, sub, p, e.name, e.a)
		sub.Close()
		if err != nil {
			return err
		}
		p.m.within = false
		p.put(p.m.between())
	}
	return nil
}

// past gives a turn through what a has of it.
func (t *Transport) past(ctx context.Context, rd *answer.Reader, p *player, name string, a turn.Answer) (rest []turn.Event, err error) {
	if err := rd.Follow(ctx, p.v.channel, name, 0); err != nil {
		return nil, err
	}
	var gone error
	give := func(evs []turn.Event) {
		if gone == nil {
			gone = p.give(evs)
		}
	}
	if a.Epoch <= 1 {
		rest, err = rd.Through(ctx, a.At, give)
	} else {
		var s answer.Survivors
		if rest, err = rd.Through(ctx, a.At, s.Add); err == nil {
			give(s.Events())
		}
	}
	if err == nil && gone != nil {
		err = errGone
	}
	return rest, err
}

// give maps events and writes their chunks.
func (p *player) give(evs []turn.Event) error {
	var out []chunk
	for i := range evs {
		out = append(out, p.m.add(&evs[i])...)
	}
	p.put(out)
	p.done = p.m.over
	if len(out) == 0 {
		return nil
	}
	return p.to.flush()
}

func (p *player) put(out []chunk) {
	if !p.v.each {
		out = merge(out)
	}
	for i := range out {
		if p.seen >= p.v.skip {
			p.to.chunk(p.seen, &out[i])
		}
		p.seen++
	}
}

// end answers a reader that asks for more than there is of an answer that was
// cancelled or has failed: a counting one comes back until it hears of a finish.
func (p *player) end() error {
	if p.v.skip > 0 && p.seen <= p.v.skip {
		p.to.chunk(p.seen, &chunk{Type: "finish"})
		return p.to.flush()
	}
	return nil
}
