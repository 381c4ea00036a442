package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/faultbroker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/internal/presence"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

func user(name string) Identity { return Identity{App: "app", User: name, Grants: allowAll{}} }

func join(tb testing.TB, v *viewer, state, info string) {
	tb.Helper()
	if err := v.s.Join(context.Background(), "chat", state, json.RawMessage(info)); err != nil {
		tb.Fatal(err)
	}
}

// sees is who v was told is on the channel, as "ada=state bob".
func (v *viewer) sees() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []string
	for _, m := range v.here["chat"] {
		s := m.ID
		if m.State != "" {
			s += "=" + m.State
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (v *viewer) see(want string) {
	v.tb.Helper()
	synctest.Wait()
	if got := v.sees(); got != want {
		v.tb.Fatalf("sees %q, want %q", got, want)
	}
}

// pair starts two nodes over one broker.
func pair(tb testing.TB) (b broker.Broker, g1, g2 *Gateway) {
	tb.Helper()
	b = membroker.New(membroker.Options{})
	tb.Cleanup(func() {
		if err := b.Close(); err != nil {
			tb.Error(err)
		}
	})
	return b, over(tb, b), over(tb, b)
}

func over(tb testing.TB, b broker.Broker) *Gateway {
	tb.Helper()
	g, err := New(turns.New(b, turns.Options{}), Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(g.Close)
	return g
}

func TestManyTabsCountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		eve := newViewer(t, g, user("eve"))
		if err := eve.s.Watch(context.Background(), "chat"); err != nil {
			t.Fatal(err)
		}
		eve.see("")
		a1, a2 := newViewer(t, g, user("ada")), newViewer(t, g, user("ada"))
		join(t, a1, "", `{"n":1}`)
		eve.see("ada")
		told := len(eve.told)
		join(t, a2, "", `{"n":1}`)
		a1.s.Close(nil)
		time.Sleep(time.Minute)
		eve.see("ada")
		if len(eve.told) != told {
			t.Errorf("a second tab was told: %+v", eve.told[told:])
		}
		a2.see("ada")
		if err := a2.s.SetState("chat", "away"); err != nil {
			t.Fatal(err)
		}
		eve.see("ada=away")
		a2.s.Leave("chat")
		eve.see("")
		if err := a2.s.SetState("chat", "back"); !errors.Is(err, ErrNotJoined) {
			t.Errorf("state after leave: %v", err)
		}
	})
}

// A reload of the page shows nothing to the others; who stays away is gone
// after the linger.
func TestReloadDoesNotFlicker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		bob := newViewer(t, g, user("bob"))
		join(t, bob, "", "")
		ada := newViewer(t, g, user("ada"))
		join(t, ada, "", `{}`)
		bob.see("ada bob")
		told := len(bob.told)
		ada.s.Close(nil)
		time.Sleep(presence.DefaultLinger / 2)
		ada = newViewer(t, g, user("ada"))
		join(t, ada, "", `{}`)
		time.Sleep(5 * presence.DefaultLinger)
		bob.see("ada bob")
		if len(bob.told) != told {
			t.Errorf("the reload was told: %+v", bob.told[told:])
		}
		ada.s.Close(nil)
		time.Sleep(presence.DefaultLinger - time.Millisecond)
		bob.see("ada bob")
		time.Sleep(time.Millisecond)
		bob.see("bob")
	})
}

// A viewer that takes nothing is told what it has become, once.
func TestSlowViewerIsToldTheOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{Linger: -1})
		eve := newViewer(t, g, user("eve"))
		eve.max = 1
		eve.drain(1)
		if err := eve.s.Watch(context.Background(), "chat"); err != nil {
			t.Fatal(err)
		}
		eve.see("")
		stays := newViewer(t, g, user("bob"))
		join(t, stays, "", "")
		for i := range 200 {
			v := newViewer(t, g, user(fmt.Sprint("u", i)))
			join(t, v, "", "")
			join(t, stays, fmt.Sprint(i), "")
			v.s.Close(nil)
		}
		eve.see("")
		eve.drain(1)
		eve.see("bob=199")
		if n := len(eve.told); n != 2 {
			t.Errorf("told %d times", n)
		}
		for i := range 3 * 1024 { // further than changes are remembered
			join(t, stays, fmt.Sprint(i), "")
		}
		eve.drain(1)
		eve.see("bob=3071")
		if last := eve.told[len(eve.told)-1]; !last.Full {
			t.Errorf("told %+v, want everybody", last)
		}
	})
}

