package pusher

import (
	"context"
	"errors"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/presence"
	"github.com/karez/karez/internal/refusal"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// Codes of the protocol. A client does not come back after 4000 to 4099, waits
// before it does after 4100 to 4199, comes back at once after 4200 to 4299.
const (
	codeTLSOnly     = 4000
	codeNoApp       = 4001
	codeDisabled    = 4003
	codeQuota       = 4004
	codePath        = 4005
	codeVersion     = 4006
	codeUnsupported = 4007
	codeNoVersion   = 4008
	codeForbidden   = 4009
	codeCapacity    = 4100
	codeGeneric     = 4200
	codePong        = 4201
	codeRate        = 4301
	codeWatchlist   = 4302
)

// A row says how an error is told to a client: the code of pusher:error, or of
// the connection's end; the status of a subscription_error.
type row struct {
	err    error
	code   int
	status int
}

var table = []row{
	{gateway.ErrForbidden, codeForbidden, 403},
	{gateway.ErrExpired, codeForbidden, 401},
	{gateway.ErrSubject, codeForbidden, 403},
	{gateway.ErrKicked, codeForbidden, 403},
	{gateway.ErrTooMany, codeCapacity, 429},
	{gateway.ErrDraining, codeGeneric, 503},
	{gateway.ErrClosed, codeGeneric, 503},
	{gateway.ErrFull, codeCapacity, 503},
	{gateway.ErrNotFollow, codeGeneric, 400},
	{gateway.ErrNotJoined, codeGeneric, 400},
	{gateway.ErrBadName, codeGeneric, 400},
	{presence.ErrBadMember, codeForbidden, 400},
	{turn.ErrBadID, codeGeneric, 400},
	{turn.ErrBadField, codeGeneric, 400},
	{turns.ErrNoTurn, codeGeneric, 404},
	{turns.ErrPromptTooLarge, codeGeneric, 413},
	{broker.ErrTrimmed, codeGeneric, 410},
	{broker.ErrAhead, codeGeneric, 410},
	{broker.ErrMalformed, codeGeneric, 500},
	{broker.ErrNotFound, codeGeneric, 404},
	{broker.ErrEnded, codeGeneric, 409},
	{broker.ErrExists, codeGeneric, 409},
	{broker.ErrConflict, codeGeneric, 409},
	{broker.ErrFenced, codeGeneric, 409},
	{broker.ErrGap, codeGeneric, 409},
	{broker.ErrLeaseLost, codeGeneric, 409},
	{broker.ErrTooLarge, codeGeneric, 413},
	{broker.ErrUnavailable, codeCapacity, 503},
	{broker.ErrClosed, codeGeneric, 503},
	{context.Canceled, codeGeneric, 503},
	{context.DeadlineExceeded, codeCapacity, 503},
	{errSlow, codeCapacity, 503},
	{errFormat, codeGeneric, 400},
	{errProof, codeForbidden, 401},
}

func find(err error) (row, bool) {
	for _, r := range table {
		if errors.Is(err, r.err) {
			return r, true
		}
	}
	return row{err, codeGeneric, 500}, false
}

// explain is what a client is told of err.
func explain(err error) string {
	for _, own := range []error{errSlow, errFormat, errProof} {
		if errors.Is(err, own) {
			return err.Error()
		}
	}
	return refusal.Explain(err).Message
}
