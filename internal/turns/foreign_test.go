package turns

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
)

// foreign writes a turn as a program that knows nothing but the log: its entry
// names no parent, and its log begins with text.
func foreign(t *testing.T, b broker.Broker, name string) {
	t.Helper()
	put := func(id turn.ID, kind turn.Kind, data string) {
		t.Helper()
		if _, err := b.Append(ctx, id, 0, 0, turn.Event{Kind: kind, Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
	}
	id := turn.NewID("app", "chat", name)
	put(turn.Timeline("app", "chat"), channel.KindTurn, `{"turn":"`+name+`","user":"ada"}`)
	if err := b.Create(ctx, id, 0, turn.Event{Kind: turn.KindText, Data: []byte("of " + name)}); err != nil {
		t.Fatal(err)
	}
	put(id, turn.KindEnd, `{"reason":"stop"}`)
	put(turn.Timeline("app", "chat"), channel.KindTurnEnd, `{"turn":"`+name+`","state":"completed"}`)
}

// said returns what history shows, and what a model would be shown behind the
// same turn: prompts and answers.
func said(t *testing.T, ts *Turns, leaf string) (history, model string) {
	t.Helper()
	past, err := ts.History(ctx, "app", "chat", leaf, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var h, m []string
	for i, p := range past.Turns {
		h = append(h, line(p.Answer))
		if i > 0 && p.Answer.Prompt.Parent != past.Turns[i-1].Name {
			t.Errorf("history: %s follows %q", p.Name, p.Answer.Prompt.Parent)
		}
	}
	path, err := ts.Path(ctx, "app", "chat", past.Leaf, 40)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range path {
		m = append(m, line(a))
	}
	return strings.Join(h, "; "), strings.Join(m, "; ")
}

func line(a turn.Answer) string {
	if a.Prompt != nil && a.Prompt.Text != "" {
		return a.Prompt.Text
	}
	return a.Text()
}

// What other programs write is part of the conversation: kept, and known to
// the model, whoever goes on.
func TestTurnsOfOthersStayInTheConversation(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		want := ""
		check := func(what string) {
			t.Helper()
			if want += "; " + what; want[0] == ';' {
				want = what
			}
			if h, m := said(t, ts, ""); h != want || m != want {
				t.Errorf("after %s:\n history %s\n model   %s", what, h, m)
			}
		}
		foreign(t, b, "p0")
		check("of p0")
		accept(t, ts, "m1")
		settle(t, b, ts)
		check("say m1")
		foreign(t, b, "p1")
		check("of p1")
		foreign(t, b, "p2")
		check("of p2")
		accept(t, ts, "m2", "m3")
		check("say m2; say m3")
		foreign(t, b, "p3") // while others run
		check("of p3")
		settle(t, b, ts)
		if again, err := ts.Create(ctx, turn.NewID("app", "chat", "own"), turn.Prompt{Text: "say own"}, 1); err != nil || again {
			t.Fatal(again, err)
		}
		check("say own")
		if a, err := ts.Answer(ctx, idOf("m2")); err != nil || a.Prompt.Parent != "p2" {
			t.Errorf("m2 follows %+v, %v", a.Prompt, err)
		}
	})
}

// Asking something else in the place of a turn behind a foreign one, or of the
// first turn, leaves the rest where it was.
func TestEditBesideTurnsOfOthers(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		foreign(t, b, "p1")
		accept(t, ts, "m2")
		settle(t, b, ts)
		for _, c := range []struct{ old, message, want string }{
			{idOf("m2").Name, "m3", "say m1; of p1; say m3"},
			{idOf("m1").Name, "m4", "say m4"},
		} {
			a := ask(c.message)
			a.Prompt.Supersedes = c.old
			if _, _, err := ts.Accept(ctx, a); err != nil {
				t.Fatal(err)
			}
			settle(t, b, ts)
			if h, m := said(t, ts, ""); h != c.want || m != c.want {
				t.Errorf("history %s, model %s; want %s", h, m, c.want)
			}
		}
		if h, _ := said(t, ts, idOf("m1").Name); h != "say m1; of p1; say m3" {
			t.Errorf("the other branch: %s", h)
		}
	})
}

// Retention and a lost timeline do not hide what comes after them.
func TestTurnsOfOthersOnATrimmedTimeline(t *testing.T) {
	over(t, Options{Timeline: 20}, func(t *testing.T, b broker.Broker, ts *Turns) {
		accept(t, ts, "m1")
		settle(t, b, ts)
		for i := range 40 {
			data, err := json.Marshal(i)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Append(ctx, turn.Timeline("app", "chat"), 0, 0, turn.Event{Kind: channel.KindCustom, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Trim(ctx, turn.Timeline("app", "chat"), 20); err != nil {
			t.Fatal(err)
		}
		foreign(t, b, "p1")
		accept(t, ts, "m2")
		settle(t, b, ts)
		if h, m := said(t, ts, ""); h != "of p1; say m2" || m != h {
			t.Errorf("history %s, model %s", h, m)
		}
	})
}
