// Package httpio reads the bodies of requests, with a limit, and writes answers,
// with a deadline, so that a client that is slow, or pretends to be, holds
// nothing for ever. It knows no protocol: transports and the HTTP API share it.
package httpio

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/karez/karez/internal/refusal"
	"github.com/karez/karez/wire"
)

// WriteTime is how long one write may take before its reader counts as gone:
// nothing at all was taken in that time.
const WriteTime = time.Minute

// ReadBody reads the body of r, at most limit bytes. The server bounds the time
// that it takes (internal/server). Its errors are for refusal.Explain.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	p, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var big *http.MaxBytesError
	switch {
	case err == nil || errors.As(err, &big):
		return p, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &refusal.Refusal{Code: wire.CodeUnavailable, Message: "the body did not come in time", Hint: "try again on a better connection", RetryIn: time.Second, Cause: err}
	}
	return nil, &refusal.Refusal{Code: wire.CodeBadRequest, Message: "the body could not be read", Hint: "send as many bytes as Content-Length says", Cause: err}
}

// WriteJSON answers with body, which is JSON. An error means that the client is
// gone.
func WriteJSON(w http.ResponseWriter, status int, body []byte) error {
	rc := http.NewResponseController(w)
	if err := deadline(rc.SetWriteDeadline, time.Now().Add(WriteTime)); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := w.Write(append(body, '\n'))
	return err
}

// keptBuf is what a Flusher keeps of its buffer between two flushes, in bytes: a
// large piece is rare, and an idle stream holds little.
const keptBuf = 4 << 10

// A Flusher writes a streamed answer piece by piece. Each piece is put into Buf
// and flushed. One goroutine uses it.
type Flusher struct {
	Buf []byte
	w   io.Writer
	rc  *http.ResponseController
}

// NewFlusher returns a Flusher of w, whose headers are set.
func NewFlusher(w http.ResponseWriter) *Flusher {
	return &Flusher{w: w, rc: http.NewResponseController(w)}
}

// Flush sends what is in Buf, and empties it. An error means that the reader is
// gone.
func (f *Flusher) Flush() error {
	if err := deadline(f.rc.SetWriteDeadline, time.Now().Add(WriteTime)); err != nil {
		return err
	}
	if _, err := f.w.Write(f.Buf); err != nil {
		return err
	}
	if f.Buf = f.Buf[:0]; cap(f.Buf) > keptBuf {
		f.Buf = nil
	}
	return f.rc.Flush()
}

// deadline sets one, where there is a connection to set it of.
func deadline(set func(time.Time) error, at time.Time) error {
	if err := set(at); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
