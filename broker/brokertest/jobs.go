package brokertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// long is a lease that does not run out during a test.
const long = 10 * time.Minute

// jobCases are Jobs without expiry.
var jobCases = []testCase{
	{"a job comes as it was added", jobComes},
	{"take waits for a job", takeWaits},
	{"take ends with its context", takeEnds},
	{"a job is taken once", takenOnce},
	{"added twice, two entries", addedTwice},
	{"done", doneCase},
	{"release", releaseCase},
	{"queues are apart", queuesApart},
	{"payload that is too large", jobTooLarge},
	{"stats", statsCase},
	{"many workers, each job once", manyWorkers},
}

// queue names a queue of this case.
func (t *T) queue(name string) string { return t.app + ":" + name }

func (t *T) add(queue, name string) {
	t.Helper()
	t.must(t.b.Add(t.ctx, queue, broker.Job{ID: t.turn(name), Payload: []byte("payload of " + name)}))
}

func (t *T) take(queue, worker string, lease time.Duration) broker.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, deadline)
	defer cancel()
	j, err := t.b.Take(ctx, queue, worker, lease)
	if err != nil {
		t.Fatalf("take from %s: %v", queue, err)
	}
	return j
}

// empty wants nothing to be had from a queue for a moment.
func (t *T) empty(queue string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, 50*time.Millisecond)
	defer cancel()
	if j, err := t.b.Take(ctx, queue, "nobody", long); err == nil {
		t.Fatalf("took %s, entry %s, from a queue that has nothing to give", j.ID, j.Entry)
	} else if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("take from an empty queue: %v", err)
	}
}

func (t *T) stats(queue string) broker.QueueStats {
	t.Helper()
	s, err := t.b.Stats(t.ctx, queue)
	t.must(err)
	return s
}

func jobComes(t *T) {
	q := t.queue("q")
	for i, id := range []turn.ID{t.turn("t1"), turn.NewID(t.app, "{räume}/7:🙂", "t:1.a-b"), t.timeline()} {
		payload := []byte{byte(i), 0, 0xff, '\r', '\n', '{'}
		t.must(t.b.Add(t.ctx, q, broker.Job{ID: id, Payload: payload, Entry: "mine", Token: "mine", Tries: 7}))
		payload[0] = 99 // the caller's again
		j := t.take(q, "w", long)
		if j.ID != id || !bytes.Equal(j.Payload, []byte{byte(i), 0, 0xff, '\r', '\n', '{'}) || j.Tries != 1 || j.Entry == "" || j.Entry == "mine" || j.Token == "" || j.Token == "mine" {
			t.Fatalf("took %+v", j)
		}
		t.must(t.b.Done(t.ctx, q, j))
	}
	t.must(t.b.Add(t.ctx, q, broker.Job{ID: t.turn("bare")}))
	if j := t.take(q, "w", long); len(j.Payload) != 0 || j.ID != t.turn("bare") {
		t.Fatalf("took %+v", j)
	}
}

func takeWaits(t *T) {
	q := t.queue("q")
	got := make(chan broker.Job, 1)
	ready := make(chan struct{})
	go func() { // ends with the first job
		close(ready)
		j, err := t.b.Take(t.ctx, q, "w", long)
		if err != nil {
			t.Error(err)
		}
		got <- j
	}()
	<-ready
	t.add(q, "t1")
	if j := soon(t, "a job", got); j.ID != t.turn("t1") {
		t.Fatalf("took %+v", j)
	}
}

func takeEnds(t *T) {
	q := t.queue("q")
	ctx, cancel := context.WithCancel(t.ctx)
	done := make(chan error, 1)
	go func() { // ends with ctx
		_, err := t.b.Take(ctx, q, "w", long)
		done <- err
	}()
	cancel()
	t.is("take", soon(t, "the end of Take", done), context.Canceled)
	t.empty(q)
	t.add(q, "t1") // and whoever went away takes nothing with him
	if j := t.take(q, "w", long); j.Tries != 1 {
		t.Fatalf("took %+v", j)
	}
}

func takenOnce(t *T) {
	q := t.queue("q")
	t.add(q, "t1")
	t.take(q, "w1", long)
	t.empty(q)
}

func addedTwice(t *T) {
	q := t.queue("q")
	t.add(q, "t1")
	t.add(q, "t1")
	a, b := t.take(q, "w", long), t.take(q, "w", long)
	if a.ID != b.ID || a.Entry == b.Entry || a.Token == b.Token {
		t.Fatalf("took %+v and %+v", a, b)
	}
	t.must(t.b.Done(t.ctx, q, a)) // says nothing of the other
	t.must(t.b.Extend(t.ctx, q, b))
	t.must(t.b.Release(t.ctx, q, b))
	if again := t.take(q, "w", long); again.Entry != b.Entry {
		t.Fatalf("took entry %s again, want %s", again.Entry, b.Entry)
	}
}

