package stream

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

// MaxEvent bounds one event of a stream, or one JSON value, in bytes. A longer
// one ends the answer with turn.CodeProviderBroken.
const MaxEvent = 4 << 20

// A Mark says how far a stream has come.
type Mark int

const (
	More   Mark = iota // the answer goes on
	Ending             // its end is known; only trailers such as usage may follow
	Done               // nothing may follow
)

// A Decoder reads one format. It is given the events of a stream in order, by
// one goroutine, and emits what they mean through the Writer it was made with.
// Bytes from outside never make it panic.
type Decoder interface {
	// Decode takes one event: the name and data of a server-sent event, or a
	// JSON value without a name. data is the callee's.
	Decode(name string, data []byte) (Mark, error)
	// End is called once, after the last event: it returns how the answer
	// ended, or an error when the format's end marker is missing.
	End() (reason string, err error)
}

// A Framing cuts a body into the events that a Decoder is given.
type Framing func(body io.Reader, f func(name string, data []byte) (done bool, err error)) error

// Decode reads the whole answer into d, which emits through w, and returns how
// it ended. Errors are those of a worker.Provider's Stream.
func (r *Reply) Decode(f Framing, w *Writer, d Decoder) (string, error) {
	return r.DecodeFrom(r, f, w, d)
}

// DecodeFrom is Decode over body, which reads from r with something put in
// front that was read already.
func (r *Reply) DecodeFrom(body io.Reader, f Framing, w *Writer, d Decoder) (string, error) {
	mark := More
	err := f(body, func(name string, data []byte) (bool, error) {
		before := w.count
		m, err := d.Decode(name, data)
		if w.count != before {
			r.content()
		}
		mark = max(mark, m)
		r.ending, r.drain = mark >= Ending, mark == Done
		return r.drain, err
	})
	switch {
	case w.err != nil: // the turn is over
		return "", w.err
	case r.parent.Err() != nil:
		return "", context.Cause(r.parent)
	case err != nil && mark == More:
		return "", r.typed(err)
	}
	reason, err := d.End()
	if err != nil {
		return "", r.typed(err)
	}
	return reason, nil
}

// typed leaves typed errors alone; what remains is bytes that do not parse.
func (r *Reply) typed(err error) error {
	var pe *worker.ProviderError
	switch {
	case errors.As(err, &pe):
		return err
	case errors.Is(err, errCut):
		return r.client.Cut()
	case errors.Is(err, bufio.ErrTooLong):
		return &worker.ProviderError{Code: turn.CodeProviderBroken, Message: r.client.who + " sent an event that is too large", Err: err}
	}
	if errors.Is(r.err, io.EOF) && unfinished(err) {
		return r.client.Cut()
	}
	return r.client.Garbage(err)
}

// unfinished reports whether err is that of JSON which stops too early: a last
// event that was cut, where it comes at the end of the body.
func unfinished(err error) bool {
	var se *json.SyntaxError
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &se) && se.Error() == "unexpected end of JSON input"
}

// errCut is what a Decoder's End returns when the end marker is missing.
var errCut = errors.New("the stream has no end")

// NoEnd returns the error for Decoder.End when the end marker is missing.
func NoEnd() error { return errCut }
