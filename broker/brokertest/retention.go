package brokertest

import (
	"errors"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// retentionCases are what time takes. They wait for real, so times are short.
var retentionCases = []testCase{
	{"a log that nobody appends to expires", logExpires},
	{"an append keeps a log", appendKeeps},
	{"compact sets a new time to live", compactExpires},
	{"compact for ever", compactForEver},
}

func (t *T) exists(id turn.ID) bool {
	t.Helper()
	_, err := t.b.Info(t.ctx, id)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func logExpires(t *T) {
	id, other := t.turn("t1"), t.turn("t2")
	t.create(other, prompt("for ever"))
	t.must(t.b.Create(t.ctx, id, 500*time.Millisecond, prompt("hi"), texts("a")[0]))
	t.eventually("expiry", func() bool { return !t.exists(id) })
	t.gone(id)
	_, err := t.b.Read(t.ctx, id, 2, 10)
	t.is("read of an expired log", err, broker.ErrAhead)
	_, _, err = t.b.Begin(t.ctx, id)
	t.is("begin of an expired log", err, broker.ErrNotFound)
	_, err = t.b.Append(t.ctx, id, 0, 0, texts("no")...)
	t.is("append to an expired log", err, broker.ErrNotFound)
	t.create(id, prompt("again"))
	if i := t.info(id); i != (broker.Info{Top: 1}) {
		t.Fatalf("info of a log created after expiry: %+v", i)
	}
	if !t.exists(other) {
		t.Fatal("a log that is kept for ever is gone")
	}
}

// appendKeeps appends to one of two logs until the other has expired. When the
// machine was too slow for that to say anything, it tries again.
func appendKeeps(t *T) {
	const ttl = 1500 * time.Millisecond
	for range 10 {
		id, idle := t.stream("busy"+time.Now().Format("150405.000")), t.stream("idle"+time.Now().Format("150405.000"))
		t.must(t.b.Create(t.ctx, id, ttl, texts("a")...))
		t.must(t.b.Create(t.ctx, idle, ttl, texts("a")...))
		slow, last := false, time.Now()
		for until := last.Add(deadline); t.exists(idle); {
			if time.Now().After(until) {
				t.Fatal("a log that is left alone does not expire")
			}
			_, err := t.b.Append(t.ctx, id, 0, 0, texts("b")...)
			slow = slow || time.Since(last) > ttl/2
			if err != nil && !slow {
				t.Fatalf("append to a log that is appended to: %v", err)
			}
			last = time.Now()
			time.Sleep(20 * time.Millisecond)
		}
		exists := t.exists(id)
		if slow = slow || time.Since(last) > ttl/2; slow {
			continue
		}
		if !exists {
			t.Fatal("a log expired while it was appended to")
		}
		t.eventually("expiry of a log that is left alone", func() bool { return !t.exists(id) })
		return
	}
	t.Fatal("the machine is too slow for this case")
}

func compactExpires(t *T) {
	id := t.turn("t1")
	t.started(id, "a", "b")
	t.append(id, 1, 4, 4, end())
	t.must(t.b.Compact(t.ctx, id, 500*time.Millisecond))
	t.eventually("expiry", func() bool { return !t.exists(id) })
	t.gone(id)
}

func compactForEver(t *T) {
	id, short := t.turn("t1"), t.turn("t2")
	for _, id := range []turn.ID{id, short} {
		t.must(t.b.Create(t.ctx, id, 3*time.Second, prompt("hi"), texts("a")[0], texts("b")[0], end()))
	}
	t.must(t.b.Compact(t.ctx, id, 0))
	t.must(t.b.Compact(t.ctx, short, 4*time.Second)) // from now: later than the log itself would have gone
	t.eventually("expiry", func() bool { return !t.exists(short) })
	if !t.exists(id) {
		t.Fatal("a log compacted for ever has expired")
	}
}
