package brokertest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// logCases are Create, Begin and Append.
var logCases = []testCase{
	{"create gives places from 1 and epoch 0", createNumbers},
	{"create twice changes nothing", createTwice},
	{"create of an ended turn", createEnded},
	{"an event comes back as it was written", eventsComeBack},
	{"begin counts epochs and returns the top", beginCounts},
	{"begin of nothing or of an ended turn", beginRefused},
	{"begin fences all earlier epochs", beginFences},
	{"an epoch that never began is refused", epochNeverBegun},
	{"append ignores places and epochs of its events", appendNumbers},
	{"append twice adds nothing", appendTwice},
	{"append twice, partly there", appendPartly},
	{"append of another epoch is not a repeat", appendOfAnother},
	{"append with a gap", appendGap},
	{"append after the end", appendEnded},
	{"append of an event that is too large", appendTooLarge},
	{"append at the end under epoch 0", appendAtEnd},
	{"append under epoch 0 with a place", appendAtPlace},
	{"append at the end is for epoch 0 only", appendAtEndEpoch},
	{"append never creates a turn", appendNeverCreates},
	{"all of an append is seen or none", appendAtomic},
}

func createNumbers(t *T) {
	id := t.turn("t1")
	t.create(id, append([]turn.Event{prompt("hi")}, texts("a", "b")...)...)
	evs := t.all(id, 0)
	if len(evs) != 3 || evs[2].Seq != 3 || evs[0].Epoch != 0 || evs[0].Kind != turn.KindPrompt {
		t.Fatalf("created:\n%s", content(evs))
	}
	if i := t.info(id); i != (broker.Info{Top: 3}) {
		t.Fatalf("info: %+v", i)
	}
}

func createTwice(t *T) {
	id := t.turn("t1")
	t.create(id, prompt("first"))
	e, _ := t.begin(id)
	t.append(id, e, 2, 2, texts("a")...)
	before := content(t.all(id, 0))
	t.is("create again", t.b.Create(t.ctx, id, 0, prompt("second")), broker.ErrExists)
	if after := content(t.all(id, 0)); after != before {
		t.Fatalf("was:\n%sis:\n%s", before, after)
	}
	t.append(id, e, 3, 3, texts("b")...) // and the epoch still holds
}

func createEnded(t *T) {
	id := t.turn("t1")
	t.create(id, prompt("hi"), end())
	if i := t.info(id); !i.Ended || i.Top != 2 {
		t.Fatalf("info: %+v", i)
	}
	_, _, err := t.b.Begin(t.ctx, id)
	t.is("begin", err, broker.ErrEnded)
}

func eventsComeBack(t *T) {
	id := t.turn("t1")
	t.started(id)
	evs := []turn.Event{
		{Kind: turn.KindText, Data: []byte("水 \x00 🙂\r\n")},
		{Kind: turn.KindText, Data: []byte("\xe6")}, // half a character, of a foreign producer
		{Kind: turn.KindText},                       // empty
		{Kind: turn.KindTool, Part: "call:1", Name: "search", Data: []byte(`{"q":`)},
		{Kind: turn.KindAudio, Media: "audio/pcm;rate=24000", Data: []byte{0, 1, 0xff, 0xfe}},
		{Kind: turn.KindData, Name: "a b/ü", Data: []byte(`{}`), Attrs: map[string]string{"at": "1700000000000", "kind": "x", "part": "y", "leer": ""}},
		{Kind: "my.own", Data: bytes.Repeat([]byte("x"), turn.MaxData)},
		end(),
	}
	t.append(id, 1, 2, turn.Seq(1+len(evs)), evs...)
	for i := range evs {
		evs[i].Seq, evs[i].Epoch = turn.Seq(i+2), 1
	}
	if got, want := content(t.all(id, 1)), content(evs); got != want {
		t.Fatalf("read:\n%swritten:\n%s", got, want)
	}
	if got := t.all(id, 7)[0].Data; !bytes.Equal(got, evs[6].Data) {
		t.Fatalf("%d bytes came back of %d", len(got), len(evs[6].Data))
	}
}

func beginCounts(t *T) {
	id := t.turn("t1")
	t.create(id, prompt("hi"))
	for want := turn.Epoch(1); want <= 5; want++ {
		e, top := t.begin(id)
		if e != want || top != turn.Seq(want) {
			t.Fatalf("begin: epoch %d, top %d; want %d, %d", e, top, want, want)
		}
		if i := t.info(id); i.Epoch != e || i.Top != top || i.Ended {
			t.Fatalf("info after begin: %+v", i)
		}
		t.append(id, e, top+1, top+1, texts("x")...)
	}
	e, _ := t.begin(id)
	if again, top := t.begin(id); again != e+1 || top != 6 { // nobody wrote in between
		t.Fatalf("begin after begin: epoch %d, top %d", again, top)
	}
}

func beginRefused(t *T) {
	id := t.turn("t1")
	_, _, err := t.b.Begin(t.ctx, id)
	t.is("begin of nothing", err, broker.ErrNotFound)
	t.gone(id)
	t.started(id, "a")
	t.append(id, 1, 3, 3, end())
	_, _, err = t.b.Begin(t.ctx, id)
	t.is("begin of an ended turn", err, broker.ErrEnded)
	if i := t.info(id); i.Epoch != 1 {
		t.Fatalf("a refused begin changed the epoch: %+v", i)
	}
}

