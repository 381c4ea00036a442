package pusher

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/karez/karez/internal/socket"
)

// maxPending bounds what a line of the fallback holds between two requests, in
// bytes: enough for a poll's worth, small beside what a socket's kernel holds.
const maxPending = 32 << 10

// leftTime is how long a session lives without a request that receives.
const leftTime = 15 * time.Second

// An httpLine is one session of the fallback. One request at a time receives;
// the next one takes over.
type httpLine struct {
	t     *Transport // set once, as all of this group
	name  string
	c     *conn // nil for a client that was refused
	order order
	woken chan struct{} // capacity 1

	seen atomic.Int64 // Unix nanoseconds of the last request

	mu      sync.Mutex // guards all below
	pending [][]byte
	size    int
	full    bool
	closed  []byte        // the last frame: code and reason
	moved   chan struct{} // closed when another request takes over
	left    time.Time     // when the last one ended; zero: one is there
	ended   bool
}

func newHTTPLine(t *Transport, name string) *httpLine {
	l := &httpLine{t: t, name: name, woken: make(chan struct{}, 1), left: time.Now()}
	l.touch()
	return l
}

func (l *httpLine) touch() { l.seen.Store(time.Now().UnixNano()) }

func (l *httpLine) lastSeen() time.Time { return time.Unix(0, l.seen.Load()) }

// write is part of line, as close.
func (l *httpLine) write(frames [][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed != nil {
		return nil
	}
	if l.size >= maxPending {
		l.full = true
		return socket.ErrFull
	}
	for _, f := range frames {
		l.size += len(f)
	}
	l.pending = append(l.pending, frames...)
	l.wake()
	return nil
}

func (l *httpLine) close(code int, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed == nil {
		l.closed = append(appendString(append(strconv.AppendInt([]byte("c["), int64(code), 10), ','), reason), "]\n"...)
		l.wake()
	}
}

func (l *httpLine) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

// take returns what is to be sent, at most as many frames as n units hold and
// at least one, and the last frame behind all others.
func (l *httpLine) take(n int) (chunks, last []byte) {
	l.mu.Lock()
	used := 0
	for len(l.pending) > 0 && used <= n {
		at := len(chunks)
		chunks = appendChunk(chunks, l.pending[0])
		used += units(chunks[at:])
		l.size -= len(l.pending[0])
		l.pending = l.pending[1:]
	}
	if len(l.pending) == 0 {
		l.pending, l.size = nil, 0
		last = l.closed
	}
	free := l.full && l.size < maxPending
	if free {
		l.full = false
	}
	l.mu.Unlock()
	if free && l.c != nil {
		l.c.writable()
	}
	return chunks, last
}

// attach makes a request the one that receives.
func (l *httpLine) attach() (moved chan struct{}) {
	l.touch()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.moved != nil {
		close(l.moved)
	}
	l.moved, l.left = make(chan struct{}), time.Time{}
	return l.moved
}

func (l *httpLine) detach(moved chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.moved == moved {
		l.moved, l.left = nil, time.Now()
	}
}

// sweep ends a session that nobody receives from, and reports whether it has.
func (l *httpLine) sweep(now time.Time) bool {
	l.mu.Lock()
	gone := !l.left.IsZero() && now.Sub(l.left) > leftTime
	l.mu.Unlock()
	if gone {
		l.finish(errLeft)
	}
	return gone
}

var errLeft = errors.New("the client stopped receiving")

// finish forgets the session.
func (l *httpLine) finish(why error) {
	l.mu.Lock()
	ended := l.ended
	l.ended = true
	l.mu.Unlock()
	if ended {
		return
	}
	l.close(1000, "") // for a request that may still come
	l.t.mu.Lock()
	if l.t.polls[l.name] == l {
		delete(l.t.polls, l.name)
	}
	l.t.mu.Unlock()
	if l.c != nil {
		l.c.gone(why)
	}
}

// serve writes what the client gets until there is a reason to end: for a poll
// the first frame, for a stream its length, its end, or another request.
func (l *httpLine) serve(w http.ResponseWriter, r *http.Request, stream, first bool) {
	moved := l.attach()
	defer l.detach(moved)
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold frames back
	hw := &httpWriter{w: w, rc: http.NewResponseController(w)}
	if first {
		if hw.write([]byte("o\n")) != nil {
			return
		}
		if !stream && l.c != nil {
			return
		}
	}
	beat := time.NewTimer(l.t.opts.Ping)
	defer beat.Stop()
	for {
		if err := l.drain(hw, stream); err != nil {
			return
		}
		if !stream && hw.wrote > 0 {
			return
		}
		full := hw.wrote > maxResponse // the client opens another request
		woken, beating := l.woken, beat.C
		if full {
			woken, beating = nil, nil
		}
		select {
		case <-moved:
			return
		case <-r.Context().Done():
			return
		case <-woken:
		case <-beating:
			if hw.write([]byte("h\n")) != nil {
				return
			}
			beat.Reset(l.t.opts.Ping)
		}
	}
}

var errDone = errors.New("nothing follows")

// drain writes what is pending. An error ends the request.
func (l *httpLine) drain(w *httpWriter, stream bool) error {
	room := maxResponse - w.wrote
	if room < 0 {
		return nil
	}
	chunks, last := l.take(room)
	if len(chunks) > 0 {
		if err := w.write(chunks); err != nil {
			l.finish(err) // what was taken is lost, and the client is, too
			return err
		}
	}
	if last == nil {
		l.mu.Lock()
		more := len(l.pending) > 0
		l.mu.Unlock()
		if more {
			l.wake()
		}
		return nil
	}
	_ = w.write(last)
	l.finish(errDone)
	return errDone
}

// An httpWriter writes and flushes, and counts as the client does.
type httpWriter struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	wrote int // UTF-16 units
}

