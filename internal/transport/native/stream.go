package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// maxStreamBody bounds the body of POST /v1/stream, in bytes.
const maxStreamBody = 256 << 10

// writeTime is how long one write of a stream may take before its reader
// counts as gone: nothing at all was taken in that time.
const writeTime = 60 * time.Second

// A streamConn is one SSE client. Its handler goroutine writes; the session
// hands it one delivery at a time.
type streamConn struct {
	mu     sync.Mutex // guards the three below
	out    [][]byte   // encoded frames of one delivery
	why    error      // why it was closed
	closed bool

	woken chan struct{} // capacity 1
}

// A streamRequest is the body of POST /v1/stream.
type streamRequest struct {
	Follow []wire.Command `json:"follow"`
}

func (t *Transport) serveStream(w http.ResponseWriter, r *http.Request) {
	who, err := t.auth(r.Context(), auth.FromRequest(r))
	if err != nil {
		t.refuse(w, err)
		return
	}
	follows, err := streamFollows(w, r)
	if err != nil {
		t.refuse(w, err)
		return
	}
	c := &streamConn{woken: make(chan struct{}, 1)}
	s, err := t.g.Open(c, who)
	if err != nil {
		t.refuse(w, err)
		return
	}
	defer s.Close(nil)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold tokens back
	sw := &sseWriter{w: w, rc: http.NewResponseController(w)}
	s.Hold()
	err = sw.data(wire.JSON.AppendFrame(nil, t.welcome(s)))
	for i := 0; i < len(follows) && err == nil; i++ {
		f := t.run(r.Context(), s, &follows[i], "")
		err = sw.data(wire.JSON.AppendFrame(nil, f)) // one at a time: each may hold a page of history
	}
	if err != nil {
		return
	}
	s.Release()
	c.serve(r.Context(), s, sw, t.opts.Ping)
}

// streamFollows reads what a stream is to follow.
func streamFollows(w http.ResponseWriter, r *http.Request) ([]wire.Command, error) {
	if r.Method == http.MethodGet {
		return queryFollows(r.URL.Query())
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxStreamBody))
	if err != nil {
		return nil, badBody(err)
	}
	return bodyFollows(body)
}

func queryFollows(q url.Values) ([]wire.Command, error) {
	after, err := strconv.ParseUint(or(q.Get("after"), "0"), 10, 64)
	if err != nil {
		return nil, &wire.Error{Code: wire.CodeBadRequest, Message: "after is not a number", Hint: "give the last seq you have"}
	}
	var out []wire.Command
	for _, ch := range q["channel"] {
		out = append(out, wire.Command{Channel: ch, Turn: q.Get("turn"), From: q.Get("from"), After: turn.Seq(after)})
	}
	return checkFollows(out)
}

func bodyFollows(body []byte) ([]wire.Command, error) {
	var req streamRequest
	err := json.Unmarshal(body, &req)
	if err == nil && !utf8.Valid(body) {
		err = errors.New("it is not valid UTF-8")
	}
	if err != nil {
		return nil, &wire.Error{Code: wire.CodeBadRequest, Message: "the body is not the JSON of a stream request: " + err.Error(), Hint: `send {"follow":[{"channel":"…"}]}`}
	}
	return checkFollows(req.Follow)
}

// checkFollows numbers the entries of a request.
func checkFollows(in []wire.Command) ([]wire.Command, error) {
	if len(in) == 0 {
		return nil, &wire.Error{Code: wire.CodeBadRequest, Message: "nothing to follow", Hint: "name a channel"}
	}
	if len(in) > gateway.DefaultMaxFollows {
		return nil, &wire.Error{Code: wire.CodeTooMany, Message: fmt.Sprintf("a stream follows at most %d logs", gateway.DefaultMaxFollows), Hint: "open another stream"}
	}
	for i := range in {
		in[i].Type, in[i].ID = wire.CmdFollow, uint64(i+1)
		if err := in[i].Check(); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// serve writes what the session gives until either side ends.
func (c *streamConn) serve(ctx context.Context, s *gateway.Session, w *sseWriter, ping time.Duration) {
	tick := time.NewTicker(ping)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err = w.comment("ping")
		case <-c.woken:
			c.mu.Lock()
			out, why, closed := c.out, c.why, c.closed
			c.out = nil
			c.mu.Unlock()
			for _, p := range out {
				if err = w.data(p); err != nil {
					break
				}
			}
			if closed && err == nil {
				e := Explain(why)
				_ = w.data(wire.JSON.AppendFrame(nil, &wire.Frame{Type: wire.FrameBye, Error: e, In: e.RetryIn})) // as good as it goes
				return
			}
			s.Writable()
		}
		if err != nil {
			return
		}
	}
}

// Deliver hands a batch to the writing goroutine. Part of gateway.Conn, as all
// below.
func (c *streamConn) Deliver(n uint32, b *gateway.Batch) error {
	bodies := b.Bodies(wire.JSON, func(ev *turn.Event) []byte { return wire.JSON.AppendBody(nil, ev) })
	out := make([][]byte, 0, len(bodies))
	for i, body := range bodies {
		if !empty(&b.Events[i]) {
			out = append(out, append(wire.JSON.AppendHead(nil, n), body...))
		}
	}
	return c.put(out)
}

func (c *streamConn) Opened(l gateway.Log) error { return c.putFrame(opened(l)) }

func (c *streamConn) Ended(l gateway.Log, why error) error { return c.putFrame(ended(l, why)) }

func (c *streamConn) Signal(s gateway.Signal) {
	_ = c.putFrame(signal(s)) // may be dropped
}

func (c *streamConn) Renew(d time.Duration) {
	_ = c.putFrame(&wire.Frame{Type: wire.FrameRenew, In: int(d / time.Millisecond)})
}

func (c *streamConn) Close(why error) {
	if why == nil {
		why = gateway.ErrClosed
	}
	c.mu.Lock()
	c.closed, c.why = true, why
	c.mu.Unlock()
	c.wake()
}

func (c *streamConn) putFrame(f *wire.Frame) error {
	return c.put([][]byte{wire.JSON.AppendFrame(nil, f)})
}

func (c *streamConn) put(frames [][]byte) error {
	c.mu.Lock()
	if len(c.out) > 0 && len(frames) > 0 {
		c.mu.Unlock()
		return gateway.ErrFull
	}
	c.out = append(c.out, frames...)
	c.mu.Unlock()
	c.wake()
	return nil
}

func (c *streamConn) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// An sseWriter writes server-sent events and flushes each.
type sseWriter struct {
	w   io.Writer
	rc  *http.ResponseController
	buf []byte
}

func (w *sseWriter) data(p []byte) error {
	w.buf = append(append(append(w.buf[:0], "data: "...), p...), "\n\n"...)
	return w.flush()
}

func (w *sseWriter) comment(s string) error {
	w.buf = append(append(append(w.buf[:0], ": "...), s...), "\n\n"...)
	return w.flush()
}

func (w *sseWriter) flush() error {
	if err := w.rc.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := w.w.Write(w.buf); err != nil {
		return err
	}
	if cap(w.buf) > 4<<10 {
		w.buf = nil // a large frame is rare; an idle stream keeps little
	}
	return w.rc.Flush()
}

func badBody(err error) error {
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return &wire.Error{Code: wire.CodeTooLarge, Message: fmt.Sprintf("the body has more than %d bytes", tooBig.Limit)}
	}
	return &wire.Error{Code: wire.CodeBadRequest, Message: "the body could not be read: " + err.Error()}
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
