package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/karez/karez/client"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// Whatever the network does, a reader folds exactly the log, each event once
// and in order (design: 1, 2), over every codec and road.
func TestFoldedTextIsTheLog(t *testing.T) {
	type road struct {
		name  string
		o     client.Options
		block bool
	}
	roads := []road{
		{"json", client.Options{Codec: wire.JSON, Transport: client.WebSocket}, false},
		{"msgpack", client.Options{Codec: wire.MessagePack, Transport: client.WebSocket}, false},
		{"proto", client.Options{Codec: wire.Protobuf, Transport: client.WebSocket}, false},
		{"sse", client.Options{Transport: client.SSE}, false},
		{"auto", client.Options{}, true}, // falls back
	}
	for seed := range uint64(60) {
		r := roads[seed%uint64(len(roads))]
		t.Run(fmt.Sprintf("%s/%d", r.name, seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, essay(seed, 300))
			w.proxy.faults(seed, 12, 6000, r.block)
			ctx := testContext(t)
			c := w.dial(r.o)
			if seed%2 == 0 {
				askTwice(ctx, t, w, c)
			} else {
				followTwo(ctx, t, w, c)
			}
		})
	}
}

func askTwice(ctx context.Context, t *testing.T, w *world, c *client.Client) {
	for i := range 2 {
		var last client.Delta
		at := turn.Seq(0)
		for d, err := range c.Channel(channel).Ask(ctx, turn.Prompt{Text: fmt.Sprint("question ", i)}) {
			if err != nil {
				t.Fatalf("after %d: %v (%+v)", at, err, c.Status())
			}
			if d.Event.Start() != at+1 {
				t.Fatalf("event %d to %d follows %d", d.Event.Start(), d.Event.Seq, at)
			}
			at, last = d.Event.Seq, d
		}
		w.wantAnswer(last.Turn, last.Answer)
	}
}

// followTwo follows the channel and asks from within the loop.
func followTwo(ctx context.Context, t *testing.T, w *world, c *client.Client) {
	ch := c.Channel(channel)
	begun, ended := 0, 0
	at := map[string]turn.Seq{}
	for ev, err := range ch.Follow(ctx, client.FollowOptions{}) {
		if err != nil {
			t.Fatalf("%v (%+v)", err, c.Status())
		}
		switch ev := ev.(type) {
		case client.Page:
			if len(ev.History.Turns) != 0 {
				t.Fatalf("a second page: %+v", ev.History)
			}
			for i := range 2 {
				if _, err := ch.Prompt(ctx, turn.Prompt{Text: fmt.Sprint("question ", i)}); err != nil {
					t.Fatal(err)
				}
			}
		case client.Begun:
			if begun++; at[ev.Turn] != 0 {
				t.Fatalf("%s began late or twice", ev.Turn)
			}
		case client.Delta:
			if ev.Event.Start() != at[ev.Turn]+1 {
				t.Fatalf("event %d to %d follows %d", ev.Event.Start(), ev.Event.Seq, at[ev.Turn])
			}
			at[ev.Turn] = ev.Event.Seq
		case client.Ended:
			w.wantAnswer(ev.Turn, ev.Answer)
			if ended++; ended == 2 {
				if begun != 2 {
					t.Fatalf("%d turns began, 2 ended", begun)
				}
				return
			}
		case client.Broken:
			t.Fatalf("%+v", ev)
		}
	}
	t.Fatal("the loop ended")
}

// A node that is taken down and another put up in its place interrupt nothing.
func TestServerRestart(t *testing.T) {
	for _, tr := range []client.Transport{client.WebSocket, client.SSE} {
		t.Run(string(tr), func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			w := newWorld(t, essay(3, 400))
			c := w.dial(client.Options{Transport: tr})
			restarts := 0
			var last client.Delta
			for d, err := range c.Channel(channel).Ask(ctx, turn.Prompt{Text: "?"}) {
				if err != nil {
					t.Fatal(err)
				}
				if d.Event.Seq > turn.Seq(100*(restarts+1)) && restarts < 2 {
					restarts++
					w.down()
					w.up()
				}
				last = d
			}
			w.wantAnswer(last.Turn, last.Answer)
			if restarts != 2 {
				t.Errorf("%d restarts, want 2", restarts)
			}
		})
	}
}

