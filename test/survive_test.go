package test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/redisbroker"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A script of about a second, with characters of every width. Its text is the
// same whoever plays it.
const (
	pieces = 200
	script = `{"repeat":200,"text":"{i} é🙂 ","every":"5ms"}` + "\n"
)

func scriptText() string {
	var b strings.Builder
	for i := range pieces {
		fmt.Fprintf(&b, "%d é🙂 ", i)
	}
	return b.String()
}

// seeds is how many random runs each test makes: 5, or KAREZ_SEEDS. The first
// is KAREZ_SEED, so that a failing one can be repeated alone.
func seeds(tb testing.TB) (first, n uint64) {
	number := func(name string, d uint64) uint64 {
		s := os.Getenv(name)
		if s == "" {
			return d
		}
		v, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		return v
	}
	return number("KAREZ_SEED", 1), number("KAREZ_SEEDS", 5)
}

// Whichever process is killed at whatever moment of an answer, each viewer is
// shown the log and nothing else, and every turn ends (design: 1, 2, 5).
func TestKillAnything(t *testing.T) {
	victims := map[string]func(*system, *rand.Rand) (*process, func(testing.TB, *system)){
		"gateway": func(s *system, r *rand.Rand) (*process, func(testing.TB, *system)) {
			i := r.IntN(len(s.gateways))
			return s.gateways[i], func(tb testing.TB, s *system) { s.ready(tb, i) }
		},
		"worker": func(s *system, r *rand.Rand) (*process, func(testing.TB, *system)) {
			return s.workers[r.IntN(len(s.workers))], func(testing.TB, *system) {}
		},
		"redis": func(s *system, _ *rand.Rand) (*process, func(testing.TB, *system)) {
			return s.redis, func(tb testing.TB, s *system) { redisReady(tb, s.redisURL) }
		},
	}
	for name, pick := range victims {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t, 2, 2, script)
			first, n := seeds(t)
			for seed := first; seed < first+n && !t.Failed(); seed++ {
				t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
					killOnce(t, s, seed, func(r *rand.Rand) (*process, func(testing.TB, *system)) { return pick(s, r) })
				})
			}
		})
	}
}

// killOnce lets viewers of every codec watch conversations of their own, and
// kills a process at a moment that the seed chooses.
func killOnce(t *testing.T, s *system, seed uint64, pick func(*rand.Rand) (*process, func(testing.TB, *system))) {
	r := rand.New(rand.NewPCG(seed, 2))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	var views []*view
	for _, c := range wire.Codecs() {
		for range 2 {
			v := newView(s, fmt.Sprintf("%s-%d-%d", t.Name()[len("TestKillAnything/"):strings.LastIndexByte(t.Name(), '/')], seed, len(views)/2), c, seed*100+uint64(len(views)))
			views = append(views, v)
			wg.Go(func() { v.watch(ctx) })
		}
	}
	names := map[string]string{}
	for _, v := range views {
		if names[v.channel] == "" {
			names[v.channel] = s.prompt(t, v.channel, "m1", "count")
		}
	}
	victim, ready := pick(r)
	pause(t, time.Duration(r.Int64N(int64(1200*time.Millisecond))))
	victim.kill()
	pause(t, time.Duration(r.Int64N(int64(300*time.Millisecond))))
	victim.start()
	ready(t, s)
	for _, v := range views {
		until(t, "end of "+v.channel, func() bool { return v.has(names[v.channel]) })
	}
	b := openRedis(t, s)
	for _, v := range views {
		if a := v.check(t, b, names[v.channel]); a.State != turn.Completed || a.Text() != scriptText() {
			t.Errorf("%s: %s with %d of %d bytes: %s", v.channel, a.State, len(a.Text()), len(scriptText()), a.Outcome)
		}
	}
}

// pause is a delay that a seed chose: the moment of a fault, not a wait for
// something.
func pause(tb testing.TB, d time.Duration) {
	tb.Helper()
	time.Sleep(d)
}

func openRedis(tb testing.TB, s *system) broker.Broker {
	tb.Helper()
	b, err := redisbroker.Open(context.Background(), s.redisURL, redisbroker.Options{Node: "checker"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { b.Close() })
	return b
}

// A worker that froze past its lease and wakes writes nothing that anybody is
// shown: the log itself refuses it (design: 3).
func TestFrozenWorkerIsFenced(t *testing.T) {
	s := newSystem(t, 1, 1, `{"repeat":800,"text":"{i} é🙂 ","every":"5ms"}`+"\n")
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	v := newView(s, "frozen", wire.JSON, 1)
	wg.Go(func() { v.watch(ctx) })
	name := s.prompt(t, "frozen", "m1", "count")
	until(t, "first text", func() bool { return v.texts(name, 0) })
	frozen := s.workers[0]
	frozen.signal(syscall.SIGSTOP)
	other := karez(t, "worker2", frozen.args[1:]...)
	until(t, "takeover", func() bool { return v.texts(name, 2) })
	frozen.signal(syscall.SIGCONT) // it writes on, as it thinks
	until(t, "end", func() bool { return v.has(name) })
	until(t, "refusal", func() bool {
		return strings.Contains(frozen.said.String(), "fenced") || strings.Contains(frozen.said.String(), "lease lost")
	})

	b := openRedis(t, s)
	if a := v.check(t, b, name); a.State != turn.Completed {
		t.Errorf("the turn: %s %s", a.State, a.Outcome)
	}
	highest := turn.Epoch(0)
	for at := turn.Seq(0); ; {
		evs, err := b.Read(ctx, turn.NewID("app", "frozen", name), at, 100)
		if err != nil || len(evs) == 0 {
			break
		}
		for _, ev := range evs {
			if ev.Epoch < highest {
				t.Errorf("epoch %d wrote at %d, after epoch %d had begun", ev.Epoch, ev.Seq, highest)
			}
			highest, at = max(highest, ev.Epoch), ev.Seq
		}
	}
	// It is none the worse for it.
	other.kill()
	again := s.prompt(t, "frozen", "m2", "again")
	until(t, "answer of the worker that was frozen", func() bool { return v.has(again) })
	v.check(t, b, again)
}
