package answer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/internal/answer/answertest"
	"github.com/karez/karez/turn"
)

// What survives folds to what the whole log folds to, so a reader who begins
// late is shown the same as one who was there.
func TestSurvivorsFoldToTheAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evs := answertest.Log(t)
		want, err := turn.Fold(evs)
		if err != nil {
			t.Fatal(err)
		}
		var s answer.Survivors
		in := turn.Split(turn.Compact(evs))
		cut := rapid.IntRange(0, len(in)).Draw(t, "cut")
		s.Add(in[:cut])
		s.Add(in[cut:])
		left := s.Events()
		for i := range left {
			left[i].Seq, left[i].First = turn.Seq(i+1), 0
		}
		got, err := turn.Fold(left)
		if err != nil {
			t.Fatal(err)
		}
		if show(got) != show(want) || got.State != want.State {
			t.Fatalf("%s\nwant %s", show(got), show(want))
		}
	})
}

// show is an answer without parts that say nothing: one that was cut to
// nothing may be left, or not.
func show(a turn.Answer) string {
	var b bytes.Buffer
	for _, p := range a.Parts {
		if len(p.Data) > 0 || p.Kind == turn.KindTool {
			fmt.Fprintf(&b, "%s %q %q\n", p.Kind, p.ID, p.Data)
		}
	}
	return b.String()
}

// Cut tells of a loss exactly when the fold has one.
func TestCutTellsOfLosses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s answer.Shown
		var a turn.Answer
		for _, ev := range answertest.Log(t) {
			before := show(a)
			if err := a.Add(ev); err != nil {
				t.Fatal(err)
			}
			switch ev.Kind {
			case turn.KindEpoch:
				var e turn.EpochStart
				if err := json.Unmarshal(ev.Data, &e); err != nil {
					t.Fatal(err)
				}
				if e.All {
					continue
				}
				if _, lost := s.Cut(e.Parts, 0); lost != (show(a) != before) {
					t.Fatalf("lost is %v\n%s\nto\n%s", lost, before, show(a))
				}
			case turn.KindPrompt, turn.KindUsage, turn.KindEnd, turn.KindCancelled, turn.KindError:
			default:
				s.Add(&ev, 0, len(ev.Data) > 0 || ev.Kind.Mergeable())
			}
		}
	})
}

func FuzzParseID(f *testing.F) {
	f.Add(answer.ID("resp_", "chat:42/é", "t1"))
	f.Add("resp_.t1")
	f.Add("")
	f.Fuzz(func(t *testing.T, id string) {
		ch, name, ok := answer.ParseID("resp_", id)
		if !ok {
			return
		}
		if turn.CheckChannel(ch) != nil || turn.CheckName(name) != nil {
			t.Errorf("%q names %q, %q", id, ch, name)
		}
		if ch2, name2, ok := answer.ParseID("resp_", answer.ID("resp_", ch, name)); !ok || ch2 != ch || name2 != name {
			t.Errorf("%q comes back as %q, %q", id, ch2, name2)
		}
	})
}
