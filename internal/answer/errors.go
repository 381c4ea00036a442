package answer

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/httpio"
	"github.com/karez/karez/internal/refusal"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A Problem is an error as a client is told it; each transport has a form of
// its own for it.
type Problem struct {
	Status  int    // HTTP
	Code    string // one of wire.Code…
	Message string
	Hint    string // what to do about it, may be empty
	Param   string // the field of the request that is wrong, may be empty
	Retry   int    // milliseconds after which the same may work; 0: never

	refusal *refusal.Refusal // that it was made of, if it was
}

// Error is Message with the hint.
func (p *Problem) Error() string {
	if p.Hint != "" {
		return p.Message + ": " + p.Hint
	}
	return p.Message
}

// Bad is the problem of a request that cannot be understood.
func Bad(message, hint string) *Problem {
	return &Problem{Status: http.StatusBadRequest, Code: wire.CodeBadRequest, Message: message, Hint: hint}
}

// Missing is the problem of a request for what is not there.
func Missing(message string) *Problem {
	return &Problem{Status: http.StatusNotFound, Code: wire.CodeNotFound, Message: message}
}

// Explain makes of any error what a client is told.
func Explain(err error) *Problem {
	if p := (*Problem)(nil); errors.As(err, &p) {
		return p
	}
	r := refusal.Explain(err)
	return &Problem{Status: r.Status(), Code: r.Code, Message: r.Message, Hint: r.Hint, Retry: int(r.RetryIn / time.Millisecond), refusal: r}
}

// Log writes down what the client is not told. The one with whom the error
// stops calls it, once.
func (p *Problem) Log(log *slog.Logger, doing string, args ...any) {
	if p.refusal != nil {
		p.refusal.Log(log, doing, args...)
	}
}

// Head sets the headers that go with a problem.
func (p *Problem) Head(h http.Header) {
	h.Set("Cache-Control", "no-store")
	if p.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa((p.Retry+999)/1000))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="karez"`)
	}
}

// Trace is httpio.Trace.
func Trace(r *http.Request) string { return httpio.Trace(r) }

// May returns an error unless who may do verb on a channel (design: 8).
func May(who gateway.Identity, verb, channel string) error {
	if err := turn.CheckChannel(channel); err != nil {
		return err
	}
	if who.Grants == nil || !who.Grants.May(verb, who.App, channel) {
		return &gateway.ForbiddenError{Verb: verb, Channel: channel}
	}
	return nil
}
