package redisbroker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/brokertest"
	"github.com/karez/karez/broker/redisbroker"
	"github.com/karez/karez/broker/redisbroker/redistest"
	"github.com/karez/karez/turn"
)

func TestMain(m *testing.M) {
	slog.SetLogLoggerLevel(slog.LevelError)
	goleak.VerifyTestMain(m)
}

func TestDurable(t *testing.T) {
	s := redistest.Start(t)
	brokertest.RunDurable(t, "", func(tb testing.TB, _ string) broker.Broker { return open(tb, s) },
		func(testing.TB, string) { s.Restart() })
}

// write appends n tokens and the end, whatever happens to the server.
func write(ctx context.Context, b *redisbroker.Broker, id turn.ID, n int, did func(i int)) error {
	e, at := turn.Epoch(0), turn.Seq(0)
	err := broker.Retry(ctx, func(ctx context.Context) (err error) {
		e, at, err = b.Begin(ctx, id)
		return err
	})
	for i := range n + 1 {
		ev := turn.Event{Kind: turn.KindText, Data: []byte(fmt.Sprint(i, " "))}
		if i == n {
			ev = turn.Event{Kind: turn.KindEnd, Data: []byte("{}")}
		}
		if err == nil {
			err = broker.Retry(ctx, func(ctx context.Context) error {
				_, err := b.Append(ctx, id, e, at+1, ev)
				return err
			})
			at++
		}
		did(i)
	}
	return err
}

func numbers(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprint(&out, i, " ")
	}
	return out.String()
}

// disturb writes and follows one turn while the server is disturbed, again and
// again, and wants every token once and in order.
func disturb(t *testing.T, s *redistest.Server, n int, do func(i int)) {
	t.Helper()
	one, two := open(t, s), open(t, s)
	id := turn.NewID("app", "chat", "t1")
	if err := one.Create(t.Context(), id, 0); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- write(t.Context(), one, id, n, do) }()
	got := follow(t, two, id)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got != numbers(n) {
		t.Fatalf("read %q", got)
	}
}

func TestRestartLosesNothing(t *testing.T) {
	s := redistest.Start(t)
	disturb(t, s, 300, func(i int) {
		if i%100 == 50 {
			s.Restart()
		}
	})
}

func TestLostSubscriptionsLoseNothing(t *testing.T) {
	s := redistest.Start(t, fast...)
	disturb(t, s, 1000, func(i int) {
		if i%50 == 25 {
			s.Do("CLIENT", "KILL", "TYPE", []string{"pubsub", "normal"}[i/50%2])
		}
	})
}

