package turns

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/faultbroker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
)

// over runs f in fake time over a broker in memory.
func over(t *testing.T, o Options, f func(t *testing.T, b broker.Broker, ts *Turns)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := membroker.New(membroker.Options{})
		f(t, b, New(b, o))
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

// settle works until the queue is empty, and returns the turns it ran.
func settle(t *testing.T, b broker.Broker, ts *Turns) (ran []turn.ID) {
	t.Helper()
	for {
		s, err := b.Stats(ctx, Queue)
		if err != nil {
			t.Fatal(err)
		}
		if s.Waiting == 0 {
			return ran
		}
		job, err := b.Take(ctx, Queue, "w", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ts.Claim(ctx, job)
		if err != nil {
			t.Fatal(err)
		}
		if c.Run {
			ran = append(ran, job.ID)
			if err := answer(ctx, b, ts, job.ID); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Done(ctx, Queue, job); err != nil {
			t.Fatal(err)
		}
	}
}

func state(t *testing.T, ts *Turns, message string) turn.State {
	t.Helper()
	a, err := ts.Answer(ctx, idOf(message))
	if err != nil {
		t.Fatalf("%s: %v", message, err)
	}
	return a.State
}

func TestAcceptTwiceIsOneTurn(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		first, again, err := ts.Accept(ctx, ask("m1"))
		if err != nil || again {
			t.Fatal(again, err)
		}
		second, again, err := ts.Accept(ctx, ask("m1"))
		if err != nil || !again || second != first {
			t.Errorf("%s, %v, %v", second, again, err)
		}
		if ran := settle(t, b, ts); len(ran) != 1 {
			t.Errorf("%d runs", len(ran))
		}
		third, again, err := ts.Accept(ctx, ask("m1"))
		if err != nil || !again || third != first {
			t.Errorf("after its end: %s, %v, %v", third, again, err)
		}
		other := ask("m1")
		other.Prompt.User = "bob"
		if name, again, err := ts.Accept(ctx, other); err != nil || again || name == first {
			t.Errorf("of another user: %s, %v, %v", name, again, err)
		}
	})
}

// Prompts without a message id are not all the same one.
func TestAcceptWithoutMessage(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		one, _, err := ts.Accept(ctx, ask(""))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		two, again, err := ts.Accept(ctx, ask(""))
		if err != nil || again || two == one {
			t.Errorf("%s, %s, %v, %v", one, two, again, err)
		}
	})
}

func TestAcceptRefuses(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		a := ask("m1")
		a.Prompt.Parent = "none"
		if _, _, err := ts.Accept(ctx, a); !errors.Is(err, ErrNoTurn) {
			t.Errorf("unknown parent: %v", err)
		}
		a = ask("m1")
		a.Prompt.Supersedes = "none"
		if _, _, err := ts.Accept(ctx, a); !errors.Is(err, ErrNoTurn) {
			t.Errorf("unknown superseded turn: %v", err)
		}
		a = ask("m1")
		a.Prompt.Text = strings.Repeat("x", turn.MaxData)
		if _, _, err := ts.Accept(ctx, a); !errors.Is(err, ErrPromptTooLarge) {
			t.Errorf("too large: %v", err)
		}
		if s, err := b.Stats(ctx, Queue); err != nil || s.Waiting != 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestQueueRunsInOrder(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1", "m2", "m3")
		want := []turn.ID{idOf("m1"), idOf("m2"), idOf("m3")}
		if ran := settle(t, b, ts); !slices.Equal(ran, want) {
			t.Errorf("%v", ran)
		}
		past, err := ts.History(ctx, "app", "chat", "", 0, 0)
		if err != nil || len(past.Turns) != 3 || past.Leaf != want[2].Name || past.Turns[2].Answer.Prompt.Parent != want[1].Name {
			t.Errorf("%+v, %v", past, err)
		}
	})
}

func TestReplaceCancelsTheOthers(t *testing.T) {
	over(t, Options{Settings: channel.Settings{Policy: channel.Replace}}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		job := begun(t, b, ts) // a worker has it: it will see the cancel
		accept(t, ts, "m2", "m3")
		if s := state(t, ts, "m2"); s != turn.Aborted {
			t.Errorf("the waiting one is %s", s)
		}
		if _, yes, err := ts.Cancelled(ctx, job.ID); err != nil || !yes {
			t.Errorf("the running one: %v, %v", yes, err)
		}
		if err := answer(ctx, b, ts, job.ID); err != nil {
			t.Fatal(err)
		}
		settle(t, b, ts)
		if got := []turn.State{state(t, ts, "m1"), state(t, ts, "m2"), state(t, ts, "m3")}; !slices.Equal(got, []turn.State{turn.Aborted, turn.Aborted, turn.Completed}) {
			t.Errorf("%v", got)
		}
	})
}

