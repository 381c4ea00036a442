package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// A viewer gets each token as it is appended, and the end.
func TestViewerFollowsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		v := newViewer(t, g, ann())
		a := begin(t, g, "t1")
		watch(t, v, Follow{Turn: "t1"})
		synctest.Wait()
		for i := range 100 {
			a.text(token(i))
			synctest.Wait()
		}
		if v.sends != 101 {
			t.Errorf("%d deliveries of 100 tokens and a prompt to a fast reader, want 101", v.sends)
		}
		a.end()
		synctest.Wait()
		if why, ok := v.ended[a.id]; !ok || why != nil {
			t.Errorf("ended: %v, %v", ok, why)
		}
		if len(v.text(a.id)) < 500 || len(g.feeds) != 0 {
			t.Errorf("%d bytes shown, %d feeds left", len(v.text(a.id)), len(g.feeds))
		}
	})
}

// A viewer slower than the model gets fewer, larger frames and loses nothing.
func TestSlowViewerGetsMergedText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{Window: 1 << 10}) // it falls behind the window, too
		v := newViewer(t, g, ann())
		v.max, v.left = 1, 1
		a := begin(t, g, "t1")
		watch(t, v, Follow{Turn: "t1"})
		want := ""
		for i := range 1000 {
			a.text(token(i))
			want += token(i)
			if i%250 == 0 {
				synctest.Wait()
				v.drain(1)
			}
		}
		a.end()
		for range 10 {
			synctest.Wait()
			v.drain(1)
		}
		synctest.Wait()
		if v.text(a.id) != want || v.sends > 8 {
			t.Errorf("%d of %d bytes in %d deliveries", len(v.text(a.id)), len(want), v.sends)
		}
		if _, ok := v.ended[a.id]; !ok {
			t.Error("the end did not come")
		}
	})
}

// Viewers at the same place share what is encoded for them.
func TestViewersShareEncodedFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		a := begin(t, g, "t1")
		var all []*viewer
		for range 10 {
			v := newViewer(t, g, ann())
			watch(t, v, Follow{Turn: "t1"})
			all = append(all, v)
		}
		synctest.Wait()
		encoded := 0
		for i := range 20 {
			a.text(token(i))
			synctest.Wait()
			for _, v := range all {
				b := v.batches[len(v.batches)-1]
				b.Bodies("codec", func(*turn.Event) []byte { encoded++; return nil })
			}
		}
		if encoded != 20 {
			t.Errorf("20 tokens were encoded %d times for 10 viewers", encoded)
		}
	})
}

// Whoever joins late gets the text so far merged.
func TestLateJoinIsMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		a := begin(t, g, "t1")
		want := ""
		for i := range 50_000 {
			s := "abcde"
			if i%10 == 0 {
				s = "🙂"
			}
			want += s
			a.text(s)
		}
		v := newViewer(t, g, ann())
		watch(t, v, Follow{Turn: "t1"})
		synctest.Wait()
		size := 0
		for _, b := range v.batches {
			for _, ev := range b.Events {
				size += len(ev.Data)
			}
		}
		if v.text(a.id) != want || v.sends > 40 || size > len(want)*11/10 {
			t.Errorf("%d of %d bytes in %d deliveries of %d bytes", len(v.text(a.id)), len(want), v.sends, size)
		}
		a.text("live")
		synctest.Wait()
		if v.text(a.id) != want+"live" {
			t.Error("the live text did not follow")
		}
	})
}

// A reader may return at any place, to a live log and to a compacted one.
func TestResumeAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{Window: 2 << 10})
		a := begin(t, g, "t1")
		parts := []string{""}
		for i := range 300 {
			a.text(token(i))
			parts = append(parts, token(i))
		}
		check := func(stage string) {
			for at := 1; at <= 301; at += 7 {
				v := newViewer(t, g, ann())
				v.at[a.id] = turn.Seq(at)
				watch(t, v, Follow{Turn: "t1", After: turn.Seq(at)})
				synctest.Wait()
				if got, want := v.text(a.id), strings.Join(parts[at:], ""); got != want {
					t.Fatalf("%s after %d: %d bytes, want %d", stage, at, len(got), len(want))
				}
				v.s.Close(nil)
			}
		}
		check("live")
		a.end()
		check("ended")
		if err := g.b.Compact(context.Background(), a.id, 0); err != nil {
			t.Fatal(err)
		}
		check("compacted")
	})
}

