package socket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// A shaper is a valve that takes first bytes at once and then step by step.
type shaper struct {
	mu    sync.Mutex // write and drain must never meet
	first int
	step  int
	got   bytes.Buffer
	gate  chan struct{} // drain waits for it before each step, if not nil
	fail  error         // of drain
}

func (s *shaper) write(bufs [][]byte) (n int, err error) {
	if !s.mu.TryLock() {
		panic("write beside drain")
	}
	defer s.mu.Unlock()
	for _, b := range bufs {
		m := min(len(b), s.first-n)
		s.got.Write(b[:m])
		n += m
	}
	return n, nil
}

func (s *shaper) drain(next func(n int) []byte) error {
	if !s.mu.TryLock() {
		panic("drain beside write")
	}
	defer s.mu.Unlock()
	for p := next(0); len(p) > 0; {
		if s.gate != nil {
			<-s.gate
		}
		if s.fail != nil {
			return s.fail
		}
		n := min(s.step, len(p))
		s.got.Write(p[:n])
		p = next(n)
	}
	return nil
}

func (s *shaper) acked() (uint64, bool) { return 0, false }

func shaped(t *testing.T, g *Group, s *shaper) (*Conn, *recorder, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	c, err := g.Adopt(near, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	c.out.valve = s
	rec := newRecorder()
	c.Serve(rec)
	t.Cleanup(func() { far.Close(); get(t, rec.closed, "Closed") })
	return c, rec, far
}

// However the socket cuts a write, at every byte of it, the frames come out
// whole and in order, and whoever was told ErrFull is told once when to go on.
func TestPartialWrites(t *testing.T) {
	g := newGroup(t, Options{})
	big := []byte(strings.Repeat("shared body ", smallWrite/6))
	for _, frames := range [][]Frame{
		{{Head: []byte("he"), Body: []byte("llo")}, {Body: []byte("b"), Binary: true}, {Head: []byte("only a head")}, {}},
		{{Head: []byte("7,"), Body: big}, {Head: []byte("8,"), Body: big, Binary: true}},
	} {
		var want []byte
		for i := range frames {
			want = appendFrame(want, &frames[i])
		}
		for cut := 0; cut <= len(want); cut++ {
			if cut == 64 && len(want) > 4096 { // near the ends and the joints of a large one
				cut = len(want)/2 - 32
			} else if cut == len(want)/2+32 && len(want) > 4096 {
				cut = len(want) - 64
			}
			s := &shaper{first: cut, step: 1 + cut%7*1000, gate: make(chan struct{})}
			c, rec, _ := shaped(t, g, s)
			if err := c.TryWrite(frames...); err != nil {
				t.Fatal(err)
			}
			if q := c.Queued(); q != len(want)-cut {
				t.Fatalf("cut at %d of %d: %d bytes are queued", cut, len(want), q)
			}
			if cut < len(want) {
				for range 2 {
					if err := c.TryWrite(Frame{Body: []byte("x")}); err != ErrFull {
						t.Fatalf("cut at %d: a second write: %v", cut, err)
					}
				}
				close(s.gate)
				get(t, rec.writable, "Writable")
			}
			s.first = 1 << 20
			if err := c.TryWrite(Frame{Body: []byte("after")}); err != nil {
				t.Fatal(err)
			}
			if got := s.got.Bytes(); !bytes.Equal(got, append(bytes.Clone(want), 0x81, 5, 'a', 'f', 't', 'e', 'r')) {
				t.Fatalf("cut at %d: the bytes differ", cut)
			}
			if len(rec.writable) > 0 {
				t.Fatalf("cut at %d: Writable came twice", cut)
			}
		}
	}
}

// Writable comes only to those who were told ErrFull.
func TestWritableOnlyWhenWanted(t *testing.T) {
	g := newGroup(t, Options{})
	s := &shaper{step: 100}
	c, rec, _ := shaped(t, g, s)
	for i := range 50 {
		if err := c.TryWrite(Frame{Body: []byte{byte('a' + i%26)}}); err != nil && err != ErrFull {
			t.Fatal(err)
		} else if err == ErrFull {
			get(t, rec.writable, "Writable")
		} else {
			c.out.wait()
		}
	}
	if len(rec.writable) > 0 {
		t.Fatal("Writable came without ErrFull")
	}
}

// A write that fails later ends the connection, and says why.
func TestWriteFails(t *testing.T) {
	g := newGroup(t, Options{})
	near, far := net.Pipe()
	defer far.Close()
	c, err := g.Adopt(near, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	lost := errors.New("line cut")
	c.out.valve = &shaper{fail: lost}
	rec := newRecorder()
	c.Serve(rec)
	if err := c.TryWrite(Frame{Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if err := get(t, rec.closed, "Closed"); !errors.Is(err, lost) {
		t.Fatalf("Closed(%v)", err)
	}
	if err := c.TryWrite(Frame{}); err != ErrClosed {
		t.Fatalf("TryWrite afterwards: %v", err)
	}
}

// While a peer does not read, the answers to its pings do not pile up: the last
// one is answered, as RFC 6455, 5.5.3 allows.
func TestLatePong(t *testing.T) {
	g := newGroup(t, Options{})
	s := &shaper{step: 1, gate: make(chan struct{})}
	c, rec, far := shaped(t, g, s)
	c.TryWrite(Frame{Body: []byte("slow")})
	far.Write(bytes.Join([][]byte{frame(ws.OpPing, true, "1"), frame(ws.OpPing, true, "2"), text("done")}, nil))
	get(t, rec.messages, "message")
	if q := c.Queued(); q != 6 {
		t.Fatalf("%d bytes queued", q)
	}
	close(s.gate)
	c.out.wait()
	if got, want := s.got.String(), "\x81\x04slow\x8a\x012"; got != want {
		t.Fatalf("wrote %q, want %q", got, want)
	}
}

// A peer that never reads costs what one TryWrite passed and no more; when it
// reads again it gets every byte in order.
func TestSleeperGetsAll(t *testing.T) {
	each(t, func(t *testing.T, secure bool) {
		const chunk, total = 4 << 10, 8 << 20
		g := newGroup(t, Options{SendBuffer: 16 << 10})
		conns := make(chan *Conn, 1)
		rec := newRecorder()
		s := serve(t, g, secure, func(c *Conn) { c.Serve(rec); conns <- c })
		p := s.dial(t)
		c := get(t, conns, "connection")
		body := []byte(strings.Repeat("0123456789abcde\n", chunk/16))
		sum, i := crc32.NewIEEE(), 0
		write := func() error {
			head := fmt.Appendf(nil, "%08d", i)
			if err := c.TryWrite(Frame{Head: head, Body: body, Binary: true}); err != nil {
				return err
			}
			sum.Write(head)
			sum.Write(body)
			i++
			return nil
		}
		for write() == nil {
			if i*chunk > 64<<20 {
				t.Fatal("a peer that does not read took 64 MB")
			}
		}
		for range 1000 {
			if err := write(); err != ErrFull {
				t.Fatal(err)
			}
		}
		if q := c.Queued(); q == 0 || q > chunk+1024 {
			t.Fatalf("%d bytes queued after a refused write", q)
		}
		done := make(chan uint32)
		go func() {
			got, n := crc32.NewIEEE(), 0
			for {
				f, err := readFrame(p)
				if err != nil || f.Header.OpCode == ws.OpClose {
					break
				}
				got.Write(f.Payload)
				n++
			}
			done <- got.Sum32()
		}()
		for i < total/chunk {
			if err := write(); err == ErrFull {
				get(t, rec.writable, "Writable")
			} else if err != nil {
				t.Fatal(err)
			}
		}
		c.Close(CodeNormal, "")
		if got := get(t, done, "end of the stream"); got != sum.Sum32() {
			t.Fatalf("the bytes differ")
		}
	})
}

// Many writers, pings both ways and a reader that takes a little at a time:
// each writer's frames arrive whole and in its order.
func TestManyWriters(t *testing.T) {
	each(t, func(t *testing.T, secure bool) {
		const writers, each = 4, 300
		g := newGroup(t, Options{SendBuffer: 4 << 10, PingEvery: 60 * time.Millisecond})
		conns := make(chan *Conn, 1)
		var mu sync.Mutex
		again := sync.NewCond(&mu)
		wakes := 0
		rec := newRecorder()
		h := &waker{recorder: rec, wake: func() { mu.Lock(); wakes++; mu.Unlock(); again.Broadcast() }}
		s := serve(t, g, secure, func(c *Conn) { c.Serve(h); conns <- c })
		p := s.dial(t)
		c := get(t, conns, "connection")
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					body := bytes.Repeat([]byte{byte(w)}, (i*37+w*1111)%12000)
					head := binary.BigEndian.AppendUint32([]byte{byte(w)}, uint32(i))
					for {
						mu.Lock()
						seen := wakes
						mu.Unlock()
						err := c.TryWrite(Frame{Head: head, Body: body, Binary: true})
						if err == nil {
							break
						}
						if err != ErrFull {
							t.Error(err)
							return
						}
						mu.Lock()
						for wakes == seen {
							again.Wait()
						}
						mu.Unlock()
					}
				}
			})
		}
		next := make([]uint32, writers)
		for n := 0; n < writers*each; {
			f := p.next()
			switch f.Header.OpCode {
			case ws.OpPing:
				p.put(frame(ws.OpPong, true, ""), frame(ws.OpPing, true, "x"))
				continue
			case ws.OpPong:
				continue
			}
			w := f.Payload[0]
			if i := binary.BigEndian.Uint32(f.Payload[1:]); i != next[w] {
				t.Fatalf("writer %d: frame %d after %d", w, i, next[w])
			}
			for _, b := range f.Payload[5:] {
				if b != w {
					t.Fatalf("writer %d: bytes of %d", w, b)
				}
			}
			next[w]++
			n++
		}
		wg.Wait()
	})
}

