package socketio

import (
	"github.com/karez/karez/internal/refusal"
	"github.com/karez/karez/wire"
)

var (
	errTokenMissing = &refusal.Refusal{Code: wire.CodeUnauthorized, Message: "a token is needed to connect", Hint: "io(url, { auth: { token } })"}
	errHello        = refusal.Bad("auth: token, pid and offset are strings", "io(url, { auth: { token } })")
	errLongToken    = &refusal.Refusal{Code: wire.CodeTooLarge, Message: "the token is too long"}
	errVoice        = &refusal.Refusal{Code: wire.CodeTooLarge, Message: "a voice message is too long", Hint: "upload it, and send its url in content; docs/socketio.md has the limit"}
	errVoiceForm    = refusal.Bad("voice takes {message, media_type} and a chunk of bytes", "docs/socketio.md has an example")
	errNoVoice      = refusal.Bad("no voice has come for this message", "emit voice with this message first, on the same connection")
)

// explain makes of any error what a client is told; what of it the client is
// not told goes to the log.
func (t *Transport) explain(err error, doing string, args ...any) *wire.Error {
	r := refusal.Explain(err)
	r.Log(t.log, doing, args...)
	return r.Wire()
}

// passing reports whether a client should simply come back: it is not told of
// such errors, for after a refusal a Socket.IO client does not try again.
func passing(err error) bool {
	switch refusal.Explain(err).Code {
	case wire.CodeUnavailable, wire.CodeDraining, wire.CodeInternal:
		return true
	}
	return false
}
