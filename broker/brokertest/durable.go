package brokertest

import (
	"fmt"
	"io"
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// RunDurable tests that what was acknowledged outlives the broker. open returns
// a broker on what dir names (a folder, a server's data): the same dir again is
// the same data. The case closes it before it opens the next one; restart may
// then kill and start what is behind it, nil does nothing.
func RunDurable(t *testing.T, dir string, open func(tb testing.TB, dir string) broker.Broker, restart func(tb testing.TB, dir string)) {
	one := newT(t, open(t, dir))
	before := fill(one)
	for range 2 { // what was restored is kept as well
		one.must(one.b.Close())
		if restart != nil {
			restart(t, dir)
		}
		one.b = open(t, dir)
		before.check(one)
	}
	before.goOn(one)
}

// kept is what was acknowledged before the restart.
type kept struct {
	logs   map[turn.ID]string // content
	infos  map[turn.ID]broker.Info
	rev    broker.Rev
	gone   broker.Rev // of a value that was deleted
	done   broker.Job
	leased broker.Job
}

func fill(t *T) *kept {
	k := &kept{logs: make(map[turn.ID]string), infos: make(map[turn.ID]broker.Info)}
	live, ended, compacted, deleted := t.turn("live"), t.turn("ended"), t.turn("compacted"), t.turn("deleted")
	for _, id := range []turn.ID{live, ended, compacted, deleted} {
		t.started(id, "a", "", "\x00\xff", "水")
		e, top := t.begin(id)
		t.append(id, e, top+1, top+2, turn.Event{Kind: turn.KindData, Name: "n", Part: "p", Media: "m", Data: []byte("{}"), Attrs: map[string]string{"x": "1"}}, texts("b")[0])
	}
	t.append(ended, 2, 8, 8, end())
	t.append(compacted, 2, 8, 9, texts("c")[0], end())
	t.must(t.b.Compact(t.ctx, compacted, 0))
	t.must(t.b.Delete(t.ctx, deleted))
	for i := range 10 {
		t.append(t.timeline(), 0, 0, turn.Seq(100*i+100), numbered(100)...)
	}
	t.must(t.b.Trim(t.ctx, t.timeline(), 100))
	for _, id := range []turn.ID{live, ended, compacted} {
		k.logs[id], k.infos[id] = content(t.all(id, 0)), t.info(id)
	}
	k.logs[t.timeline()], k.infos[t.timeline()] = content(t.all(t.timeline(), 900)), t.info(t.timeline())
	k.rev = t.setAt(t.key("k"), []byte("\x00v"), 0, 0)
	t.setAt(t.key("empty"), none, 0, 0)
	k.gone = t.setAt(t.key("gone"), []byte("v"), 0, 0) // the newest revision leaves
	_, err := t.b.Set(t.ctx, t.key("gone"), nil, k.gone, 0)
	t.must(err)
	for i := range 4 {
		t.add(t.queue("q"), fmt.Sprint("t", i))
	}
	t.add(t.queue("other"), "done") // and so does the newest entry
	k.done = t.take(t.queue("other"), "w", long)
	t.must(t.b.Done(t.ctx, t.queue("other"), k.done))
	k.leased = t.take(t.queue("q"), "w", short)
	return k
}

var none = []byte{} // an empty value; nil would delete

func (k *kept) check(t *T) {
	t.Helper()
	for id, want := range k.logs {
		after := turn.Seq(0)
		if id.Kind == turn.TimelineLog {
			after = 900
			_, err := t.b.Read(t.ctx, id, 0, 1)
			t.is("read of what was trimmed", err, broker.ErrTrimmed)
		}
		if got := content(t.all(id, after)); got != want {
			t.Fatalf("%s was:\n%sis:\n%s", id, want, got)
		}
		if i := t.info(id); i != k.infos[id] {
			t.Fatalf("%s was %+v, is %+v", id, k.infos[id], i)
		}
	}
	t.gone(t.turn("deleted"))
	if val, rev, err := t.b.Get(t.ctx, t.key("k")); string(val) != "\x00v" || rev != k.rev || err != nil {
		t.Fatalf("state: %q at %d, %v; want revision %d", val, rev, err, k.rev)
	}
	if val, rev, err := t.b.Get(t.ctx, t.key("empty")); len(val) > 0 || rev == 0 || err != nil {
		t.Fatalf("an empty value: %q at %d, %v", val, rev, err)
	}
	t.isAbsent(t.key("gone"))
	if s := t.stats(t.queue("q")); s.Waiting+s.Leased != 4 {
		t.Fatalf("four jobs were not done, stats: %+v", s)
	}
}

// goOn does what comes after a restart.
func (k *kept) goOn(t *T) {
	t.Helper()
	live := t.turn("live")
	t.append(live, 2, 7, 7, texts("b")...) // the reply was lost
	_, err := t.b.Append(t.ctx, live, 1, 8, texts("no")...)
	t.is("append of a fenced epoch", err, broker.ErrFenced)
	t.append(live, 2, 8, 8, texts("c")...) // the author lives on
	if e, top := t.begin(live); e != 3 || top != 8 {
		t.Fatalf("begin: epoch %d, top %d", e, top)
	}
	t.append(live, 3, 9, 9, end())
	if _, err := t.b.Read(t.ctx, live, 9, 1); err != io.EOF {
		t.Fatalf("read: %v", err)
	}
	_, err = t.b.Append(t.ctx, t.turn("ended"), 2, 9, texts("no")...)
	t.is("append after the end", err, broker.ErrEnded)
	t.append(t.timeline(), 0, 0, 1001, texts("x")...)
	if rev := t.setAt(t.key("gone"), []byte("v"), 0, 0); rev == k.gone {
		t.Fatalf("revision %d was given again", rev)
	}
	t.setAt(t.key("k"), []byte("w"), k.rev, 0)
	seen := make(map[turn.ID]bool)
	for range 4 {
		j := t.take(t.queue("q"), "w", long)
		if seen[j.ID] || string(j.Payload) != "payload of "+j.ID.Name || j.Tries < 1 || j.ID == k.leased.ID && (j.Tries != 2 || j.Entry != k.leased.Entry) {
			t.Fatalf("took %+v; had %+v", j, k.leased)
		}
		seen[j.ID] = true
		t.must(t.b.Done(t.ctx, t.queue("q"), j))
	}
	for _, q := range []string{t.queue("q"), t.queue("other")} {
		t.empty(q)
	}
	t.add(t.queue("other"), "done")
	if j := t.take(t.queue("other"), "w", long); j.Entry == k.done.Entry {
		t.Fatalf("entry %s was given again", j.Entry)
	}
}