// A prompt that was refused may be sent again, under the same id.
func TestRejectedMayBeAskedAgain(t *testing.T) {
	over(t, Options{Settings: channel.Settings{Policy: channel.Reject}}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		var busy *BusyError
		if _, _, err := ts.Accept(ctx, ask("m2")); !errors.As(err, &busy) || busy.Turn != idOf("m1").Name || busy.Full {
			t.Fatalf("%v", err)
		}
		// Refused by open, not early: its job is in the queue.
		id := idOf("m3")
		raw, err := json.Marshal(payload{Prompt: ask("m3").Prompt, Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(ctx, Queue, broker.Job{ID: id, Payload: raw}); err != nil {
			t.Fatal(err)
		}
		if err := ts.open(ctx, id, payload{Prompt: ask("m3").Prompt, Follow: true}); !errors.As(err, &busy) {
			t.Fatalf("%v", err)
		}
		if ran := settle(t, b, ts); len(ran) != 1 {
			t.Errorf("ran %v: its client was told that it was refused", ran)
		}
		for _, m := range []string{"m2", "m3"} {
			if _, again, err := ts.Accept(ctx, ask(m)); err != nil || again {
				t.Errorf("%s again: %v, %v", m, again, err)
			}
			settle(t, b, ts)
			if s := state(t, ts, m); s != turn.Completed {
				t.Errorf("%s is %s", m, s)
			}
		}
	})
}

func TestFullQueue(t *testing.T) {
	over(t, Options{Settings: channel.Settings{MaxQueue: 2}}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1", "m2")
		var busy *BusyError
		if _, _, err := ts.Accept(ctx, ask("m3")); !errors.As(err, &busy) || !busy.Full {
			t.Errorf("%v", err)
		}
		settle(t, b, ts)
		accept(t, ts, "m3")
	})
}

func TestParallelRunsAtOnce(t *testing.T) {
	over(t, Options{Settings: channel.Settings{Policy: channel.Parallel}}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1", "m2")
		begun(t, b, ts)
		begun(t, b, ts)
	})
}

// A gateway that is slower than the answer changes nothing any more.
func TestLateAcceptOfAnEndedTurn(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		p := payload{Prompt: ask("m1").Prompt, Follow: true}
		settle(t, b, ts)
		accept(t, ts, "m2")
		if err := ts.open(ctx, idOf("m1"), p); err != nil {
			t.Fatal(err)
		}
		if live, err := ts.Live(ctx, "app", "chat"); err != nil || !slices.Equal(live, []string{idOf("m2").Name}) {
			t.Errorf("%v, %v", live, err)
		}
		accept(t, ts, "m3")
		settle(t, b, ts)
		if a, err := ts.Answer(ctx, idOf("m3")); err != nil || a.Prompt.Parent != idOf("m2").Name {
			t.Errorf("m3 follows %q, %v", a.Prompt.Parent, err)
		}
	})
}

// A record that a failover lost is made again from the job.
func TestLostRecord(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		_, rev, err := b.Get(ctx, recordKey("app", "chat"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Set(ctx, recordKey("app", "chat"), nil, rev, 0); err != nil {
			t.Fatal(err)
		}
		if ran := settle(t, b, ts); len(ran) != 1 || state(t, ts, "m1") != turn.Completed {
			t.Errorf("ran %v, it is %s", ran, state(t, ts, "m1"))
		}
	})
}

// Two workers that hold the same turn: one runs it.
func TestTwoJobsOneRun(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		job, err := b.Take(ctx, Queue, "one", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(ctx, Queue, broker.Job{ID: job.ID, Payload: job.Payload}); err != nil {
			t.Fatal(err)
		}
		twin, err := b.Take(ctx, Queue, "two", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := ts.Claim(ctx, job); err != nil || !c.Run {
			t.Errorf("%+v, %v", c, err)
		}
		if c, err := ts.Claim(ctx, twin); err != nil || c.Run {
			t.Errorf("the twin: %+v, %v", c, err)
		}
		if c, err := ts.Claim(ctx, job); err != nil || !c.Run {
			t.Errorf("handed out again: %+v, %v", c, err)
		}
	})
}

func TestFinishTwice(t *testing.T) {
	over(t, Options{Webhooks: true}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		settle(t, b, ts)
		for range 3 {
			if err := ts.Finish(ctx, idOf("m1")); err != nil {
				t.Fatal(err)
			}
		}
		evs, err := b.Read(ctx, turn.Timeline("app", "chat"), 0, 100)
		if err != nil || len(evs) != 2 {
			t.Errorf("%d entries on the timeline, %v", len(evs), err)
		}
		if s, err := b.Stats(ctx, Webhooks); err != nil || s.Waiting != 1 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestFinishOfWhatHasNotEnded(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		if err := ts.Finish(ctx, idOf("m1")); err == nil {
			t.Error("a turn that runs was finished")
		}
		if live, err := ts.Live(ctx, "app", "chat"); err != nil || len(live) != 1 {
			t.Errorf("%v, %v", live, err)
		}
	})
}