type noPresence struct{}

func (noPresence) May(verb, _, _ string) bool { return verb != Presence }

func TestPresenceNeedsItsGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		ctx := context.Background()
		v := newViewer(t, g, Identity{App: "app", User: "mal", Grants: noPresence{}})
		_, err := v.s.Members(ctx, "chat")
		for _, err := range []error{err, v.s.Join(ctx, "chat", "", nil), v.s.Watch(ctx, "chat"), v.s.SetState("chat", "x")} {
			if !errors.Is(err, ErrForbidden) {
				t.Errorf("without the grant: %v", err)
			}
		}
		ada, bob := newViewer(t, g, user("ada")), newViewer(t, g, user("bob"))
		join(t, ada, "", "")
		join(t, bob, "", "")
		ada.see("ada bob")
		if err := ada.s.Renew(Identity{App: "app", User: "ada", Grants: noPresence{}}); err != nil {
			t.Fatal(err)
		}
		bob.see("bob")
		ada.see("")
		if err := bob.s.Join(ctx, "chat", "", json.RawMessage(`{`)); !errors.Is(err, ErrBadName) {
			t.Errorf("broken info: %v", err)
		}
		if err := bob.s.Join(ctx, "chat", "", json.RawMessage(`"`+strings.Repeat("x", presence.MaxInfo)+`"`)); !errors.Is(err, broker.ErrTooLarge) {
			t.Errorf("large info: %v", err)
		}
	})
}

func TestCrowdedChannelRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		ctx := context.Background()
		for i := range presence.MaxMembers {
			v := newViewer(t, g, ann())
			if err := v.s.JoinAs(ctx, "chat", Member{ID: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		v := newViewer(t, g, ann())
		if err := v.s.Join(ctx, "chat", "", nil); !errors.Is(err, ErrTooMany) {
			t.Errorf("one too many: %v", err)
		}
		if err := v.s.Watch(ctx, "chat"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(v.here["chat"]); n != presence.MaxMembers {
			t.Errorf("sees %d members", n)
		}
	})
}

// Two nodes over one broker give the same answer, whichever a user is on.
func TestNodesAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, g1, g2 := pair(t)
		ada, bob := newViewer(t, g1, user("ada")), newViewer(t, g2, user("bob"))
		join(t, ada, "", `{"n":1}`)
		join(t, bob, "", "")
		ada.see("ada bob")
		bob.see("ada bob")
		again := newViewer(t, g2, user("ada")) // her phone
		join(t, again, "mobile", `{"n":1}`)
		ada.see("ada=mobile bob")
		bob.see("ada=mobile bob")
		again.s.Leave("chat")
		ada.see("ada bob")
		bob.see("ada bob")
		for _, g := range []*Gateway{g1, g2} {
			ms, err := g.Members(context.Background(), "app", "chat")
			if err != nil || len(ms) != 2 || ms[0].ID != "ada" || string(ms[0].Info) != `{"n":1}` {
				t.Errorf("%v, %v", ms, err)
			}
		}
		bob.s.Close(nil)
		time.Sleep(presence.DefaultLinger + time.Second) // and what it takes to tell the other node
		ada.see("ada")
	})
}

// A node that ends cleanly leaves no ghosts, and shows no flicker of those who
// come back on another.
func TestDrainedNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, g1, g2 := pair(t)
		eve := newViewer(t, g2, user("eve"))
		join(t, eve, "", "")
		ada, bob := newViewer(t, g1, user("ada")), newViewer(t, g1, user("bob"))
		join(t, ada, "", "")
		join(t, bob, "", "")
		eve.see("ada bob eve")
		g1.Close()
		time.Sleep(presence.DefaultLinger / 2)
		join(t, newViewer(t, g2, user("ada")), "", "")
		eve.see("ada bob eve")
		time.Sleep(5 * time.Second)
		eve.see("ada eve")
		for _, r := range eve.told {
			for _, m := range r.Left {
				if m.ID == "ada" {
					t.Error("ada flickered")
				}
			}
		}
	})
}