// beginFences is rule 3: the log itself refuses an author who lost the turn.
func beginFences(t *T) {
	id := t.turn("t1")
	t.started(id, "a")
	e2, top := t.begin(id)
	refused := func(when string, e turn.Epoch, first turn.Seq) {
		t.Helper()
		_, err := t.b.Append(t.ctx, id, e, first, texts("no")...)
		t.is(when, err, broker.ErrFenced)
	}
	refused("the old author, before the new one wrote", 1, top+1)
	refused("a producer without a lease", 0, top+1)
	refused("a producer without a lease, at the end", 0, 0)
	t.append(id, e2, top+1, top+1, texts("b")...)
	refused("the old author, after the new one wrote", 1, top+2)
	refused("the old author, where the new one wrote", 1, top+1)
	_, err := t.b.Append(t.ctx, id, 1, top+2, end())
	t.is("the old author's end", err, broker.ErrFenced)
	t.says(id, "ab")
	t.append(id, 1, 2, 2, texts("a")...) // a repeat of what was written is no new write
	t.says(id, "ab")
}

func epochNeverBegun(t *T) {
	id := t.turn("t1")
	t.started(id, "a")
	if _, err := t.b.Append(t.ctx, id, 7, 3, texts("no")...); err == nil {
		t.Fatal("an append under an epoch that nobody opened succeeded")
	}
	t.says(id, "a")
	t.append(id, 1, 3, 3, texts("b")...)
	if e, _ := t.begin(id); e != 2 {
		t.Fatalf("the next epoch is %d, want 2", e)
	}
}

func appendNumbers(t *T) {
	id := t.turn("t1")
	t.started(id)
	given := turn.Event{Seq: 77, First: 70, Epoch: 9, Kind: turn.KindText, Data: []byte("a")}
	t.append(id, 1, 2, 2, given)
	evs := t.all(id, 1)
	if len(evs) != 1 || evs[0].Seq != 2 || evs[0].Start() != 2 || evs[0].Epoch != 1 {
		t.Fatalf("read:\n%s", content(evs))
	}
	if given.Seq != 77 || given.Epoch != 9 {
		t.Fatal("append changed its argument")
	}
}

func appendTwice(t *T) {
	id := t.turn("t1")
	t.started(id, "a", "b", "c")
	t.append(id, 1, 2, 4, texts("a", "b", "c")...)
	t.append(id, 1, 3, 3, texts("b")...)
	t.append(id, 1, 4, 4, texts("c")...)
	t.append(id, 1, 5, 6, append(texts("d"), end())...)
	t.append(id, 1, 5, 6, append(texts("d"), end())...) // the reply was lost, the turn has ended
	t.append(id, 1, 6, 6, end())
	t.says(id, "abcd")
	if i := t.info(id); i.Top != 6 || !i.Ended {
		t.Fatalf("info: %+v", i)
	}
}

func appendPartly(t *T) {
	id := t.turn("t1")
	t.started(id, "a", "b", "c")
	_, err := t.b.Append(t.ctx, id, 1, 3, texts("b", "c", "d")...)
	t.gap("two of three are there", err, 4)
	t.says(id, "abc")
}

// appendOfAnother: what stands at a place under another epoch is not what this
// author wrote.
func appendOfAnother(t *T) {
	id := t.turn("t1")
	t.started(id, "a", "b")
	e2, top := t.begin(id)
	_, err := t.b.Append(t.ctx, id, e2, 2, texts("A", "B")...)
	t.gap("at places of epoch 1", err, top)
	t.append(id, e2, top+1, top+1, texts("c")...)
	_, err = t.b.Append(t.ctx, id, e2, top, texts("B", "c")...)
	t.gap("beginning at a place of epoch 1", err, top+1)
	_, err = t.b.Append(t.ctx, id, 1, top, texts("b", "x")...)
	t.is("ending at a place of epoch 2", err, broker.ErrFenced)
	t.says(id, "abc")
}

func appendGap(t *T) {
	id := t.turn("t1")
	t.started(id, "a")
	_, err := t.b.Append(t.ctx, id, 1, 4, texts("no")...)
	t.is("a place too far", err, broker.ErrGap)
	t.gap("a place too far", err, 2)
	_, err = t.b.Append(t.ctx, id, 1, 1<<40, end())
	t.gap("a place much too far", err, 2)
	t.says(id, "a")
	t.append(id, 1, 3, 3, texts("b")...)
}