// Text cut inside a character arrives whole, for live and returning readers.
func TestForeignTextIsMadeWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		a := begin(t, g, "t1")
		live := newViewer(t, g, ann())
		watch(t, live, Follow{Turn: "t1"})
		text := "wasser 水 und 🙂 licht"
		for _, c := range []byte(text) {
			a.write(turn.Event{Kind: turn.KindText, Data: []byte{c}})
			synctest.Wait()
			if strings.ContainsRune(live.text(a.id), '\uFFFD') {
				t.Fatalf("shown: %q", live.text(a.id))
			}
		}
		if live.text(a.id) != text {
			t.Errorf("live: %q", live.text(a.id))
		}
		for at := turn.Seq(1); at <= a.top; at++ {
			v := newViewer(t, g, ann())
			v.at[a.id] = at
			watch(t, v, Follow{Turn: "t1", After: at})
			synctest.Wait()
			if got := v.text(a.id); !strings.HasSuffix(text, got) {
				t.Errorf("after %d: %q", at, got)
			}
			v.s.Close(nil)
		}
	})
}

// Following a channel follows each of its turns, from its beginning, and what
// was begun while the reader was away.
func TestChannelBringsItsTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		ctx := context.Background()
		v, w := newViewer(t, g, ann()), newViewer(t, g, ann())
		watch(t, v, Follow{From: FromNow})
		watch(t, w, Follow{})
		name, err := v.s.Prompt(ctx, "chat", turn.Prompt{Message: "m1", Text: "hi"}, "")
		if err != nil {
			t.Fatal(err)
		}
		id := turn.NewID("app", "chat", name)
		synctest.Wait()
		for _, u := range []*viewer{v, w} {
			if a := u.answers[id]; a == nil || a.State != turn.Pending || a.Prompt.Text != "hi" || a.Prompt.User != "ann" {
				t.Fatalf("a viewer does not see the pending turn: %+v", a)
			}
		}
		again, err := w.s.Prompt(ctx, "chat", turn.Prompt{Message: "m1", Text: "hi"}, "")
		if err != nil || again != name {
			t.Errorf("the same message again: %s, %v; want %s", again, err, name)
		}

		w.s.Close(nil) // away while the turn ends and another begins
		if _, err := v.s.Cancel(ctx, "chat", "", "m1"); err != nil {
			t.Fatal(err)
		}
		second, err := v.s.Prompt(ctx, "chat", turn.Prompt{Message: "m2", Text: "and?"}, "")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if v.answers[id].State != turn.Aborted {
			t.Errorf("cancelled before it started: %s", v.answers[id].State)
		}
		back := newViewer(t, g, ann())
		tl := turn.Timeline("app", "chat")
		back.at[tl], back.at[id] = w.at[tl], w.at[id]
		watch(t, back, Follow{After: w.at[tl], Turns: map[string]turn.Seq{name: w.at[id]}})
		synctest.Wait()
		if a := back.answers[id]; a == nil || a.State != turn.Aborted {
			t.Errorf("back: the first turn is %+v", a)
		}
		if a := back.answers[turn.NewID("app", "chat", second)]; a == nil || a.Prompt.Text != "and?" || a.Prompt.Parent != name {
			t.Errorf("back: the second turn is %+v", a)
		}
		fresh := newViewer(t, g, ann())
		past := func() *viewer {
			p, err := fresh.s.History(ctx, "chat", "", 0, 0)
			if err != nil || len(p.Turns) != 2 || p.Turns[0].Answer.State != turn.Aborted {
				t.Fatalf("history: %+v, %v", p, err)
			}
			for _, pt := range p.Turns {
				fresh.at[turn.NewID("app", "chat", pt.Name)] = pt.Answer.At
			}
			return fresh
		}()
		watch(t, past, Follow{From: FromSnapshot})
		synctest.Wait()
		if len(past.logs) != 2 {
			t.Errorf("after a snapshot %d logs are followed, want the timeline and the live turn", len(past.logs))
		}
	})
}

