package socket

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

const goodHead = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// A request that is no handshake is answered with a status and a sentence.
func TestUpgradeRefuses(t *testing.T) {
	g := newGroup(t, Options{})
	errs := make(chan error, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := g.Upgrade(w, r)
		errs <- err
	}))
	defer s.Close()
	for _, c := range []struct {
		name, head   string
		status       int
		says, header string
	}{
		{"plain GET", "GET / HTTP/1.1\r\nHost: a\r\n", 426, "speaks WebSocket", "Upgrade"},
		{"proxy ate Connection", strings.Replace(goodHead, "keep-alive, Upgrade", "keep-alive", 1), 426, "proxy", "Upgrade"},
		{"POST", strings.Replace(goodHead, "GET", "POST", 1), 405, "GET", "Allow"},
		{"HTTP/1.0", strings.Replace(goodHead, "HTTP/1.1", "HTTP/1.0", 1), 505, "HTTP/1.1", ""},
		{"version 8", strings.Replace(goodHead, ": 13", ": 8", 1), 426, "version 13", "Sec-Websocket-Version"},
		{"no version", strings.Replace(goodHead, "Sec-WebSocket-Version: 13\r\n", "", 1), 426, "version 13", "Sec-Websocket-Version"},
		{"short key", strings.Replace(goodHead, "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIA==", 1), 400, "Key", ""},
		{"key is no base64", strings.Replace(goodHead, "dGhlIHNhbXBsZSBub25jZQ==", "!!!!!!!!!!!!!!!!!!!!!!!!", 1), 400, "Key", ""},
		{"two keys", goodHead + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400, "Key", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := request(t, s.Listener.Addr(), c.head)
			body, _ := io.ReadAll(res.Body)
			if res.StatusCode != c.status || !strings.Contains(string(body), c.says) {
				t.Errorf("answered %d %q, want %d and %q", res.StatusCode, body, c.status, c.says)
			}
			if c.header != "" && res.Header.Get(c.header) == "" {
				t.Errorf("the header %s is missing: %v", c.header, res.Header)
			}
			if err := get(t, errs, "result"); !errors.Is(err, ErrNotUpgraded) {
				t.Errorf("Upgrade returned %v", err)
			}
		})
	}
}

func request(t *testing.T, addr net.Addr, head string) *http.Response {
	t.Helper()
	nc, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	io.WriteString(nc, head+"\r\n")
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// The handshake of RFC 6455, 1.3, with the server's choice of subprotocol, its
// own headers, and a frame that came in the same packet.
func TestUpgrade(t *testing.T) {
	g := newGroup(t, Options{})
	rec := newRecorder()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "node=7")
		c, err := g.Upgrade(w, r, "karez.v1.msgpack", "karez.v1.json")
		if err != nil {
			t.Error(err)
			return
		}
		if c.Subprotocol() != "karez.v1.json" {
			t.Errorf("subprotocol %q", c.Subprotocol())
		}
		c.Serve(rec)
	}))
	defer s.Close()
	nc, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.Write(append([]byte(goodHead+"Sec-WebSocket-Protocol: x, karez.token.abc\r\nSec-WebSocket-Protocol: karez.v1.json\r\n\r\n"), text("early bird")...))
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	h := res.Header
	if res.StatusCode != 101 || h.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || h.Get("Sec-WebSocket-Protocol") != "karez.v1.json" || h.Get("Set-Cookie") != "node=7" {
		t.Fatalf("answered %d %v", res.StatusCode, h)
	}
	if m := get(t, rec.messages, "message"); m != "early bird" {
		t.Fatalf("got %q", m)
	}
	nc.Close()
	if err := get(t, rec.closed, "Closed"); !errors.Is(err, io.EOF) {
		t.Fatalf("closed by %v", err)
	}
}

func TestSubprotocolChoice(t *testing.T) {
	for _, c := range []struct{ server, offer, want string }{
		{"", "a", ""},
		{"a b", "", ""},
		{"a b", "b, a", "a"},
		{"a b", "c,b", "b"},
		{"a b", "c", ""},
		{"a", "A", ""}, // they are compared by case: RFC 6455, 11.3.4
	} {
		h := http.Header{}
		if c.offer != "" {
			h.Set("Sec-WebSocket-Protocol", c.offer)
		}
		if got := choose(strings.Fields(c.server), h); got != c.want {
			t.Errorf("server %q, client %q: chose %q, want %q", c.server, c.offer, got, c.want)
		}
	}
}

// A group that is closed answers 503, and one that closes says 1001 to all.
func TestGroupClose(t *testing.T) {
	g := NewGroup(Options{})
	rec := newRecorder()
	served := make(chan *Conn, 1)
	s := serve(t, g, false, func(c *Conn) { c.Serve(rec); served <- c })
	p := s.dial(t)
	get(t, served, "connection")
	done := make(chan error, 1)
	go func() { done <- g.Close(context.Background()) }()
	if code, _ := p.nextClose(); code != CodeGoingAway {
		t.Errorf("closed with %d", code)
	}
	p.put(frame(ws.OpClose, true, "\x03\xe9"))
	p.ended()
	if err := get(t, done, "end of the group"); err != nil {
		t.Error(err)
	}
	var ce *CloseError
	if err := get(t, rec.closed, "Closed"); !errors.As(err, &ce) || ce.Code != CodeGoingAway || ce.Peer {
		t.Errorf("Closed(%v)", err)
	}
	if res := request(t, s.Listener.Addr(), goodHead); res.StatusCode != 503 {
		t.Errorf("a closed group answered %d", res.StatusCode)
	}
	if g.Len() != 0 {
		t.Errorf("%d connections left", g.Len())
	}
}
