package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/httpio"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// maxStreamBody bounds the body of POST /v1/stream, in bytes.
const maxStreamBody = 256 << 10

// A streamRequest is the body of POST /v1/stream.
type streamRequest struct {
	Follow   []wire.Command `json:"follow"`
	Join     []wire.Command `json:"join"`
	Presence []wire.Command `json:"presence"`
}

// commands numbers the entries of a request, and checks them.
func (r *streamRequest) commands(limit int) (out []wire.Command, err error) {
	for _, list := range []struct {
		typ string
		in  []wire.Command
	}{{wire.CmdFollow, r.Follow}, {wire.CmdJoin, r.Join}, {wire.CmdPresence, r.Presence}} {
		if len(list.in) > limit {
			return nil, &wire.Error{Code: wire.CodeTooMany, Message: fmt.Sprintf("a stream takes at most %d of each: follow, join, presence", limit), Hint: "open another stream"}
		}
		for _, c := range list.in {
			c.Type, c.ID = list.typ, uint64(len(out)+1)
			if err := c.Check(); err != nil {
				return nil, err
			}
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return nil, &wire.Error{Code: wire.CodeBadRequest, Message: "nothing to follow", Hint: "name a channel"}
	}
	return out, nil
}

func (t *Transport) serveStream(w http.ResponseWriter, r *http.Request) {
	who, err := t.auth(r.Context(), auth.FromRequest(r))
	if err != nil {
		t.refuse(w, err)
		return
	}
	follows, err := streamFollows(w, r, t.g.Limits().Follows)
	if err != nil {
		t.refuse(w, err)
		return
	}
	p, err := t.g.OpenPull(who)
	if err != nil {
		t.refuse(w, err)
		return
	}
	s := p.Session()
	defer s.Close(nil)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold tokens back
	sw := &sseWriter{httpio.NewFlusher(w)}
	s.Hold()
	err = sw.frame(t.welcome(s))
	for i := 0; i < len(follows) && err == nil; i++ {
		err = sw.frame(t.run(r.Context(), s, &follows[i], "")) // one at a time: each may hold a page of history
	}
	if err != nil {
		return
	}
	s.Release()
	t.pull(r.Context(), p, sw)
}

// streamFollows reads what a stream is to follow.
func streamFollows(w http.ResponseWriter, r *http.Request, limit int) ([]wire.Command, error) {
	if r.Method == http.MethodGet {
		return queryFollows(r.URL.Query(), limit)
	}
	body, err := httpio.ReadBody(w, r, maxStreamBody)
	if err != nil {
		return nil, err
	}
	return bodyFollows(body, limit)
}

func queryFollows(q url.Values, limit int) ([]wire.Command, error) {
	after, err := strconv.ParseUint(or(q.Get("after"), "0"), 10, 64)
	if err != nil {
		return nil, &wire.Error{Code: wire.CodeBadRequest, Message: "after is not a number", Hint: "give the last seq you have"}
	}
	var req streamRequest
	for _, ch := range q["channel"] {
		req.Follow = append(req.Follow, wire.Command{Channel: ch, Turn: q.Get("turn"), From: q.Get("from"), After: turn.Seq(after)})
	}
	for _, ch := range q["join"] {
		req.Join = append(req.Join, wire.Command{Channel: ch})
	}
	for _, ch := range q["presence"] {
		req.Presence = append(req.Presence, wire.Command{Channel: ch})
	}
	return req.commands(limit)
}

func bodyFollows(body []byte, limit int) ([]wire.Command, error) {
	var req streamRequest
	err := json.Unmarshal(body, &req)
	if err == nil && !utf8.Valid(body) {
		err = errors.New("it is not valid UTF-8")
	}
	if err != nil {
		return nil, &wire.Error{Code: wire.CodeBadRequest, Message: "the body is not the JSON of a stream request: " + err.Error(), Hint: `send {"follow":[{"channel":"…"}]}`}
	}
	return req.commands(limit)
}

// pull writes what the session gives until either side ends.
func (t *Transport) pull(ctx context.Context, p *gateway.Pull, w *sseWriter) {
	for {
		it, err := next(ctx, p, t.opts.Ping)
		switch {
		case err == nil:
			err = w.item(it)
		case ctx.Err() != nil:
			return
		case errors.Is(err, context.DeadlineExceeded):
			err = w.comment("ping")
		default:
			_ = w.frame(t.bye(err)) // as good as it goes
			return
		}
		if err != nil {
			return
		}
	}
}

// next is p.Next that waits for at most ping.
func next(ctx context.Context, p *gateway.Pull, ping time.Duration) (gateway.Item, error) {
	ctx, cancel := context.WithTimeout(ctx, ping)
	defer cancel()
	return p.Next(ctx)
}

// An sseWriter writes server-sent events and flushes each.
type sseWriter struct{ out *httpio.Flusher }

// item writes one thing that the session gave.
func (w *sseWriter) item(it gateway.Item) error {
	switch it.Kind {
	case gateway.ItemOpened:
		return w.frame(opened(it.Log))
	case gateway.ItemBatch:
		return w.batch(it.Log.N, it.Batch)
	case gateway.ItemEnded:
		return w.frame(ended(it.Log, it.Why))
	case gateway.ItemPresent:
		return w.data(it.Roster.Body(wire.JSON, func(r *gateway.Roster) []byte { return wire.JSON.AppendFrame(nil, present(r)) }))
	case gateway.ItemSignal:
		return w.frame(signal(it.Signal))
	case gateway.ItemRenew:
		return w.frame(&wire.Frame{Type: wire.FrameRenew, In: int(it.Renew / time.Millisecond)})
	}
	return nil
}

// batch writes the events of a batch, whose bodies are shared with the
// WebSockets at this place that speak JSON.
func (w *sseWriter) batch(n uint32, b *gateway.Batch) error {
	bodies := b.Bodies(wire.JSON, func(ev *turn.Event) []byte { return wire.JSON.AppendBody(nil, ev) })
	for i, body := range bodies {
		if empty(&b.Events[i]) {
			continue
		}
		if err := w.data(wire.JSON.AppendHead(nil, n), body); err != nil {
			return err
		}
	}
	return nil
}

func (w *sseWriter) frame(f *wire.Frame) error { return w.data(wire.JSON.AppendFrame(nil, f)) }

// data writes one event, whose data is p joined.
func (w *sseWriter) data(p ...[]byte) error {
	buf := append(w.out.Buf[:0], "data: "...)
	for _, part := range p {
		buf = append(buf, part...)
	}
	w.out.Buf = append(buf, "\n\n"...)
	return w.out.Flush()
}

func (w *sseWriter) comment(s string) error {
	w.out.Buf = append(append(append(w.out.Buf[:0], ": "...), s...), "\n\n"...)
	return w.out.Flush()
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
