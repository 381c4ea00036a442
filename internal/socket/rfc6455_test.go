package socket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
)

func echo(c *Conn) {
	rec := newRecorder()
	rec.onMessage = func(p []byte, binary bool) {
		if err := c.TryWrite(Frame{Body: p, Binary: binary}); err == ErrFull {
			<-rec.writable // an echo may wait, nobody else uses it
			c.TryWrite(Frame{Body: p, Binary: binary})
		}
	}
	c.Serve(rec)
}

// Another implementation's client gets back what it sent, at every size at
// which the form of a frame changes.
func TestEchoWithAnotherClient(t *testing.T) {
	each(t, func(t *testing.T, secure bool) {
		g := newGroup(t, Options{MaxMessage: 4 << 20})
		s := serve(t, g, secure, echo)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c, _, err := websocket.Dial(ctx, s.URL, &websocket.DialOptions{HTTPClient: s.Client()})
		if err != nil {
			t.Fatal(err)
		}
		c.SetReadLimit(-1)
		for _, n := range []int{0, 1, 125, 126, 127, 511, 512, 513, 4096, 65535, 65536, 1 << 20, 4 << 20} {
			for _, typ := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
				p := bytes.Repeat([]byte("é"), n/2)
				p = append(p, bytes.Repeat([]byte{'x'}, n-len(p))...)
				if err := c.Write(ctx, typ, p); err != nil {
					t.Fatal(err)
				}
				got, q, err := c.Read(ctx)
				if err != nil || got != typ || !bytes.Equal(p, q) {
					t.Fatalf("%d bytes: %v, type %v, %d bytes came back", n, err, got, len(q))
				}
			}
		}
		go c.CloseRead(ctx)
		if err := c.Ping(ctx); err != nil {
			t.Fatal(err)
		}
		c.Close(websocket.StatusNormalClosure, "bye")
	})
}

