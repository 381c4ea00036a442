package pusher

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/karez/karez/internal/socket"
	"github.com/karez/karez/internal/transport/pusher/apps"
)

// A wsLine is a WebSocket client: the socket's handler and the conn's line.
type wsLine struct {
	sock *socket.Conn
	c    *conn // set before Serve; nil for a client that was refused
}

// serveWS takes a client over. One that may not stay is told so by the code of
// its connection's end, which is where clients look.
func (t *Transport) serveWS(w http.ResponseWriter, r *http.Request) {
	app, code, why := t.admit(r, r.PathValue("key"))
	sock, err := t.group.Upgrade(w, r)
	if err != nil {
		t.log.Debug("upgrade", "err", err)
		return // the client was answered
	}
	l := &wsLine{sock: sock}
	if app == nil {
		_ = l.write([][]byte{appendError(nil, code, why)}) // the code says it, too
		sock.Close(code, why)
		sock.Serve(l)
		return
	}
	l.c = t.open(app, l, sock.LastSeen)
	sock.Serve(l)
}

// Versions of the protocol that are spoken here.
const (
	minProtocol = 5
	maxProtocol = 7
)

// admit finds the app of a request, or says why the client may not come in.
func (t *Transport) admit(r *http.Request, key string) (app *apps.App, code int, why string) {
	app = t.byKey[key]
	switch q := r.URL.Query(); {
	case key == "":
		return nil, codePath, "Path not found"
	case app == nil:
		return nil, codeNoApp, "Application does not exist"
	case app.Disabled:
		return nil, codeDisabled, "Application disabled"
	case app.TLSOnly && r.TLS == nil && r.Header.Get("X-Forwarded-Proto") != "https":
		return nil, codeTLSOnly, "Application only accepts SSL connections, reconnect using wss://"
	case app.Reverb:
	case !q.Has("protocol"):
		return nil, codeNoVersion, "No protocol version supplied"
	default:
		n, err := strconv.Atoi(q.Get("protocol"))
		if err != nil {
			return nil, codeVersion, "Invalid version string format"
		}
		if n < minProtocol || n > maxProtocol {
			return nil, codeUnsupported, "Unsupported protocol version: " + strconv.Itoa(n)
		}
	}
	return app, 0, ""
}

// Message is part of socket.Handler, as Writable and Closed.
func (l *wsLine) Message(p []byte, binary bool) {
	switch {
	case l.c == nil:
	case binary:
		l.c.complain(codeGeneric, "Invalid message format")
	default:
		l.c.receive(p)
	}
}

func (l *wsLine) Writable() {
	if l.c != nil {
		l.c.writable()
	}
}

func (l *wsLine) Closed(err error) {
	if l.c != nil {
		l.c.gone(err)
	}
}

func (l *wsLine) write(frames [][]byte) error {
	var few [4]socket.Frame
	out := few[:0]
	for _, f := range frames {
		out = append(out, socket.Frame{Body: f})
	}
	if err := l.sock.TryWrite(out...); !errors.Is(err, socket.ErrClosed) {
		return err
	}
	return nil // Closed is called or will be
}

func (l *wsLine) close(code int, reason string) { l.sock.Close(code, reason) }
