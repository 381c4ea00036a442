package refusal

import (
	"net/http"
	"strconv"
	"time"

	"github.com/karez/karez/wire"
)

// Status is the HTTP status that goes with r.
func (r *Refusal) Status() int {
	switch r.Code {
	case wire.CodeUnauthorized, wire.CodeExpired:
		return http.StatusUnauthorized
	case wire.CodeForbidden:
		return http.StatusForbidden
	case wire.CodeNotFound:
		return http.StatusNotFound
	case wire.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case wire.CodeTooMany, wire.CodeSlowDown:
		return http.StatusTooManyRequests
	case wire.CodeBusy, wire.CodeConflict, wire.CodeEnded:
		return http.StatusConflict
	case wire.CodeTrimmed:
		return http.StatusGone
	case wire.CodeUnavailable, wire.CodeDraining:
		return http.StatusServiceUnavailable
	case wire.CodeInternal:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// Head sets the headers that go with r.
func (r *Refusal) Head(h http.Header) {
	if r.RetryIn > 0 {
		h.Set("Retry-After", strconv.Itoa(int((r.RetryIn+time.Second-1)/time.Second)))
	}
	if r.Status() == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="karez"`)
	}
}