// What RFC 6455 says of frames, one story a row, whole and byte by byte.
func TestFrames(t *testing.T) {
	const max = 1 << 16
	closing := func(code uint16, reason string) []byte {
		return frame(ws.OpClose, true, string([]byte{byte(code >> 8), byte(code)})+reason)
	}
	for _, c := range []struct {
		name string
		in   [][]byte
		want []string // messages, in order
		code int      // of the server's close frame; 0: it stays open
	}{
		{"text", [][]byte{text("hello")}, []string{"hello"}, 0},
		{"empty text", [][]byte{text("")}, []string{""}, 0},
		{"binary", [][]byte{frame(ws.OpBinary, true, "\xff\x00")}, []string{"b:\xff\x00"}, 0},
		{"two in one packet", [][]byte{text("a"), text("b")}, []string{"a", "b"}, 0},
		{"fragments", [][]byte{frame(ws.OpText, false, "a"), frame(ws.OpContinuation, false, ""), frame(ws.OpContinuation, true, "b")}, []string{"ab"}, 0},
		{"a character cut by a fragment", [][]byte{frame(ws.OpText, false, "\xe2\x82"), frame(ws.OpContinuation, true, "\xac")}, []string{"€"}, 0},
		{"a ping between fragments", [][]byte{frame(ws.OpBinary, false, "a"), frame(ws.OpPing, true, "mid"), frame(ws.OpContinuation, true, "b")}, []string{"b:ab"}, 0},
		{"an unasked pong", [][]byte{frame(ws.OpPong, true, "?"), text("a")}, []string{"a"}, 0},
		{"as large as allowed", [][]byte{text(strings.Repeat("x", max))}, []string{strings.Repeat("x", max)}, 0},
		{"too large", [][]byte{text(strings.Repeat("x", max+1))}, nil, CodeTooBig},
		{"too large by fragments", [][]byte{frame(ws.OpText, false, strings.Repeat("x", max)), frame(ws.OpContinuation, true, "x")}, nil, CodeTooBig},
		{"a header that lies", [][]byte{{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}}, nil, CodeTooBig},
		{"a length beyond 63 bits", [][]byte{{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}}, nil, CodeProtocol},
		{"not masked", [][]byte{{0x81, 0x01, 'a'}}, nil, CodeProtocol},
		{"reserved bit 1", [][]byte{{0xc1, 0x80, 0, 0, 0, 0}}, nil, CodeProtocol},
		{"reserved bit 3", [][]byte{{0x91, 0x80, 0, 0, 0, 0}}, nil, CodeProtocol},
		{"reserved data opcode", [][]byte{frame(3, true, "")}, nil, CodeProtocol},
		{"reserved control opcode", [][]byte{frame(11, true, "")}, nil, CodeProtocol},
		{"control frame in fragments", [][]byte{frame(ws.OpPing, false, "a")}, nil, CodeProtocol},
		{"control frame too long", [][]byte{{0x89, 0xfe, 0, 126, 0, 0, 0, 0}}, nil, CodeProtocol},
		{"continuation of nothing", [][]byte{frame(ws.OpContinuation, true, "a")}, nil, CodeProtocol},
		{"a message inside a message", [][]byte{frame(ws.OpText, false, "a"), text("b")}, nil, CodeProtocol},
		{"text that is not UTF-8", [][]byte{text("a\xff")}, nil, CodeNotUTF8},
		{"text that ends inside a character", [][]byte{text("a\xe2\x82")}, nil, CodeNotUTF8},
		{"a surrogate", [][]byte{text("\xed\xa0\x80")}, nil, CodeNotUTF8},
		{"a message before the violation", [][]byte{text("a"), frame(3, true, "")}, []string{"a"}, CodeProtocol},
		{"close", [][]byte{closing(1000, "bye")}, nil, 1000},
		{"close with a code of the application", [][]byte{closing(4201, "")}, nil, 4201},
		{"close with a registered code", [][]byte{closing(1012, "")}, nil, 1012},
		{"close without a code", [][]byte{frame(ws.OpClose, true, "")}, nil, CodeNone},
		{"close with half a code", [][]byte{frame(ws.OpClose, true, "\x03")}, nil, CodeProtocol},
		{"close with 1005", [][]byte{closing(1005, "")}, nil, CodeProtocol},
		{"close with 999", [][]byte{closing(999, "")}, nil, CodeProtocol},
		{"close with 2000", [][]byte{closing(2000, "")}, nil, CodeProtocol},
		{"close with 5000", [][]byte{closing(5000, "")}, nil, CodeProtocol},
		{"close with a reason that is not UTF-8", [][]byte{closing(1000, "\xff")}, nil, CodeNotUTF8},
		{"nothing after close", [][]byte{closing(1000, ""), text("a")}, nil, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, byByte := range []bool{false, true} {
				g := newGroup(t, Options{MaxMessage: max})
				rec := newRecorder()
				p := serve(t, g, false, func(c *Conn) { c.Serve(rec) }).dial(t)
				in := bytes.Join(c.in, nil)
				if !byByte {
					p.put(in)
				} else if len(in) > 4096 {
					continue
				} else {
					for i := range in {
						if _, err := p.Write(in[i : i+1]); err != nil && c.code == 0 {
							t.Fatal(err)
						}
					}
				}
				for _, want := range c.want {
					if got := get(t, rec.messages, "message"); got != want {
						t.Fatalf("message of %d bytes %.40q, want %.40q", len(got), got, want)
					}
				}
				if c.code == 0 {
					continue
				}
				if code, reason := p.nextClose(); code != c.code {
					t.Fatalf("closed with %d %q, want %d", code, reason, c.code)
				}
				p.ended()
				p.Close()
				var ce *CloseError
				if err := get(t, rec.closed, "Closed"); !errors.As(err, &ce) || ce.Code != c.code {
					t.Fatalf("Closed(%v)", err)
				}
				if len(rec.messages) > 0 {
					t.Fatalf("an extra message %q", <-rec.messages)
				}
			}
		})
	}
}

// A ping is answered with its payload; a peer that sends nothing but control
// frames, as fast as it can, is cut off.
func TestPings(t *testing.T) {
	g := newGroup(t, Options{})
	rec := newRecorder()
	p := serve(t, g, false, func(c *Conn) { c.Serve(rec) }).dial(t)
	long := strings.Repeat("p", 125)
	p.put(frame(ws.OpPing, true, "one"), frame(ws.OpPing, true, long))
	for _, want := range []string{"one", long} {
		if f := p.next(); f.Header.OpCode != ws.OpPong || string(f.Payload) != want {
			t.Fatalf("answered %v %q", f.Header.OpCode, f.Payload)
		}
	}
	flood := bytes.Repeat(frame(ws.OpPing, true, ""), 20*maxControl)
	go p.Write(flood)
	if code, _ := p.nextClose(); code != CodePolicy {
		t.Fatalf("closed with %d", code)
	}
	p.Close()
	get(t, rec.closed, "Closed")
}

