package socketio

import "errors"

var (
	ErrFull     = errors.New("client reads too slowly")                 // Emit, TryEmit. Nothing was taken; see there
	ErrClosed   = errors.New("socket disconnected")                     // whatever is sent now does not arrive
	ErrReserved = errors.New("reserved event name")                     // connect, disconnect and the like are the client's own
	ErrPacket   = errors.New("malformed packet")                        // the client that sent it was disconnected
	ErrTooMany  = errors.New("more attachments than a packet may have") // see Options.MaxAttachments
)

// A ConnectError refuses a connection; the client's connect_error event shows
// its message and data. Any other error of a middleware or of OnConnect is
// shown by its text alone.
type ConnectError struct {
	Message string
	Data    any
}

func (e *ConnectError) Error() string { return e.Message }

// reserved are the names that events cannot have.
var reserved = map[string]bool{
	"connect": true, "connect_error": true, "disconnect": true, "disconnecting": true, "newListener": true, "removeListener": true,
}

// Why a socket was disconnected, in the words of the reference server.
const (
	ReasonClient    = "client namespace disconnect"
	ReasonServer    = "server namespace disconnect"
	ReasonTransport = "transport close"
	ReasonPing      = "ping timeout"
	ReasonError     = "transport error"
	ReasonParse     = "parse error"
	ReasonShutdown  = "server shutting down"
)

// Reserved reports whether an event cannot have this name.
func Reserved(name string) bool { return reserved[name] }
