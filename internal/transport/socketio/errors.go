package socketio

import (
	"context"
	"errors"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A row says how an error is told to a client. Codes are those of the native
// protocol.
type row struct {
	err   error
	code  string
	hint  string
	retry int // milliseconds after which trying again makes sense; 0: it does not
}

var table = []row{
	{gateway.ErrForbidden, wire.CodeForbidden, "ask for a token that allows it", 0},
	{gateway.ErrExpired, wire.CodeExpired, "connect with a fresh token", 0},
	{gateway.ErrSubject, wire.CodeForbidden, "a connection keeps its user; open another for this one", 0},
	{gateway.ErrTooMany, wire.CodeTooMany, "give something back first", 0},
	{gateway.ErrKicked, wire.CodeForbidden, "an operator closed this connection", 0},
	{gateway.ErrDraining, wire.CodeDraining, "connect again", 100},
	{gateway.ErrClosed, wire.CodeDraining, "connect again", 100},
	{gateway.ErrNotFollow, wire.CodeBadRequest, "follow it first", 0},
	{gateway.ErrNotJoined, wire.CodeBadRequest, "join it first", 0},
	{gateway.ErrBadName, wire.CodeBadRequest, "", 0},
	{gateway.ErrFull, wire.CodeSlowDown, "read faster, or follow less", 1000},
	{auth.ErrExpired, wire.CodeExpired, "get a fresh token", 0},
	{auth.ErrNotYet, wire.CodeUnauthorized, "wait, or compare the clocks", 0},
	{auth.ErrBadToken, wire.CodeUnauthorized, "get a token that this server takes", 0},
	{auth.ErrForbidden, wire.CodeForbidden, "ask for a token that allows it", 0},
	{turn.ErrBadID, wire.CodeBadRequest, "", 0},
	{turns.ErrNoTurn, wire.CodeNotFound, "", 0},
	{turns.ErrPromptTooLarge, wire.CodeTooLarge, "send large content by reference: a url in content", 0},
	{errVoice, wire.CodeTooLarge, "upload it, and send its url in content", 0},
	{errNoVoice, wire.CodeBadRequest, "emit voice with this message first, on the same connection", 0},
	{errTokenMissing, wire.CodeUnauthorized, "io(url, { auth: { token } })", 0},
	{broker.ErrTrimmed, wire.CodeTrimmed, "follow from a snapshot", 0},
	{broker.ErrAhead, wire.CodeTrimmed, "follow from a snapshot", 0},
	{broker.ErrMalformed, wire.CodeInternal, "its producer wrote an entry that cannot be understood; see docs/producers.md", 0},
	{broker.ErrNotFound, wire.CodeNotFound, "", 0},
	{broker.ErrEnded, wire.CodeEnded, "", 0},
	{broker.ErrExists, wire.CodeConflict, "", 0},
	{broker.ErrConflict, wire.CodeConflict, "", 100},
	{broker.ErrFenced, wire.CodeConflict, "", 0},
	{broker.ErrGap, wire.CodeConflict, "", 0},
	{broker.ErrLeaseLost, wire.CodeConflict, "", 0},
	{broker.ErrTooLarge, wire.CodeTooLarge, "", 0},
	{broker.ErrUnavailable, wire.CodeUnavailable, "the server's broker does not answer; try again", 1000},
	{broker.ErrClosed, wire.CodeDraining, "connect again", 1000},
	{context.Canceled, wire.CodeUnavailable, "the request was given up", 1000},
	{context.DeadlineExceeded, wire.CodeUnavailable, "the server's broker is slow; try again", 1000},
}

// Explain makes of any error what a client is told.
func Explain(err error) *wire.Error {
	if e := (*wire.Error)(nil); errors.As(err, &e) {
		return e
	}
	if e := (*turns.BusyError)(nil); errors.As(err, &e) {
		out := &wire.Error{Code: wire.CodeBusy, Message: e.Error(), Hint: "wait for it, or cancel it", Turn: e.Turn}
		if e.Full {
			out.Code, out.RetryIn = wire.CodeTooMany, 1000
		}
		return out
	}
	for _, r := range table {
		if errors.Is(err, r.err) {
			return &wire.Error{Code: r.code, Message: err.Error(), Hint: hint(err, r.hint), RetryIn: r.retry}
		}
	}
	return &wire.Error{Code: wire.CodeInternal, Message: "the server failed; its log says more", RetryIn: 1000}
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

// passing reports whether a client should simply come back: it is not told of
// such errors, for after a refusal a Socket.IO client does not try again.
func passing(err error) bool {
	switch Explain(err).Code {
	case wire.CodeUnavailable, wire.CodeDraining, wire.CodeInternal:
		return true
	}
	return false
}
