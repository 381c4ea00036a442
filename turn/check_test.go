package turn

import (
	"strconv"
	"testing"
	"time"
)

// Check refuses what does not fold, and nothing else.
func TestCheckIsWhatFolds(t *testing.T) {
	kinds := []Kind{KindPrompt, KindEpoch, KindText, KindReasoning, KindTool, KindToolDone, KindAudio, KindFile, KindData, KindStep, KindUsage, KindSuspended, KindResumed, KindEnd, KindCancelled, KindError, "own"}
	refused := 0
	for _, k := range kinds {
		for _, data := range []string{"", "x", `"x"`, `{}`, `{"epoch":"x"}`, `{"input_tokens":1.5}`, `{"message":5}`, "\xff"} {
			ev := Event{Seq: 1, Kind: k, Data: []byte(data)}
			_, folds := Fold([]Event{ev})
			if err := ev.Check(); (err == nil) != (folds == nil) {
				t.Errorf("%s %q: check %v, fold %v", k, data, err, folds)
			} else if err != nil {
				refused++
			}
		}
	}
	if refused < 12 {
		t.Errorf("only %d were refused", refused)
	}
}

// Many parts fold in time that grows with the events, to what few would; beyond
// MaxParts no more are opened, and those there are go on.
func TestManyParts(t *testing.T) {
	var a Answer
	seq := Seq(0)
	add := func(k Kind, id, data string) error {
		seq++
		err := a.Add(Event{Seq: seq, Kind: k, Part: id, Data: []byte(data)})
		if err != nil {
			seq--
		}
		return err
	}
	began := time.Now()
	for round := range 30 {
		for i := range MaxParts / 2 {
			id := strconv.Itoa(i)
			if add(KindText, id, "t") != nil || add(KindTool, id, "u") != nil {
				t.Fatalf("round %d, part %d", round, i)
			}
		}
	}
	t.Logf("%d events in %v", seq, time.Since(began))
	if add(KindText, "more", "x") == nil || add(KindData, "", "{}") == nil {
		t.Error("a part too many was opened")
	}
	if err := add(KindEpoch, "", `{"parts":[{"kind":"text","part":"7","bytes":2},{"kind":"tool","part":"9","bytes":1}]}`); err != nil {
		t.Fatal(err)
	}
	if add(KindTool, "9", "+") != nil || add(KindText, "7", "+") != nil || add(KindText, "0", "new") != nil {
		t.Fatal("after an epoch")
	}
	want := []Part{{Kind: KindText, ID: "7", Data: []byte("tt+")}, {Kind: KindTool, ID: "9", Data: []byte("u+")}, {Kind: KindText, ID: "0", Data: []byte("new")}}
	for i, p := range want {
		if g := a.Parts[i]; g.Kind != p.Kind || g.ID != p.ID || string(g.Data) != string(p.Data) {
			t.Errorf("part %d is %+v", i, g)
		}
	}
}