// The answer to Follow goes out before the first event of what is followed.
func TestHoldKeepsEventsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		a := begin(t, g, "t1")
		v := newViewer(t, g, ann())
		v.s.Hold()
		watch(t, v, Follow{Turn: "t1"})
		a.text("x")
		synctest.Wait()
		if len(v.logs) != 0 || v.sends != 0 {
			t.Error("something was given while held")
		}
		v.s.Release()
		synctest.Wait()
		if v.text(a.id) != "x" {
			t.Error("nothing came after Release")
		}
	})
}

// Signals reach the others on the channel, not the sender.
func TestSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		v, w, other := newViewer(t, g, ann()), newViewer(t, g, ann()), newViewer(t, g, ann())
		watch(t, v, Follow{})
		watch(t, w, Follow{})
		watch(t, other, Follow{Channel: "elsewhere"})
		if err := v.s.Signal(context.Background(), "chat", "typing", raw(`true`)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(v.signals) != 0 || len(other.signals) != 0 || len(w.signals) != 1 || w.signals[0].From != "ann" {
			t.Errorf("sender %v, other %v, elsewhere %v", v.signals, w.signals, other.signals)
		}
		w.s.Unfollow("chat", "")
		v.s.Unfollow("chat", "")
		if len(g.rooms) != 1 || len(g.feeds) != 1 {
			t.Errorf("%d rooms, %d feeds left of one followed channel", len(g.rooms), len(g.feeds))
		}
	})
}

// A back end reaches one session or one user on any node, and can end them.
func TestSendListKick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		ctx := context.Background()
		v, w := newViewer(t, g, ann()), newViewer(t, g, Identity{App: "app", User: "bob", Grants: allowAll{}})
		n, err := g.Send(ctx, Target{App: "app", User: "bob"}, Signal{Name: "note"}, time.Second)
		if err != nil || n != 1 || len(w.signals) != 1 || len(v.signals) != 0 {
			t.Errorf("send to a user: %d, %v", n, err)
		}
		if n, err = g.Send(ctx, Target{App: "other", Session: v.s.ID()}, Signal{Name: "note"}, time.Second); n != 0 || err != nil {
			t.Errorf("send across apps: %d, %v", n, err)
		}
		list, more, err := g.List(ctx, Target{App: "app"}, time.Second)
		if err != nil || more || len(list) != 2 {
			t.Errorf("list: %v, %v", list, err)
		}
		if n, err = g.Kick(ctx, Target{App: "app", Session: v.s.ID()}, time.Second); n != 1 || err != nil {
			t.Errorf("kick: %d, %v", n, err)
		}
		synctest.Wait()
		if !errors.Is(v.why, ErrKicked) || g.Sessions() != 1 {
			t.Errorf("kicked: %v, %d sessions", v.why, g.Sessions())
		}
	})
}

type readOnly struct{}

func (readOnly) May(verb, app, ch string) bool { return verb == Read && ch == "chat" }

// Nobody does what their token does not allow (design: 8).
func TestGrants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		ctx := context.Background()
		v := newViewer(t, g, Identity{App: "app", User: "eve", Grants: readOnly{}})
		_, ferr := v.s.Follow(ctx, Follow{Channel: "secret"})
		_, perr := v.s.Prompt(ctx, "chat", turn.Prompt{Text: "x"}, "")
		_, cerr := v.s.Cancel(ctx, "chat", "t1", "")
		_, uerr := v.s.Publish(ctx, "chat", "x", nil)
		_, herr := v.s.History(ctx, "secret", "", 0, 0)
		serr := v.s.Signal(ctx, "chat", "x", nil)
		for i, err := range []error{ferr, perr, cerr, uerr, herr, serr} {
			if !errors.Is(err, ErrForbidden) {
				t.Errorf("%d: %v", i, err)
			}
		}
		watch(t, v, Follow{})
	})
}

