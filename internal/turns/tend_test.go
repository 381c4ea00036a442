package turns

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/faultbroker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/turn"
)

// tended runs f in fake time with a worker and a reaper.
func tended(t *testing.T, o Options, f func(t *testing.T, b broker.Broker, ts *Turns)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := membroker.New(membroker.Options{})
		defer b.Close()
		ts := New(b, o)
		ctx, stop := context.WithCancel(ctx)
		done := make(chan struct{}, 2)
		go func() {
			ts.Reap(ctx, ReapOptions{Log: slog.New(slog.DiscardHandler)})
			done <- struct{}{}
		}()
		go func() {
			_ = serve(ctx, b, ts, "w", func(turn.ID) {}) // until ctx ends
			done <- struct{}{}
		}()
		f(t, b, ts)
		stop()
		<-done
		<-done
	})
}

// own begins a turn that a back end answers by itself.
func own(t *testing.T, ts *Turns) turn.ID {
	t.Helper()
	id := turn.NewID("app", "chat", "own")
	if again, err := ts.Create(ctx, id, turn.Prompt{Text: "x"}, time.Now().UnixMilli()); err != nil || again {
		t.Fatal(again, err)
	}
	return id
}

// behind asks for a turn that waits, and has a worker find it so.
func behind(t *testing.T, b broker.Broker, ts *Turns, message string) {
	t.Helper()
	accept(t, ts, message)
	time.Sleep(100 * time.Millisecond)
	if r, err := ts.record(ctx, "app", "chat"); err != nil || !r.Waited(idOf(message).Name) {
		t.Fatalf("%s does not wait: %+v, %v", message, r, err)
	}
}

// completed waits at most d for a turn to be answered, and for its channel and
// the queues to be empty.
func completed(t *testing.T, b broker.Broker, ts *Turns, message string, d time.Duration) {
	t.Helper()
	time.Sleep(d)
	if got := state(t, ts, message); got != turn.Completed {
		t.Errorf("%v later %s is %s", d, message, got)
	}
	time.Sleep(2 * tendEvery)
	if live, err := ts.Live(ctx, "app", "chat"); err != nil || len(live) > 0 {
		t.Errorf("still in the queue: %v, %v", live, err)
	}
	for _, q := range []string{Queue, Waiting} {
		if s, err := b.Stats(ctx, q); err != nil || s != (broker.QueueStats{}) {
			t.Errorf("jobs in %s: %+v, %v", q, s, err)
		}
	}
}

// Whoever ends a back end's turn may die anywhere in Finish: those that wait
// for it get their turn (design: 2).
func TestWhoeverDiesInTheEndOfAnOwnTurn(t *testing.T) {
	for _, kept := range []faultbroker.Fault{faultbroker.Lost, faultbroker.Kept} {
		for n, died := 1, true; died; n++ {
			tended(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
				id := own(t, ts)
				behind(t, b, ts, "m2")
				e, top, err := b.Begin(ctx, id)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := b.Append(ctx, id, e, top+1, turn.Event{Kind: turn.KindEnd, Data: []byte(`{}`)}); err != nil {
					t.Fatal(err)
				}
				frail := faultbroker.New(b, faultbroker.At(n, kept))
				died = New(frail, Options{}).Finish(ctx, id) != nil || frail.Calls() >= n
				completed(t, b, ts, "m2", 20*time.Second)
			})
			if t.Failed() {
				t.Fatalf("it died at call %d (%d)", n, kept)
			}
		}
	}
}

