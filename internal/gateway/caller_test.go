package gateway

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// verbs is what a token allows, on every channel.
type verbs []string

func (v verbs) May(verb, _, _ string) bool { return slices.Contains(v, verb) }

func as(user string, may ...string) Identity {
	return Identity{App: "app", User: user, Grants: verbs(may)}
}

// A caller without a connection may what its token allows, counts as no
// session, and is nobody's name but its own without manage (design: 8).
func TestCallerNeedsNoSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{MaxSessions: 1})
		ctx := context.Background()
		v := newViewer(t, g, ann())
		watch(t, v, Follow{})
		c := g.Caller(as("bob", Prompt, Publish, Read), "")
		asked, err := c.Prompt(ctx, "chat", turn.Prompt{Text: "hi"}, "")
		if err != nil || asked.Message == "" || asked.Turn != turn.NameFor("app", "chat", "bob", asked.Message) {
			t.Errorf("%+v %v", asked, err)
		}
		if _, err := c.Prompt(ctx, "chat", turn.Prompt{Text: "hi", User: "ann"}, ""); !errors.Is(err, ErrForbidden) {
			t.Errorf("prompt in another's name: %v", err)
		}
		if _, err := c.Publish(ctx, "chat", Note{Name: "n", From: "ann"}); !errors.Is(err, ErrForbidden) {
			t.Errorf("publish in another's name: %v", err)
		}
		if _, err := c.Send(ctx, Target{}, Note{Name: "n"}, time.Second); !errors.Is(err, ErrForbidden) {
			t.Errorf("send: %v", err)
		}
		if err := c.Signal(ctx, "chat", Note{Name: "n"}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(v.signals) != 1 || v.signals[0].From != "bob" || g.Sessions() != 1 {
			t.Errorf("signals %+v, %d sessions", v.signals, g.Sessions())
		}
		boss := g.Caller(as("ops", Prompt, Publish, Manage), "")
		if a, err := boss.Prompt(ctx, "chat", turn.Prompt{Text: "hi", User: "ann", Message: "m"}, ""); err != nil || a.Turn != turn.NameFor("app", "chat", "ann", "m") {
			t.Errorf("%+v %v", a, err)
		}
	})
}

// A signal does not come back to the session that the caller names.
func TestCallersOwnSessionIsSpared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		own, other := newViewer(t, g, ann()), newViewer(t, g, ann())
		watch(t, own, Follow{})
		watch(t, other, Follow{})
		if err := g.Caller(ann(), own.s.ID()).Signal(context.Background(), "chat", Note{Name: "typing"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(own.signals) != 0 || len(other.signals) != 1 {
			t.Errorf("own %v, other %v", own.signals, other.signals)
		}
	})
}

// What is too large, or no JSON, is refused below every transport.
func TestCallerBoundsWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		ctx := context.Background()
		s := newViewer(t, g, ann()).s
		c := g.Caller(ann(), "")
		big := raw(`"` + strings.Repeat("x", MaxSignal) + `"`)
		deep := raw(strings.Repeat("[", turn.MaxDepth+1) + strings.Repeat("]", turn.MaxDepth+1))
		long := strings.Repeat("n", turn.MaxName+1)
		_, publish := c.Publish(ctx, "chat", Note{Name: "n", Data: raw("{")})
		_, depth := c.Publish(ctx, "chat", Note{Name: "n", Data: deep})
		_, prompt := c.Prompt(ctx, "chat", turn.Prompt{Text: "x", Message: strings.Repeat("m", turn.MaxMessage+1)}, "")
		_, session := s.Prompt(ctx, "chat", turn.Prompt{Text: "x", Content: make([]turn.Content, turn.MaxContents+1)}, "")
		_, send := c.Send(ctx, Target{User: "ann"}, Note{Name: "n", Data: big}, time.Second)
		_, from := c.Publish(ctx, "chat", Note{Name: "n", From: strings.Repeat("u", turn.MaxUser+1)})
		for _, x := range []struct {
			name      string
			err, want error
		}{
			{"signal's data", c.Signal(ctx, "chat", Note{Name: "n", Data: big}), broker.ErrTooLarge},
			{"session's signal's data", s.Signal(ctx, "chat", "n", big), broker.ErrTooLarge},
			{"signal's name", c.Signal(ctx, "chat", Note{Name: long}), ErrBadName},
			{"no name", s.Signal(ctx, "chat", "", nil), ErrBadName},
			{"signal's depth", c.Signal(ctx, "chat", Note{Name: "n", Data: deep}), turn.ErrBadField},
			{"no JSON", publish, turn.ErrBadField},
			{"depth", depth, turn.ErrBadField},
			{"message", prompt, turn.ErrBadField},
			{"contents", session, turn.ErrBadField},
			{"send", send, broker.ErrTooLarge},
			{"from", from, turn.ErrBadField},
		} {
			if !errors.Is(x.err, x.want) {
				t.Errorf("%s: %v, want %v", x.name, x.err, x.want)
			}
		}
	})
}

