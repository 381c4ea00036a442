package worker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/faultbroker"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/scripted"
)

// A frozen broker is what a worker sees that was stopped: nothing it calls
// comes back until it is thawed.
type frozen struct {
	*faultbroker.Broker
	mu   sync.Mutex
	cold chan struct{} // nil: not frozen
}

func newFrozen(b broker.Broker) *frozen {
	f := &frozen{}
	f.Broker = faultbroker.New(slow{b, f}, nil)
	return f
}

func (f *frozen) freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cold = make(chan struct{})
}

func (f *frozen) thaw() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.cold)
	f.cold = nil
}

func (f *frozen) wait() {
	f.mu.Lock()
	c := f.cold
	f.mu.Unlock()
	if c != nil {
		<-c
	}
}

type slow struct {
	broker.Broker
	f *frozen
}

func (s slow) Append(ctx context.Context, id turn.ID, e turn.Epoch, first turn.Seq, evs ...turn.Event) (turn.Seq, error) {
	s.f.wait()
	return s.Broker.Append(ctx, id, e, first, evs...)
}

func (s slow) Extend(ctx context.Context, q string, j broker.Job) error {
	s.f.wait()
	return s.Broker.Extend(ctx, q, j)
}

func long() scripted.Step { return scripted.Step{Text: "{i} é🙂 ", Repeat: 100, Every: 100 * ms} }

func whole() string {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "%d é🙂 ", i)
	}
	return b.String()
}

func starts(tb testing.TB, evs []turn.Event) []turn.EpochStart {
	tb.Helper()
	var out []turn.EpochStart
	for _, ev := range evs {
		if ev.Kind == turn.KindEpoch {
			var es turn.EpochStart
			if err := json.Unmarshal(ev.Data, &es); err != nil {
				tb.Fatal(err)
			}
			out = append(out, es)
		}
	}
	return out
}

// A worker that is stopped in the middle loses its turn to another one, and
// writes nothing when it wakes (design: 3, 5).
func TestFrozenWorkerIsFenced(t *testing.T) {
	for _, continues := range []bool{true, false} {
		t.Run(fmt.Sprintf("continues=%v", continues), func(t *testing.T) {
			bubble(t, func(t *testing.T, p *place) {
				steps := []scripted.Step{long(), {Continue: continues}}
				if !continues {
					steps = steps[:1]
				}
				cold := newFrozen(p.b)
				stop1 := work(t, cold, play(t, steps...), worker.Options{Name: "one"})
				id := p.prompt("hello")
				p.shows(id, 200)
				cold.freeze()
				frozenAt := time.Now()
				stop2 := work(t, p.b, play(t, steps...), worker.Options{Name: "two"})
				for {
					if i, err := p.b.Info(context.Background(), id); err == nil && i.Epoch == 2 {
						break
					}
					if time.Since(frozenAt) > worker.DefaultLease+5*time.Second {
						t.Fatal("nobody took over within lease + 5 s")
					}
					time.Sleep(100 * time.Millisecond)
				}
				time.Sleep(time.Second)
				cold.thaw() // and now both would write
				a := p.ended(id)
				stop1()
				stop2()
				evs, _ := p.log(id)
				if a.State != turn.Completed || a.Text() != whole() {
					t.Errorf("%s, %q", a.State, a.Text())
				}
				es := starts(t, evs)
				if len(es) != 1 || es[0].Epoch != 2 || es[0].All != continues || es[0].Reason != "worker_lost" || !continues && es[0].Keep != 1 {
					t.Errorf("epoch events %+v", es)
				}
				at := slices.IndexFunc(evs, func(ev turn.Event) bool { return ev.Kind == turn.KindEpoch })
				for i, ev := range evs[1:] {
					if want := turn.Epoch(2); ev.Epoch != want && i+1 >= at {
						t.Errorf("event %d after the takeover has epoch %d", ev.Seq, ev.Epoch)
					}
				}
			})
		})
	}
}

// A worker that is told to end hands its turn over at once.
func TestDrainedTurnGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		steps := []scripted.Step{long(), {Continue: true}}
		stop := work(t, p.b, play(t, steps...), worker.Options{Drain: time.Second})
		id := p.prompt("hello")
		p.shows(id, 200)
		stop()
		if i, err := p.b.Info(context.Background(), id); err != nil || i.Ended {
			t.Fatalf("%+v, %v: the turn must go on", i, err)
		}
		began := time.Now()
		defer work(t, p.b, play(t, steps...), worker.Options{})()
		a := p.ended(id)
		if a.Text() != whole() || a.Epoch != 2 {
			t.Errorf("epoch %d, %q", a.Epoch, a.Text())
		}
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("the second worker needed %v: it waited for a lease", d)
		}
	})
}