// A loop that takes nothing holds back its own cursor and nothing else:
// commands are answered meanwhile, memory is bounded, and it loses nothing
// (design: 7).
func TestSlowReader(t *testing.T) {
	for _, tr := range []client.Transport{client.WebSocket, client.SSE} {
		t.Run(string(tr), func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			piece := strings.Repeat("water ", 100)
			const pieces = 3000
			wrote := make(chan struct{})
			w := newWorld(t, func(ctx context.Context, w *world, id turn.ID) {
				a := w.author(ctx, id)
				for range pieces {
					a.put(ctx, turn.KindText, "", piece)
				}
				close(wrote)
				a.end(ctx)
			})
			c := w.dial(client.Options{Transport: tr})
			ch := c.Channel(channel)
			deltas := 0
			var last client.Delta
			for d, err := range ch.Ask(ctx, turn.Prompt{Text: "?"}) {
				if err != nil {
					t.Fatal(err)
				}
				if deltas++; deltas == 2 {
					<-wrote // nothing is read until all is written
					if _, err := ch.History(ctx, client.HistoryOptions{}); err != nil {
						t.Fatal(err)
					}
				}
				last = d
			}
			w.wantAnswer(last.Turn, last.Answer)
			if got := len(last.Answer.Text()); got != pieces*len(piece) {
				t.Errorf("%d bytes, want %d", got, pieces*len(piece))
			}
		})
	}
}

// A token that the server no longer takes is replaced on reconnecting.
func TestExpiredTokenIsReplaced(t *testing.T) {
	for _, tr := range []client.Transport{client.WebSocket, client.SSE} {
		t.Run(string(tr), func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			w := newWorld(t, essay(5, 400))
			var asked atomic.Int32
			c := w.dial(client.Options{Transport: tr, Token: func(context.Context) (string, error) {
				return fmt.Sprint("token", asked.Add(1)), nil
			}})
			var last client.Delta
			for d, err := range c.Channel(channel).Ask(ctx, turn.Prompt{Text: "?"}) {
				if err != nil {
					t.Fatal(err)
				}
				if last.Event.Seq < 100 && d.Event.Seq >= 100 {
					w.mu.Lock()
					w.expired["token1"] = true
					w.mu.Unlock()
					w.proxy.cut()
				}
				last = d
			}
			w.wantAnswer(last.Turn, last.Answer)
			if n := asked.Load(); n != 2 {
				t.Errorf("asked for %d tokens, want 2", n)
			}
		})
	}
}

// The server asks for a fresh token before the old one ends; nothing breaks.
func TestRenewInPlace(t *testing.T) {
	for _, tr := range []client.Transport{client.WebSocket, client.SSE} {
		t.Run(string(tr), func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			renewed := make(chan struct{})
			w := newWorld(t, func(ctx context.Context, w *world, id turn.ID) {
				a := w.author(ctx, id)
				for i := 0; ; i++ {
					a.put(ctx, turn.KindText, "", fmt.Sprint(i, " "))
					select {
					case <-renewed:
						a.end(ctx)
						return
					case <-ctx.Done():
						return
					case <-time.After(10 * time.Millisecond):
					}
				}
			})
			w.expires["token1"] = time.Now().Add(29 * time.Second) // the node asks 30 s ahead
			var asked atomic.Int32
			c := w.dial(client.Options{Transport: tr, Token: func(context.Context) (string, error) {
				n := asked.Add(1)
				if n == 2 {
					defer close(renewed)
				}
				return fmt.Sprint("token", n), nil
			}})
			var last client.Delta
			for d, err := range c.Channel(channel).Ask(ctx, turn.Prompt{Text: "?"}) {
				if err != nil {
					t.Fatal(err)
				}
				last = d
			}
			w.wantAnswer(last.Turn, last.Answer)
			if n, s := asked.Load(), c.Status(); n != 2 || s.State != client.Open || s.Err != nil {
				t.Errorf("%d tokens, %+v; want 2 and no break", n, s)
			}
		})
	}
}