// An expiring token is asked to be renewed; a session without a fresh one ends.
func TestTokenExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		who := ann()
		who.Expires = time.Now().Add(time.Minute)
		v, w := newViewer(t, g, who), newViewer(t, g, who)
		time.Sleep(50 * time.Second)
		synctest.Wait()
		if v.renew != 1 || w.renew != 1 {
			t.Fatalf("asked %d and %d times", v.renew, w.renew)
		}
		who.Expires = time.Now().Add(time.Hour)
		if err := v.s.Renew(who); err != nil {
			t.Fatal(err)
		}
		if err := w.s.Renew(Identity{App: "app", User: "eve"}); !errors.Is(err, ErrSubject) {
			t.Errorf("renewed for another subject: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !errors.Is(w.why, ErrExpired) || v.closed {
			t.Errorf("expired: %v; renewed: %v", w.why, v.why)
		}
	})
}

// A producer without a lease that falls silent is closed, and says so; a turn
// that waits for its worker is not (design: 5).
func TestSilentProducerIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{Idle: 10 * time.Second})
		ctx := context.Background()
		id := turn.NewID("app", "chat", "foreign")
		if err := g.b.Create(ctx, id, 0, turn.Event{Kind: turn.KindPrompt, Data: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
		if _, err := g.b.Append(ctx, id, 0, 0, turn.Event{Kind: turn.KindText, Data: []byte("Hel")}); err != nil {
			t.Fatal(err)
		}
		v := newViewer(t, g, ann())
		watch(t, v, Follow{Turn: "foreign"})
		name, err := v.s.Prompt(ctx, "chat", turn.Prompt{Message: "m1", Text: "hi"}, "")
		if err != nil {
			t.Fatal(err)
		}
		waits := turn.NewID("app", "chat", name)
		watch(t, v, Follow{Turn: name})
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if a := v.answers[id]; a.State != turn.Failed || !strings.Contains(string(a.Outcome), turn.CodeIdle) {
			t.Errorf("the silent turn: %s %s", a.State, a.Outcome)
		}
		if a := v.answers[waits]; a.State != turn.Pending {
			t.Errorf("the waiting turn: %s", a.State)
		}
	})
}

// A turn beyond what a connection may follow is opened and ended, so that its
// reader learns of it even when the connection is full.
func TestTurnBeyondTheLimitSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{MaxFollows: 2})
		ctx := context.Background()
		v := newViewer(t, g, ann())
		v.max, v.left = 1, 1
		watch(t, v, Follow{})
		var ids []turn.ID
		for i := range 3 {
			name, err := v.s.Prompt(ctx, "chat", turn.Prompt{Message: fmt.Sprint("m", i), Text: "hi"}, "")
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, turn.NewID("app", "chat", name))
		}
		for range 20 {
			synctest.Wait()
			v.drain(1)
		}
		synctest.Wait()
		if _, ok := v.ended[ids[0]]; ok {
			t.Error("the first turn was ended")
		}
		for _, id := range ids[1:] {
			if !errors.Is(v.ended[id], ErrTooMany) {
				t.Errorf("%v ended with %v", id, v.ended[id])
			}
		}
	})
}

// A fresh token takes away what it does not allow any more (design: 8).
func TestRenewTakesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		ctx := context.Background()
		v := newViewer(t, g, ann())
		a := begin(t, g, "t1")
		watch(t, v, Follow{})
		watch(t, v, Follow{Turn: "t1"})
		watch(t, v, Follow{Channel: "other"})
		synctest.Wait()
		who := ann()
		who.Grants = allowOnly("other")
		if err := v.s.Renew(who); err != nil {
			t.Fatal(err)
		}
		a.text("secret")
		if err := g.Signal(ctx, "app", Signal{Channel: "chat", Name: "typing"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, id := range []turn.ID{a.id, turn.Timeline("app", "chat")} {
			if !errors.Is(v.ended[id], ErrForbidden) {
				t.Errorf("%v ended with %v", id, v.ended[id])
			}
		}
		if _, ok := v.ended[turn.Timeline("app", "other")]; ok || v.text(a.id) != "" || len(v.signals) != 0 {
			t.Errorf("other ended %v, shown %q, signals %v", ok, v.text(a.id), v.signals)
		}
	})
}

type allowOnly string

func (a allowOnly) May(_, _, ch string) bool { return ch == string(a) }