// A back end's own turn is waited for, and what waits gets its turn.
func TestOwnTurns(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		own := turn.NewID("app", "chat", "own")
		if again, err := ts.Create(ctx, own, turn.Prompt{Text: "by myself"}, 1); err != nil || again {
			t.Fatal(again, err)
		}
		if again, err := ts.Create(ctx, own, turn.Prompt{Text: "by myself"}, 1); err != nil || !again {
			t.Errorf("again: %v, %v", again, err)
		}
		if tended, err := ts.Tended(ctx, own); err != nil || tended {
			t.Errorf("%v, %v", tended, err)
		}
		accept(t, ts, "m1")
		if ran := settle(t, b, ts); len(ran) != 0 {
			t.Errorf("%v ran beside it", ran)
		}
		// It ends without anybody saying so; the next prompt finds out.
		if _, err := b.Append(ctx, own, 0, 0, turn.Event{Kind: turn.KindEnd, Data: []byte(`{"reason":"stop"}`)}); err != nil {
			t.Fatal(err)
		}
		accept(t, ts, "m2")
		if ran := settle(t, b, ts); len(ran) != 2 {
			t.Errorf("%v", ran)
		}
	})
}

func TestRegenerateStandsBesideTheOld(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1", "m2")
		settle(t, b, ts)
		a := ask("m3")
		a.Prompt.Supersedes = idOf("m2").Name
		if _, _, err := ts.Accept(ctx, a); err != nil {
			t.Fatal(err)
		}
		settle(t, b, ts)
		past, err := ts.History(ctx, "app", "chat", "", 0, 0)
		if err != nil || len(past.Turns) != 2 || past.Turns[1].Name != idOf("m3").Name || len(past.Turns[1].Branches) != 2 {
			t.Errorf("%+v, %v", past, err)
		}
		path, err := ts.Path(ctx, "app", "chat", idOf("m2").Name, 10)
		if err != nil || len(path) != 2 || path[0].Prompt.Message != "m1" {
			t.Errorf("%+v, %v", path, err)
		}
		past, err = ts.History(ctx, "app", "chat", "", 0, 1)
		if err != nil || len(past.Turns) != 1 || past.More == 0 {
			t.Errorf("a page of one: %+v, %v", past, err)
		}
	})
}

// Timelines are trimmed, and history goes on from what is left.
func TestHistoryOfATrimmedTimeline(t *testing.T) {
	over(t, Options{Timeline: 20}, func(t *testing.T, b broker.Broker, ts *Turns) {
		for i := range 100 {
			accept(t, ts, "m"+string(rune('a'+i/10))+string(rune('a'+i%10)))
			settle(t, b, ts)
		}
		past, err := ts.History(ctx, "app", "chat", "", 0, 100)
		if err != nil || len(past.Turns) < 9 || len(past.Turns) > 50 || past.Turns[len(past.Turns)-1].Name != idOf("mjj").Name {
			t.Errorf("%d turns, %v", len(past.Turns), err)
		}
		if at, err := ts.Oldest(ctx, turn.Timeline("app", "chat")); err != nil || at == 0 {
			t.Errorf("%d, %v", at, err)
		}
	})
}

func TestDeletedChannelBeginsAnew(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1", "m2")
		begun(t, b, ts) // its worker has died
		if err := ts.DeleteChannel(ctx, "app", "chat", "admin"); err != nil {
			t.Fatal(err)
		}
		if ran := settle(t, b, ts); len(ran) != 0 {
			t.Errorf("%v ran after the deletion", ran)
		}
		if _, err := ts.Answer(ctx, idOf("m2")); !errors.Is(err, ErrNoTurn) {
			t.Errorf("%v", err)
		}
		time.Sleep(time.Minute)
		accept(t, ts, "m2")
		settle(t, b, ts)
		if past, err := ts.History(ctx, "app", "chat", "", 0, 0); err != nil || len(past.Turns) != 1 || past.Turns[0].Answer.State != turn.Completed {
			t.Errorf("%+v, %v", past, err)
		}
	})
}

// A worker that has the job before its gateway is through leaves the rest to
// the gateway: each turn stands on the timeline once.
func TestIdleWorkerLeavesAcceptanceToTheGateway(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		far := faultbroker.New(b, func(faultbroker.Call) faultbroker.Fault {
			time.Sleep(5 * time.Millisecond)
			return faultbroker.None
		})
		work, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- serve(work, b, ts, "idle", func(turn.ID) {}) }()
		time.Sleep(time.Second)
		accept(t, New(far, Options{}), "m1", "m2", "m3")
		time.Sleep(time.Second)
		once(t, b)
		if s := state(t, ts, "m3"); s != turn.Completed {
			t.Errorf("%s", s)
		}
		stop()
		<-done
	})
}
