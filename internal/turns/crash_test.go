package turns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/faultbroker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
)

var ctx = context.Background()

func ask(message string) Ask {
	return Ask{App: "app", Channel: "chat", Prompt: turn.Prompt{User: "ada", Message: message, Text: "say " + message}, At: time.Now().UnixMilli()}
}

func idOf(message string) turn.ID {
	return turn.NewID("app", "chat", turn.NameFor("app", "chat", "ada", message))
}

// serve works as a worker does, with short answers, until ctx ends or the
// broker fails once: then it dies. runs is called for each turn that it runs.
func serve(ctx context.Context, b broker.Broker, t *Turns, name string, runs func(turn.ID)) error {
	for {
		job, err := b.Take(ctx, Queue, name, 10*time.Second)
		if err != nil {
			return err
		}
		c, err := t.Claim(ctx, job)
		if err != nil {
			return err
		}
		if c.Run {
			runs(job.ID)
			if err := answer(ctx, b, t, job.ID); err != nil {
				return err
			}
		}
		if err := b.Done(ctx, Queue, job); err != nil {
			return err
		}
	}
}

func answer(ctx context.Context, b broker.Broker, t *Turns, id turn.ID) error {
	e, top, err := b.Begin(ctx, id)
	if err == nil {
		c, yes, err := t.Cancelled(ctx, id)
		if err != nil {
			return err
		}
		end := turn.Event{Kind: turn.KindEnd, Data: []byte(`{"reason":"stop"}`)}
		if yes {
			end = turn.Event{Kind: turn.KindCancelled, Data: []byte(`{"by":"` + c.By + `"}`)}
		}
		if _, err = b.Append(ctx, id, e, top+1, turn.Event{Kind: turn.KindText, Data: []byte("yes")}, end); err != nil && !errors.Is(err, broker.ErrEnded) && !errors.Is(err, broker.ErrFenced) {
			return err
		}
	}
	if err != nil && !errors.Is(err, broker.ErrEnded) {
		return err
	}
	return t.Finish(ctx, id)
}

var policies = []channel.Policy{channel.Queue, channel.Replace, channel.Reject, channel.Parallel}

// kinds of process that die, and what they do until then.
var victims = map[string]func(t *testing.T, b *faultbroker.Broker, ts *Turns, acked map[string]bool){
	"gateway": func(t *testing.T, b *faultbroker.Broker, ts *Turns, acked map[string]bool) {
		for _, m := range []string{"m1", "m2", "m3"} {
			if _, _, err := ts.Accept(ctx, ask(m)); err == nil {
				acked[m] = true
			}
		}
	},
	"cancelling gateway": func(t *testing.T, b *faultbroker.Broker, ts *Turns, acked map[string]bool) {
		for _, m := range []string{"m1", "m2"} {
			if _, _, err := ts.Accept(ctx, ask(m)); err == nil {
				acked[m] = true
			}
		}
		_ = ts.Cancel(ctx, idOf("m1"), "ada") // dies, or not
		_ = ts.Cancel(ctx, idOf("m3"), "ada")
		if _, _, err := ts.Accept(ctx, ask("m3")); err == nil {
			acked["m3"] = true
		}
	},
	"worker": func(t *testing.T, b *faultbroker.Broker, ts *Turns, acked map[string]bool) {
		healthy := New(b.Broker, ts.opts)
		for _, m := range []string{"m1", "m2", "m3"} {
			_, _, err := healthy.Accept(ctx, ask(m))
			if busy := (*BusyError)(nil); err != nil && !errors.As(err, &busy) {
				t.Fatal(err)
			}
			acked[m] = err == nil
		}
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		_ = serve(ctx, b, ts, "dying", func(turn.ID) {})
	},
}

// Whoever dies at whichever call, whether that call took effect or not: what
// was acknowledged ends, exactly once, and the channel goes on (design: 2).
func TestNothingIsLostWhoeverDies(t *testing.T) {
	for who, dies := range victims {
		for _, policy := range policies {
			t.Run(fmt.Sprintf("%s,%s", who, policy), func(t *testing.T) {
				for _, kept := range []faultbroker.Fault{faultbroker.Lost, faultbroker.Kept} {
					for n := 1; ; n++ {
						if calls := dieAt(t, policy, dies, n, kept); calls < n {
							break // it lives through all of it
						}
						if t.Failed() {
							t.Fatalf("it died at call %d (%d)", n, kept)
						}
					}
				}
			})
		}
	}
}

