package engineio

import (
	"encoding/json"
	"errors"
	"net/http"
)

var (
	ErrFull         = errors.New("connection full")         // TryWrite. Caller: nothing was taken; write again after Writable
	ErrClosed       = errors.New("connection closed")       // TryWrite. Caller: nothing to do, Closed is called or will be
	ErrPingTimeout  = errors.New("ping timeout")            // Closed: the client did not answer a ping in time
	ErrClientClose  = errors.New("transport close")         // Closed: the client closed, or its connection is gone
	ErrBadPacket    = errors.New("parse error")             // Closed: the client sent what is no packet
	ErrOverlap      = errors.New("overlap from client")     // Closed: two polls at once
	ErrPollCut      = errors.New("poll cut off")            // Closed: a poll ended before its answer, and Options.KeepCutPolls is off
	ErrServerClosed = errors.New("server is shutting down") // Closed: see Server.Close
)

// A failure is an answer to a request that is no good.
type failure struct {
	status int
	code   int
	text   string
}

// The codes are those of the reference server, which clients show.
var (
	badTransport = failure{http.StatusBadRequest, 0, "Transport unknown"}
	badSession   = failure{http.StatusBadRequest, 1, "Session ID unknown"}
	badMethod    = failure{http.StatusBadRequest, 2, "Bad handshake method"}
	badRequest   = failure{http.StatusBadRequest, 3, "Bad request"}
	forbidden    = failure{http.StatusForbidden, 4, "Forbidden"}
	badVersion   = failure{http.StatusBadRequest, 5, "Unsupported protocol version"}
	tooLarge     = failure{http.StatusRequestEntityTooLarge, 3, "Payload too large"}
	tooMany      = failure{http.StatusServiceUnavailable, 3, "Too many sessions"}
	goingDown    = failure{http.StatusServiceUnavailable, 3, "Server is shutting down"}
)

func (f failure) write(w http.ResponseWriter) {
	p, _ := json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{f.code, f.text}) // a number and a string always encode
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(f.status)
	w.Write(p)
}