// The public suites send a message in 131,072 fragments; more than maxFragments
// is too many.
func TestFragmentCount(t *testing.T) {
	var s parser
	s.max = 1 << 20
	one := frame(ws.OpContinuation, false, "")
	feed := func(p []byte) (item, error) {
		it, n, err := s.next(bytes.Clone(p))
		if n != len(p) && err == nil {
			t.Fatalf("took %d of %d bytes", n, len(p))
		}
		return it, err
	}
	feed(frame(ws.OpText, false, "a"))
	for range 131_071 {
		if _, err := feed(one); err != nil {
			t.Fatal(err)
		}
	}
	if it, err := feed(frame(ws.OpContinuation, true, "z")); err != nil || string(it.p) != "az" {
		t.Fatalf("%q, %v", it.p, err)
	}
	feed(frame(ws.OpText, false, "a"))
	var err error
	for n := 0; err == nil && n <= maxFragments; n++ {
		_, err = feed(one)
	}
	var ce *CloseError
	if !errors.As(err, &ce) || ce.Code != CodeTooBig {
		t.Fatalf("fragments without end: %v", err)
	}
}

// The server's close: the peer gets the frame, answers, and is hung up on; one
// that does not answer is hung up on after a second.
func TestClose(t *testing.T) {
	each(t, func(t *testing.T, secure bool) {
		g := newGroup(t, Options{})
		conns := make(chan *Conn, 2)
		rec := newRecorder()
		s := serve(t, g, secure, func(c *Conn) { c.Serve(rec); conns <- c })
		p := s.dial(t)
		c := get(t, conns, "connection")
		if err := c.TryWrite(Frame{Body: []byte("last words")}); err != nil {
			t.Fatal(err)
		}
		reason := strings.Repeat("é", 100)
		c.Close(4321, reason)
		c.Close(1000, "too late")
		if err := c.TryWrite(Frame{Body: []byte("x")}); err != ErrClosed {
			t.Fatalf("TryWrite after Close: %v", err)
		}
		if f := p.next(); string(f.Payload) != "last words" {
			t.Fatalf("got %q", f.Payload)
		}
		if code, got := p.nextClose(); code != 4321 || got != reason[:122] {
			t.Fatalf("closed with %d %q", code, got)
		}
		p.put(text("not heard"), frame(ws.OpClose, true, "\x10\xe1"))
		p.ended()
		var ce *CloseError
		if err := get(t, rec.closed, "Closed"); !errors.As(err, &ce) || ce.Code != 4321 || ce.Peer || len(rec.messages) > 0 {
			t.Fatalf("Closed(%v), %d messages", err, len(rec.messages))
		}

		p = s.dial(t)
		c = get(t, conns, "connection")
		began := time.Now()
		c.Close(0, "")
		if code, _ := p.nextClose(); code != CodeNone {
			t.Fatalf("closed with %d", code)
		}
		p.ended()
		get(t, rec.closed, "Closed")
		if d := time.Since(began); d > 3*closeTime {
			t.Fatalf("a peer that does not answer was hung up on after %v", d)
		}
	})
}

// A connection that is closed before it is served tells its handler at once.
func TestCloseBeforeServe(t *testing.T) {
	g := newGroup(t, Options{})
	calls := make(chan int, 1)
	p := serve(t, g, false, func(c *Conn) {
		rec := newRecorder()
		c.TryWrite(Frame{Body: []byte("hello")})
		c.Close(4000, "no")
		c.Serve(rec)
		calls <- len(rec.closed)
	}).dial(t)
	if f := p.next(); string(f.Payload) != "hello" {
		t.Fatalf("got %q", f.Payload)
	}
	if code, _ := p.nextClose(); code != 4000 {
		t.Fatalf("closed with %d", code)
	}
	p.ended()
	if n := get(t, calls, "end of Serve"); n != 1 {
		t.Fatalf("Serve called Closed %d times", n)
	}
}

// A peer that drops the connection is io.EOF or a reset, over TLS too.
func TestPeerGone(t *testing.T) {
	each(t, func(t *testing.T, secure bool) {
		g := newGroup(t, Options{})
		rec := newRecorder()
		p := serve(t, g, secure, func(c *Conn) { c.Serve(rec) }).dial(t)
		p.put(text("a")[:3])
		p.Close()
		if err := get(t, rec.closed, "Closed"); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("Closed(%v)", err)
		}
	})
}
