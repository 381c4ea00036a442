package socket

import (
	"net"
	"sync/atomic"
	"time"
)

// Listen wraps what ln accepts so that TLS above it can be written to without
// waiting. It goes below TLS and changes nothing until a connection is
// upgraded:
//
//	server.ServeTLS(socket.Listen(ln), cert, key)
//
// A wrapper between ln and TLS (PROXY protocol) must offer its inner
// connection by a method Raw() net.Conn, or writes to it take the slower way.
func Listen(ln net.Listener) net.Listener { return listener{ln} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &line{Conn: nc}, nil
}

// A line is an accepted connection. Once it belongs to a Conn its Write takes
// everything and never waits, and deadlines of writes are the Conn's affair:
// TLS sets one when it closes, which would stop what is still on its way.
type line struct {
	net.Conn
	out atomic.Pointer[out] // nil until upgraded
}

func (l *line) Write(p []byte) (int, error) {
	if o := l.out.Load(); o != nil {
		return o.take(p)
	}
	return l.Conn.Write(p)
}

func (l *line) SetWriteDeadline(t time.Time) error {
	if l.out.Load() != nil {
		return nil
	}
	return l.Conn.SetWriteDeadline(t)
}

func (l *line) SetDeadline(t time.Time) error {
	if l.out.Load() != nil {
		return l.Conn.SetReadDeadline(t)
	}
	return l.Conn.SetDeadline(t)
}

// CloseWrite tells the peer that nothing more comes, where nc can.
func closeWrite(nc net.Conn) {
	if l, ok := nc.(*line); ok {
		nc = l.Conn
	}
	if cw, ok := nc.(interface{ CloseWrite() error }); ok {
		cw.CloseWrite()
	}
}

// innermost looks below nc for a line or a connection with a descriptor.
func innermost(nc net.Conn) net.Conn {
	for {
		r, ok := nc.(interface{ Raw() net.Conn })
		if !ok {
			return nc
		}
		nc = r.Raw()
	}
}
