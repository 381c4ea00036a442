package brokertest

import (
	"runtime"
	"strconv"
	"sync/atomic"

	"github.com/karez/karez/turn"
)

// watchCases are Watch.
var watchCases = []testCase{
	{"wakes on create, append and end", watchGrowth},
	{"wakes on delete", watchDelete},
	{"wakes on trim", watchTrim},
	{"wakes all who watch, and only till stop", watchStop},
	{"of a channel that is deleted", watchChannel},
	{"costs no goroutine", watchCheap},
}

// reach reads on wake-ups alone until cond holds.
func (t *T) reach(what string, woken <-chan struct{}, cond func() bool) {
	t.Helper()
	for !cond() {
		soon(t, "a wake-up on "+what, woken)
	}
}

func watchGrowth(t *T) {
	id := t.turn("t1")
	woken, _ := t.watch(id)
	top := func(n turn.Seq) func() bool {
		return func() bool { i, err := t.b.Info(t.ctx, id); return err == nil && i.Top == n }
	}
	t.create(id, prompt("hi"))
	t.reach("create", woken, top(1))
	e, _ := t.begin(id)
	for n := turn.Seq(2); n < 20; n++ {
		drain(woken)
		t.append(id, e, n, n, texts("a")...)
		soon(t, "a wake-up on append", woken)
		t.reach("append", woken, top(n))
	}
	drain(woken)
	t.append(id, e, 20, 20, end())
	soon(t, "a wake-up on the end", woken)
}

// drain takes a wake-up that stands, so that the next one is a new one.
func drain(woken <-chan struct{}) {
	select {
	case <-woken:
	default:
	}
}

func watchDelete(t *T) {
	id, tl := t.turn("t1"), t.timeline()
	t.started(id)
	a, _ := t.watch(id)
	drain(a)
	t.append(id, 1, 2, 2, texts("a")...)
	soon(t, "a wake-up on append", a)
	drain(a)
	t.must(t.b.Delete(t.ctx, id))
	soon(t, "a wake-up on delete of a turn", a)

	b, _ := t.watch(tl)
	t.settle(tl, b)
	t.must(t.b.Delete(t.ctx, tl))
	soon(t, "a wake-up on delete of a timeline", b)
	drain(b)
	t.append(tl, 0, 0, 1, texts("again")...)
	soon(t, "a wake-up on append after delete", b)
}

func watchTrim(t *T) {
	id := t.timeline()
	for range 10 {
		if _, err := t.b.Append(t.ctx, id, 0, 0, numbered(100)...); err != nil {
			t.Fatal(err)
		}
	}
	woken, _ := t.watch(id)
	t.settle(id, woken)
	t.must(t.b.Trim(t.ctx, id, 10))
	soon(t, "a wake-up on trim", woken)
}

// settle appends an event and waits until the watcher was woken for it and is
// quiet: what comes after is for something else.
func (t *T) settle(id turn.ID, woken <-chan struct{}) {
	t.Helper()
	drain(woken)
	if _, err := t.b.Append(t.ctx, id, 0, 0, texts("x")...); err != nil {
		t.Fatal(err)
	}
	soon(t, "a wake-up on append", woken)
	drain(woken)
}

func watchStop(t *T) {
	id := t.timeline()
	var count atomic.Int64
	stop := t.b.Watch(id, func() { count.Add(1) })
	first, _ := t.watch(id)
	second, _ := t.watch(id)
	t.append(id, 0, 0, 1, texts("a")...)
	soon(t, "the first watcher's wake-up", first)
	soon(t, "the second watcher's wake-up", second)
	t.eventually("the third watcher's wake-up", func() bool { return count.Load() > 0 })
	stop()
	stop() // twice is fine
	for range 3 {
		t.settle(id, first) // whatever was under way at stop is over
	}
	before := count.Load()
	for range 5 {
		t.settle(id, first)
		t.settle(id, second)
	}
	if n := count.Load(); n != before {
		t.Fatalf("woken %d times after stop", n-before)
	}
}

func watchChannel(t *T) {
	id, tl := t.turn("t1"), t.timeline()
	t.started(id, "a")
	t.append(tl, 0, 0, 1, texts("a")...)
	a, _ := t.watch(id)
	b, _ := t.watch(tl)
	drain(a)
	t.settle(tl, b)
	t.must(t.b.DeleteChannel(t.ctx, t.app, "chat"))
	soon(t, "a wake-up of the turn", a)
	soon(t, "a wake-up of the timeline", b)
}

// watchCheap watches many logs. Other cases run beside it, so the bound is far
// from both nothing and one each.
func watchCheap(t *T) {
	const logs = 2000
	before := runtime.NumGoroutine()
	for i := range logs {
		t.watch(t.stream("s" + strconv.Itoa(i)))
	}
	if n := runtime.NumGoroutine() - before; n > logs/2 {
		t.Fatalf("%d more goroutines for %d watches", n, logs)
	}
}
