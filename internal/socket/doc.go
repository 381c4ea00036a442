// Package socket is the connection layer: WebSocket (RFC 6455, server side)
// over a net.Conn, made so that an idle connection costs little and a slow one
// costs nobody else anything. It knows no protocol above WebSocket and imports
// nothing of ours.
//
// A Group owns connections. Upgrade takes one over from an HTTP request, Serve
// gives it a Handler, TryWrite writes without ever waiting: the frames are
// taken whole, or ErrFull says that an earlier write is still on its way and
// Handler.Writable will follow. So nothing is queued here beyond what one call
// passed: what is not sent yet stays where it came from, and is read again
// there when the socket has room.
//
// An idle connection has one goroutine, blocked in Read with a buffer of 512
// bytes; no writer, no timer, no write buffer. A temporary goroutine exists
// while the socket has not taken a write whole. Pings, silent peers and
// messages that never end are minded by one goroutine a Group. Nothing in the
// interface speaks of these goroutines, so that a poller may take their place.
//
// TLS works over the same non-blocking writes if the listener below it comes
// from Listen. Any other net.Conn (net.Pipe, say) is written to by a temporary
// goroutine; that is slower, and the same in all else.
//
// Read group.go and conn.go, then parse.go (bytes to messages), out.go (what
// the socket has not taken), valve.go and line.go (the ways to the socket),
// sweep.go.
package socket