// Only a token that is refused, and is the only one, ends a client.
func TestRefusedTokenEndsTheClient(t *testing.T) {
	for _, tr := range []client.Transport{client.WebSocket, client.SSE} {
		ctx := testContext(t)
		w := newWorld(t, essay(1, 1))
		c := w.dial(client.Options{Transport: tr, Token: client.Static("wrong")})
		if err := c.Connect(ctx); code(err) != wire.CodeUnauthorized {
			t.Errorf("%s: connect: %v", tr, err)
		}
		if _, err := c.Channel(channel).Prompt(ctx, turn.Prompt{Text: "?"}); code(err) != wire.CodeUnauthorized {
			t.Errorf("%s: prompt: %v", tr, err)
		}
		for _, err := range c.Channel(channel).Follow(ctx, client.FollowOptions{}) {
			if code(err) != wire.CodeUnauthorized {
				t.Errorf("%s: follow: %v", tr, err)
			}
		}
	}
}

func code(err error) string {
	var e *wire.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

func TestCommandsAreRefusedByCode(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, essay(1, 5))
	for _, tr := range []client.Transport{client.WebSocket, client.SSE} {
		c := w.dial(client.Options{Transport: tr})
		secret := c.Channel("secret")
		if _, err := secret.Prompt(ctx, turn.Prompt{Text: "?"}); code(err) != wire.CodeForbidden {
			t.Errorf("%s: prompt: %v", tr, err)
		}
		for _, err := range secret.Follow(ctx, client.FollowOptions{}) {
			if code(err) != wire.CodeForbidden {
				t.Errorf("%s: follow: %v", tr, err)
			}
		}
		if _, err := c.Channel(channel).Prompt(ctx, turn.Prompt{}); code(err) != wire.CodeBadRequest {
			t.Errorf("%s: empty prompt: %v", tr, err)
		}
		if _, err := c.Channel(channel).Regenerate(ctx, "t404", ""); code(err) != wire.CodeNotFound {
			t.Errorf("%s: regenerate: %v", tr, err)
		}
	}
}

// Cancelling, asking again and asking something else, as one sees it.
func TestCancelRegenerateEdit(t *testing.T) {
	for _, tr := range []client.Transport{client.WebSocket, client.SSE} {
		t.Run(string(tr), func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			w := newWorld(t, func(ctx context.Context, w *world, id turn.ID) {
				a := w.author(ctx, id)
				a.put(ctx, turn.KindText, "", "first")
				so, err := w.turns.Answer(ctx, id)
				if err != nil || so.Prompt.Text != "long" || so.Prompt.Supersedes != "" {
					a.end(ctx)
					return
				}
				for a.put(ctx, turn.KindText, "", " and") { // until it is cancelled
					if _, ok, _ := w.turns.Cancelled(ctx, id); ok {
						a.put(ctx, turn.KindCancelled, "", `{"by":"ada"}`)
						return
					}
					time.Sleep(time.Millisecond) // the model's pace
				}
			})
			c := w.dial(client.Options{Transport: tr})
			ch := c.Channel(channel)
			var name string
			var end error
			cancelled := false
			for d, err := range ch.Ask(ctx, turn.Prompt{Message: "m1", Text: "long"}) {
				name, end = d.Turn, err
				if err == nil && d.Text() != "" && !cancelled {
					cancelled = true
					if err := ch.Cancel(ctx, d.Turn); err != nil {
						t.Fatal(err)
					}
				}
			}
			if code(end) != client.CodeCancelled {
				t.Fatalf("cancelled ask ended with %v", end)
			}
			again, err := ch.Regenerate(ctx, name, "")
			if err != nil || again == name {
				t.Fatalf("regenerate: %q, %v", again, err)
			}
			wantText(ctx, t, ch, again, "first")
			edited, err := ch.Edit(ctx, again, turn.Prompt{Text: "short"})
			if err != nil {
				t.Fatal(err)
			}
			wantText(ctx, t, ch, edited, "first")
			h, err := ch.History(ctx, client.HistoryOptions{})
			if err != nil || h.Leaf != edited || len(h.Turns) != 1 || len(h.Turns[0].Branches) != 3 {
				t.Fatalf("history: %+v, %v", h, err)
			}
		})
	}
}

