package socket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// inFakeTime gives a story a group and a served connection over net.Pipe.
func inFakeTime(t *testing.T, o Options, story func(g *Group, c *Conn, rec *recorder, far net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(o)
		near, far := net.Pipe()
		c, err := g.Adopt(near, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		rec := newRecorder()
		c.Serve(rec)
		story(g, c, rec, far)
		far.Close()
		if err := g.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// Each connection is pinged once in PingEvery, not all at the same moment, and
// one that answers lives for ever.
func TestSweepPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(Options{})
		const n = 120
		pings := make(chan time.Duration, 10000)
		start := time.Now()
		var fars []net.Conn
		for range n {
			near, far := net.Pipe()
			c, err := g.Adopt(near, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			c.Serve(newRecorder())
			fars = append(fars, far)
			go func() {
				for {
					f, err := readFrame(far)
					if err != nil {
						return
					}
					if f.Header.OpCode == ws.OpPing {
						pings <- time.Since(start)
						far.Write(frame(ws.OpPong, true, string(f.Payload)))
					}
				}
			}()
		}
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		if g.Len() != n {
			t.Errorf("%d of %d connections are left", g.Len(), n)
		}
		if got, want := len(pings), n*40; got < want-n || got > want+n {
			t.Errorf("%d pings in 10 minutes, want %d", got, want)
		}
		most, moments := 0, map[time.Duration]int{}
		for len(pings) > 0 {
			at := <-pings
			moments[at]++
			most = max(most, moments[at])
		}
		if most > n/sweepSlots {
			t.Errorf("%d pings at one moment", most)
		}
		for _, far := range fars {
			far.Close()
		}
		g.Close(context.Background())
	})
}

// A peer that reads and says nothing is gone after DeadAfter.
func TestSweepSilent(t *testing.T) {
	inFakeTime(t, Options{}, func(g *Group, c *Conn, rec *recorder, far net.Conn) {
		start := time.Now()
		go io.Copy(io.Discard, far)
		if err := <-rec.closed; !errors.Is(err, ErrSilent) {
			t.Errorf("Closed(%v)", err)
		}
		if d := time.Since(start); d < 60*time.Second || d > 64*time.Second {
			t.Errorf("closed after %v", d)
		}
		if s := c.LastSeen(); !s.Equal(start) {
			t.Errorf("last seen %v after the start", s.Sub(start))
		}
	})
}

// So is one that does not even read.
func TestSweepStuck(t *testing.T) {
	inFakeTime(t, Options{}, func(g *Group, c *Conn, rec *recorder, far net.Conn) {
		start := time.Now()
		c.TryWrite(Frame{Body: []byte("x")})
		if err := <-rec.closed; !errors.Is(err, ErrSilent) {
			t.Errorf("Closed(%v)", err)
		}
		if d := time.Since(start); d > 64*time.Second {
			t.Errorf("closed after %v", d)
		}
	})
}

// Any frame is a sign of life: a client that never answers pings but says
// something each 50 s stays.
func TestSweepAnyFrameCounts(t *testing.T) {
	inFakeTime(t, Options{}, func(g *Group, c *Conn, rec *recorder, far net.Conn) {
		go io.Copy(io.Discard, far)
		for range 20 {
			time.Sleep(50 * time.Second)
			far.Write(text("still here"))
		}
		synctest.Wait()
		if len(rec.messages) != 20 || len(rec.closed) != 0 {
			t.Errorf("%d messages, closed %d times", len(rec.messages), len(rec.closed))
		}
		if d := time.Since(c.LastSeen()); d != 0 {
			t.Errorf("last seen %v ago", d)
		}
	})
}

// A message that trickles in is cut off by MessageTime, and so is one that
// stops half-way while pings are answered.
func TestSlowMessage(t *testing.T) {
	whole := bytes.Repeat(frame(ws.OpContinuation, false, "x"), 100)
	for name, drip := range map[string]func(far net.Conn, n int) bool{
		"trickles": func(far net.Conn, n int) bool { _, err := far.Write(whole[n : n+1]); return err == nil },
		"stops":    func(far net.Conn, n int) bool { _, err := far.Write(frame(ws.OpPong, true, "")); return err == nil },
	} {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, Options{}, func(g *Group, c *Conn, rec *recorder, far net.Conn) {
				frames := make(chan ws.Frame, 100)
				go func() {
					defer close(frames)
					for f, err := readFrame(far); err == nil; f, err = readFrame(far) {
						frames <- f
					}
				}()
				far.Write(text("an honest one"))
				time.Sleep(time.Hour/100 - 20*time.Second)
				far.Write(frame(ws.OpText, false, "x"))
				start := time.Now()
				for n := 0; n < 400 && drip(far, n); n++ {
					time.Sleep(time.Second)
				}
				if d := time.Since(start); d < 30*time.Second || d > 36*time.Second {
					t.Errorf("cut off after %v", d)
				}
				var ce *CloseError
				if err := <-rec.closed; !errors.As(err, &ce) || ce.Code != CodePolicy {
					t.Errorf("Closed(%v)", err)
				}
				if len(rec.messages) != 1 {
					t.Errorf("%d messages", len(rec.messages))
				}
			})
		})
	}
}

// Over net.Pipe, where nothing is taken until the peer reads, writes still do
// not block, and come in order.
func TestPipe(t *testing.T) {
	inFakeTime(t, Options{}, func(g *Group, c *Conn, rec *recorder, far net.Conn) {
		p := &peer{t: t, Conn: far, r: far}
		for i := range 100 {
			if err := c.TryWrite(Frame{Body: []byte{byte('a' + i%26)}}); err != nil {
				t.Fatal(err)
			}
			if err := c.TryWrite(Frame{Body: []byte("!")}); err != ErrFull {
				t.Fatal(err)
			}
			if f := p.next(); f.Payload[0] != byte('a'+i%26) {
				t.Fatalf("frame %d is %q", i, f.Payload)
			}
			<-rec.writable
		}
		c.Close(CodeNormal, "bye")
		if code, reason := p.nextClose(); code != CodeNormal || reason != "bye" {
			t.Errorf("closed with %d %q", code, reason)
		}
		start := time.Now()
		<-rec.closed
		if d := time.Since(start); d != closeTime {
			t.Errorf("hung up %v after its close frame", d)
		}
	})
}

// A group whose time to close is up hangs up on those who do not answer.
func TestGroupCloseInAHurry(t *testing.T) {
	inFakeTime(t, Options{}, func(g *Group, c *Conn, rec *recorder, far net.Conn) {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := g.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if d := time.Since(start); d != 100*time.Millisecond {
			t.Errorf("it took %v", d)
		}
		var ce *CloseError
		if err := <-rec.closed; !errors.As(err, &ce) || ce.Code != CodeGoingAway {
			t.Errorf("Closed(%v)", err)
		}
		if _, err := g.Adopt(far, "", nil); err != ErrGroupClosed {
			t.Errorf("a closed group adopts: %v", err)
		}
	})
}