type waker struct {
	*recorder
	wake func()
}

func (w *waker) Writable() { w.wake() }

// A peer that makes TLS answer again and again, and reads none of it, is cut
// off.
func TestStrayIsBounded(t *testing.T) {
	g := newGroup(t, Options{})
	s := &shaper{gate: make(chan struct{}), step: 1 << 20}
	c, _, _ := shaped(t, g, s)
	defer close(s.gate)
	c.TryWrite(Frame{Body: []byte("x")})
	var err error
	n := 0
	for err == nil && n < 1<<20 {
		var m int
		m, err = c.out.take(make([]byte, 30))
		n += m
	}
	if err != errStray || n > maxStray {
		t.Fatalf("%v after %d bytes", err, n)
	}
}

// Close, TryWrite, the peer's close, a drop and the group's end, all at once.
func TestCloseRaces(t *testing.T) {
	g := newGroup(t, Options{SendBuffer: 4 << 10})
	conns := make(chan *Conn, 1)
	recs := make(chan *recorder, 1)
	s := serve(t, g, false, func(c *Conn) {
		rec := newRecorder()
		recs <- rec
		conns <- c
		c.Serve(rec)
	})
	body := make([]byte, 30000)
	for i := range 100 {
		p := s.dial(t)
		rec, c := get(t, recs, "handler"), get(t, conns, "connection")
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for c.TryWrite(Frame{Body: body, Binary: true}) != ErrClosed {
				}
			})
		}
		wg.Go(func() { c.Close(CodeNormal, "") })
		wg.Go(func() {
			switch {
			case i%2 == 0:
				p.Write(frame(ws.OpClose, true, ""))
				io.Copy(io.Discard, p)
			case i == 51: // never answers: this one takes closeTime
				io.Copy(io.Discard, p)
			}
			p.Close()
		})
		wg.Wait()
		get(t, rec.closed, "Closed")
	}
	if len(recs) > 0 || g.Len() != 0 {
		t.Fatalf("%d connections are left", g.Len())
	}
}