// A turn that is quiet while the server is away: its reader is woken by the
// server's return alone.
func TestWokenWhenTheServerIsBack(t *testing.T) {
	s := redistest.Start(t)
	b := open(t, s)
	woken := make(chan struct{}, 100)
	defer b.Watch(foreignID, func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})()
	wait := func(what string) {
		t.Helper()
		select {
		case <-woken:
		case <-time.After(patience):
			t.Fatal("not woken: " + what)
		}
	}
	wait("the subscription stands")
	s.Kill()
	for broken := false; !broken; {
		err := b.Ping(t.Context())
		if broken = err != nil; broken && !errors.Is(err, broker.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		second(b.Read(t.Context(), foreignID, 0, 1)),
		b.Create(t.Context(), foreignID, 0),
		b.Add(t.Context(), "q", broker.Job{ID: foreignID}),
		b.Publish(t.Context(), broker.Topic{App: "a", Name: "n"}, nil),
		second(b.Take(t.Context(), "q", "w", time.Second)),
	} {
		if !errors.Is(err, broker.ErrUnavailable) {
			t.Fatalf("while it is down: %v", err)
		}
	}
	for len(woken) > 0 {
		<-woken
	}
	s.Restart()
	wait("the server is back")
	err := broker.Retry(t.Context(), func(ctx context.Context) error {
		_, err := b.Read(ctx, foreignID, 0, 1)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func second[A any](_ A, err error) error { return err }

// A server that lost the tail of a log: its author is told the top, begins a
// new epoch and writes again what is missing; a reader beyond it starts over.
func TestLostTail(t *testing.T) {
	s := redistest.Start(t, fast...)
	b := open(t, s)
	id := turn.NewID("app", "chat", "t1")
	word := func(s string) turn.Event { return turn.Event{Kind: turn.KindText, Data: []byte(s)} }
	if err := b.Create(t.Context(), id, 0, word("a")); err != nil {
		t.Fatal(err)
	}
	e, _, err := b.Begin(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	s.Do("SAVE")
	if _, err := b.Append(t.Context(), id, e, 2, word("b"), word("c")); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	var gap *broker.GapError
	err = broker.Retry(t.Context(), func(ctx context.Context) error {
		_, err := b.Append(ctx, id, e, 4, word("d"))
		return err
	})
	if !errors.As(err, &gap) || gap.Top != 1 {
		t.Fatalf("%v, want a gap at 1", err)
	}
	if _, err := b.Read(t.Context(), id, 3, 1); !errors.Is(err, broker.ErrAhead) {
		t.Fatalf("%v, want ErrAhead", err)
	}
	e, top, err := b.Begin(t.Context(), id)
	if err != nil || e != 2 || top != 1 {
		t.Fatal(e, top, err)
	}
	if _, err := b.Append(t.Context(), id, e, 2, word("b"), word("c"), word("d")); err != nil {
		t.Fatal(err)
	}
	if evs, err := readAll(t, b, id, 10); err != nil || answer(t, evs) != "abcd" {
		t.Fatalf("%v, %v", evs, err)
	}
}

// A server that does not answer is unavailable, in bounded time.
func TestFrozenServer(t *testing.T) {
	s := redistest.Start(t, fast...)
	b := open(t, s)
	s.Freeze()
	defer s.Thaw()
	if err := b.Ping(t.Context()); !errors.Is(err, broker.ErrUnavailable) {
		t.Fatal(err)
	}
	s.Thaw()
	if err := broker.Retry(t.Context(), b.Ping); err != nil {
		t.Fatal(err)
	}
}

func TestOutOfMemory(t *testing.T) {
	s := redistest.Start(t, fast...)
	b := open(t, s)
	id := turn.NewID("app", "chat", "t1")
	if err := b.Create(t.Context(), id, 0, turn.Event{Kind: turn.KindPrompt, Data: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	e, _, err := b.Begin(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	ev := turn.Event{Kind: turn.KindText, Data: []byte("x")}
	s.Do("CONFIG", "SET", "maxmemory", "1")
	for i, err := range []error{
		second(b.Append(t.Context(), id, e, 2, ev)),
		b.Create(t.Context(), foreignID, 0, ev),
		second(b.Append(t.Context(), turn.Timeline("app", "chat"), 0, 0, ev)),
		b.Add(t.Context(), "q", broker.Job{ID: id}),
		second(b.Set(t.Context(), broker.Key{App: "a", Name: "k"}, []byte("v"), 0, 0)),
	} {
		if !errors.Is(err, broker.ErrUnavailable) {
			t.Errorf("call %d, out of memory: %v", i, err)
		}
	}
	s.Do("CONFIG", "SET", "maxmemory", "0")
	if _, err := b.Append(t.Context(), id, e, 2, ev); err != nil {
		t.Fatal(err)
	}
	if evs, err := readAll(t, b, id, 10); err != nil || len(evs) != 2 {
		t.Fatalf("%v, %v", evs, err)
	}
}

// A read that was woken by an append asks Redis nothing.
func TestWokenReadsAskNothing(t *testing.T) {
	s := redistest.Start(t, fast...)
	one, two := open(t, s), open(t, s)
	id := turn.NewID("app", "chat", "t1")
	if err := one.Create(t.Context(), id, 0); err != nil {
		t.Fatal(err)
	}
	const n = 2000
	s.Do("CONFIG", "RESETSTAT")
	done := make(chan error, 1)
	go func() { done <- write(t.Context(), one, id, n, func(int) {}) }()
	if got := follow(t, two, id); got != numbers(n) {
		t.Fatalf("read %d bytes", len(got))
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	reads := 0
	for line := range strings.Lines(s.Do("INFO", "commandstats")) {
		if rest, ok := strings.CutPrefix(line, "cmdstat_evalsha_ro:calls="); ok {
			count, _, _ := strings.Cut(rest, ",")
			reads, _ = strconv.Atoi(count)
		}
	}
	if reads == 0 || reads > n/10 {
		t.Fatalf("%d reads of the stream for %d appends", reads, n)
	}
}

// A worker in any language consumes jobs with plain commands.
func TestForeignWorker(t *testing.T) {
	s := redistest.Start(t, fast...)
	b := open(t, s)
	for i := range 3 {
		if err := b.Add(t.Context(), "prompts", broker.Job{ID: turn.NewID("app", "chat", fmt.Sprint("t", i)), Payload: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	const key, group = "karez:jobs:{prompts}", "karez"
	job, err := b.Take(t.Context(), "prompts", "ours", time.Minute)
	if err != nil || job.ID.Name != "t0" {
		t.Fatal(job, err)
	}
	out := strings.Split(strings.TrimSpace(s.Do("XREADGROUP", "GROUP", group, "php-1", "COUNT", "1", "STREAMS", key, ">")), "\n")
	if len(out) < 12 || out[9] != "t1" {
		t.Fatalf("%q", out)
	}
	if st, err := b.Stats(t.Context(), "prompts"); err != nil || st.Waiting != 1 || st.Leased != 2 {
		t.Fatalf("%+v, %v", st, err)
	}
	s.Do("XACK", key, group, out[1])
	s.Do("XDEL", key, out[1])
	job, err = b.Take(t.Context(), "prompts", "ours", time.Minute)
	if err != nil || job.ID.Name != "t2" || job.Tries != 1 {
		t.Fatal(job, err)
	}
	s.Do("XADD", key, "*", "app", "app", "channel", "chat", "name", "t9", "payload", "{}") // a foreign back end
	if job, err = b.Take(t.Context(), "prompts", "ours", time.Minute); err != nil || job.ID != turn.NewID("app", "chat", "t9") {
		t.Fatal(job, err)
	}
	s.Do("XADD", key, "*", "nonsense", "1") // is dropped
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if job, err := b.Take(ctx, "prompts", "ours", time.Minute); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(job, err)
	}
	if st, err := b.Stats(t.Context(), "prompts"); err != nil || st.Waiting != 0 || st.Leased != 3 {
		t.Fatalf("%+v, %v", st, err)
	}
}

// A foreign worker that died: its job is handed out after it was idle.
func TestForeignWorkerDies(t *testing.T) {
	s := redistest.Start(t, fast...)
	b := open(t, s)
	s.Do("XGROUP", "CREATE", "karez:jobs:{prompts}", "karez", "0", "MKSTREAM")
	s.Do("XADD", "karez:jobs:{prompts}", "1-1", "app", "app", "channel", "chat", "name", "t1")
	s.Do("XREADGROUP", "GROUP", "karez", "php-1", "STREAMS", "karez:jobs:{prompts}", ">")
	s.Do("XCLAIM", "karez:jobs:{prompts}", "karez", "php-1", "0", "1-1", "IDLE", "60001", "JUSTID")
	job, err := b.Take(t.Context(), "prompts", "ours", time.Minute)
	if err != nil || job.ID.Name != "t1" || job.Tries != 2 {
		t.Fatal(job, err)
	}
}

// What could be written and not read is refused.
func TestAttributesAreBounded(t *testing.T) {
	b := open(t, redistest.Start(t, fast...))
	tl := turn.Timeline("app", "chat")
	many := make(map[string]string)
	for i := range 1000 {
		many[fmt.Sprint("a", i)] = strings.Repeat("x", 200)
	}
	add := func() error {
		_, err := b.Append(t.Context(), tl, 0, 0, turn.Event{Kind: "custom", Data: []byte("1"), Attrs: many})
		return err
	}
	if err := add(); err != nil {
		t.Fatal(err)
	}
	if evs, err := b.Read(t.Context(), tl, 0, 1); err != nil || len(evs[0].Attrs) != 1000 {
		t.Fatal(err)
	}
	many["one more"] = ""
	if err := add(); !errors.Is(err, broker.ErrTooLarge) {
		t.Fatalf("1001 attributes: %v", err)
	}
	clear(many)
	many["big"] = strings.Repeat("x", turn.MaxData+1)
	if err := add(); !errors.Is(err, broker.ErrTooLarge) {
		t.Fatalf("a large attribute: %v", err)
	}
}

// A turn whose log vanished is not born again by its author.
func TestDeletedLogIsNotBornAgain(t *testing.T) {
	s := redistest.Start(t, fast...)
	b := open(t, s)
	id := turn.NewID("app", "chat", "t1")
	if err := b.Create(t.Context(), id, time.Hour, turn.Event{Kind: turn.KindPrompt, Data: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	e, top, err := b.Begin(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	s.Do("DEL", "karez:{app/chat}:turn:t1")
	if _, err := b.Append(t.Context(), id, e, top+1, turn.Event{Kind: turn.KindText}); !errors.Is(err, broker.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := b.Read(t.Context(), id, 1, 1); !errors.Is(err, broker.ErrAhead) {
		t.Fatal(err)
	}
	if evs, err := b.Read(t.Context(), id, 0, 1); err != nil || len(evs) > 0 || err == io.EOF {
		t.Fatal(evs, err)
	}
}
