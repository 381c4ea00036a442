package turns

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/turn"
)

// reaped runs f with a reaper over a broker in memory, in fake time.
func reaped(t *testing.T, f func(t *testing.T, b broker.Broker, ts *Turns)) {
	synctest.Test(t, func(t *testing.T) {
		b := membroker.New(membroker.Options{})
		defer b.Close()
		ts := New(b, Options{})
		ctx, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			ts.Reap(ctx, ReapOptions{Log: slog.New(slog.DiscardHandler)})
		}()
		f(t, b, ts)
		stop()
		<-done
	})
}

// code waits until a turn has failed and returns its code and how long it took.
func code(t *testing.T, ts *Turns, message string) (string, time.Duration) {
	t.Helper()
	began := time.Now()
	for range 3000 {
		a, err := ts.Answer(ctx, idOf(message))
		if err != nil {
			t.Fatal(err)
		}
		if a.State.Terminal() {
			var f turn.Failure
			if err := json.Unmarshal(a.Outcome, &f); err != nil {
				t.Fatal(err)
			}
			if f.Code != "" && !f.Retryable {
				t.Errorf("%s: %+v is not retryable", message, f)
			}
			return f.Code, time.Since(began)
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s has not ended", message)
	return "", 0
}

func accept(t *testing.T, ts *Turns, messages ...string) {
	t.Helper()
	for _, m := range messages {
		if _, _, err := ts.Accept(ctx, ask(m)); err != nil {
			t.Fatal(err)
		}
	}
}

// begun takes the next job and opens its turn's epoch, as a worker that then
// dies.
func begun(t *testing.T, b broker.Broker, ts *Turns) broker.Job {
	t.Helper()
	job, err := b.Take(ctx, Queue, "dies", 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := ts.Claim(ctx, job); err != nil || !c.Run {
		t.Fatalf("%+v, %v", c, err)
	}
	e, top, err := b.Begin(ctx, job.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Append(ctx, job.ID, e, top+1, turn.Event{Kind: turn.KindText, Data: []byte("half")}); err != nil {
		t.Fatal(err)
	}
	return job
}

// A turn whose worker died while there is no other ends within lease + 5 s
// (design: 5), and those behind it get their turn.
func TestReapsWhatADeadWorkerLeft(t *testing.T) {
	reaped(t, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1", "m2")
		begun(t, b, ts)
		got, took := code(t, ts, "m1")
		if got != turn.CodeWorkerLost || took > 15*time.Second {
			t.Errorf("%s after %v", got, took)
		}
		if got, took := code(t, ts, "m2"); got != turn.CodeNoWorker || took > 70*time.Second {
			t.Errorf("the next: %s after %v", got, took)
		}
	})
}

func TestReapsWhatWaitsTooLong(t *testing.T) {
	reaped(t, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		time.Sleep(30 * time.Second)
		accept(t, ts, "m2") // waits behind it; its own job is younger
		if got, took := code(t, ts, "m1"); got != turn.CodeNoWorker || took < 29*time.Second || took > 35*time.Second {
			t.Errorf("%s after %v", got, took)
		}
		if got, took := code(t, ts, "m2"); got != turn.CodeNoWorker || took < 25*time.Second {
			t.Errorf("the next: %s after %v", got, took)
		}
	})
}

// A turn that waits behind a long one of its channel has no job: it is not
// without a worker.
func TestDoesNotReapAQueue(t *testing.T) {
	reaped(t, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1", "m2")
		job := begun(t, b, ts)
		second, err := b.Take(ctx, Queue, "w", 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := ts.Claim(ctx, second); err != nil || c.Run {
			t.Fatalf("%+v, %v", c, err)
		}
		if err := b.Done(ctx, Queue, second); err != nil {
			t.Fatal(err)
		}
		for range 100 { // five minutes
			time.Sleep(3 * time.Second)
			if err := b.Extend(ctx, Queue, job); err != nil {
				t.Fatal(err)
			}
		}
		if err := answer(ctx, b, ts, job.ID); err != nil {
			t.Fatal(err)
		}
		if err := b.Done(ctx, Queue, job); err != nil {
			t.Fatal(err)
		}
		third, err := b.Take(ctx, Queue, "w", 10*time.Second)
		if err != nil || third.ID != idOf("m2") {
			t.Fatalf("%+v, %v", third, err)
		}
		if c, err := ts.Claim(ctx, third); err != nil || !c.Run {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

// A prompt that waits because all workers are at work on others is not without
// a worker; but nobody waits for ever.
func TestIsPatientWithBusyWorkers(t *testing.T) {
	reaped(t, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		job := begun(t, b, ts)
		a := ask("m2")
		a.Channel = "another"
		name, _, err := ts.Accept(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		waits := turn.NewID(a.App, a.Channel, name)
		start := time.Now()
		for {
			got, err := ts.Answer(ctx, waits)
			if err != nil {
				t.Fatal(err)
			}
			if got.State.Terminal() {
				break
			}
			time.Sleep(3 * time.Second)
			if err := b.Extend(ctx, Queue, job); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took < DefaultBusy || took > DefaultBusy+time.Minute {
			t.Errorf("ended after %v, want about %v", took, DefaultBusy)
		}
	})
}

// A cancel of a turn whose worker is gone is what ends it.
func TestReapsAsCancelled(t *testing.T) {
	reaped(t, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		begun(t, b, ts)
		if err := ts.Cancel(ctx, idOf("m1"), "ada"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		if a, err := ts.Answer(ctx, idOf("m1")); err != nil || a.State != turn.Aborted {
			t.Errorf("%s, %v", a.State, err)
		}
	})
}

// A turn that a draining worker let go, and nobody takes, ends too.
func TestReapsWhatWasLetGo(t *testing.T) {
	reaped(t, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		if err := b.Release(ctx, Queue, begun(t, b, ts)); err != nil {
			t.Fatal(err)
		}
		if got, took := code(t, ts, "m1"); got != turn.CodeWorkerLost || took < 59*time.Second || took > 125*time.Second {
			t.Errorf("%s after %v", got, took)
		}
	})
}

// While a worker is there nothing is taken from it.
func TestDoesNotReapWhileThereIsAWorker(t *testing.T) {
	reaped(t, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		begun(t, b, ts)
		work, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- serve(work, b, ts, "alive", func(turn.ID) {}) }()
		time.Sleep(15 * time.Second)
		if a, err := ts.Answer(ctx, idOf("m1")); err != nil || a.State != turn.Completed {
			t.Errorf("%s, %v", a.State, err)
		}
		stop()
		<-done
	})
}

// elsewhere accepts a prompt on a channel of its own.
func elsewhere(t *testing.T, ts *Turns, ch string) turn.ID {
	t.Helper()
	a := ask("m")
	a.Channel = ch
	name, _, err := ts.Accept(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return turn.NewID(a.App, ch, name)
}

// held keeps leases for d.
func held(t *testing.T, b broker.Broker, d time.Duration, jobs ...broker.Job) {
	t.Helper()
	for until := time.Now().Add(d); time.Now().Before(until); {
		time.Sleep(3 * time.Second)
		for _, j := range jobs {
			if err := b.Extend(ctx, Queue, j); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// That one of two workers dies does not end what waits for the other.
func TestIsPatientWhenOneOfTwoWorkersDies(t *testing.T) {
	reaped(t, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		dies := begun(t, b, ts)
		elsewhere(t, ts, "lives")
		lives := begun(t, b, ts)
		var waits []turn.ID
		for _, ch := range []string{"w1", "w2", "w3"} {
			waits = append(waits, elsewhere(t, ts, ch))
		}
		held(t, b, 66*time.Second, dies, lives)
		held(t, b, 30*time.Second, lives)
		if a, err := ts.Answer(ctx, idOf("m1")); err != nil || a.State != turn.Failed {
			t.Errorf("what the dead worker had is %s, %v", a.State, err)
		}
		for _, id := range waits {
			if a, err := ts.Answer(ctx, id); err != nil || a.State != turn.Pending {
				t.Errorf("%s is %s, %v", id.Channel, a.State, err)
			}
		}
	})
}

// What a dead worker left ends in time whatever waits beside it (design: 5).
func TestDoesNotForgetAnOrphan(t *testing.T) {
	reaped(t, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		dies := begun(t, b, ts)
		elsewhere(t, ts, "waits")
		held(t, b, 66*time.Second, dies)
		if got, took := code(t, ts, "m1"); got != turn.CodeWorkerLost || took > 15*time.Second {
			t.Errorf("%s after %v", got, took)
		}
	})
}