// An author without a lease that falls silent does not keep others waiting for
// ever (design: 5), and one that goes on is left alone.
func TestOwnTurnThatIsAbandoned(t *testing.T) {
	tended(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		id := own(t, ts)
		behind(t, b, ts, "m2")
		for range 10 { // ten minutes
			time.Sleep(time.Minute)
			if _, err := b.Append(ctx, id, 0, 0, turn.Event{Kind: turn.KindText, Data: []byte("on ")}); err != nil {
				t.Fatal(err)
			}
		}
		completed(t, b, ts, "m2", DefaultIdle+3*tendEvery)
		if a, err := ts.Answer(ctx, id); err != nil || a.State != turn.Failed || len(a.Text()) != 30 {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

// A turn that waits for a person may be silent until its deadline.
func TestOwnTurnThatWaitsForAPerson(t *testing.T) {
	tended(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		id := own(t, ts)
		behind(t, b, ts, "m2")
		data := []byte(`{"reason":"approval","deadline":` + strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10) + `}`)
		if _, err := b.Append(ctx, id, 0, 0, turn.Event{Kind: turn.KindSuspended, Data: data}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Minute)
		if got := state(t, ts, "m2"); got != turn.Pending {
			t.Errorf("%s before the deadline", got)
		}
		completed(t, b, ts, "m2", 2*time.Minute)
	})
}

// A foreign worker knows nothing of the record: it writes the end, or falls
// silent, or says nothing at all, acknowledges its job and starts nobody.
func TestForeignWorkerLeavesATurn(t *testing.T) {
	for says, want := range []turn.State{turn.Completed, turn.Failed, turn.Completed} {
		synctest.Test(t, func(t *testing.T) {
			b := membroker.New(membroker.Options{})
			defer b.Close()
			ts := New(b, Options{})
			accept(t, ts, "m1")
			job, err := b.Take(ctx, Queue, "foreign", time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(ctx)
			done := make(chan struct{}, 2)
			go func() { ts.Reap(ctx, ReapOptions{Log: slog.New(slog.DiscardHandler)}); done <- struct{}{} }()
			go func() { _ = serve(ctx, b, ts, "w", func(turn.ID) {}); done <- struct{}{} }()
			behind(t, b, ts, "m2")
			evs := []turn.Event{{Kind: turn.KindText, Data: []byte("hi")}, {Kind: turn.KindEnd, Data: []byte(`{}`)}}
			for _, ev := range evs[:2-says] {
				if _, err := b.Append(ctx, job.ID, 0, 0, ev); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Done(ctx, Queue, job); err != nil {
				t.Fatal(err)
			}
			completed(t, b, ts, "m2", DefaultIdle+3*tendEvery)
			if a, err := ts.Answer(ctx, job.ID); err != nil || a.State != want {
				t.Errorf("%d: %s, %v", says, a.State, err)
			}
			stop()
			<-done
			<-done
		})
	}
}

// Retention counts from a turn's end: what waits is not removed meanwhile.
func TestRetentionLeavesWhatWaits(t *testing.T) {
	tended(t, Options{Retention: 3 * time.Second}, func(t *testing.T, b broker.Broker, ts *Turns) {
		id := own(t, ts)
		behind(t, b, ts, "m2")
		time.Sleep(time.Minute)
		if got := state(t, ts, "m2"); got != turn.Pending {
			t.Errorf("a minute later it is %q", got)
		}
		if _, err := ts.Close(ctx, id, turn.KindEnd, turn.End{Reason: "stop"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := state(t, ts, "m2"); got != turn.Completed {
			t.Errorf("then %s", got)
		}
		time.Sleep(4 * time.Second)
		if _, err := b.Info(ctx, idOf("m2")); err == nil {
			t.Error("its log is kept for longer than retention says")
		}
	})
}

// A turn whose log is lost while it waits gets it back from its job.
func TestLogLostWhileItWaits(t *testing.T) {
	tended(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		id := own(t, ts)
		behind(t, b, ts, "m2")
		if err := b.Delete(ctx, idOf("m2")); err != nil {
			t.Fatal(err)
		}
		if _, err := ts.Close(ctx, id, turn.KindEnd, turn.End{Reason: "stop"}); err != nil {
			t.Fatal(err)
		}
		completed(t, b, ts, "m2", 2*tendEvery)
	})
}

// A turn of which nothing is left, not even a job, does not jam its channel;
// cancelling it frees the channel at once.
func TestNothingLeftOfATurnThatWaits(t *testing.T) {
	for _, cancel := range []bool{true, false} {
		tended(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
			id := own(t, ts)
			behind(t, b, ts, "m2")
			job, err := b.Take(ctx, Waiting, "thief", time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Done(ctx, Waiting, job); err != nil {
				t.Fatal(err)
			}
			if err := b.Delete(ctx, idOf("m2")); err != nil {
				t.Fatal(err)
			}
			if _, err := ts.Close(ctx, id, turn.KindEnd, turn.End{Reason: "stop"}); err != nil {
				t.Fatal(err)
			}
			if cancel {
				if err := ts.Cancel(ctx, idOf("m2"), "ada"); err != nil {
					t.Fatal(err)
				}
				accept(t, ts, "m3")
				time.Sleep(time.Second)
				if got := state(t, ts, "m3"); got != turn.Completed {
					t.Errorf("after the cancel the next is %s", got)
				}
				return
			}
			behind(t, b, ts, "m3")
			completed(t, b, ts, "m3", lostAfter+3*tendEvery)
		})
	}
}

// The jobs of those that wait do not keep the queue busy.
func TestTendingIsRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := membroker.New(membroker.Options{})
		defer b.Close()
		takes := 0
		counted := faultbroker.New(b, func(c faultbroker.Call) faultbroker.Fault {
			if c.Op == "Take" {
				takes++
			}
			return faultbroker.None
		})
		ts := New(counted, Options{})
		accept(t, ts, "m1", "m2", "m3")
		held := begun(t, b, ts)
		for range 2 {
			job, err := b.Take(ctx, Queue, "w", time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if c, err := ts.Claim(ctx, job); err != nil || c.Run {
				t.Fatal(c, err)
			}
			if err := b.Done(ctx, Queue, job); err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { ts.Reap(ctx, ReapOptions{Log: slog.New(slog.DiscardHandler)}); close(done) }()
		for range 200 { // ten minutes
			time.Sleep(3 * time.Second)
			if err := b.Extend(ctx, Queue, held); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		<-done
		if most := 2 * int(10*time.Minute/tendEvery); takes < most/2 || takes > most+2 {
			t.Errorf("%d takes in ten minutes, want about %d", takes, most)
		}
	})
}