func doneCase(t *T) {
	q := t.queue("q")
	t.add(q, "t1")
	j := t.take(q, "w", long)
	t.must(t.b.Done(t.ctx, q, j))
	t.must(t.b.Done(t.ctx, q, j)) // it is gone
	t.is("extend after done", t.b.Extend(t.ctx, q, j), broker.ErrLeaseLost)
	t.must(t.b.Release(t.ctx, q, j))
	t.empty(q)
	if s := t.stats(q); s != (broker.QueueStats{}) {
		t.Fatalf("stats: %+v", s)
	}
}

func releaseCase(t *T) {
	q := t.queue("q")
	t.add(q, "t1")
	a := t.take(q, "w1", long)
	clear(a.Payload) // the worker's own
	got := make(chan broker.Job, 1)
	go func() { // ends with the job
		j, err := t.b.Take(t.ctx, q, "w2", long)
		if err != nil {
			t.Error(err)
		}
		got <- j
	}()
	t.must(t.b.Release(t.ctx, q, a))
	b := soon(t, "the job after its release", got)
	if b.Entry != a.Entry || b.Token == a.Token || b.Tries != 2 || b.ID != a.ID || string(b.Payload) != "payload of t1" {
		t.Fatalf("released %+v, took %+v", a, b)
	}
	t.is("extend after release", t.b.Extend(t.ctx, q, a), broker.ErrLeaseLost)
	t.must(t.b.Release(t.ctx, q, a)) // no error, no effect
	t.must(t.b.Done(t.ctx, q, a))
	t.must(t.b.Extend(t.ctx, q, b))
	t.empty(q)
	t.must(t.b.Done(t.ctx, q, b))
	t.empty(q)
}

func queuesApart(t *T) {
	a, b := t.queue("q"), t.queue("q:q")
	t.add(a, "t1")
	t.empty(b)
	j := t.take(a, "w", long)
	t.add(b, "t2")
	t.must(t.b.Done(t.ctx, b, j)) // not his job there
	t.must(t.b.Extend(t.ctx, a, j))
	if k := t.take(b, "w", long); k.ID != t.turn("t2") {
		t.Fatalf("took %+v", k)
	}
}

func jobTooLarge(t *T) {
	q := t.queue("q")
	job := broker.Job{ID: t.turn("t1"), Payload: make([]byte, broker.MaxPayload+1)}
	t.is("add", t.b.Add(t.ctx, q, job), broker.ErrTooLarge)
	t.empty(q)
	job.Payload = job.Payload[1:]
	t.must(t.b.Add(t.ctx, q, job))
	if j := t.take(q, "w", long); len(j.Payload) != broker.MaxPayload {
		t.Fatalf("%d bytes came back", len(j.Payload))
	}
}

func statsCase(t *T) {
	q := t.queue("q")
	if s := t.stats(q); s != (broker.QueueStats{}) {
		t.Fatalf("stats of an empty queue: %+v", s)
	}
	for i := range 5 {
		t.add(q, fmt.Sprint("t", i))
	}
	t.eventually("a wait that can be measured", func() bool { return t.stats(q).Oldest > 0 })
	j := t.take(q, "w", long)
	t.take(q, "w", long)
	if s := t.stats(q); s.Waiting != 3 || s.Leased != 2 || s.Oldest > time.Hour || s.Expired != 0 {
		t.Fatalf("stats: %+v", s)
	}
	t.must(t.b.Done(t.ctx, q, j))
	if s := t.stats(q); s.Waiting != 3 || s.Leased != 1 {
		t.Fatalf("stats after done: %+v", s)
	}
	for range 3 {
		t.take(q, "w", long)
	}
	if s := t.stats(q); s.Waiting != 0 || s.Leased != 4 || s.Oldest != 0 {
		t.Fatalf("stats, all handed out: %+v", s)
	}
}

func manyWorkers(t *T) {
	const jobs, workers = 300, 16
	q := t.queue("q")
	var mu sync.Mutex // guards the one below
	seen := make(map[turn.ID]int)
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { // ends with ctx
			for {
				j, err := t.b.Take(ctx, q, fmt.Sprint("w", w), long)
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				seen[j.ID]++
				mu.Unlock()
				if err := t.b.Done(t.ctx, q, j); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range jobs {
		t.add(q, fmt.Sprint("t", i))
	}
	t.eventually("the end of all jobs", func() bool { return t.stats(q) == broker.QueueStats{} })
	cancel()
	wg.Wait()
	if len(seen) != jobs {
		t.Fatalf("%d of %d jobs were handed out", len(seen), jobs)
	}
	for id, n := range seen {
		if n != 1 {
			t.Fatalf("%s was handed out %d times", id, n)
		}
	}
}
