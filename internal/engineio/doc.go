// Package engineio is the session layer below Socket.IO: Engine.IO protocol 4,
// server side, over HTTP long-polling and WebSocket, with the change from one
// to the other while messages flow. It knows no protocol above.
//
// A Server answers HTTP requests; for each new session it calls Accept, which
// gives a Handler for a Conn. Conn.TryWrite never waits: messages are taken
// whole, or ErrFull says that the client has to read first and Handler.Writable
// will follow. On a WebSocket that is the socket's own answer; for a client
// that polls, what one answer may hold is kept until it asks.
//
// A session costs no goroutine and no timer of its own: one goroutine a Server
// pings all of them and ends those that are silent.
//
// Read codec.go, server.go and conn.go, then poll.go, ws.go and sweep.go.
package engineio