// dieAt runs a story in which a process dies at call n, and returns how many
// calls it made.
func dieAt(t *testing.T, policy channel.Policy, dies func(*testing.T, *faultbroker.Broker, *Turns, map[string]bool), n int, kept faultbroker.Fault) (calls int) {
	synctest.Test(t, func(t *testing.T) {
		b := membroker.New(membroker.Options{})
		defer b.Close()
		opts := Options{Settings: channel.Settings{Policy: policy}}
		frail := faultbroker.New(b, faultbroker.At(n, kept))
		acked := make(map[string]bool)
		dies(t, frail, New(frail, opts), acked)
		calls = frail.Calls()

		healthy := New(b, opts)
		work, stop := context.WithCancel(ctx)
		done := make(chan error, 2)
		var reaping sync.WaitGroup
		reaping.Go(func() { healthy.Reap(work, ReapOptions{Log: slog.New(slog.DiscardHandler)}) })
		for i := range 2 {
			go func() { done <- serve(work, b, healthy, fmt.Sprint("healthy", i), alone(t, b, healthy, policy)) }()
		}
		time.Sleep(time.Minute) // leases of the dead run out
		if _, _, err := healthy.Accept(ctx, ask("later")); err != nil {
			t.Errorf("accept after it: %v", err)
		}
		acked["later"] = true
		time.Sleep(time.Minute)
		check(t, b, healthy, acked)
		if n > calls { // nobody died
			once(t, b)
		}
		stop()
		for range 2 {
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("a healthy worker failed: %v", err)
			}
		}
		reaping.Wait()
	})
	return calls
}

// alone fails the test if a turn runs while an earlier one of its channel does.
func alone(t *testing.T, b broker.Broker, ts *Turns, policy channel.Policy) func(turn.ID) {
	return func(id turn.ID) {
		if policy == channel.Parallel {
			return
		}
		r, err := ts.record(ctx, id.App, id.Channel)
		if err != nil || len(r.Queue) == 0 {
			return // ended meanwhile: the log refuses what comes
		}
		if r.Queue[0].Turn != id.Name {
			t.Errorf("%s runs before %s", id.Name, r.Queue[0].Turn)
		}
	}
}

// once fails the test if a turn stands on the timeline twice though nobody died.
func once(t *testing.T, b broker.Broker) {
	t.Helper()
	seen := map[string]bool{}
	evs, err := b.Read(ctx, turn.Timeline("app", "chat"), 0, 100)
	if err != nil {
		t.Error(err)
	}
	for _, ev := range evs {
		if k := string(ev.Kind) + string(ev.Data); seen[k] {
			t.Errorf("twice on the timeline: %s", k)
		} else {
			seen[k] = true
		}
	}
}

func check(t *testing.T, b broker.Broker, ts *Turns, acked map[string]bool) {
	t.Helper()
	if live, err := ts.Live(ctx, "app", "chat"); err != nil || len(live) > 0 {
		t.Errorf("turns in the queue at the end: %v, %v", live, err)
	}
	for _, q := range []string{Queue, Waiting} {
		if s, err := b.Stats(ctx, q); err != nil || s.Waiting+s.Leased > 0 {
			t.Errorf("jobs at the end in %s: %+v, %v", q, s, err)
		}
	}
	tree, _, err := ts.tree(ctx, "app", "chat")
	if err != nil {
		t.Error(err)
	}
	for _, m := range []string{"m1", "m2", "m3", "later"} {
		a, err := ts.Answer(ctx, idOf(m))
		if errors.Is(err, ErrNoTurn) && !acked[m] {
			continue // refused, or never accepted
		}
		if err != nil || !a.State.Terminal() {
			t.Errorf("%s: %q, %v; acknowledged: %v", m, a.State, err, acked[m])
			continue
		}
		if n := tree.Turn(idOf(m).Name); n == nil || n.State != string(a.State) {
			t.Errorf("%s is %s, the timeline has %+v", m, a.State, n)
		}
	}
}
