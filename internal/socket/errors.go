package socket

import (
	"errors"
	"fmt"
)

var (
	ErrFull        = errors.New("connection full")           // TryWrite. Caller: nothing was taken; write again after Writable
	ErrClosed      = errors.New("connection closed")         // TryWrite. Caller: nothing to do, Closed is called or will be
	ErrSilent      = errors.New("connection silent")         // Closed: no sign of life for Options.DeadAfter
	ErrGroupClosed = errors.New("connection group closed")   // Upgrade, Adopt. Caller: the node is going down
	ErrNotUpgraded = errors.New("not a WebSocket handshake") // Upgrade. Caller: nothing to do, the request was answered
)

// Close codes of RFC 6455, 7.4.1, that this package sends or that callers
// often need. 3000 to 4999 belong to the protocols above.
const (
	CodeNormal      = 1000
	CodeGoingAway   = 1001
	CodeProtocol    = 1002
	CodeUnsupported = 1003
	CodeNone        = 1005 // never on the wire: the peer's close frame had no code
	CodeNotUTF8     = 1007
	CodePolicy      = 1008
	CodeTooBig      = 1009
	CodeInternal    = 1011
)

// A CloseError says with which code a connection was closed, and by whom.
type CloseError struct {
	Code   int
	Reason string
	Peer   bool // the peer closed it
}

func (e *CloseError) Error() string {
	who := "closed"
	if e.Peer {
		who = "closed by the peer"
	}
	if e.Reason == "" {
		return fmt.Sprintf("%s with %d", who, e.Code)
	}
	return fmt.Sprintf("%s with %d: %s", who, e.Code, e.Reason)
}

// violation is what the parser returns for bytes that end the connection.
func violation(code int, format string, args ...any) *CloseError {
	return &CloseError{Code: code, Reason: fmt.Sprintf(format, args...)}
}
