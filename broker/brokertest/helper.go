package brokertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// deadline bounds whatever should happen soon. It is long, so that only what
// never happens runs into it.
const deadline = 30 * time.Second

// T is one case under way: a broker, and an app that no other case uses.
type T struct {
	testing.TB
	b   broker.Broker
	app string
	ctx context.Context // ends with the case; for calls that should not wait
}

func newT(tb testing.TB, b broker.Broker) *T {
	ctx, cancel := context.WithTimeout(tb.Context(), 4*deadline)
	tb.Cleanup(cancel)
	return &T{TB: tb, b: b, app: "t" + strings.ToLower(rand.Text()[:12]), ctx: ctx}
}

// turn names a turn of channel "chat".
func (t *T) turn(name string) turn.ID { return turn.NewID(t.app, "chat", name) }

func (t *T) timeline() turn.ID { return turn.Timeline(t.app, "chat") }

func (t *T) stream(name string) turn.ID {
	return turn.ID{App: t.app, Channel: "chat", Kind: turn.StreamLog, Name: name}
}

func prompt(s string) turn.Event {
	return turn.Event{Kind: turn.KindPrompt, Data: fmt.Appendf(nil, `{"text":%q}`, s), Attrs: map[string]string{turn.AttrSchema: turn.SchemaVersion, turn.AttrTime: "1"}}
}

// texts are text events, one for each piece.
func texts(pieces ...string) []turn.Event {
	evs := make([]turn.Event, len(pieces))
	for i, p := range pieces {
		evs[i] = turn.Event{Kind: turn.KindText, Data: []byte(p)}
	}
	return evs
}

// numbered are n text events that say their number.
func numbered(n int) []turn.Event {
	evs := make([]turn.Event, n)
	for i := range evs {
		evs[i] = turn.Event{Kind: turn.KindText, Data: fmt.Appendf(nil, "%d ", i+1)}
	}
	return evs
}

func end() turn.Event { return turn.Event{Kind: turn.KindEnd, Data: []byte(`{"reason":"stop"}`)} }

// must ends the case on an error.
func (t *T) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// is ends the case unless err wraps want.
func (t *T) is(what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: got error %v, want one that wraps %q", what, err, want)
	}
}

// gap ends the case unless err is a GapError with this top.
func (t *T) gap(what string, err error, top turn.Seq) {
	t.Helper()
	var g *broker.GapError
	if !errors.As(err, &g) || g.Top != top {
		t.Fatalf("%s: got error %v, want a GapError with top %d", what, err, top)
	}
}

func (t *T) create(id turn.ID, evs ...turn.Event) {
	t.Helper()
	t.must(t.b.Create(t.ctx, id, 0, evs...))
}

func (t *T) begin(id turn.ID) (turn.Epoch, turn.Seq) {
	t.Helper()
	e, top, err := t.b.Begin(t.ctx, id)
	t.must(err)
	return e, top
}

// append wants the append to succeed, with this last place.
func (t *T) append(id turn.ID, e turn.Epoch, first, last turn.Seq, evs ...turn.Event) {
	t.Helper()
	got, err := t.b.Append(t.ctx, id, e, first, evs...)
	if err != nil || got != last {
		t.Fatalf("append to %s at %d under epoch %d: got place %d, %v; want %d", id, first, e, got, err, last)
	}
}

// started creates a turn of a prompt and pieces 2, 3, … under epoch 1.
func (t *T) started(id turn.ID, pieces ...string) turn.Seq {
	t.Helper()
	t.create(id, prompt("hi"))
	e, top := t.begin(id)
	if e != 1 || top != 1 {
		t.Fatalf("begin a fresh turn: epoch %d, top %d; want 1, 1", e, top)
	}
	last := 1 + turn.Seq(len(pieces))
	if len(pieces) > 0 {
		t.append(id, 1, 2, last, texts(pieces...)...)
	}
	return last
}

func (t *T) read(id turn.ID, after turn.Seq, max int) []turn.Event {
	t.Helper()
	evs, err := t.b.Read(t.ctx, id, after, max)
	if err != nil {
		t.Fatalf("read %s after %d: %v", id, after, err)
	}
	return evs
}

// all reads a log from after to its top or end, and checks that it is dense.
func (t *T) all(id turn.ID, after turn.Seq) []turn.Event {
	t.Helper()
	var out []turn.Event
	for {
		evs, err := t.b.Read(t.ctx, id, after, 100)
		if err == io.EOF || err == nil && len(evs) == 0 {
			return out
		}
		if err != nil {
			t.Fatalf("read %s after %d: %v", id, after, err)
		}
		for i := range evs {
			if evs[i].Start() != after+1 || evs[i].Seq < evs[i].Start() {
				t.Fatalf("read %s: an event for %d to %d follows place %d", id, evs[i].Start(), evs[i].Seq, after)
			}
			after = evs[i].Seq
		}
		out = append(out, evs...)
	}
}

// content is one line for each event: what a log must give back.
func content(evs []turn.Event) string {
	var b strings.Builder
	for i := range evs {
		ev := &evs[i]
		fmt.Fprintf(&b, "%d-%d epoch %d %s part=%q media=%q name=%q attrs=%v %.80q\n", ev.Start(), ev.Seq, ev.Epoch, ev.Kind, ev.Part, ev.Media, ev.Name, ev.Attrs, ev.Data)
	}
	return b.String()
}

// said joins the texts of a log.
func said(evs []turn.Event) string {
	var b strings.Builder
	for i := range evs {
		if evs[i].Kind == turn.KindText {
			b.Write(evs[i].Data)
		}
	}
	return b.String()
}

// says wants a log's texts to join to s.
func (t *T) says(id turn.ID, s string) {
	t.Helper()
	if got := said(t.all(id, 0)); got != s {
		t.Fatalf("%s says %q, want %q", id, got, s)
	}
}

func (t *T) info(id turn.ID) broker.Info {
	t.Helper()
	i, err := t.b.Info(t.ctx, id)
	t.must(err)
	return i
}

// gone wants a log not to exist.
func (t *T) gone(id turn.ID) {
	t.Helper()
	_, err := t.b.Info(t.ctx, id)
	t.is("info of "+id.String(), err, broker.ErrNotFound)
	if evs := t.read(id, 0, 10); len(evs) > 0 {
		t.Fatalf("%s is gone and gives %d events", id, len(evs))
	}
}

// eventually waits until cond holds.
func (t *T) eventually(what string, cond func() bool) {
	t.Helper()
	for until := time.Now().Add(deadline); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%s did not happen within %v", what, deadline)
		}
	}
}

// soon waits for ch.
func soon[V any](t *T, what string, ch <-chan V) V {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(deadline):
		t.Fatalf("%s did not happen within %v", what, deadline)
		panic("unreachable")
	}
}

// watch watches a log; its channel holds one wake-up.
func (t *T) watch(id turn.ID) (woken <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	stop = t.b.Watch(id, func() {
		select {
		case ch <- struct{}{}:
		default:
		}
	})
	t.Cleanup(stop)
	return ch, stop
}
