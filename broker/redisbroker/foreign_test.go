package redisbroker_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/redisbroker"
	"github.com/karez/karez/broker/redisbroker/redistest"
	"github.com/karez/karez/turn"
)

const (
	foreignKey = "karez:{app/chat:42}:turn:t81"
	foreignTL  = "karez:{app/chat:42}:timeline"
)

var foreignID = turn.NewID("app", "chat:42", "t81")

// patience is for what happens within milliseconds on an idle machine.
const patience = 30 * time.Second

// readAll reads what stands in a log, and the error behind it.
func readAll(t *testing.T, b *redisbroker.Broker, id turn.ID, max int) (evs []turn.Event, err error) {
	t.Helper()
	var at turn.Seq
	for {
		got, err := b.Read(t.Context(), id, at, max)
		if err != nil || len(got) == 0 {
			return turn.Align(nil, evs), err
		}
		evs, at = append(evs, got...), got[len(got)-1].Seq
	}
}

func answer(t *testing.T, evs []turn.Event) string {
	t.Helper()
	a, err := turn.Fold(evs)
	if err != nil {
		t.Fatal(err)
	}
	return a.Text()
}

func TestForeignProducer(t *testing.T) {
	for _, id := range []string{"0-*", "*"} {
		t.Run(id, func(t *testing.T) {
			s := redistest.Start(t, fast...)
			b := open(t, s)
			for _, w := range []string{"Hel", "lo ", "\xf0\x9f", "\x8c\x8a!"} {
				s.Do("XADD", foreignKey, id, "text", w)
			}
			s.Do("XADD", foreignKey, id, "end", `{"reason":"stop"}`)
			for _, max := range []int{1, 2, 100} {
				evs, err := readAll(t, b, foreignID, max)
				if err != io.EOF || answer(t, evs) != "Hello 🌊!" || evs[4].Seq != 5 {
					t.Fatalf("at most %d: %q, %v", max, answer(t, evs), err)
				}
			}
			if info, err := b.Info(t.Context(), foreignID); err != nil || info != (broker.Info{Top: 5, Ended: true}) {
				t.Fatalf("%+v, %v", info, err)
			}
			if err := b.Compact(t.Context(), foreignID, time.Hour); err != nil {
				t.Fatal(err)
			}
			evs, err := readAll(t, b, foreignID, 100)
			if err != io.EOF || answer(t, evs) != "Hello 🌊!" || len(evs) != 2 {
				t.Fatalf("compacted: %v, %v", evs, err)
			}
			if evs, err := b.Read(t.Context(), foreignID, 2, 1); err != nil || evs[0].First != 3 {
				t.Fatalf("after 2: %v, %v", evs, err)
			}
		})
	}
}

// What a producer writes behind its own end is never shown, and taken away by
// the first who reads the end.
func TestWriteAfterTheEnd(t *testing.T) {
	for _, id := range []string{"0-*", "*"} {
		t.Run(id, func(t *testing.T) {
			s := redistest.Start(t, fast...)
			b := open(t, s)
			s.Do("XADD", foreignKey, id, "text", "all")
			s.Do("XADD", foreignKey, id, "end", "{}")
			s.Do("XADD", foreignKey, id, "text", " and more")
			if evs, err := b.Read(t.Context(), foreignID, 2, 10); err != io.EOF {
				t.Fatalf("%v, %v; want EOF", evs, err)
			}
			evs, err := readAll(t, b, foreignID, 10)
			if err != io.EOF || answer(t, evs) != "all" {
				t.Fatalf("%q, %v", answer(t, evs), err)
			}
			if out := s.Do("XADD", foreignKey, id, "text", " and more"); !strings.Contains(out, "ERR") {
				t.Fatalf("a sealed log took an entry: %s", out)
			}
			if info, err := b.Info(t.Context(), foreignID); err != nil || info != (broker.Info{Top: 2, Ended: true}) {
				t.Fatalf("%+v, %v", info, err)
			}
			if _, _, err := b.Begin(t.Context(), foreignID); !errors.Is(err, broker.ErrEnded) {
				t.Fatalf("begin: %v", err)
			}
		})
	}
}

