package brokertest

import (
	"fmt"
	"time"

	"github.com/karez/karez/broker"
)

// short is a lease that runs out during a test.
const short = 300 * time.Millisecond

// leaseCases are Jobs whose worker died or was slow.
var leaseCases = []testCase{
	{"a lease that ran out is handed out again", leaseRunsOut},
	{"take waits for a lease to run out", leaseAwaited},
	{"expired jobs go first", expiredFirst},
	{"expired jobs go before those given back", expiredBeforeReleased},
	{"leases that have not run out are counted", aliveCounted},
	{"extend keeps a job", extendKeeps},
	{"extend renews an expired lease nobody took", extendLate},
	{"a stale holder changes nothing", staleHolder},
	{"done by a late holder", doneLate},
	{"an expired lease is taken by one", expiredOnce},
}

// expire waits until a lease of the queue has run out.
func (t *T) expire(queue string) {
	t.Helper()
	t.eventually("the end of a lease", func() bool { return t.stats(queue).Expired > 0 })
}

func leaseRunsOut(t *T) {
	q := t.queue("q")
	t.add(q, "t1")
	j := t.take(q, "w1", short)
	for tries := 2; tries <= 4; tries++ {
		t.expire(q)
		again := t.take(q, fmt.Sprint("w", tries%2), short)
		if again.Entry != j.Entry || again.ID != j.ID || again.Tries != tries || again.Token == j.Token || string(again.Payload) != string(j.Payload) {
			t.Fatalf("was handed out as %+v, again as %+v", j, again)
		}
		j = again
	}
	if s := t.stats(q); s.Waiting != 0 || s.Leased != 1 {
		t.Fatalf("stats: %+v", s)
	}
}

// leaseAwaited: the second worker is waiting when the first one dies.
func leaseAwaited(t *T) {
	q := t.queue("q")
	t.add(q, "t1")
	a := t.take(q, "w1", short)
	if b := t.take(q, "w2", long); b.Entry != a.Entry || b.Tries != 2 {
		t.Fatalf("took %+v", b)
	}
}

func expiredFirst(t *T) {
	q := t.queue("q")
	t.add(q, "old")
	t.take(q, "w1", short)
	t.add(q, "new")
	t.expire(q)
	if j := t.take(q, "w2", long); j.ID != t.turn("old") {
		t.Fatalf("took %s first", j.ID)
	}
	if j := t.take(q, "w2", long); j.ID != t.turn("new") {
		t.Fatalf("then took %s", j.ID)
	}
}

func expiredBeforeReleased(t *T) {
	q := t.queue("q")
	t.add(q, "old")
	t.add(q, "back")
	t.take(q, "w1", short)
	j := t.take(q, "w1", long)
	t.must(t.b.Release(t.ctx, q, j))
	t.expire(q)
	if j := t.take(q, "w2", long); j.ID != t.turn("old") {
		t.Fatalf("took %s first", j.ID)
	}
	if j := t.take(q, "w2", long); j.ID != t.turn("back") {
		t.Fatalf("then took %s", j.ID)
	}
}

func aliveCounted(t *T) {
	q := t.queue("q")
	t.add(q, "dies")
	t.add(q, "lives")
	t.add(q, "back")
	t.add(q, "waits")
	t.take(q, "w1", short)
	alive := t.take(q, "w2", long)
	t.must(t.b.Release(t.ctx, q, t.take(q, "w3", long)))
	t.expire(q)
	if s := t.stats(q); s.Alive != 1 || s.Leased != 2 || s.Waiting != 2 {
		t.Fatalf("stats: %+v", s)
	}
	t.must(t.b.Done(t.ctx, q, alive))
	if s := t.stats(q); s.Alive != 0 || s.Leased != 1 {
		t.Fatalf("after its end: %+v", s)
	}
}

// extendKeeps extends one of two leases until the other is gone. When the
// machine was too slow for that to say anything, it tries again.
func extendKeeps(t *T) {
	const lease = time.Second
	for try := range 10 {
		q, idle := t.queue(fmt.Sprint("q", try)), t.queue(fmt.Sprint("idle", try))
		t.add(q, "t1")
		t.add(idle, "t1")
		j := t.take(q, "w", lease)
		slow, last := false, time.Now()
		t.take(idle, "w", lease)
		for until := last.Add(deadline); t.stats(idle).Expired == 0; {
			if time.Now().After(until) {
				t.Fatal("a lease that is left alone does not run out")
			}
			err := t.b.Extend(t.ctx, q, j)
			slow = slow || time.Since(last) > lease/2
			if err != nil && !slow {
				t.Fatal(err)
			}
			last = time.Now()
			time.Sleep(20 * time.Millisecond)
		}
		s := t.stats(q)
		if slow = slow || time.Since(last) > lease/2; slow {
			continue
		}
		if s.Expired != 0 || s.Leased != 1 {
			t.Fatalf("a lease ran out while it was extended: %+v", s)
		}
		t.expire(q) // to its full length, and no longer
		return
	}
	t.Fatal("the machine is too slow for this case")
}

// extendLate: "ErrLeaseLost: another worker has the job, or it is done".
func extendLate(t *T) {
	q := t.queue("q")
	t.add(q, "t1")
	j := t.take(q, "w", short)
	t.expire(q)
	t.must(t.b.Extend(t.ctx, q, j))
	t.expire(q)
	if again := t.take(q, "w", long); again.Tries != 2 {
		t.Fatalf("took %+v", again)
	}
}

func staleHolder(t *T) {
	q := t.queue("q")
	t.add(q, "t1")
	stale := t.take(q, "w", short)
	t.expire(q)
	j := t.take(q, "w", long) // the same worker: it is the delivery that counts
	t.is("extend", t.b.Extend(t.ctx, q, stale), broker.ErrLeaseLost)
	t.must(t.b.Done(t.ctx, q, stale))
	t.must(t.b.Release(t.ctx, q, stale))
	t.empty(q)
	if s := t.stats(q); s.Leased != 1 || s.Expired != 0 {
		t.Fatalf("stats: %+v", s)
	}
	t.must(t.b.Extend(t.ctx, q, j))
	t.must(t.b.Done(t.ctx, q, j))
	t.is("extend after the other's done", t.b.Extend(t.ctx, q, stale), broker.ErrLeaseLost)
}

// doneLate: nobody else has the job, so it is done.
func doneLate(t *T) {
	q := t.queue("q")
	t.add(q, "t1")
	j := t.take(q, "w", short)
	t.expire(q)
	t.must(t.b.Done(t.ctx, q, j))
	t.empty(q)
}

func expiredOnce(t *T) {
	const jobs, workers = 20, 8
	q := t.queue("q")
	for i := range jobs {
		t.add(q, fmt.Sprint("t", i))
	}
	for range jobs {
		t.take(q, "dead", 2*time.Second)
	}
	got := make(chan broker.Job, jobs)
	for w := range workers {
		go func() { // ends with the case's context
			for {
				j, err := t.b.Take(t.ctx, q, fmt.Sprint("w", w), long)
				if err != nil {
					return
				}
				got <- j
			}
		}()
	}
	seen := make(map[string]bool)
	for range jobs {
		j := soon(t, "a job of the dead worker", got)
		if seen[j.Entry] || j.Tries < 2 {
			t.Fatalf("entry %s was handed out again: %+v", j.Entry, j)
		}
		seen[j.Entry] = true
	}
	t.empty(q)
}
