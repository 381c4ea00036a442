package turn

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// events draws a log without payloads that need decoding: text, reasoning,
// tool pieces and data over a few parts, numbered from 1, under growing epochs.
func events(t *rapid.T, text *rapid.Generator[string]) []Event {
	n := rapid.IntRange(0, 40).Draw(t, "n")
	var evs []Event
	epoch := Epoch(1)
	for i := range n {
		ev := Event{Seq: Seq(i + 1)}
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			ev.Kind, ev.Data = KindReasoning, []byte(text.Draw(t, "text"))
		case 1:
			ev.Kind, ev.Part, ev.Data = KindTool, "call", []byte(text.Draw(t, "text"))
			ev.Name = rapid.SampledFrom([]string{"", "search"}).Draw(t, "name")
		case 2:
			ev.Kind, ev.Data = KindData, []byte(`{"a":1}`)
		case 3:
			epoch++
			ev.Kind, ev.Data = KindEpoch, epochStart(t, evs, epoch)
		case 4:
			ev.Kind, ev.Part, ev.Data = KindText, "2", []byte(text.Draw(t, "text"))
		default:
			ev.Kind, ev.Data = KindText, []byte(text.Draw(t, "text"))
			if rapid.IntRange(0, 9).Draw(t, "attr") == 0 {
				ev.Attrs = map[string]string{AttrTime: "1"}
			}
		}
		ev.Epoch = epoch
		evs = append(evs, ev)
	}
	return evs
}

// epochStart keeps all, nothing, or the fold of a random prefix.
func epochStart(t *rapid.T, evs []Event, e Epoch) []byte {
	es := EpochStart{Epoch: e, Keep: Seq(rapid.IntRange(0, len(evs)).Draw(t, "keep"))}
	es.All = int(es.Keep) == len(evs)
	if !es.All {
		a, err := Fold(evs[:es.Keep])
		if err != nil {
			t.Fatal(err)
		}
		es.Parts = a.Keep()
	}
	p, err := json.Marshal(es)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// shown is what a viewer sees of an answer.
func shown(a Answer) string {
	var b strings.Builder
	for _, p := range a.Parts {
		b.WriteString(string(p.Kind) + "|" + p.ID + "|" + p.Name + "|" + string(p.Data) + "\n")
	}
	return b.String() + string(a.State)
}

// A viewer shows the fold of a prefix of the log, however events were merged
// on the way, and an epoch takes back exactly what it does not keep (design: 1).
func TestMergedFoldsToTheSameAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evs := events(t, rapid.String())
		want, err := Fold(evs)
		if err != nil {
			t.Fatal(err)
		}
		var got Answer
		for rest := evs; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			for _, ev := range Merge(rest[:n]) {
				if err := got.Add(ev); err != nil {
					t.Fatal(err)
				}
			}
			rest = rest[n:]
		}
		if shown(got) != shown(want) || got.At != want.At {
			t.Fatalf("merged:\n%s\nunmerged:\n%s", shown(got), shown(want))
		}
	})
}

// A cursor anywhere in a compacted log continues exactly where it was.
func TestCompactedLogIsReadFromAnyPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evs := events(t, rapid.String())
		once := Compact(evs)
		if rapid.Bool().Draw(t, "twice") && len(once) > 1 {
			once = Compact(append(Compact(evs[:len(evs)/2:len(evs)/2]), evs[len(evs)/2:]...))
		}
		at := Seq(rapid.IntRange(0, len(evs)).Draw(t, "at"))
		got, err := Fold(evs[:at])
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range once {
			rest, ok, err := ev.After(at)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				continue
			}
			if err := got.Add(rest); err != nil {
				t.Fatal(err)
			}
		}
		want, _ := Fold(evs)
		if shown(got) != shown(want) {
			t.Fatalf("after %d:\n%s\nwhole:\n%s", at, shown(got), shown(want))
		}
	})
}