// A short turn is let finish.
func TestDrainLetsShortTurnsFinish(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		stop := work(t, p.b, play(t, long()), worker.Options{Drain: time.Minute})
		id := p.prompt("hello")
		p.shows(id, 200)
		stop()
		if _, a := p.log(id); a.Text() != whole() || a.State != turn.Completed {
			t.Errorf("%s %q", a.State, a.Text())
		}
	})
}

// A broker that fails any single call, whether it took effect or not, changes
// nothing that a reader sees.
func TestAnySingleFault(t *testing.T) {
	step := scripted.Step{Text: "{i} é🙂 ", Repeat: 5, Every: 50 * ms}
	want := "0 é🙂 1 é🙂 2 é🙂 3 é🙂 4 é🙂 "
	for _, kept := range []faultbroker.Fault{faultbroker.Lost, faultbroker.Kept} {
		for n := 1; ; n++ {
			calls := 0
			bubble(t, func(t *testing.T, p *place) {
				b := faultbroker.New(p.b, faultbroker.Once(n, kept))
				stop := work(t, b, play(t, step), worker.Options{})
				id := p.prompt("hello")
				a := p.ended(id)
				calls = b.Calls()
				stop()
				if a.State != turn.Completed || a.Text() != want {
					t.Errorf("call %d (%d): %s, %q", n, kept, a.State, a.Text())
				}
			})
			if calls < n || t.Failed() {
				break
			}
		}
	}
}

// A broker that is away for a while, longer than the lease too, delays the
// answer and changes nothing else.
func TestBrokerAway(t *testing.T) {
	for _, away := range []time.Duration{time.Second, 30 * time.Second} {
		bubble(t, func(t *testing.T, p *place) {
			b := faultbroker.New(p.b, nil)
			stop := work(t, b, play(t, long()), worker.Options{})
			id := p.prompt("hello")
			p.shows(id, 200)
			n := 0
			b.Plan(func(c faultbroker.Call) faultbroker.Fault {
				n++
				return faultbroker.Fault(1 + n%2)
			})
			time.Sleep(away)
			b.Plan(nil)
			if a := p.ended(id); a.Text() != whole() || a.State != turn.Completed {
				t.Errorf("away for %v: %s, %q", away, a.State, a.Text())
			}
			stop()
		})
	}
}

// A broker whose failover lost the last events of a log: cut returns what is
// left. membroker cannot lose events, so the log is made anew.
type losing struct {
	broker.Broker
	mu   sync.Mutex
	lose int // events of the next append's log that are lost before it
	tb   testing.TB
}

func (l *losing) Append(ctx context.Context, id turn.ID, e turn.Epoch, first turn.Seq, evs ...turn.Event) (turn.Seq, error) {
	l.mu.Lock()
	n := l.lose
	if id.Kind == turn.TurnLog && first > turn.Seq(n)+1 {
		l.lose = 0
	} else {
		n = 0
	}
	l.mu.Unlock()
	if n > 0 {
		l.cut(id, e, n)
	}
	return l.Broker.Append(ctx, id, e, first, evs...)
}

func (l *losing) cut(id turn.ID, e turn.Epoch, n int) {
	ctx := context.Background()
	evs, err := l.Broker.Read(ctx, id, 0, 100000)
	if err != nil {
		l.tb.Error(err)
		return
	}
	evs = evs[:max(len(evs)-n, 1)]
	if err := errors.Join(l.Broker.Delete(ctx, id), l.Broker.Create(ctx, id, 0, evs[0])); err != nil {
		l.tb.Error(err)
		return
	}
	for range e {
		if _, _, err := l.Broker.Begin(ctx, id); err != nil {
			l.tb.Error(err)
		}
	}
	if len(evs) > 1 {
		if _, err := l.Broker.Append(ctx, id, e, 2, evs[1:]...); err != nil {
			l.tb.Error(err)
		}
	}
}

// A failover that lost the end of the log is mended under a new epoch, with
// the same events at the same places (design: 2).
func TestMendsALogThatLostItsEnd(t *testing.T) {
	for _, lost := range []int{1, 3, 19} {
		bubble(t, func(t *testing.T, p *place) {
			l := &losing{Broker: p.b, tb: t}
			stop := work(t, l, play(t, long()), worker.Options{})
			id := p.prompt("hello")
			p.shows(id, 200)
			before, _ := p.log(id)
			l.mu.Lock()
			l.lose = lost
			l.mu.Unlock()
			time.Sleep(500 * time.Millisecond)
			after, _ := p.log(id)
			if len(after) < len(before) {
				t.Fatalf("lost %d: %d events before, %d after", lost, len(before), len(after))
			}
			for i, ev := range before {
				if !bytes.Equal(ev.Data, after[i].Data) || ev.Kind != after[i].Kind {
					t.Errorf("lost %d: event %d was %q, is %q", lost, ev.Seq, ev.Data, after[i].Data)
				}
			}
			if last := after[len(after)-1].Epoch; last != 2 {
				t.Errorf("the end of the log has epoch %d, want 2", last)
			}
			if a := p.ended(id); a.Text() != whole() || a.State != turn.Completed {
				t.Errorf("lost %d: %s, %q", lost, a.State, a.Text())
			}
			stop()
		})
	}
}

