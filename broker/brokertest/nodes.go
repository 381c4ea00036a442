package brokertest

import (
	"fmt"
	"io"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// nodeCases are what one node does and another sees.
var nodeCases = []struct {
	name string
	run  func(one, two *T)
}{
	{"what one appends the other reads", nodesRead},
	{"what one appends wakes the other", nodesWatch},
	{"one fences the other", nodesFence},
	{"delete and compact are seen", nodesUpkeep},
	{"jobs", nodesJobs},
	{"signals", nodesSignals},
	{"state", nodesState},
}

func nodesRead(one, two *T) {
	id, tl := one.turn("t1"), one.timeline()
	one.create(id, prompt("hi"))
	two.is("create", two.b.Create(two.ctx, id, 0, prompt("hi")), broker.ErrExists)
	e, top := two.begin(id)
	for i := range turn.Seq(100) { // "when it returns, a reader on any node can read them"
		two.append(id, e, top+1+i, top+1+i, texts("x")...)
		if evs := one.read(id, top+i, 10); len(evs) != 1 {
			one.Fatalf("event %d, appended on the other node, is not here", top+1+i)
		}
		one.append(tl, 0, 0, 2*i+1, texts("1")...)
		two.append(tl, 0, 0, 2*i+2, texts("2")...)
	}
	one.append(id, e, top+101, top+101, end())
	if _, err := two.b.Read(two.ctx, id, top+101, 1); err != io.EOF {
		two.Fatalf("read of a turn ended on the other node: %v", err)
	}
}

func nodesWatch(one, two *T) {
	id := one.timeline()
	woken, _ := two.watch(id)
	for i := range turn.Seq(50) {
		drain(woken)
		one.append(id, 0, 0, i+1, texts("x")...)
		two.reach("append by the other node", woken, func() bool { return len(two.read(id, i, 1)) == 1 })
	}
	two.settle(id, woken)
	one.must(one.b.Delete(one.ctx, id))
	soon(two, "a wake-up on delete by the other node", woken)
	two.eventually("the log's absence", func() bool { return !two.exists(id) })
}

func nodesFence(one, two *T) {
	id := one.turn("t1")
	one.started(id, "a")
	e, top := two.begin(id)
	_, err := one.b.Append(one.ctx, id, 1, top+1, texts("no")...)
	one.is("append of the fenced node", err, broker.ErrFenced)
	two.append(id, e, top+1, top+1, end())
	_, err = one.b.Append(one.ctx, id, e, top+2, texts("no")...)
	one.is("append after the other's end", err, broker.ErrEnded)
	one.says(id, "a")
}

func nodesUpkeep(one, two *T) {
	id := one.turn("t1")
	one.started(id, "a", "b", "c")
	woken, _ := two.watch(id)
	two.says(id, "abc")
	one.append(id, 1, 5, 5, end())
	one.must(one.b.Compact(one.ctx, id, 0))
	two.reach("the end", woken, func() bool { return len(two.all(id, 0)) <= 3 })
	two.says(id, "abc")
	drain(woken)
	one.must(one.b.DeleteChannel(one.ctx, one.app, "chat"))
	soon(two, "a wake-up on delete by the other node", woken)
	two.eventually("the log's absence", func() bool { return !two.exists(id) })
}

func nodesJobs(one, two *T) {
	q := one.queue("q")
	got := make(chan broker.Job, 1)
	go func() { // ends with the job
		j, err := two.b.Take(two.ctx, q, "w2", long)
		if err != nil {
			two.Error(err)
		}
		got <- j
	}()
	one.add(q, "t1")
	j := soon(two, "a job of the other node", got)
	if s := one.stats(q); s.Leased != 1 || s.Waiting != 0 {
		one.Fatalf("stats: %+v", s)
	}
	one.empty(q)
	two.must(two.b.Release(two.ctx, q, j))
	again := one.take(q, "w1", short)
	if again.Entry != j.Entry || again.Tries != 2 {
		one.Fatalf("took %+v", again)
	}
	two.is("extend", two.b.Extend(two.ctx, q, j), broker.ErrLeaseLost)
	last := two.take(q, "w2", long) // when the other node's lease has run out
	if last.Entry != j.Entry || last.Tries != 3 {
		two.Fatalf("took %+v", last)
	}
	two.must(two.b.Done(two.ctx, q, last))
	one.is("extend after done", one.b.Extend(one.ctx, q, again), broker.ErrLeaseLost)
}

func nodesSignals(one, two *T) {
	tp := one.topic("typing")
	a, _ := one.subscribe(tp)
	b, _ := two.subscribe(tp)
	for i := range 100 {
		one.publish(tp, fmt.Sprint(i))
		for _, ch := range []chan []byte{a, b} {
			if s := soon(two, "a signal", ch); string(s) != fmt.Sprint(i) {
				two.Fatalf("signal %q came where %d was due", s, i)
			}
		}
	}
}

func nodesState(one, two *T) {
	k := one.key("k")
	rev := one.setAt(k, []byte("a"), 0, 0)
	if val, r, err := two.b.Get(two.ctx, k); string(val) != "a" || r != rev || err != nil {
		two.Fatalf("got %q at %d, %v; want revision %d", val, r, err, rev)
	}
	next := two.setAt(k, []byte("b"), rev, 0)
	_, err := one.b.Set(one.ctx, k, []byte("no"), rev, 0)
	one.is("set at the revision before the other's", err, broker.ErrConflict)
	one.setAt(k, []byte("c"), next, 0)
	if two.get(k) != "c" {
		two.Fatal("a set of the other node is not seen")
	}
}
