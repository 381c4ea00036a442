package openai

import (
	"context"
	"net/http"
	"strconv"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/turn"
)

func (t *Transport) postResponse(w http.ResponseWriter, r *http.Request) {
	rd, q, p, ok := t.begin(w, r, "input")
	if !ok {
		return
	}
	defer rd.Close()
	prefix := prefixResponse
	if q.Background {
		prefix = prefixBackground
	}
	id := answer.ID(prefix, p.channel, p.turn)
	if q.Stream {
		t.streamResponse(w, r, rd, p, id, -1)
		return
	}
	if !q.Background {
		if err := t.wait(r.Context(), rd, p); err != nil {
			t.refuse(w, err)
			return
		}
	}
	t.writeResponse(w, r, rd.Session().Who(), p, id)
}

// getResponse gives a response as it is now, or its events after a number.
func (t *Transport) getResponse(w http.ResponseWriter, r *http.Request) {
	who, p, err := t.known(r, gateway.Read)
	if err != nil {
		t.refuse(w, err)
		return
	}
	q := r.URL.Query()
	if s := q.Get("stream"); s != "true" && s != "1" {
		t.writeResponse(w, r, who, p, r.PathValue("id"))
		return
	}
	after := -1
	if s := q.Get("starting_after"); s != "" {
		if after, err = strconv.Atoi(s); err != nil || after < 0 {
			t.refuse(w, wrong("starting_after", "starting_after is not a number", "give the sequence_number of the last event you have"))
			return
		}
	}
	rd, err := answer.Open(t.g, who)
	if err != nil {
		t.refuse(w, err)
		return
	}
	defer rd.Close()
	t.streamResponse(w, r, rd, p, r.PathValue("id"), after)
}

func (t *Transport) cancelResponse(w http.ResponseWriter, r *http.Request) {
	who, p, err := t.known(r, gateway.Cancel)
	if err == nil {
		err = answer.May(who, gateway.Read, p.channel) // it is answered with the response
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(r.Context(), commandTime)
		err = t.g.Turns().Cancel(ctx, turn.NewID(who.App, p.channel, p.turn), who.User)
		cancel()
	}
	if err == nil {
		err = t.stopped(r.Context(), who, p)
	}
	if err != nil {
		t.refuse(w, err)
		return
	}
	t.writeResponse(w, r, who, p, r.PathValue("id"))
}

// stopped waits a moment for the turn that was cancelled to end: its worker
// has to hear of it.
func (t *Transport) stopped(ctx context.Context, who gateway.Identity, p place) error {
	rd, err := answer.Open(t.g, who)
	if err != nil {
		return err
	}
	defer rd.Close()
	limited, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	if err := t.wait(limited, rd, p); err != nil && limited.Err() == nil {
		return err
	}
	return ctx.Err()
}

// known finds the response that a request names, if its sender may do verb.
func (t *Transport) known(r *http.Request, verb string) (gateway.Identity, place, error) {
	who, err := t.door.Who(r)
	if err != nil {
		return who, place{}, err
	}
	var p place
	var ok bool
	if p.channel, p.turn, ok = parseID(r.PathValue("id")); !ok {
		return who, p, answer.Missing("no response has this id")
	}
	if err := answer.May(who, verb, p.channel); err != nil {
		return who, p, err
	}
	if _, err := t.g.Turns().Answer(r.Context(), turn.NewID(who.App, p.channel, p.turn)); err != nil {
		return who, p, err
	}
	return who, p, nil
}

// writeResponse writes a response as far as it has come.
func (t *Transport) writeResponse(w http.ResponseWriter, r *http.Request, who gateway.Identity, p place, id string) {
	m, err := t.sofar(r.Context(), who, p, id)
	if err != nil {
		t.refuse(w, err)
		return
	}
	write(w, http.StatusOK, m.object())
}

func (t *Transport) sofar(ctx context.Context, who gateway.Identity, p place, id string) (*response, error) {
	a, err := t.g.Turns().Answer(ctx, turn.NewID(who.App, p.channel, p.turn))
	if err != nil {
		return nil, err
	}
	rd, err := answer.Open(t.g, who)
	if err != nil {
		return nil, err
	}
	defer rd.Close()
	if err := rd.Follow(ctx, p.channel, p.turn, 0); err != nil {
		return nil, err
	}
	m := newResponse(id, p.channel, t.label(p.channel), p.turn, t.opts.Model)
	var s answer.Survivors
	see := func(evs []turn.Event) {
		for i := range evs {
			m.add(&evs[i])
		}
	}
	if a.Epoch > 1 {
		_, err = rd.Through(ctx, a.At, s.Add)
		see(s.Events())
	} else {
		_, err = rd.Through(ctx, a.At, see)
	}
	return m, err
}

func (t *Transport) streamResponse(w http.ResponseWriter, r *http.Request, rd *answer.Reader, p place, id string, after int) {
	m := newResponse(id, p.channel, t.label(p.channel), p.turn, t.opts.Model)
	pl := &player{t: t, rd: rd, p: p, m: m, after: after, sse: answer.NewSSE(w)}
	pl.write = func(e event) {
		body := e.body
		if e.key != "" {
			body["delta"] = e.text
		}
		body["type"], body["sequence_number"] = e.name, e.number
		pl.sse.Add(e.name, encode(body))
	}
	if err := pl.play(r.Context()); err != nil {
		e := answer.Explain(err)
		m.at = max(m.at, after+1)
		pl.sse.Add("error", encode(object{"type": "error", "sequence_number": m.at, "code": e.Code, "message": e.Error(), "param": nil}))
		_ = pl.sse.Flush() // the reader may be gone
	}
}