// When more was lost than the worker holds, the answer is written anew.
func TestRewritesWhatItDoesNotHold(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		big := strings.Repeat("x", turn.MaxData-2) + "é"
		l := &losing{Broker: p.b, tb: t}
		stop := work(t, l, play(t,
			scripted.Step{Text: big, Repeat: 20, Every: 10 * ms},
			scripted.Step{Data: json.RawMessage(`{"a":1}`), Name: "d"},
			scripted.Step{Text: "!", Part: "2", Repeat: 3, Every: 1000 * ms},
		), worker.Options{})
		id := p.prompt("hello")
		p.shows(id, 20*len(big))
		time.Sleep(500 * time.Millisecond)
		l.mu.Lock()
		l.lose = 20
		l.mu.Unlock()
		a := p.ended(id)
		evs, _ := p.log(id)
		if es := starts(t, evs); len(es) != 1 || es[0].Reason != "log_lost" || es[0].Keep != 1 {
			t.Errorf("epoch events %+v", es)
		}
		if want := strings.Repeat(big, 20) + "!!!"; a.Text() != want {
			t.Errorf("%d bytes of text, want %d", len(a.Text()), len(want))
		}
		if len(a.Parts) != 3 || string(a.Parts[1].Data) != `{"a":1}` {
			t.Errorf("%d parts", len(a.Parts))
		}
		stop()
	})
}

// Somebody else closes the turn while it runs.
func TestClosedFromOutside(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		stop := work(t, p.b, play(t, long()), worker.Options{})
		id := p.prompt("hello")
		p.shows(id, 200)
		if _, err := p.t.Close(context.Background(), id, turn.KindError, turn.Failure{Code: turn.CodeIdle, Message: "over"}); err != nil {
			t.Fatal(err)
		}
		next := p.prompt("next")
		if a := p.ended(next); a.State != turn.Completed {
			t.Errorf("%s", a.State)
		}
		if a := p.ended(id); a.State != turn.Failed || len(a.Text()) > 300 {
			t.Errorf("%s, %d bytes", a.State, len(a.Text()))
		}
		stop()
	})
}

// A channel that is deleted takes its running turn with it, and does not come
// back.
func TestDeletedChannelStaysDeleted(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		stop := work(t, p.b, play(t, long()), worker.Options{})
		ids := []turn.ID{p.prompt("one"), p.prompt("two")}
		p.shows(ids[0], 200)
		if err := p.t.DeleteChannel(context.Background(), "app", "chat", "admin"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, id := range append(ids, turn.Timeline("app", "chat")) {
			if _, err := p.b.Info(context.Background(), id); !errors.Is(err, broker.ErrNotFound) {
				t.Errorf("%s is there again: %v", id, err)
			}
		}
		if s, err := p.b.Stats(context.Background(), turns.Queue); err != nil || s.Waiting+s.Leased > 0 {
			t.Errorf("%+v, %v", s, err)
		}
		stop()
	})
}

// A prompt that kills each of its workers is given up.
func TestPoisonedPromptIsGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		id := p.prompt("poison")
		for range 8 { // workers that take the job and die
			if _, err := p.b.Take(context.Background(), turns.Queue, "dies", time.Second); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
		}
		defer work(t, p.b, play(t, long()), worker.Options{})()
		if a := p.ended(id); a.State != turn.Failed || !strings.Contains(string(a.Outcome), turn.CodeWorkerLost) {
			t.Errorf("%s %s", a.State, a.Outcome)
		}
	})
}

// What a foreign producer left in a log may be anything: the turn ends with an
// error, and the conversation goes on.
func TestLogThatCannotBeRead(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		id := p.prompt("hello")
		if _, err := p.b.Append(context.Background(), id, 0, 0, turn.Event{Kind: turn.KindUsage, Data: []byte("?")}); err != nil {
			t.Fatal(err)
		}
		defer work(t, p.b, play(t, scripted.Step{Text: "fine"}), worker.Options{})()
		next := p.prompt("next")
		if a := p.ended(next); a.Text() != "fine" {
			t.Errorf("the next: %s, %q", a.State, a.Text())
		}
		evs, err := p.b.Read(context.Background(), id, 2, 10)
		if err != nil || len(evs) != 1 || evs[0].Kind != turn.KindError || !strings.Contains(string(evs[0].Data), turn.CodeInternal) {
			t.Errorf("%+v, %v", evs, err)
		}
	})
}
