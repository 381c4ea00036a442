package worker_test

import (
	"testing"
	"time"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/scripted"
)

const ms = scripted.Duration(time.Millisecond)

func TestAnswersAPrompt(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		stop := work(t, p.b, play(t, scripted.Step{Text: "w{i} 🙂 ", Repeat: 5, Every: 20 * ms}), worker.Options{})
		id := p.prompt("hello")
		a := p.ended(id)
		if a.State != turn.Completed || a.Text() != "w0 🙂 w1 🙂 w2 🙂 w3 🙂 w4 🙂 " || string(a.Outcome) != `{"reason":"stop"}` {
			t.Fatalf("%s %q %s", a.State, a.Text(), a.Outcome)
		}
		if a.Epoch != 1 {
			t.Errorf("a fresh turn was written under epoch %d", a.Epoch)
		}
		if u := a.Usage; u == nil || !u.Estimated || u.Output != 7 || u.Input != 6 {
			t.Errorf("usage %+v", u)
		}
		evs, _ := p.log(id)
		for i, ev := range evs {
			if ev.Kind == turn.KindEpoch {
				t.Error("a fresh turn needs no epoch event")
			}
			if timed := ev.Attrs[turn.AttrTime] != ""; timed != (i < 2 || ev.Kind.Terminal()) {
				t.Errorf("event %d, %s: attributes %v", ev.Seq, ev.Kind, ev.Attrs)
			}
		}
		stop()
		if s, err := p.b.Stats(t.Context(), "prompts"); err != nil || s.Waiting+s.Leased != 0 {
			t.Errorf("jobs left: %+v, %v", s, err)
		}
	})
}
