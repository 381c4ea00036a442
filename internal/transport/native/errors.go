package native

import (
	"github.com/karez/karez/internal/refusal"
	"github.com/karez/karez/internal/socket"
	"github.com/karez/karez/wire"
)

// Explain makes of any error what a client is told.
func Explain(err error) *wire.Error { return refusal.Explain(err).Wire() }

// failure answers command id with err, which stops here: what of it the client
// is not told goes to the log, with args.
func (t *Transport) failure(id uint64, err error, args ...any) *wire.Frame {
	e := refusal.Explain(err)
	e.Log(t.log, "carry out command", args...)
	return &wire.Frame{ID: id, Type: wire.FrameError, Error: e.Wire()}
}

// bye ends a connection because of err.
func (t *Transport) bye(err error) *wire.Frame {
	r := refusal.Explain(err)
	r.Log(t.log, "close connection")
	e := r.Wire()
	return &wire.Frame{Type: wire.FrameBye, Error: e, In: e.RetryIn}
}

// closeCode returns the WebSocket close code for an error's code (RFC 6455,
// 7.4; 4000 to 4999 are ours).
func closeCode(code string) int {
	switch code {
	case wire.CodeDraining:
		return 1012 // service restart
	case wire.CodeUnavailable, wire.CodeSlowDown:
		return 1013 // try again later
	case wire.CodeTooLarge:
		return socket.CodeTooBig
	case wire.CodeInternal:
		return socket.CodeInternal
	case wire.CodeUnauthorized:
		return 4401
	case wire.CodeForbidden:
		return 4403
	case wire.CodeExpired:
		return 4408
	}
	return 4400
}

// Status returns the HTTP status for an error's code.
func Status(code string) int { return (&refusal.Refusal{Code: code}).Status() }