func wantText(ctx context.Context, t *testing.T, ch *client.Channel, name, want string) {
	t.Helper()
	got := ""
	for d, err := range ch.FollowTurn(ctx, name, client.FollowOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		got += d.Text()
	}
	if got != want {
		t.Fatalf("%s: %q, want %q", name, got, want)
	}
}

// Two clients in one channel: kept events come to both, signals to the other.
func TestPublishAndSignal(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, essay(1, 5))
	for _, tr := range []client.Transport{client.WebSocket, client.SSE} {
		a, b := w.dial(client.Options{Transport: tr}), w.dial(client.Options{Codec: wire.Protobuf})
		if err := b.Connect(ctx); err != nil {
			t.Fatal(err)
		}
		ch := fmt.Sprint("room:", tr)
		custom := false
		for ev, err := range a.Channel(ch).Follow(ctx, client.FollowOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			switch ev := ev.(type) {
			case client.Page:
				if n, err := b.Channel(ch).Publish(ctx, "poll", map[string]int{"votes": 3}); err != nil || n != 1 {
					t.Fatalf("publish: %d, %v", n, err)
				}
			case client.Custom:
				if ev.Place != 1 || ev.Name != "poll" || ev.From != "ada" || string(ev.Data) != `{"votes":3}` {
					t.Fatalf("%+v", ev)
				}
				custom = true
				if err := b.Channel(ch).Signal(ctx, "typing", true); err != nil {
					t.Fatal(err)
				}
				continue
			case client.Signal:
				if !custom || ev.Name != "typing" || string(ev.Data) != "true" || ev.From != "ada" {
					t.Fatalf("%+v", ev)
				}
			}
			if _, ok := ev.(client.Signal); ok {
				break
			}
		}
	}
}

// A client that starts while an answer is under way sees all of it.
func TestSnapshotOfARunningTurn(t *testing.T) {
	for _, tr := range []client.Transport{client.WebSocket, client.SSE} {
		t.Run(string(tr), func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			seen := make(chan struct{})
			w := newWorld(t, func(ctx context.Context, w *world, id turn.ID) {
				a := w.author(ctx, id)
				a.put(ctx, turn.KindText, "", "The first half")
				<-seen
				a.put(ctx, turn.KindText, "", " and the second.")
				a.end(ctx)
			})
			name, err := w.dial(client.Options{}).Channel(channel).Prompt(ctx, turn.Prompt{Text: "?"})
			if err != nil {
				t.Fatal(err)
			}
			for {
				if a, err := w.turns.Answer(ctx, turn.NewID(app, channel, name)); err == nil && a.Text() != "" {
					break
				}
				time.Sleep(time.Millisecond) // until it is there
			}
			for ev, err := range w.dial(client.Options{Transport: tr}).Channel(channel).Follow(ctx, client.FollowOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				switch ev := ev.(type) {
				case client.Page:
					if a := ev.Answers[name]; a == nil || a.Text() != "The first half" {
						t.Fatalf("page: %+v", ev)
					}
					close(seen)
				case client.Begun:
					t.Fatalf("%+v", ev)
				case client.Ended:
					if ev.Answer.Text() != "The first half and the second." {
						t.Fatalf("%q", ev.Answer.Text())
					}
					w.wantAnswer(name, ev.Answer)
					return
				}
			}
		})
	}
}

