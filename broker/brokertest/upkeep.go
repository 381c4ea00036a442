package brokertest

import (
	"io"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// upkeepCases are Info, Compact, Trim and Delete.
var upkeepCases = []testCase{
	{"info", infoCase},
	{"compact keeps span and fold", compactKeeps},
	{"compact leaves a turn that has not ended", compactOpen},
	{"compact twice", compactTwice},
	{"append twice after compact", compactRepeat},
	{"trim cuts the oldest", trimCuts},
	{"trim of little or nothing", trimLittle},
	{"delete", deleteCase},
	{"delete and create again", deleteCreate},
}

func infoCase(t *T) {
	id := t.turn("t1")
	_, err := t.b.Info(t.ctx, id)
	t.is("info of nothing", err, broker.ErrNotFound)
	t.started(id, "a", "b")
	if i := t.info(id); i != (broker.Info{Top: 3, Epoch: 1}) {
		t.Fatalf("info of a live turn: %+v", i)
	}
	t.append(id, 1, 4, 4, end())
	if i := t.info(id); i != (broker.Info{Top: 4, Epoch: 1, Ended: true}) {
		t.Fatalf("info of an ended turn: %+v", i)
	}
}

// answer is what the fold of a log shows.
func (t *T) answer(evs []turn.Event) turn.Answer {
	t.Helper()
	a, err := turn.Fold(evs)
	t.must(err)
	return a
}

func compactKeeps(t *T) {
	id := t.turn("t1")
	t.started(id)
	t.append(id, 1, 2, 501, numbered(500)...)
	t.begin(id)
	keep := turn.Event{Kind: turn.KindEpoch, Data: []byte(`{"epoch":2,"keep":501,"all":true}`)}
	t.append(id, 2, 502, 502, keep)
	t.append(id, 2, 503, 1002, numbered(500)...)
	t.append(id, 2, 1003, 1003, end())
	before := t.all(id, 0)
	t.must(t.b.Compact(t.ctx, id, 0))
	after := t.all(id, 0)
	if len(after) > len(before)/10 {
		t.Fatalf("%d events became %d", len(before), len(after))
	}
	a, b := t.answer(before), t.answer(after)
	if a.Text() != b.Text() || a.State != b.State || a.At != b.At {
		t.Fatalf("was %s at %d: %q\nis %s at %d: %q", a.State, a.At, a.Text(), b.State, b.At, b.Text())
	}
	if i := t.info(id); i != (broker.Info{Top: 1003, Epoch: 2, Ended: true}) {
		t.Fatalf("info: %+v", i)
	}
	for _, at := range []turn.Seq{1, 2, 3, 250, 500, 501, 502, 503, 504, 900, 1001, 1002} {
		rest := t.all(id, at)
		if got, want := content(turn.Merge(rest)), content(turn.Merge(before[at:])); got != want {
			t.Fatalf("after %d, read:\n%swant:\n%s", at, got, want)
		}
	}
}

func compactOpen(t *T) {
	id := t.turn("t1")
	t.started(id, "a", "b", "c")
	before := content(t.all(id, 0))
	t.must(t.b.Compact(t.ctx, id, 0))
	if after := content(t.all(id, 0)); after != before {
		t.Fatalf("was:\n%sis:\n%s", before, after)
	}
	t.append(id, 1, 5, 5, texts("d")...)
}

func compactTwice(t *T) {
	id := t.turn("t1")
	t.started(id, "a", "b", "c")
	t.append(id, 1, 5, 5, end())
	before := t.all(id, 0)
	t.must(t.b.Compact(t.ctx, id, 0))
	once := content(t.all(id, 0))
	t.must(t.b.Compact(t.ctx, id, 0)) // the first one's reply was lost
	if twice := content(t.all(id, 0)); twice != once {
		t.Fatalf("once:\n%stwice:\n%s", once, twice)
	}
	for at := range turn.Seq(5) {
		if got := said(t.all(id, at)); got != said(before[at:]) {
			t.Fatalf("after %d: %q", at, got)
		}
	}
}

// compactRepeat: the reply to the last append was lost, another process
// finished the turn, the author says it again.
func compactRepeat(t *T) {
	id := t.turn("t1")
	t.started(id, "a", "b")
	t.append(id, 1, 4, 4, end())
	t.must(t.b.Compact(t.ctx, id, 0))
	t.append(id, 1, 4, 4, end())
	_, err := t.b.Append(t.ctx, id, 1, 5, texts("no")...)
	t.is("append to a compacted turn", err, broker.ErrEnded)
	_, _, err = t.b.Begin(t.ctx, id)
	t.is("begin of a compacted turn", err, broker.ErrEnded)
	t.is("create over a compacted turn", t.b.Create(t.ctx, id, 0, prompt("hi")), broker.ErrExists)
	t.says(id, "ab")
}

func trimCuts(t *T) {
	const n, keep = 2000, 100
	for _, id := range []turn.ID{t.timeline(), t.stream("s")} {
		for i := range n / 100 {
			t.append(id, 0, 0, turn.Seq(100*i+100), numbered(100)...)
		}
		t.must(t.b.Trim(t.ctx, id, keep))
		_, err := t.b.Read(t.ctx, id, 0, 10)
		t.is("read from the start", err, broker.ErrTrimmed)
		_, err = t.b.Read(t.ctx, id, 50, 10)
		t.is("read of what is cut", err, broker.ErrTrimmed)
		if evs := t.all(id, n-keep); len(evs) != keep { // "about": what was asked for is there
			t.Fatalf("%d of the last %d events are left", len(evs), keep)
		}
		left := turn.Seq(0)
		for left = keep; left < n; left++ { // how many exactly
			if _, err := t.b.Read(t.ctx, id, n-left-1, 1); err != nil {
				t.is("read at the cut", err, broker.ErrTrimmed)
				break
			}
		}
		if left > n/2 {
			t.Fatalf("%d events are left, about %d were to be kept", left, keep)
		}
		if i := t.info(id); i.Top != n {
			t.Fatalf("info: %+v", i)
		}
		t.append(id, 0, 0, n+1, texts("x")...)
		if evs := t.all(id, n); len(evs) != 1 {
			t.Fatalf("%d events after the old top", len(evs))
		}
	}
}

func trimLittle(t *T) {
	id := t.timeline()
	t.must(t.b.Trim(t.ctx, id, 10)) // nothing there
	t.gone(id)
	t.append(id, 0, 0, 3, texts("a", "b", "c")...)
	t.must(t.b.Trim(t.ctx, id, 10))
	t.must(t.b.Trim(t.ctx, id, 3))
	t.says(id, "abc")
}

func deleteCase(t *T) {
	id := t.turn("t1")
	t.must(t.b.Delete(t.ctx, id))
	t.started(id, "a")
	t.must(t.b.Delete(t.ctx, id))
	t.gone(id)
	_, err := t.b.Append(t.ctx, id, 1, 3, texts("no")...)
	t.is("append to a deleted turn", err, broker.ErrNotFound)
	_, err = t.b.Append(t.ctx, id, 0, 0, texts("no")...)
	t.is("append at the end of a deleted turn", err, broker.ErrNotFound)
	_, _, err = t.b.Begin(t.ctx, id)
	t.is("begin a deleted turn", err, broker.ErrNotFound)
	t.must(t.b.Delete(t.ctx, id))
	t.gone(id)
}

// deleteCreate: a log that is born again is a fresh one, and the author of the
// one before does not write into it.
func deleteCreate(t *T) {
	id := t.turn("t1")
	t.started(id, "a", "b")
	t.append(id, 1, 4, 4, end())
	t.must(t.b.Delete(t.ctx, id))
	t.create(id, prompt("again"))
	if _, err := t.b.Append(t.ctx, id, 1, 2, texts("no")...); err == nil {
		t.Fatal("the author of a deleted log wrote into its successor")
	}
	if i := t.info(id); i != (broker.Info{Top: 1}) {
		t.Fatalf("info: %+v", i)
	}
	e, top := t.begin(id)
	t.append(id, e, top+1, top+1, end())
	if _, err := t.b.Read(t.ctx, id, top+1, 1); err != io.EOF {
		t.Fatalf("read: %v", err)
	}
	tl := t.timeline()
	t.append(tl, 0, 0, 2, texts("a", "b")...)
	t.must(t.b.Delete(t.ctx, tl))
	t.append(tl, 0, 0, 1, texts("c")...)
	t.says(tl, "c")
}
