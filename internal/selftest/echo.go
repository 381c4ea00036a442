package selftest

import (
	"bytes"
	"errors"

	"github.com/karez/karez/internal/engineio"
	"github.com/karez/karez/internal/socket"
)

// An echo returns the messages of a WebSocket. While the peer does not take
// one, no other is read from it.
type echo struct {
	c    *socket.Conn
	room chan struct{} // capacity 1: the socket can take more, or never will
}

func (e *echo) Message(p []byte, binary bool) {
	err := e.c.TryWrite(socket.Frame{Body: p, Binary: binary})
	for errors.Is(err, socket.ErrFull) {
		<-e.room
		err = e.c.TryWrite(socket.Frame{Body: p, Binary: binary})
	}
}

func (e *echo) Writable() { wake(e.room) }

func (e *echo) Closed(error) { wake(e.room) }

// An engineEcho does the same for an Engine.IO session.
type engineEcho struct {
	c    *engineio.Conn
	room chan struct{}
}

func (e *engineEcho) Message(p []byte, binary bool) {
	m := engineio.Message{Data: bytes.Clone(p), Binary: binary}
	err := e.c.TryWrite(m)
	for errors.Is(err, engineio.ErrFull) {
		<-e.room
		err = e.c.TryWrite(m)
	}
}

func (e *engineEcho) Writable() { wake(e.room) }

func (e *engineEcho) Closed(error) { wake(e.room) }

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
