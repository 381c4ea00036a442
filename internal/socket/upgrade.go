package socket

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gobwas/ws"
)

// handshakeTime bounds the write of the answer to a handshake.
const handshakeTime = 5 * time.Second

// Upgrade takes over an HTTP/1.1 request. protocols are the subprotocols that
// the server speaks, in its order of preference; the first one that the client
// offers is chosen, none if it offers none of them. Headers set on w go out
// with the answer.
//
// If the request is no good Upgrade answers it with a status and a clear text,
// and returns an error that wraps ErrNotUpgraded. ErrGroupClosed: answered 503.
// Otherwise the caller calls Serve and returns, so that the HTTP server's
// goroutine ends; the request's context ends with it. Who may connect, and from
// which origin, was decided before.
func (g *Group) Upgrade(w http.ResponseWriter, r *http.Request, protocols ...string) (*Conn, error) {
	if status, why := refuse(w.Header(), r); why != "" {
		http.Error(w, why, status)
		return nil, fmt.Errorf("%w: %s", ErrNotUpgraded, why)
	}
	if g.isClosed() {
		http.Error(w, "the server is going down; connect again", http.StatusServiceUnavailable)
		return nil, ErrGroupClosed
	}
	up := ws.HTTPUpgrader{Timeout: handshakeTime, Header: w.Header().Clone()}
	protocol := choose(protocols, r.Header)
	if protocol != "" {
		up.Protocol = func(p string) bool { return p == protocol }
	}
	nc, rw, _, err := up.Upgrade(r, w)
	if err != nil {
		if nc != nil {
			nc.Close()
		}
		return nil, fmt.Errorf("%w: %w", ErrNotUpgraded, err)
	}
	var early []byte
	if n := rw.Reader.Buffered(); n > 0 {
		p, _ := rw.Reader.Peek(n)
		early = slices.Clone(p)
	}
	return g.Adopt(nc, protocol, early)
}

func (g *Group) isClosed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

// refuse says why r is no handshake (RFC 6455, 4.2.1), and sets on h what the
// answer must carry.
func refuse(h http.Header, r *http.Request) (status int, why string) {
	switch key := r.Header["Sec-Websocket-Key"]; {
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return http.StatusHTTPVersionNotSupported, "WebSocket connections are taken over HTTP/1.1 only, this is " + r.Proto
	case r.Method != http.MethodGet:
		h.Set("Allow", http.MethodGet)
		return http.StatusMethodNotAllowed, "a WebSocket handshake is a GET request"
	case !hasToken(r.Header["Upgrade"], "websocket") || !hasToken(r.Header["Connection"], "upgrade"):
		h.Set("Upgrade", "websocket")
		h.Set("Connection", "Upgrade")
		return http.StatusUpgradeRequired, "this address speaks WebSocket: connect with a WebSocket client.\n" +
			"If you did, a proxy on the way removed the headers Upgrade and Connection"
	case r.Header.Get("Sec-Websocket-Version") != "13":
		h.Set("Sec-WebSocket-Version", "13")
		return http.StatusUpgradeRequired, "only version 13 of WebSocket is spoken here (header Sec-WebSocket-Version)"
	case len(key) != 1 || !isKey(key[0]):
		return http.StatusBadRequest, "the header Sec-WebSocket-Key must be 16 bytes in base64"
	}
	return 0, ""
}

func isKey(s string) bool {
	p, err := base64.StdEncoding.DecodeString(s)
	return err == nil && len(p) == 16
}

// tokens calls yield for the comma-separated words of headers.
func tokens(values []string, yield func(string) bool) {
	for _, v := range values {
		for t := range strings.SplitSeq(v, ",") {
			if t = strings.TrimSpace(t); t != "" && !yield(t) {
				return
			}
		}
	}
}

func hasToken(values []string, want string) (has bool) {
	tokens(values, func(t string) bool {
		has = strings.EqualFold(t, want)
		return !has
	})
	return has
}

// choose returns the first of protocols that the client offers.
func choose(protocols []string, h http.Header) string {
	for _, p := range protocols {
		found := false
		tokens(h["Sec-Websocket-Protocol"], func(t string) bool {
			found = t == p
			return !found
		})
		if found {
			return p
		}
	}
	return ""
}