// The members of a node that lost its power are gone within 20 s, and what it
// left is swept.
func TestLostNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := membroker.New(membroker.Options{})
		defer b.Close()
		lost := faultbroker.New(b, nil)
		g1, g2 := over(t, lost), over(t, b)
		eve := newViewer(t, g2, user("eve"))
		join(t, eve, "", "")
		join(t, newViewer(t, g1, user("ada")), "", "")
		eve.see("ada eve")
		time.Sleep(time.Minute)
		eve.see("ada eve")
		lost.Plan(func(faultbroker.Call) faultbroker.Fault { return faultbroker.Lost })
		time.Sleep(20 * time.Second)
		eve.see("eve")
		val, _, err := b.Get(context.Background(), broker.Key{App: "app", Channel: "chat", Name: "presence"})
		if err != nil || strings.Count(string(val), `"`) != 2 {
			t.Errorf("the channel's index is %s, %v", val, err)
		}
		lost.Plan(nil) // it was only cut off, and comes back
		time.Sleep(10 * time.Second)
		eve.see("ada eve")
	})
}

// A channel's agent is there while a turn is, and shows how it is.
func TestAgentIsPresent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, g1, g2 := pair(t)
		ctx := context.Background()
		ada, bob := newViewer(t, g1, user("ada")), newViewer(t, g2, user("bob"))
		join(t, ada, "", "")
		name, err := ada.s.Prompt(ctx, "chat", turn.Prompt{Message: "m1", Text: "hi"}, "")
		if err != nil {
			t.Fatal(err)
		}
		ada.see("ada agent=waiting")
		join(t, bob, "", "")
		bob.see("ada agent=waiting bob")
		a := &author{tb: t, g: g1, id: turn.NewID("app", "chat", name)}
		if a.e, a.top, err = g1.b.Begin(ctx, a.id); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			kind turn.Kind
			data string
			want string
		}{
			{turn.KindReasoning, "hm", "thinking"}, {turn.KindText, "Hello", "streaming"}, {turn.KindTool, "{", "thinking"},
			{turn.KindSuspended, `{"reason":"approval","deadline":99999999999999}`, "waiting"}, {turn.KindResumed, `{}`, "thinking"},
			{turn.KindText, "!", "streaming"}, {turn.KindUsage, `{}`, "streaming"},
		} {
			a.write(turn.Event{Kind: step.kind, Data: []byte(step.data)})
			ada.see("ada agent=" + step.want + " bob")
			bob.see("ada agent=" + step.want + " bob")
			late := newViewer(t, g2, user("bob"))
			if err := late.s.Watch(ctx, "chat"); err != nil {
				t.Fatal(err)
			}
			late.see("ada agent=" + step.want + " bob")
			late.s.Close(nil)
		}
		a.end()
		if err := g1.turns.Finish(ctx, a.id); err != nil {
			t.Fatal(err)
		}
		ada.see("ada bob")
		bob.see("ada bob")
	})
}

// A channel that is deleted and used again shows its agent again.
func TestAgentOfADeletedChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		ctx := context.Background()
		ada := newViewer(t, g, user("ada"))
		join(t, ada, "", "")
		if _, err := ada.s.Prompt(ctx, "chat", turn.Prompt{Message: "m1", Text: "hi"}, ""); err != nil {
			t.Fatal(err)
		}
		ada.see("ada agent=waiting")
		if err := g.b.DeleteChannel(ctx, "app", "chat"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		ada.see("ada")
		if _, err := ada.s.Prompt(ctx, "chat", turn.Prompt{Message: "m2", Text: "hi"}, ""); err != nil {
			t.Fatal(err)
		}
		ada.see("ada agent=waiting")
	})
}
