package server

import (
	"io"
	"net/http"
	"time"
)

// A body is what a request brings. It has Options.Body to come whole, read or
// not: a client that promises more than it sends holds its connection no
// longer. Routes that take streams give themselves more, read by read.
type body struct {
	io.ReadCloser
	rc *http.ResponseController
}

// limitBody starts the clock of r's body, if it has one.
func (s *Server) limitBody(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	rc := http.NewResponseController(w)
	if rc.SetReadDeadline(time.Now().Add(s.opts.Body)) == nil {
		r.Body = &body{r.Body, rc}
	}
}

// Read ends the limit with the body: an answer may take as long as it likes.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.rc.SetReadDeadline(time.Time{}) // it was set before, so it can be
	}
	return n, err
}