// Split finds in a compacted log the events that it was made of.
func TestSplitUndoesCompact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evs := events(t, rapid.String())
		once := Compact(evs)
		if rapid.Bool().Draw(t, "twice") && len(once) > 1 {
			once = Compact(append(Compact(evs[:len(evs)/2:len(evs)/2]), evs[len(evs)/2:]...))
		}
		at := Seq(rapid.IntRange(0, len(evs)).Draw(t, "at"))
		var rest []Event
		for _, ev := range once {
			if r, ok, err := ev.After(at); err != nil {
				t.Fatal(err)
			} else if ok {
				rest = append(rest, r)
			}
		}
		got := Split(rest)
		if len(got) != len(evs)-int(at) {
			t.Fatalf("%d pieces, want %d", len(got), len(evs)-int(at))
		}
		for i, ev := range got {
			if want := evs[int(at)+i]; ev.Seq != want.Seq || ev.Start() != want.Seq || string(ev.Data) != string(want.Data) || ev.Kind != want.Kind || ev.Part != want.Part {
				t.Fatalf("piece %+v, want %+v", ev, want)
			}
		}
	})
}

// Text cut anywhere by a foreign producer reaches readers as whole characters,
// the same whatever place they began at (design: 9).
func TestAlignKeepsCharactersWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(rapid.StringMatching(`[a-zß水🙂é]{0,30}`).Draw(t, "text"))
		var evs []Event
		for rest := text; len(rest) > 0; {
			n := rapid.IntRange(1, min(len(rest), 5)).Draw(t, "cut")
			evs = append(evs, Event{Seq: Seq(len(evs) + 1), Kind: KindText, Data: rest[:n]})
			rest = rest[n:]
		}
		whole := Align(nil, evs)
		var all []byte
		for _, ev := range whole {
			if !utf8.Valid(ev.Data) {
				t.Fatalf("event %d: %q", ev.Seq, ev.Data)
			}
			all = append(all, ev.Data...)
		}
		if !bytes.Equal(all, text) {
			t.Fatalf("got %q, want %q", all, text)
		}
		at := rapid.IntRange(0, len(evs)).Draw(t, "at")
		tail := evs[at:]
		var before []Event
		if NeedsLookback(tail) {
			before = evs[max(0, at-Lookback):at]
		}
		for i, ev := range Align(before, tail) {
			if !bytes.Equal(ev.Data, whole[at+i].Data) {
				t.Fatalf("from %d, event %d: %q, from the start %q", at, ev.Seq, ev.Data, whole[at+i].Data)
			}
		}
	})
}

func TestAlignReplacesWhatIsNoText(t *testing.T) {
	got := Align(nil, []Event{
		{Seq: 1, Kind: KindText, Data: []byte("a\xffb")},
		{Seq: 2, Kind: KindText, Data: []byte("c\xe6")}, // begins a character
		{Seq: 3, Kind: KindData, Data: []byte("{}")},    // that never ends
		{Seq: 4, Kind: KindText, Data: []byte("d")},
		{Seq: 5, Kind: KindAudio, Data: []byte{0xff, 0xe6}}, // no text
	})
	for i, want := range []string{"a\uFFFDb", "c", "{}", "d", "\xff\xe6"} {
		if string(got[i].Data) != want {
			t.Errorf("event %d: %q, want %q", i+1, got[i].Data, want)
		}
	}
}

func TestFoldRefusesHolesAndWhatFollowsTheEnd(t *testing.T) {
	var a Answer
	add := func(ev Event) error { return a.Add(ev) }
	if err := add(Event{Seq: 2, Kind: KindText}); err == nil {
		t.Error("a hole was folded over")
	}
	if err := add(Event{Seq: 1, Kind: KindText, Data: []byte("a")}); err != nil {
		t.Error(err)
	}
	if err := add(Event{Seq: 1, Kind: KindText, Data: []byte("a")}); err != nil || a.Text() != "a" {
		t.Errorf("a repeated event: %v, %q", err, a.Text())
	}
	if err := add(Event{Seq: 2, Kind: KindUsage, Data: []byte("broken")}); err == nil || a.At != 1 {
		t.Error("a broken payload was folded")
	}
	if err := add(Event{Seq: 2, Kind: KindEnd, Data: []byte(`{"reason":"stop"}`)}); err != nil || a.State != Completed {
		t.Errorf("%v, %s", err, a.State)
	}
	if err := add(Event{Seq: 3, Kind: KindText}); err == nil {
		t.Error("text after the end was folded")
	}
}