func (w *httpWriter) write(p []byte) error {
	if err := w.rc.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := w.w.Write(p); err != nil {
		return err
	}
	w.wrote += units(p)
	return w.rc.Flush()
}

// orderTime is how long a request waits for one that was sent before it.
// Numbers may be missing for good: a page with two clients counts for both.
const orderTime = 200 * time.Millisecond

// An order brings requests back into the order in which they were sent. The
// client numbers all of its requests.
type order struct {
	mu      sync.Mutex // guards all below
	base    uint64     // every request up to here has come, or is not waited for
	ahead   map[uint64]bool
	changed chan struct{} // closed when base grows
}

// maxAhead bounds the numbers that are remembered.
const maxAhead = 256

// arrived says that request n is done with.
func (o *order) arrived(n uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n <= o.base {
		return
	}
	if o.ahead == nil {
		o.ahead = make(map[uint64]bool)
	}
	o.ahead[n] = true
	if o.base == 0 || len(o.ahead) > maxAhead {
		o.skip(n)
	}
	o.advance()
}

// skip waits for nothing below n any more. mu is held.
func (o *order) skip(n uint64) {
	o.base = max(o.base, n)
	for k := range o.ahead {
		if k <= o.base {
			delete(o.ahead, k)
		}
	}
}

// advance is called with mu held.
func (o *order) advance() {
	for o.ahead[o.base+1] {
		delete(o.ahead, o.base+1)
		o.base++
	}
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
}

// wait returns when all requests before n are done with, or were waited for
// long enough.
func (o *order) wait(ctx context.Context, n uint64) {
	late := time.NewTimer(orderTime)
	defer late.Stop()
	for {
		o.mu.Lock()
		if n <= o.base+1 || o.base == 0 {
			o.mu.Unlock()
			return
		}
		if o.changed == nil {
			o.changed = make(chan struct{})
		}
		changed := o.changed
		o.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return
		case <-late.C:
			o.mu.Lock()
			o.skip(n - 1)
			o.advance()
			o.mu.Unlock()
			return
		}
	}
}