// A turn that waits for a person has its own deadline, also for a reader who
// comes when all has been said.
func TestSuspendedTurnExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{Idle: 10 * time.Second})
		a := begin(t, g, "t1")
		until := time.Now().Add(time.Minute)
		a.write(turn.Event{Kind: turn.KindSuspended, Data: fmt.Appendf(nil, `{"reason":"approval","deadline":%d}`, until.UnixMilli())})
		v := newViewer(t, g, ann())
		v.at[a.id] = a.top
		watch(t, v, Follow{Turn: "t1", After: a.top})
		time.Sleep(time.Until(until) - time.Second)
		synctest.Wait()
		if v.over(a.id) {
			t.Fatal("ended before its deadline")
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		got, err := g.turns.Answer(context.Background(), a.id)
		if ended := v.over(a.id); err != nil || !ended || !strings.Contains(string(got.Outcome), turn.CodeTurnExpired) {
			t.Errorf("ended %v: %s %s, %v", ended, got.State, got.Outcome, err)
		}
	})
}

// When a plain producer ends a prompted turn, the node that shows it tells the
// channel, and the next turn gets its job.
func TestForeignEndIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		ctx := context.Background()
		v := newViewer(t, g, ann())
		watch(t, v, Follow{})
		name, err := v.s.Prompt(ctx, "chat", turn.Prompt{Message: "m1", Text: "hi"}, "")
		if err != nil {
			t.Fatal(err)
		}
		id := turn.NewID("app", "chat", name)
		for _, ev := range []turn.Event{{Kind: turn.KindText, Data: []byte("ho")}, {Kind: turn.KindEnd, Data: []byte(`{"reason":"stop"}`)}} {
			if _, err := g.b.Append(ctx, id, 0, 0, ev); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(settleTime)
		synctest.Wait()
		past, err := v.s.History(ctx, "chat", "", 0, 0)
		live, lerr := g.turns.Live(ctx, "app", "chat")
		if err != nil || lerr != nil || len(live) != 0 || len(past.Turns) != 1 || past.Turns[0].Answer.State != turn.Completed {
			t.Errorf("live %v, %v; history %+v, %v", live, lerr, past.Turns, err)
		}
		if at := v.at[turn.Timeline("app", "chat")]; at != 2 {
			t.Errorf("the timeline is shown through %d, want 2: begun and ended", at)
		}
	})
}

// A gap is never silent: who wants what is gone starts over (design: 6).
func TestTrimmedAndAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		ctx := context.Background()
		tl := turn.Timeline("app", "chat")
		for range 100 {
			if _, err := g.Publish(ctx, "app", "chat", "n", raw(`1`), ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.b.Trim(ctx, tl, 10); err != nil {
			t.Fatal(err)
		}
		v, w := newViewer(t, g, ann()), newViewer(t, g, ann())
		watch(t, v, Follow{After: 5})
		w.at[tl] = 500
		watch(t, w, Follow{After: 500})
		synctest.Wait()
		if err := v.ended[tl]; !errors.Is(err, broker.ErrTrimmed) {
			t.Errorf("trimmed: %v", err)
		}
		if err := w.ended[tl]; !errors.Is(err, broker.ErrAhead) {
			t.Errorf("ahead: %v", err)
		}
	})
}

// Whatever connections do, each viewer that stays or returns folds the log.
func TestViewersComeAndGo(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			g := node(t, Options{Window: 1 << 10 << r.IntN(6), Frame: 64 << r.IntN(8)})
			a := begin(t, g, "t1")
			var all []*viewer
			for range 8 {
				v := newViewer(t, g, ann())
				watch(t, v, Follow{Turn: "t1"})
				all = append(all, v)
			}
			want := ""
			for i := range 400 {
				n := 1 + r.IntN(3)
				for j := range n {
					a.text(token(i + j))
					want += token(i + j)
				}
				v := all[r.IntN(len(all))]
				switch r.IntN(6) {
				case 0: // falls asleep
					v.mu.Lock()
					v.max, v.left = 1, 0
					v.mu.Unlock()
				case 1:
					v.drain(1 + r.IntN(3))
				case 2: // returns on another connection
					v.s.Close(nil)
					synctest.Wait() // what was under way on the old one is over
					s, err := g.Open(v, ann())
					if err != nil {
						t.Fatal(err)
					}
					v.mu.Lock()
					v.s, v.logs, v.max, v.full = s, map[uint32]Log{}, 0, false
					at := v.at[a.id]
					v.mu.Unlock()
					watch(t, v, Follow{Turn: "t1", After: at})
				case 3:
					synctest.Wait()
				}
			}
			a.end()
			for _, v := range all {
				v.mu.Lock()
				v.max = 0
				v.mu.Unlock()
				v.drain(0)
			}
			synctest.Wait()
			for i, v := range all {
				if v.text(a.id) != want || v.answers[a.id].State != turn.Completed {
					t.Errorf("seed %d, viewer %d: %d of %d bytes, %s", seed, i, len(v.text(a.id)), len(want), v.answers[a.id].State)
				}
			}
		})
	}
}