// A gateway closes a producer that fell silent: Begin shuts the log to it.
func TestBeginFencesForeignProducers(t *testing.T) {
	for _, id := range []string{"0-*", "*"} {
		t.Run(id, func(t *testing.T) {
			s := redistest.Start(t, fast...)
			b := open(t, s)
			s.Do("XADD", foreignKey, id, "text", "a")
			s.Do("XADD", foreignKey, id, "text", "b")
			for want := turn.Epoch(1); want <= 2; want++ {
				e, top, err := b.Begin(t.Context(), foreignID)
				if err != nil || e != want || top != 2 {
					t.Fatalf("epoch %d, top %d, %v", e, top, err)
				}
				if out := s.Do("XADD", foreignKey, id, "text", "x"); !strings.Contains(out, "ERR") {
					t.Fatalf("a fenced producer wrote: %s", out)
				}
			}
			if _, err := b.Append(t.Context(), foreignID, 1, 3, turn.Event{Kind: turn.KindText, Data: []byte("x")}); !errors.Is(err, broker.ErrFenced) {
				t.Fatalf("epoch 1: %v", err)
			}
			for seq := turn.Seq(3); seq <= 4; seq++ { // the second is said twice
				for range seq - 2 {
					if _, err := b.Append(t.Context(), foreignID, 2, seq, turn.Event{Kind: turn.KindText, Data: []byte("c")}); err != nil {
						t.Fatal(err)
					}
				}
			}
			if out := s.Do("XADD", foreignKey, id, "text", "x"); !strings.Contains(out, "ERR") {
				t.Fatalf("a fenced producer wrote: %s", out)
			}
			if _, err := b.Append(t.Context(), foreignID, 2, 5, turn.Event{Kind: turn.KindError, Data: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
			evs, err := readAll(t, b, foreignID, 10)
			if err != io.EOF || answer(t, evs) != "abcc" || evs[2].Epoch != 2 || evs[1].Epoch != 0 {
				t.Fatalf("%v, %v", evs, err)
			}
		})
	}
}

// What cannot be understood is an error to its reader, until somebody takes
// the log over: then it is gone and the log can be closed.
func TestMalformed(t *testing.T) {
	for name, bad := range map[string][]string{
		"mixed ids":    {"*", "text", "x"},
		"hole":         {"0-9", "text", "x"},
		"too large":    nil,
		"no kind":      {"0-*", "", "x"},
		"broken first": {"0-*", "text", "x", "first", "-1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Start(t, fast...)
			b := open(t, s)
			s.Do("XADD", foreignKey, "0-*", "text", "a")
			s.Do("XADD", foreignKey, "0-*", "text", "b")
			if bad != nil {
				s.Do(append([]string{"XADD", foreignKey}, bad...)...)
			} else {
				s.Do("EVAL", "return redis.call('XADD', KEYS[1], '0-*', 'text', string.rep('x', ARGV[1]))", "1", foreignKey, fmt.Sprint(turn.MaxData+1))
			}
			evs, err := readAll(t, b, foreignID, 10)
			if !errors.Is(err, broker.ErrMalformed) || answer(t, evs) != "ab" {
				t.Fatalf("%q, %v", answer(t, evs), err)
			}
			e, top, err := b.Begin(t.Context(), foreignID)
			if err != nil || e != 1 || top != 2 {
				t.Fatalf("epoch %d, top %d, %v", e, top, err)
			}
			if _, err := b.Append(t.Context(), foreignID, e, 3, turn.Event{Kind: turn.KindError, Data: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
			if evs, err := readAll(t, b, foreignID, 10); err != io.EOF || answer(t, evs) != "ab" {
				t.Fatalf("%v, %v", evs, err)
			}
		})
	}
}

// A reader follows a producer that only says XADD, without polling.
func TestWatchForeignProducer(t *testing.T) {
	for _, id := range []string{"0-*", "*"} {
		t.Run(id, func(t *testing.T) {
			s := redistest.Start(t, fast...)
			b := open(t, s)
			go func() {
				for range 300 {
					s.Do("XADD", foreignKey, id, "text", "ab ")
				}
				s.Do("XADD", foreignKey, id, "end", "{}")
			}()
			if got := follow(t, b, foreignID); got != strings.Repeat("ab ", 300) {
				t.Fatalf("read %d bytes", len(got))
			}
		})
	}
}

// follow reads a turn to its end, each time it is woken.
func follow(t *testing.T, b *redisbroker.Broker, id turn.ID) string {
	t.Helper()
	var a turn.Answer
	woken := make(chan struct{}, 1)
	defer b.Watch(id, func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})()
	late := time.After(4 * patience)
	for {
		evs, err := b.Read(t.Context(), id, a.At, 100)
		for _, ev := range evs {
			if err := a.Add(ev); err != nil {
				t.Fatal(err)
			}
		}
		switch {
		case err == io.EOF:
			return a.Text()
		case errors.Is(err, broker.ErrUnavailable):
			t.Log(err)
		case err != nil:
			t.Fatal(err)
		case len(evs) > 0:
			continue
		}
		select {
		case <-woken:
		case <-late:
			t.Fatalf("not woken after %d, read %q", a.At, a.Text())
		}
	}
}

// A foreign back end puts its turn on the timeline beside ours.
func TestForeignTimelineEntry(t *testing.T) {
	s := redistest.Start(t, fast...)
	b := open(t, s)
	tl := turn.Timeline("app", "chat:42")
	if _, err := b.Append(t.Context(), tl, 0, 0, turn.Event{Kind: "custom", Data: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	s.Do("XADD", foreignTL, "0-*", "turn", `{"turn":"t81"}`, "from", "u1")
	if n, err := b.Append(t.Context(), tl, 0, 0, turn.Event{Kind: "custom", Data: []byte("3")}); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	evs, err := b.Read(t.Context(), tl, 1, 10)
	if err != nil || len(evs) != 2 || evs[0].Attrs["from"] != "u1" || string(evs[0].Data) != `{"turn":"t81"}` {
		t.Fatalf("%v, %v", evs, err)
	}
	s.Do("XADD", foreignKey, "0-*", "text", "x")
	if err := b.DeleteChannel(t.Context(), "app", "chat:42"); err != nil {
		t.Fatal(err)
	}
	if out := s.Do("DBSIZE"); strings.TrimSpace(out) != "0" {
		t.Fatalf("keys are left: %s", s.Do("SCAN", "0"))
	}
}

// One careless XADD on a timeline does not close the channel for ever.
func TestCarelessTimelineEntry(t *testing.T) {
	s := redistest.Start(t, fast...)
	b := open(t, s)
	tl := turn.Timeline("app", "chat:42")
	note := func(want turn.Seq) {
		t.Helper()
		if n, err := b.Append(t.Context(), tl, 0, 0, turn.Event{Kind: "custom", Data: []byte(fmt.Sprint(want))}); err != nil || n != want {
			t.Fatal(n, err)
		}
	}
	note(1)
	note(2)
	s.Do("XADD", foreignTL, "*", "custom", "3")
	s.Do("XADD", foreignTL, "*", "custom", "4")
	note(5)
	s.Do("XADD", foreignTL, "*", "custom", "6")
	evs, err := readAll(t, b, tl, 10)
	if err != nil || len(evs) != 6 {
		t.Fatal(evs, err)
	}
	for i, ev := range evs {
		if ev.Seq != turn.Seq(i+1) || string(ev.Data) != fmt.Sprint(i+1) {
			t.Errorf("%d: %+v", i+1, ev)
		}
	}
	note(7)
}

// Fences and seals are in Redis's own files.
func TestFencesAreKept(t *testing.T) {
	for name, save := range map[string]func(s *redistest.Server){
		"rdb": func(s *redistest.Server) { s.Do("DEBUG", "RELOAD") },
		"aof": func(s *redistest.Server) { s.Restart() },
		"aof of an rdb": func(s *redistest.Server) {
			s.Do("BGREWRITEAOF")
			for strings.Contains(s.Do("INFO", "persistence"), "aof_rewrite_in_progress:1") {
				s.Do("PING")
			}
			s.Restart()
		},
		"rewritten aof": func(s *redistest.Server) {
			s.Do("CONFIG", "SET", "aof-use-rdb-preamble", "no")
			s.Do("BGREWRITEAOF")
			for strings.Contains(s.Do("INFO", "persistence"), "aof_rewrite_in_progress:1") {
				s.Do("PING")
			}
			s.Restart()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Start(t, "--enable-debug-command", "yes")
			b := open(t, s)
			for _, name := range []string{"t1", "t2", "t3"} {
				id := turn.NewID("app", "chat", name)
				if err := b.Create(t.Context(), id, 0, turn.Event{Kind: turn.KindText, Data: []byte("a")}); err != nil {
					t.Fatal(err)
				}
				e, top, err := b.Begin(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				if name == "t2" {
					_, err = b.Append(t.Context(), id, e, top+1, turn.Event{Kind: turn.KindEnd, Data: []byte("{}")})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			s.Do("XADD", "karez:{app/chat}:turn:clock", "*", "text", "x")
			if _, _, err := b.Begin(t.Context(), turn.NewID("app", "chat", "clock")); err != nil {
				t.Fatal(err)
			}
			save(s)
			for name, id := range map[string]string{"t1": "0-*", "t2": "0-*", "t3": "0-5", "clock": "*"} {
				if out := s.Do("XADD", "karez:{app/chat}:turn:"+name, id, "text", "x"); !strings.Contains(out, "ERR") {
					t.Errorf("%s took an entry of a fenced producer: %s", name, out)
				}
			}
		})
	}
}

// A long log with ids of the clock is read on from hints; a log of the same
// name that is another one is noticed.
func TestClockIDs(t *testing.T) {
	s := redistest.Start(t, fast...)
	b := open(t, s)
	fill := `for i = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], '*', 'text', i .. ' ') end`
	s.Do("EVAL", fill, "1", foreignKey, "3000")
	evs, err := readAll(t, b, foreignID, 100)
	if err != nil || len(evs) != 3000 || string(evs[2999].Data) != "3000 " || evs[2999].Seq != 3000 {
		t.Fatalf("%d events, %v", len(evs), err)
	}
	for _, at := range []turn.Seq{0, 1, 999, 1000, 2047, 2998} {
		evs, err := b.Read(t.Context(), foreignID, at, 2)
		if err != nil || len(evs) != 2 || evs[0].Seq != at+1 || string(evs[0].Data) != fmt.Sprintf("%d ", at+1) {
			t.Fatalf("after %d: %v, %v", at, evs, err)
		}
	}
	s.Do("DEL", foreignKey)
	s.Do("EVAL", fill, "1", foreignKey, "3001")
	if evs, err := b.Read(t.Context(), foreignID, 3000, 2); err != nil || len(evs) != 1 || string(evs[0].Data) != "3001 " {
		t.Fatalf("another log: %v, %v", evs, err)
	}
	s.Do("XTRIM", foreignKey, "MAXLEN", "10")
	if _, err := b.Read(t.Context(), foreignID, 5, 2); !errors.Is(err, broker.ErrTrimmed) {
		t.Fatalf("trimmed: %v", err)
	}
	if evs, err := b.Read(t.Context(), foreignID, 2991, 1); err != nil || string(evs[0].Data) != "2992 " {
		t.Fatalf("behind the trim: %v, %v", evs, err)
	}
}