// A thousand connections come and go, in every manner.
func TestChurn(t *testing.T) {
	each(t, func(t *testing.T, secure bool) {
		count := 1000
		if secure {
			count = 200 // a handshake under the race detector takes milliseconds
		}
		g := newGroup(t, Options{})
		var ends sync.WaitGroup
		ends.Add(count)
		s := serve(t, g, secure, func(c *Conn) {
			rec := newRecorder()
			rec.onMessage = func(p []byte, binary bool) {
				if string(p) == "kick me" {
					c.Close(4000, "as you wish")
					return
				}
				c.TryWrite(Frame{Body: p})
			}
			c.Serve(&closer{rec, ends.Done})
		})
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := w; i < count; i += 8 {
					p := s.dial(t)
					p.put(text("hi"))
					p.next()
					switch i % 4 {
					case 0:
						p.put(frame(ws.OpClose, true, "\x03\xe8"))
						p.nextClose()
					case 1:
						p.put(text("kick me"))
						p.nextClose()
					case 2:
						p.put(text("half")[:4])
					}
					p.Close()
				}
			})
		}
		wg.Wait()
		ends.Wait()
		if g.Len() != 0 {
			t.Fatalf("%d connections are left", g.Len())
		}
	})
}

type closer struct {
	*recorder
	closed func()
}

func (c *closer) Closed(error) { c.closed() }
