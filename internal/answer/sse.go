package answer

import (
	"net/http"
	"time"

	"github.com/karez/karez/internal/httpio"
)

// Ping is how often a reader hears something, so that no proxy on the way takes
// the connection for dead.
const Ping = 15 * time.Second

// An SSE writes server-sent events.
type SSE struct{ out *httpio.Flusher }

// NewSSE sets the headers of an answer of server-sent events and sends them.
func NewSSE(w http.ResponseWriter) *SSE {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would hold tokens back
	return &SSE{httpio.NewFlusher(w)}
}

// Add adds an event to what the next Flush writes; name may be empty. data is
// one line.
func (s *SSE) Add(name string, data []byte) {
	if name != "" {
		s.out.Buf = append(append(append(s.out.Buf, "event: "...), name...), '\n')
	}
	s.out.Buf = append(append(append(s.out.Buf, "data: "...), data...), "\n\n"...)
}

// Comment adds a comment, which readers pass over.
func (s *SSE) Comment(text string) {
	s.out.Buf = append(append(append(s.out.Buf, ": "...), text...), "\n\n"...)
}

// Flush writes what was added. An error means that the reader is gone.
func (s *SSE) Flush() error { return s.out.Flush() }