func TestFeedCutsCompactedEvents(t *testing.T) {
	evs := turn.Compact([]turn.Event{
		{Seq: 1, Kind: turn.KindText, Data: []byte("ab")}, {Seq: 2, Kind: turn.KindText, Data: []byte("cd")}, {Seq: 3, Kind: turn.KindText, Data: []byte("ef")},
	})
	got, err := cut(evs, 2)
	if err != nil || len(got) != 1 || string(got[0].Data) != "ef" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := cut([]turn.Event{{First: 1, Seq: 3, Kind: turn.KindText, Data: []byte("ab")}}, 2); err == nil || err == io.EOF {
		t.Errorf("no cuts: %v", err)
	}
}

// A socket may close at any moment of a follow.
func TestCloseWhileFollowing(t *testing.T) {
	g := node(t, Options{})
	for i := range 300 {
		v := newViewer(t, g, ann())
		v.loose = true
		begin(t, g, fmt.Sprint("t", i))
		var wg sync.WaitGroup
		for _, f := range []Follow{{Channel: "chat"}, {Channel: "chat", Turn: fmt.Sprint("t", i)}, {Channel: fmt.Sprint("c", i)}} {
			wg.Go(func() { v.s.Follow(context.Background(), f) }) // it may be refused: the session closes
		}
		wg.Go(func() { v.s.Renew(Identity{App: "app", User: "ann", Grants: allowOnly("other")}) })
		wg.Go(func() { v.s.Close(nil) })
		wg.Wait()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.feeds) != 0 || len(g.rooms) != 0 || len(g.sessions) != 0 {
		t.Errorf("%d feeds, %d rooms, %d sessions are left", len(g.feeds), len(g.rooms), len(g.sessions))
	}
}

// Who asks for what is beyond a log, and does not read, harms nobody else.
func TestReaderAheadHarmsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		a := begin(t, g, "t1")
		bad := newViewer(t, g, ann())
		bad.max, bad.left = 1, 1
		bad.at[a.id] = 1000
		watch(t, bad, Follow{Turn: "t1", After: 1000})
		synctest.Wait()
		good := newViewer(t, g, ann())
		watch(t, good, Follow{Turn: "t1"})
		a.text("one ")
		synctest.Wait()
		a.text("two")
		a.end()
		synctest.Wait()
		if !good.over(a.id) || good.text(a.id) != "one two" {
			t.Errorf("the good reader shows %q, ended %v", good.text(a.id), good.over(a.id))
		}
		bad.drain(5)
		synctest.Wait()
		if !errors.Is(bad.ended[a.id], broker.ErrAhead) {
			t.Errorf("the reader ahead was told %v", bad.ended[a.id])
		}
	})
}

// A turn whose beginning stands twice on its timeline is shown once.
func TestTurnBegunTwiceIsShownOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		v := newViewer(t, g, ann())
		watch(t, v, Follow{})
		a := begin(t, g, "t1")
		entry := turn.Event{Kind: "turn", Data: []byte(`{"turn":"t1"}`)}
		timeline := turn.Timeline("app", "chat")
		if _, err := g.b.Append(context.Background(), timeline, 0, 0, entry); err != nil {
			t.Fatal(err)
		}
		a.text("once")
		a.end()
		synctest.Wait()
		if _, err := g.b.Append(context.Background(), timeline, 0, 0, entry); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if v.text(a.id) != "once" || v.at[timeline] != 2 {
			t.Errorf("shown %q, the timeline through %d", v.text(a.id), v.at[timeline])
		}
	})
}
