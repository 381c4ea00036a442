// Package refusal says what a client is told of an error, in words of no
// protocol: a code, a message, a hint, when to try again, an HTTP status. Every
// transport and the HTTP API ask it, so that a refusal is the same on each; a
// transport adds only what is its protocol's own, such as close codes.
//
// What a client is told names what it sent and what the server allows. It never
// names what lies behind the server, an address or a log: such a cause is kept
// in Cause, and goes to the server's log where the error stops.
//
// Read refusal.go, then table.go and status.go.
package refusal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A Refusal is an error as a client is told it.
type Refusal struct {
	Code    string // one of wire.Code…, by which a program decides
	Message string
	Hint    string        // what to do about it; may be empty
	RetryIn time.Duration // after which the same may work; 0: it will not
	Turn    string        // the turn it is about, if any
	Cause   error         // what the client is not told, for Log; nil if it is told all
}

// Error is Message with the hint.
func (r *Refusal) Error() string {
	if r.Hint == "" {
		return r.Message
	}
	return r.Message + ": " + r.Hint
}

// Wire is the native protocol's form of r.
func (r *Refusal) Wire() *wire.Error {
	return &wire.Error{Code: r.Code, Message: r.Message, Hint: r.Hint, RetryIn: int(r.RetryIn / time.Millisecond), Turn: r.Turn}
}

// Bad refuses a request that cannot be understood.
func Bad(message, hint string) *Refusal {
	return &Refusal{Code: wire.CodeBadRequest, Message: message, Hint: hint}
}

// Explain makes of any error what a client is told.
func Explain(err error) *Refusal {
	if r := (*Refusal)(nil); errors.As(err, &r) {
		return r
	}
	if e := (*wire.Error)(nil); errors.As(err, &e) {
		return &Refusal{Code: e.Code, Message: e.Message, Hint: e.Hint, RetryIn: time.Duration(e.RetryIn) * time.Millisecond, Turn: e.Turn}
	}
	if e := (*turns.BusyError)(nil); errors.As(err, &e) {
		out := &Refusal{Code: wire.CodeBusy, Message: e.Error(), Hint: "wait for it, or cancel it", Turn: e.Turn}
		if e.Full {
			out.Code, out.RetryIn = wire.CodeTooMany, time.Second
		}
		return out
	}
	if e := (*http.MaxBytesError)(nil); errors.As(err, &e) {
		return &Refusal{Code: wire.CodeTooLarge, Message: "the body has more than " + strconv.FormatInt(e.Limit, 10) + " bytes"}
	}
	for _, r := range table {
		if errors.Is(err, r.err) {
			return r.refusal(err)
		}
	}
	return &Refusal{Code: wire.CodeInternal, Message: "the server failed; its log says more", RetryIn: time.Second, Cause: err}
}

func (r row) refusal(err error) *Refusal {
	out := &Refusal{Code: r.code, Message: r.say, Hint: hint(err, r.hint), RetryIn: r.retry}
	if r.say == "" {
		out.Message = own(err, r.err)
	} else {
		out.Cause = err
	}
	return out
}

// own is what err says from sentinel on: what stands before it was added on the
// way, and names logs and steps that are not the client's.
func own(err, sentinel error) string {
	if e := (*auth.TokenError)(nil); errors.As(err, &e) {
		return e.Error()
	}
	_, said, ok := strings.Cut(err.Error(), sentinel.Error())
	if !ok {
		return sentinel.Error()
	}
	said, _, _ = strings.Cut(said, "\n") // errors.Join: the others are not the client's
	return sentinel.Error() + said
}

// hint is what err itself advises, else what the table does.
func hint(err error, table string) string {
	if e := (*auth.TokenError)(nil); errors.As(err, &e) && e.Hint != "" {
		return e.Hint
	}
	if e := (*gateway.ForbiddenError)(nil); errors.As(err, &e) {
		return fmt.Sprintf("ask for a token whose claim channels has %q: [%q]", e.Channel, e.Verb)
	}
	if e := (*turn.FieldError)(nil); errors.As(err, &e) && e.Hint != "" {
		return e.Hint
	}
	return table
}

// Log writes down what the client is not told. The one with whom the error
// stops calls it, once; doing says what it was doing, as log/slog wants it.
func (r *Refusal) Log(log *slog.Logger, doing string, args ...any) {
	if r.Cause == nil {
		return
	}
	level := slog.LevelDebug // the client's own affair; or it has gone, and that is all
	switch {
	case r.Code == wire.CodeInternal:
		level = slog.LevelError
	case r.Code == wire.CodeUnavailable && !errors.Is(r.Cause, context.Canceled):
		level = slog.LevelWarn
	}
	log.Log(context.Background(), level, doing, append(args, "err", r.Cause)...)
}
