package answer

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/turns"
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

type row struct {
	err    error
	status int
	code   string
	hint   string
	retry  int
}

var table = []row{
	{gateway.ErrForbidden, http.StatusForbidden, wire.CodeForbidden, "ask for a token that allows it", 0},
	{gateway.ErrExpired, http.StatusUnauthorized, wire.CodeExpired, "come back with a fresh token", 0},
	{gateway.ErrSubject, http.StatusForbidden, wire.CodeForbidden, "", 0},
	{gateway.ErrTooMany, http.StatusTooManyRequests, wire.CodeTooMany, "", 1000},
	{gateway.ErrKicked, http.StatusForbidden, wire.CodeForbidden, "an operator closed this connection", 0},
	{gateway.ErrDraining, http.StatusServiceUnavailable, wire.CodeDraining, "ask again", 100},
	{gateway.ErrClosed, http.StatusServiceUnavailable, wire.CodeDraining, "ask again", 100},
	{gateway.ErrNotFollow, http.StatusBadRequest, wire.CodeBadRequest, "", 0},
	{gateway.ErrNotJoined, http.StatusBadRequest, wire.CodeBadRequest, "", 0},
	{gateway.ErrBadName, http.StatusBadRequest, wire.CodeBadRequest, "", 0},
	{gateway.ErrFull, http.StatusTooManyRequests, wire.CodeSlowDown, "", 1000},
	{auth.ErrExpired, http.StatusUnauthorized, wire.CodeExpired, "get a fresh token", 0},
	{auth.ErrNotYet, http.StatusUnauthorized, wire.CodeUnauthorized, "wait, or compare the clocks", 0},
	{auth.ErrBadToken, http.StatusUnauthorized, wire.CodeUnauthorized, "get a token that this server takes", 0},
	{auth.ErrForbidden, http.StatusForbidden, wire.CodeForbidden, "ask for a token that allows it", 0},
	{turn.ErrBadField, http.StatusBadRequest, wire.CodeBadRequest, "", 0},
	{turn.ErrBadID, http.StatusBadRequest, wire.CodeBadRequest, "", 0},
	{turns.ErrNoTurn, http.StatusNotFound, wire.CodeNotFound, "", 0},
	{turns.ErrPromptTooLarge, http.StatusRequestEntityTooLarge, wire.CodeTooLarge, "send large content by reference: a URL instead of a data URL", 0},
	{broker.ErrTrimmed, http.StatusGone, wire.CodeTrimmed, "the answer is no longer kept", 0},
	{broker.ErrAhead, http.StatusGone, wire.CodeTrimmed, "the server lost the end of the answer", 0},
	{broker.ErrMalformed, http.StatusInternalServerError, wire.CodeInternal, "its producer wrote an entry that cannot be understood", 0},
	{broker.ErrNotFound, http.StatusNotFound, wire.CodeNotFound, "", 0},
	{broker.ErrEnded, http.StatusConflict, wire.CodeEnded, "", 0},
	{broker.ErrExists, http.StatusConflict, wire.CodeConflict, "", 0},
	{broker.ErrConflict, http.StatusConflict, wire.CodeConflict, "", 100},
	{broker.ErrFenced, http.StatusConflict, wire.CodeConflict, "", 0},
	{broker.ErrGap, http.StatusConflict, wire.CodeConflict, "", 0},
	{broker.ErrLeaseLost, http.StatusConflict, wire.CodeConflict, "", 0},
	{broker.ErrTooLarge, http.StatusRequestEntityTooLarge, wire.CodeTooLarge, "", 0},
	{broker.ErrUnavailable, http.StatusServiceUnavailable, wire.CodeUnavailable, "the server's broker does not answer; try again", 1000},
	{broker.ErrClosed, http.StatusServiceUnavailable, wire.CodeDraining, "ask again", 1000},
	{context.Canceled, http.StatusServiceUnavailable, wire.CodeUnavailable, "the request was given up", 1000},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, wire.CodeUnavailable, "the server's broker is slow; try again", 1000},
}

// statuses are those of the errors that come ready from the door.
var statuses = map[string]int{
	wire.CodeUnauthorized: http.StatusUnauthorized, wire.CodeExpired: http.StatusUnauthorized, wire.CodeForbidden: http.StatusForbidden,
	wire.CodeNotFound: http.StatusNotFound, wire.CodeTooMany: http.StatusTooManyRequests, wire.CodeUnavailable: http.StatusServiceUnavailable,
	wire.CodeInternal: http.StatusInternalServerError,
}

// Explain makes of any error what a client is told.
func Explain(err error) *Problem {
	if p := (*Problem)(nil); errors.As(err, &p) {
		return p
	}
	if e := (*wire.Error)(nil); errors.As(err, &e) {
		status, ok := statuses[e.Code]
		if !ok {
			status = http.StatusBadRequest
		}
		return &Problem{Status: status, Code: e.Code, Message: e.Message, Hint: e.Hint, Retry: e.RetryIn}
	}
	if e := (*turns.BusyError)(nil); errors.As(err, &e) {
		if e.Full {
			return &Problem{Status: http.StatusTooManyRequests, Code: wire.CodeTooMany, Message: e.Error(), Hint: "wait for it, or stop it", Retry: 1000}
		}
		return &Problem{Status: http.StatusConflict, Code: wire.CodeBusy, Message: e.Error(), Hint: "wait for it, or stop it"}
	}
	if e := (*http.MaxBytesError)(nil); errors.As(err, &e) {
		return &Problem{Status: http.StatusRequestEntityTooLarge, Code: wire.CodeTooLarge, Message: "the body has more than " + strconv.FormatInt(e.Limit, 10) + " bytes"}
	}
	if e := (*turn.FieldError)(nil); errors.As(err, &e) {
		return &Problem{Status: http.StatusBadRequest, Code: wire.CodeBadRequest, Message: e.Field + " " + e.What, Hint: e.Hint, Param: e.Field}
	}
	for _, r := range table {
		if errors.Is(err, r.err) {
			return &Problem{Status: r.status, Code: r.code, Message: err.Error(), Hint: hint(err, r.hint), Retry: r.retry}
		}
	}
	return &Problem{Status: http.StatusInternalServerError, Code: wire.CodeInternal, Message: "the server failed; its log says more", Retry: 1000}
}

// hint is what err itself advises, else what the table does.
func hint(err error, table string) string {
	if e := (*auth.TokenError)(nil); errors.As(err, &e) && e.Hint != "" {
		return e.Hint
	}
	if e := (*auth.Refusal)(nil); errors.As(err, &e) && e.Hint != "" {
		return e.Hint
	}
	return table
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

// Trace returns the W3C traceparent of a request, or "" if there is none, or
// none that a worker could hand on (Trace Context, 3.2.2).
func Trace(r *http.Request) string {
	tp := r.Header.Get("Traceparent")
	if len(tp) != 55 || tp[2] != '-' || tp[35] != '-' || tp[52] != '-' || tp[:2] == "ff" {
		return ""
	}
	for i := range len(tp) {
		if c := tp[i]; i != 2 && i != 35 && i != 52 && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return tp
}

// May returns an error unless who may do verb on a channel (design: 8).
func May(who gateway.Identity, verb, channel string) error {
	if err := turn.CheckChannel(channel); err != nil {
		return err
	}
	if who.Grants == nil || !who.Grants.May(verb, who.App, channel) {
		return &Problem{Status: http.StatusForbidden, Code: wire.CodeForbidden, Message: gateway.ErrForbidden.Error() + ": " + verb + " on channel " + strconv.Quote(channel), Hint: "ask for a token that allows it"}
	}
	return nil
}
