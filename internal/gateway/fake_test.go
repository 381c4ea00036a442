package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// A viewer is a connection that folds what it is given, as a client would. It
// fails the test on an event that is out of order, repeated, or of a log it
// was not told of.
type viewer struct {
	tb  testing.TB
	s   *Session
	max int // deliveries taken before it is full; 0: never full
	// loose: it unfollows while it is given things, and what it unfollowed
	// frees its number without a word.
	loose bool

	mu      sync.Mutex
	logs    map[uint32]Log
	answers map[turn.ID]*turn.Answer
	at      map[turn.ID]turn.Seq
	ended   map[turn.ID]error
	sends   int
	left    int
	full    bool
	batches []*Batch
	signals []Signal
	here    map[string]map[string]Member // by channel, then kind and id
	told    []*Roster
	renew   int
	why     error
	closed  bool
	changed chan struct{}
}

func newViewer(tb testing.TB, g *Gateway, who Identity) *viewer {
	v := &viewer{
		tb: tb, logs: map[uint32]Log{}, answers: map[turn.ID]*turn.Answer{}, at: map[turn.ID]turn.Seq{},
		ended: map[turn.ID]error{}, changed: make(chan struct{}, 1), here: map[string]map[string]Member{},
	}
	s, err := g.Open(v, who)
	if err != nil {
		tb.Fatal(err)
	}
	v.s = s
	return v
}

func (v *viewer) take() error {
	if v.full || v.max > 0 && v.left == 0 {
		v.full = true
		return ErrFull
	}
	v.left--
	return nil
}

// drain lets a full connection take n more.
func (v *viewer) drain(n int) {
	v.mu.Lock()
	v.left, v.full = n, false
	v.mu.Unlock()
	v.s.Writable()
}

func (v *viewer) Opened(l Log) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.take(); err != nil {
		return err
	}
	if _, ok := v.logs[l.N]; ok && !v.loose {
		v.tb.Errorf("number %d was given twice", l.N)
	}
	v.logs[l.N] = l
	if have := v.at[l.ID]; l.At != have && l.ID.Kind == turn.TurnLog {
		v.tb.Errorf("%v opened after %d, the viewer has it through %d", l.ID, l.At, have)
	}
	v.at[l.ID] = l.At
	return nil
}

func (v *viewer) Deliver(n uint32, b *Batch) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.take(); err != nil {
		return err
	}
	l, ok := v.logs[n]
	if !ok {
		v.tb.Errorf("events for number %d, which stands for nothing", n)
		return nil
	}
	if b.From != v.at[l.ID] {
		v.tb.Errorf("%v: a batch after %d, the viewer is at %d", l.ID, b.From, v.at[l.ID])
	}
	a := v.answers[l.ID]
	if a == nil {
		a = &turn.Answer{At: v.at[l.ID]}
		v.answers[l.ID] = a
	}
	for _, ev := range b.Events {
		if err := a.Add(ev); err != nil {
			v.tb.Errorf("%v: %v", l.ID, err)
		}
	}
	v.at[l.ID] = b.To
	v.sends++
	v.batches = append(v.batches, b)
	v.note()
	return nil
}

func (v *viewer) Ended(l Log, why error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.take(); err != nil {
		return err
	}
	delete(v.logs, l.N)
	v.ended[l.ID] = why
	v.note()
	return nil
}

// Present folds what a channel's presence is; it fails the test when a change
// does not fit what the viewer was told.
func (v *viewer) Present(p *Roster) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.take(); err != nil {
		return err
	}
	here := v.here[p.Channel]
	if p.Full {
		here = make(map[string]Member)
		v.here[p.Channel] = here
	} else if here == nil {
		v.tb.Errorf("%s: changes before everybody", p.Channel)
		return nil
	}
	for _, m := range append(append([]Member(nil), p.Here...), p.Joined...) {
		if _, ok := here[m.Kind+":"+m.ID]; ok {
			v.tb.Errorf("%s: %s joined twice", p.Channel, m.ID)
		}
		here[m.Kind+":"+m.ID] = m
	}
	for _, m := range p.Changed {
		if _, ok := here[m.Kind+":"+m.ID]; !ok {
			v.tb.Errorf("%s: %s changed, but is not here", p.Channel, m.ID)
		}
		here[m.Kind+":"+m.ID] = m
	}
	for _, m := range p.Left {
		if _, ok := here[m.Kind+":"+m.ID]; !ok {
			v.tb.Errorf("%s: %s left, but is not here", p.Channel, m.ID)
		}
		delete(here, m.Kind+":"+m.ID)
	}
	v.told = append(v.told, p)
	v.note()
	return nil
}

func (v *viewer) Signal(s Signal) {
	v.mu.Lock()
	v.signals = append(v.signals, s)
	v.note()
	v.mu.Unlock()
}

func (v *viewer) Renew(time.Duration) {
	v.mu.Lock()
	v.renew++
	v.mu.Unlock()
}

func (v *viewer) Close(why error) {
	v.mu.Lock()
	v.closed, v.why = true, why
	v.note()
	v.mu.Unlock()
}

func (v *viewer) note() {
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// over reports whether the viewer was told that a log has ended.
func (v *viewer) over(id turn.ID) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.ended[id]
	return ok
}

// text is what the viewer shows of a turn.
func (v *viewer) text(id turn.ID) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if a := v.answers[id]; a != nil {
		return a.Text()
	}
	return ""
}

type allowAll struct{}

func (allowAll) May(string, string, string) bool { return true }

func ann() Identity { return Identity{App: "app", User: "ann", Grants: allowAll{}} }

// node starts a gateway over an embedded broker in memory.
func node(tb testing.TB, o Options) *Gateway {
	tb.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	b := membroker.New(membroker.Options{})
	g, err := New(turns.New(b, turns.Options{}), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		g.Close()
		if err := b.Close(); err != nil {
			tb.Error(err)
		}
	})
	return g
}

// author writes a turn as a worker would.
type author struct {
	tb  testing.TB
	g   *Gateway
	id  turn.ID
	e   turn.Epoch
	top turn.Seq
}

func begin(tb testing.TB, g *Gateway, name string) *author {
	tb.Helper()
	a := &author{tb: tb, g: g, id: turn.NewID("app", "chat", name)}
	ctx := context.Background()
	if err := g.b.Create(ctx, a.id, 0, turn.Event{Kind: turn.KindPrompt, Data: []byte(`{"text":"hi"}`)}); err != nil {
		tb.Fatal(err)
	}
	var err error
	if a.e, a.top, err = g.b.Begin(ctx, a.id); err != nil {
		tb.Fatal(err)
	}
	return a
}

func (a *author) write(evs ...turn.Event) {
	a.tb.Helper()
	top, err := a.g.b.Append(context.Background(), a.id, a.e, a.top+1, evs...)
	if err != nil {
		a.tb.Fatal(err)
	}
	a.top = top
}

func (a *author) text(s string) { a.write(turn.Event{Kind: turn.KindText, Data: []byte(s)}) }

func (a *author) end() { a.write(turn.Event{Kind: turn.KindEnd, Data: []byte(`{"reason":"stop"}`)}) }

func watch(tb testing.TB, v *viewer, f Follow) *turns.Past {
	tb.Helper()
	if f.Channel == "" {
		f.Channel = "chat"
	}
	p, err := v.s.Follow(context.Background(), f)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func token(i int) string { return fmt.Sprintf("t%d é🙂 ", i) }

func raw(s string) json.RawMessage { return json.RawMessage(s) }