func appendEnded(t *T) {
	for _, kind := range []turn.Kind{turn.KindEnd, turn.KindCancelled, turn.KindError} {
		id := t.turn(string(kind))
		t.started(id, "a")
		t.append(id, 1, 3, 3, turn.Event{Kind: kind, Data: []byte("{}")})
		_, err := t.b.Append(t.ctx, id, 1, 4, texts("no")...)
		t.is("text after "+string(kind), err, broker.ErrEnded)
		_, err = t.b.Append(t.ctx, id, 1, 4, end())
		t.is("a second end", err, broker.ErrEnded)
		t.says(id, "a")
	}
	id := t.turn("foreign")
	t.create(id, prompt("hi"))
	t.append(id, 0, 0, 2, end())
	_, err := t.b.Append(t.ctx, id, 0, 0, texts("no")...)
	t.is("at the end of an ended log", err, broker.ErrEnded)
}

func appendTooLarge(t *T) {
	id := t.turn("t1")
	t.started(id, "a")
	big := turn.Event{Kind: turn.KindText, Data: make([]byte, turn.MaxData+1)}
	_, err := t.b.Append(t.ctx, id, 1, 3, texts("b")[0], big)
	t.is("one of two is too large", err, broker.ErrTooLarge)
	t.says(id, "a")
	t.is("create", t.b.Create(t.ctx, t.turn("t2"), 0, big), broker.ErrTooLarge)
	t.gone(t.turn("t2"))
	big.Data = big.Data[1:]
	t.append(id, 1, 3, 3, big)
	long := texts("c")[0]
	long.Attrs = map[string]string{"trace": strings.Repeat("x", turn.MaxData)}
	_, err = t.b.Append(t.ctx, id, 1, 4, long)
	t.is("a long attribute", err, broker.ErrTooLarge)
	many := texts("c")[0]
	many.Attrs = make(map[string]string)
	for i := range broker.MaxAttrs {
		many.Attrs[fmt.Sprint("a", i)] = "x"
	}
	t.append(id, 1, 4, 4, many)
	many.Attrs["one more"] = "x"
	_, err = t.b.Append(t.ctx, id, 1, 5, many)
	t.is("too many attributes", err, broker.ErrTooLarge)
}

func appendAtEnd(t *T) {
	for _, id := range []turn.ID{t.timeline(), t.stream("s1")} {
		t.append(id, 0, 0, 1, texts("a")...)
		t.append(id, 0, 0, 3, texts("b", "c")...)
		t.append(id, 0, 0, 4, texts("c")...) // repeated is added again
		t.says(id, "abcc")
		if i := t.info(id); i != (broker.Info{Top: 4}) {
			t.Fatalf("info of %s: %+v", id, i)
		}
	}
	id := t.turn("t1") // a foreign producer writes a turn that was created
	t.create(id, prompt("hi"))
	t.append(id, 0, 0, 2, texts("a")...)
	t.append(id, 0, 0, 4, append(texts("b"), end())...)
	t.says(id, "ab")
}

func appendAtPlace(t *T) {
	for _, id := range []turn.ID{t.timeline(), t.stream("s1")} {
		_, err := t.b.Append(t.ctx, id, 0, 2, texts("no")...)
		t.gap("place 2 of a log that is not there", err, 0)
		t.append(id, 0, 1, 1, texts("a")...)
		t.append(id, 0, 2, 3, texts("b", "c")...)
		t.append(id, 0, 2, 3, texts("b", "c")...) // a repeat
		_, err = t.b.Append(t.ctx, id, 0, 5, texts("no")...)
		t.gap("place 5", err, 3)
		t.append(id, 0, 0, 4, texts("d")...)
		t.says(id, "abcd")
	}
}

func appendAtEndEpoch(t *T) {
	id := t.turn("t1")
	t.started(id, "a")
	if _, err := t.b.Append(t.ctx, id, 1, 0, texts("no")...); err == nil {
		t.Fatal("an append without a place succeeded under epoch 1")
	}
	t.says(id, "a")
}

func appendNeverCreates(t *T) {
	id := t.turn("t1")
	for _, at := range []struct {
		e     turn.Epoch
		first turn.Seq
	}{{0, 0}, {0, 1}, {1, 1}, {3, 9}} {
		_, err := t.b.Append(t.ctx, id, at.e, at.first, texts("no")...)
		t.is("append to no turn", err, broker.ErrNotFound)
	}
	t.gone(id)
}

// appendAtomic reads as fast as it can while batches are written.
func appendAtomic(t *T) {
	const batch, batches = 20, 30
	id := t.turn("t1")
	done := make(chan struct{})
	go func() { // ends with the last batch
		defer close(done)
		if err := t.b.Create(t.ctx, id, 0, numbered(batch)...); err != nil {
			t.Error(err)
			return
		}
		e, top, err := t.b.Begin(t.ctx, id)
		for range batches - 1 {
			if err == nil {
				top, err = t.b.Append(t.ctx, id, e, top+1, numbered(batch)...)
			}
		}
		if err != nil {
			t.Error(err)
		}
	}()
	for at := turn.Seq(0); ; {
		select {
		case <-done:
			if n := len(t.all(id, 0)); n != batch*batches {
				t.Fatalf("%d events, want %d", n, batch*batches)
			}
			return
		default:
		}
		evs := t.read(id, at, 10_000)
		if len(evs)%batch != 0 {
			t.Fatalf("a reader at %d saw %d events; appends are of %d", at, len(evs), batch)
		}
		at += turn.Seq(len(evs))
	}
}
