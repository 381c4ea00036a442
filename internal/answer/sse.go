package answer

import (
	"errors"
	"net/http"
	"time"
)

// WriteTime is how long one write may take before its reader counts as gone:
// nothing at all was taken in that time.
const WriteTime = 60 * time.Second

// Ping is how often a reader hears something, so that no proxy on the way takes
// the connection for dead.
const Ping = 15 * time.Second

// An SSE writes server-sent events.
type SSE struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	buf []byte
}

// NewSSE sets the headers of an answer of server-sent events and sends them.
func NewSSE(w http.ResponseWriter) *SSE {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would hold tokens back
	return &SSE{w: w, rc: http.NewResponseController(w)}
}

// Add adds an event to what the next Flush writes; name may be empty. data is
// one line.
func (s *SSE) Add(name string, data []byte) {
	if name != "" {
		s.buf = append(append(append(s.buf, "event: "...), name...), '\n')
	}
	s.buf = append(append(append(s.buf, "data: "...), data...), "\n\n"...)
}

// Comment adds a comment, which readers pass over.
func (s *SSE) Comment(text string) {
	s.buf = append(append(append(s.buf, ": "...), text...), "\n\n"...)
}

// Flush writes what was added. An error means that the reader is gone.
func (s *SSE) Flush() error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(WriteTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write(s.buf); err != nil {
		return err
	}
	if s.buf = s.buf[:0]; cap(s.buf) > 4<<10 {
		s.buf = nil // a large piece is rare; an idle stream keeps little
	}
	return s.rc.Flush()
}