// Two prompts without an id are two turns, in one millisecond too.
func TestPromptsWithoutIdAreTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		ctx := context.Background()
		now := time.Now().UnixMilli()
		ask := turns.Ask{App: "app", Channel: "chat", Prompt: turn.Prompt{User: "ann", Text: "hi"}, At: now}
		one, _, err := g.turns.Accept(ctx, ask)
		if err != nil {
			t.Fatal(err)
		}
		two, again, err := g.turns.Accept(ctx, ask)
		if err != nil || again || one == two {
			t.Errorf("%s, %s, again %v, %v", one, two, again, err)
		}
	})
}

// To ask in the place of somebody else's running turn stops it, and needs
// cancel; of one's own, or of one that is over, it does not.
func TestSupersedingAnothersTurnNeedsCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		ctx := context.Background()
		ann, eve := g.Caller(as("ann", Prompt), ""), g.Caller(as("eve", Prompt), "")
		old, err := ann.Prompt(ctx, "chat", turn.Prompt{Text: "hi", Message: "m1"}, "")
		if err != nil {
			t.Fatal(err)
		}
		_, regenerate := eve.Regenerate(ctx, "chat", old.Turn, "e1", "")
		_, edit := eve.Prompt(ctx, "chat", turn.Prompt{Text: "no", Message: "e2", Supersedes: old.Turn}, "")
		for _, err := range []error{regenerate, edit} {
			var f *ForbiddenError
			if !errors.As(err, &f) || f.Verb != Cancel {
				t.Errorf("%v", err)
			}
		}
		if _, live, err := g.turns.Asker(ctx, turn.NewID("app", "chat", old.Turn)); err != nil || !live {
			t.Fatalf("the turn was stopped, or is gone: %v", err)
		}
		if _, err := ann.Prompt(ctx, "chat", turn.Prompt{Text: "hm", Message: "m2", Supersedes: old.Turn}, ""); err != nil {
			t.Errorf("one's own: %v", err)
		}
		if _, live, err := g.turns.Asker(ctx, turn.NewID("app", "chat", old.Turn)); err != nil || live {
			t.Errorf("one's own goes on: %v", err)
		}
		if _, err := eve.Regenerate(ctx, "chat", old.Turn, "e3", ""); err != nil {
			t.Errorf("one that is over: %v", err)
		}
		mod := g.Caller(as("mod", Prompt, Cancel), "")
		if _, err := mod.Regenerate(ctx, "chat", turn.NameFor("app", "chat", "ann", "m2"), "x", ""); err != nil {
			t.Errorf("with cancel: %v", err)
		}
	})
}

// A node that is going down, and a token that has run out, serve nobody.
func TestCallerOfAClosedNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		who := ann()
		who.Expires = time.Now().Add(time.Minute)
		c := g.Caller(who, "")
		if err := c.May(Read, "chat"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute + DefaultGrace + time.Second)
		if err := c.May(Read, "chat"); !errors.Is(err, ErrExpired) {
			t.Error(err)
		}
		g.mu.Lock()
		g.closed = true
		g.mu.Unlock()
		if err := g.Caller(ann(), "").May(Read, "chat"); !errors.Is(err, ErrDraining) {
			t.Error(err)
		}
	})
}