// A channel is followed once at a time; its turns are not followed beside it.
func TestFollowedOnce(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, essay(1, 5))
	ch := w.dial(client.Options{}).Channel(channel)
	for _, err := range ch.Follow(ctx, client.FollowOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range ch.Follow(ctx, client.FollowOptions{}) {
			if code(err) != client.CodeFollowed {
				t.Errorf("second follow: %v", err)
			}
		}
		break
	}
	for _, err := range ch.Follow(ctx, client.FollowOptions{}) { // free again
		if err != nil {
			t.Fatal(err)
		}
		break
	}
}

// Ending a loop's context ends the loop, not the turn (design: 4).
func TestContextEndsTheLoopOnly(t *testing.T) {
	w := newWorld(t, essay(2, 200))
	c := w.dial(client.Options{})
	ctx, stop := context.WithCancel(testContext(t))
	defer stop()
	name := ""
	var end error
	for d, err := range c.Channel(channel).Ask(ctx, turn.Prompt{Text: "?"}) {
		if end = err; err == nil {
			name = d.Turn
			stop()
		}
	}
	if !errors.Is(end, context.Canceled) {
		t.Fatalf("the loop ended with %v", end)
	}
	var last client.Delta
	for d, err := range c.Channel(channel).FollowTurn(testContext(t), name, client.FollowOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		last = d
	}
	w.wantAnswer(name, last.Answer)
}

// Close ends what waits, at once.
func TestClose(t *testing.T) {
	ctx := testContext(t)
	w := newWorld(t, essay(1, 5))
	w.proxy.close() // nobody answers
	c := w.dial(client.Options{})
	errs := make(chan error, 2)
	go func() {
		_, err := c.Channel(channel).Prompt(ctx, turn.Prompt{Text: "?"})
		errs <- err
	}()
	go func() {
		for _, err := range c.Channel(channel).Follow(ctx, client.FollowOptions{}) {
			errs <- err
		}
	}()
	for s := range c.Statuses(ctx) {
		if s.State == client.Waiting {
			break
		}
	}
	c.Close()
	for range 2 {
		if err := <-errs; code(err) != client.CodeClosed {
			t.Errorf("%v", err)
		}
	}
	if s := c.Status(); s.State != client.Closed || s.Err != nil {
		t.Errorf("%+v", s)
	}
	if err := c.Connect(ctx); code(err) != client.CodeClosed {
		t.Errorf("connect: %v", err)
	}
}

// Where no WebSocket gets through an event stream takes its place, and gives it
// back when one does, in the middle of an answer.
func TestBackToAWebSocket(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	moved := make(chan struct{})
	w := newWorld(t, func(ctx context.Context, w *world, id turn.ID) {
		a := w.author(ctx, id)
		for i := 0; ; i++ {
			a.put(ctx, turn.KindText, "", fmt.Sprint(i, " "))
			select {
			case <-moved:
				a.end(ctx)
				return
			case <-ctx.Done():
				return
			case <-time.After(10 * time.Millisecond): // the model's pace
			}
		}
	})
	w.proxy.faults(1, 0, 1, true)
	c := w.dial(client.Options{})
	var roads []client.Transport
	var last client.Delta
	for d, err := range c.Channel(channel).Ask(ctx, turn.Prompt{Text: "?"}) {
		if err != nil {
			t.Fatal(err)
		}
		last = d
		s := c.Status()
		if s.State != client.Open || len(roads) > 0 && roads[len(roads)-1] == s.Transport {
			continue
		}
		roads = append(roads, s.Transport)
		if s.Transport == client.SSE {
			w.proxy.faults(1, 0, 1, false)
		} else {
			close(moved)
		}
	}
	w.wantAnswer(last.Turn, last.Answer)
	if fmt.Sprint(roads) != "[sse ws]" {
		t.Errorf("came over %v", roads)
	}
}
