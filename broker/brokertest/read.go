package brokertest

import (
	"context"
	"errors"
	"io"
	"math"
	"strings"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// readCases are Read, and Wait over it.
var readCases = []testCase{
	{"of a log that does not exist", readNothing},
	{"follows after, at most max", readMax},
	{"at most about MaxRead bytes", readBytes},
	{"EOF at the terminal event", readEnd},
	{"ahead of the top", readAhead},
	{"in the middle of a compacted event", readInside},
	{"wait for an event", waitForEvent},
	{"wait for the end", waitForEnd},
	{"wait ends with its context", waitEnds},
}

func readNothing(t *T) {
	for _, id := range []turn.ID{t.turn("t1"), t.timeline(), t.stream("s")} {
		if evs, err := t.b.Read(t.ctx, id, 0, 10); len(evs) > 0 || err != nil {
			t.Fatalf("read %s: %d events, %v", id, len(evs), err)
		}
		_, err := t.b.Read(t.ctx, id, 1, 10)
		t.is("read after 1", err, broker.ErrAhead)
		t.gone(id) // reading creates nothing
	}
}

func readMax(t *T) {
	id := t.turn("t1")
	t.started(id)
	t.append(id, 1, 2, 301, numbered(300)...)
	for _, c := range []struct {
		after turn.Seq
		max   int
		n     int
	}{{0, 1, 1}, {0, 10, 10}, {1, 300, 300}, {1, 1000, 300}, {150, 7, 7}, {299, 10, 2}, {300, 10, 1}, {301, 10, 0}} {
		evs := t.read(id, c.after, c.max)
		if len(evs) != c.n {
			t.Fatalf("read after %d, at most %d: %d events, want %d", c.after, c.max, len(evs), c.n)
		}
		for i := range evs {
			if want := c.after + turn.Seq(i) + 1; evs[i].Seq != want || evs[i].Start() != want {
				t.Fatalf("read after %d: event %d is at %d", c.after, i, evs[i].Seq)
			}
		}
	}
}

func readBytes(t *T) {
	id := t.turn("t1")
	t.started(id)
	big := turn.Event{Kind: turn.KindAudio, Media: "audio/pcm", Data: make([]byte, 100<<10)}
	const n = 20
	for i := range n {
		t.append(id, 1, turn.Seq(i+2), turn.Seq(i+2), big)
	}
	reads := 0
	for at := turn.Seq(1); at < n+1; reads++ {
		evs, size := t.read(id, at, 1000), 0
		for i := range evs {
			size += evs[i].Size()
		}
		if len(evs) == 0 || size > broker.MaxRead+turn.MaxData {
			t.Fatalf("read after %d: %d events of %d bytes", at, len(evs), size)
		}
		at = evs[len(evs)-1].Seq
	}
	if reads < 3 {
		t.Fatalf("2 MB came in %d reads", reads)
	}
}

func readEnd(t *T) {
	id := t.turn("t1")
	t.started(id, "a")
	t.append(id, 1, 3, 3, end())
	evs := t.read(id, 1, 10)
	if len(evs) != 2 || evs[1].Kind != turn.KindEnd {
		t.Fatalf("read:\n%s", content(evs))
	}
	if _, err := t.b.Read(t.ctx, id, 3, 10); err != io.EOF {
		t.Fatalf("after the end: %v, want io.EOF itself", err)
	}
	_, err := t.b.Read(t.ctx, id, 4, 10)
	t.is("beyond the end", err, broker.ErrAhead)
}

func readAhead(t *T) {
	id := t.turn("t1")
	t.started(id, "a")
	_, err := t.b.Read(t.ctx, id, 3, 10)
	t.is("one beyond the top", err, broker.ErrAhead)
	_, err = t.b.Read(t.ctx, id, 1<<50, 10)
	t.is("far beyond the top", err, broker.ErrAhead)
	_, err = t.b.Read(t.ctx, id, math.MaxUint64, 10)
	t.is("beyond all places", err, broker.ErrAhead)
	t.append(id, 1, 3, 3, texts("b")...)
	if evs := t.read(id, 3, 10); len(evs) != 0 {
		t.Fatalf("at the top: %d events", len(evs))
	}
	t.must(t.b.Delete(t.ctx, id))
	_, err = t.b.Read(t.ctx, id, 3, 10)
	t.is("of a deleted log", err, broker.ErrAhead)
}

// readInside puts a cursor at each place of a compacted log: it continues
// exactly there, and its attributes and other kinds are untouched.
func readInside(t *T) {
	id := t.turn("t1")
	t.started(id)
	evs := texts("Hel", "lo ", "", "wörld", " 水", "!")
	evs = append(evs,
		turn.Event{Kind: turn.KindData, Name: "n", Data: []byte("{}"), Attrs: map[string]string{"at": "5"}},
		turn.Event{Kind: turn.KindReasoning, Data: []byte("so ")},
		turn.Event{Kind: turn.KindReasoning, Data: []byte("it is")},
		turn.Event{Kind: turn.KindTool, Part: "c1", Name: "find", Data: []byte(`{"q":`)},
		turn.Event{Kind: turn.KindTool, Part: "c1", Name: "find", Data: []byte(`1}`)},
		end())
	t.append(id, 1, 2, turn.Seq(1+len(evs)), evs...)
	whole := t.all(id, 0)
	t.must(t.b.Compact(t.ctx, id, 0))
	top := whole[len(whole)-1].Seq
	for at := turn.Seq(0); at < top; at++ {
		got := t.all(id, at)
		if a, b := content(turn.Merge(got)), content(turn.Merge(whole[at:])); a != b {
			t.Fatalf("after %d, read:\n%swant:\n%s", at, a, b)
		}
		if one := t.read(id, at, 1); len(one) != 1 || one[0].Start() != at+1 {
			t.Fatalf("one after %d:\n%s", at, content(one))
		}
	}
	if n := len(t.all(id, 0)); n >= len(whole) {
		t.Fatalf("compacting %d events left %d", len(whole), n)
	}
	if _, err := t.b.Read(t.ctx, id, top, 10); err != io.EOF {
		t.Fatalf("at the end of a compacted log: %v", err)
	}
}

func waitForEvent(t *T) {
	for _, id := range []turn.ID{t.turn("t1"), t.timeline()} { // neither exists yet
		got := make(chan []turn.Event, 1)
		go func() { // ends with the first event
			evs, err := broker.Wait(t.ctx, t.b, id, 0, 10)
			if err != nil {
				t.Errorf("wait for %s: %v", id, err)
			}
			got <- evs
		}()
		if id.Kind == turn.TurnLog {
			t.create(id, texts("a", "b")...)
		} else {
			t.append(id, 0, 0, 2, texts("a", "b")...)
		}
		if evs := soon(t, "the first event", got); said(evs) != "ab" {
			t.Fatalf("waited for %q", said(evs))
		}
	}
}

func waitForEnd(t *T) {
	id := t.turn("t1")
	t.started(id, "a")
	text, done := make(chan string, 1), make(chan error, 1)
	go func() { // a reader until the end
		var b strings.Builder
		for at := turn.Seq(0); ; {
			evs, err := broker.Wait(t.ctx, t.b, id, at, 3)
			if err != nil {
				text <- b.String()
				done <- err
				return
			}
			b.WriteString(said(evs))
			at = evs[len(evs)-1].Seq
		}
	}()
	for i := range 50 {
		t.append(id, 1, turn.Seq(3+i), turn.Seq(3+i), texts("x")...)
	}
	t.append(id, 1, 53, 53, end())
	if got, err := soon(t, "the end", text), <-done; err != io.EOF || got != "a"+strings.Repeat("x", 50) {
		t.Fatalf("read %q, then %v", got, err)
	}
}

func waitEnds(t *T) {
	ctx, cancel := context.WithCancel(t.ctx)
	done := make(chan error, 1)
	go func() { // ends with ctx
		_, err := broker.Wait(ctx, t.b, t.turn("t1"), 0, 1)
		done <- err
	}()
	cancel()
	if err := soon(t, "the end of Wait", done); !errors.Is(err, context.Canceled) {
		t.Fatalf("wait: %v", err)
	}
}
