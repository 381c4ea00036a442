package stream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// errSilent is the cause with which a silent server's request is cancelled.
var errSilent = errors.New("silent for too long")

// graceful is how long trailers (usage, an end marker) are waited for once the
// answer is known to have ended, and drain how long for the end of the body,
// without which the connection cannot be used again.
const (
	graceful = 5 * time.Second
	drain    = 100 * time.Millisecond
)

// A Reply is the body of an answer, read under the limits of its Client. One
// goroutine uses it.
type Reply struct {
	Header http.Header

	// set once
	client *Client
	parent context.Context // the caller's
	ctx    context.Context // the request's; ends with the caller's, or of silence
	cancel context.CancelCauseFunc
	body   io.ReadCloser
	timer  *time.Timer

	// owned by the reader
	quiet  time.Duration // spent reading since the last content
	ending bool          // only trailers may follow
	drain  bool          // nothing may follow
	err    error         // what the body gave last, typed; io.EOF at its end
}

// Read reads the body. Time counts against the limits only in here, never
// while the log is slow. Errors are io.EOF at a whole body's end, else those
// of Client.Post.
func (r *Reply) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	began := time.Now()
	r.timer.Reset(r.patience())
	n, err := r.body.Read(p)
	r.timer.Stop()
	r.quiet += time.Since(began)
	if err == io.EOF {
		r.err = io.EOF
	} else if err != nil {
		r.err = r.failure(err)
	}
	return n, r.err
}

// patience is how long the next byte may take.
func (r *Reply) patience() time.Duration {
	switch c := r.client; {
	case r.drain:
		return drain
	case r.ending:
		return graceful
	default:
		return max(min(c.idle, c.quiet-r.quiet), 0)
	}
}

// content notes that the reader got something to show.
func (r *Reply) content() { r.quiet = 0 }

// Close closes the connection, or leaves it for the next request when the body
// is at its end. It must be called.
func (r *Reply) Close() {
	if r.drain && r.err == nil {
		var p [512]byte
		for range 8 {
			if _, err := r.Read(p[:]); err != nil {
				break
			}
		}
	}
	r.timer.Stop()
	if r.err != io.EOF {
		r.cancel(context.Canceled) // before Close, which would otherwise wait for more
	}
	r.body.Close()
	r.cancel(nil)
}