func TestStates(t *testing.T) {
	prompt := Event{Kind: KindPrompt, Data: []byte(`{"text":"hi"}`)}
	for _, c := range []struct {
		evs  []Event
		want State
	}{
		{[]Event{prompt}, Pending},
		{[]Event{prompt, {Kind: KindText}}, Streaming},
		{[]Event{prompt, {Kind: KindSuspended, Data: []byte(`{}`)}}, Waiting},
		{[]Event{prompt, {Kind: KindSuspended, Data: []byte(`{}`)}, {Kind: KindResumed}}, Streaming},
		{[]Event{prompt, {Kind: KindEnd}}, Completed},
		{[]Event{prompt, {Kind: KindCancelled}}, Aborted},
		{[]Event{prompt, {Kind: KindText}, {Kind: KindError}}, Failed},
	} {
		for i := range c.evs {
			c.evs[i].Seq = Seq(i + 1)
		}
		if a, err := Fold(c.evs); err != nil || a.State != c.want {
			t.Errorf("%v: %s, %v; want %s", c.evs, a.State, err, c.want)
		}
	}
}

func TestNameForSeparatesItsParts(t *testing.T) {
	a := NameFor("app", "chat", "ann", "1")
	for _, b := range []string{NameFor("app", "chata", "nn", "1"), NameFor("app", "chat", "ann", "2"), NameFor("app", "chat", "bob", "1"), NameFor("ap", "pchat", "ann", "1")} {
		if a == b {
			t.Errorf("two messages share turn %s", a)
		}
	}
	if a != NameFor("app", "chat", "ann", "1") || CheckName(a) != nil {
		t.Errorf("%s is not a stable turn name", a)
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		id   ID
		want string // in the error; "": none
	}{
		{NewID("app", "chat:42", "t81"), ""},
		{NewID("app", "räume/7 {x}", "t:1.a-b_c"), ""},
		{Timeline("app", "chat"), ""},
		{NewID("", "c", "t"), "app"},
		{NewID("a b", "c", "t"), "app"},
		{NewID("a", "", "t"), "channel"},
		{NewID("a", "c\n", "t"), "U+000A"},
		{NewID("a", "c\xff", "t"), "UTF-8"},
		{NewID("a", strings.Repeat("c", MaxChannel+1), "t"), "201"},
		{NewID("a", "c", "t/1"), "turn"},
		{ID{App: "a", Channel: "c", Kind: "heap", Name: "t"}, "heap"},
		{ID{App: "a", Channel: "c", Kind: TimelineLog, Name: "t"}, "timeline"},
	} {
		err := c.id.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v, want %q", c.id, err, c.want)
		}
	}
}

// FuzzAfter reads compacted events with any cuts: never a panic, never text
// that is not there.
func FuzzAfter(f *testing.F) {
	f.Add([]byte("hello"), []byte{1, 2}, uint64(1), uint64(3), uint64(2))
	f.Add([]byte("hello"), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, uint64(1), uint64(9), uint64(5))
	f.Fuzz(func(t *testing.T, data, cuts []byte, first, last, at uint64) {
		ev := Event{Seq: Seq(last), First: Seq(first), Kind: KindText, Data: data, Cuts: cuts}
		if last-first > 1<<16 {
			return
		}
		if rest, ok, err := ev.After(Seq(at)); ok && err == nil && !bytes.HasSuffix(data, rest.Data) {
			t.Fatalf("%q is no tail of %q", rest.Data, data)
		}
	})
}

// FuzzFold folds any payloads: never a panic.
func FuzzFold(f *testing.F) {
	f.Add([]byte(`{"epoch":2,"keep":1,"parts":[{"kind":"text","bytes":-1}]}`), []byte("x"))
	f.Fuzz(func(t *testing.T, epoch, usage []byte) {
		var a Answer
		for i, ev := range []Event{{Kind: KindText, Data: []byte("abc")}, {Kind: KindEpoch, Data: epoch}, {Kind: KindUsage, Data: usage}, {Kind: KindPrompt, Data: usage}} {
			ev.Seq = Seq(i + 1)
			if a.Add(ev) != nil {
				return
			}
		}
	})
}
