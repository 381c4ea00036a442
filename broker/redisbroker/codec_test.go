package redisbroker

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

func FuzzKey(f *testing.F) {
	for _, s := range []string{"chat:42", "a{b}c", "100%", "%7B", "}:turn:x", "*[a]?\\", "水"} {
		f.Add("app", s, "t81")
	}
	f.Fuzz(func(t *testing.T, app, channel, name string) {
		for _, id := range []turn.ID{turn.NewID(app, channel, name), turn.Timeline(app, channel), {App: app, Channel: channel, Kind: turn.StreamLog, Name: name}} {
			if id.Check() != nil {
				continue
			}
			key := logKey(id)
			got, ok := parseLogKey(key)
			if !ok || got != id {
				t.Fatalf("%+v became %q became %+v", id, key, got)
			}
			if open, shut := strings.Count(key, "{"), strings.Count(key, "}"); open != 1 || shut != 1 {
				t.Fatalf("%q has no hash tag of its own", key)
			}
		}
	})
}

func FuzzParseKey(f *testing.F) {
	f.Add("karez:{app/chat:42}:turn:t81")
	f.Add("karez:{app/chat:42}:timeline")
	f.Add("karez:{app/%7Bx}:meta:turn:t81")
	f.Fuzz(func(t *testing.T, key string) {
		if id, ok := parseLogKey(key); ok && logKey(id) != key {
			t.Fatalf("%q became %+v became %q", key, id, logKey(id))
		}
	})
}

func FuzzEntry(f *testing.F) {
	f.Add("text", "Hel", "part", "p", "at", "1", uint64(3))
	f.Add("data", "{}", "name", "n", "attr:part", "1", uint64(1))
	f.Add("text", "abc", "first", "2", "cuts", "\x01", uint64(3))
	f.Add("", "", "first", "-1", "", "", uint64(0))
	f.Fuzz(func(t *testing.T, kind, data, k1, v1, k2, v2 string, seq uint64) {
		ev, err := decode(1, turn.Seq(seq), []string{kind, data, k1, v1, k2, v2})
		if err != nil {
			if !errors.Is(err, broker.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		again, err := decode(ev.Epoch, ev.Seq, appendEntry(nil, &ev)[1:])
		if err != nil || !reflect.DeepEqual(fill(again), fill(ev)) {
			t.Fatalf("%+v became %+v, %v", ev, again, err)
		}
	})
}

// fill makes nil and empty alike.
func fill(ev turn.Event) turn.Event {
	ev.Data, ev.Cuts = append([]byte{}, ev.Data...), append([]byte{}, ev.Cuts...)
	return ev
}

func FuzzMessage(f *testing.F) {
	ev := turn.Event{Kind: "text", Data: []byte("x"), Attrs: map[string]string{"part": "1"}}
	f.Add(pack(appendEntry([]string{"1", "2", "", "", ""}, &ev)))
	f.Add(pack([]string{"0", "1", "", "", "", "9", "x"}))
	f.Add([]byte("\xdf\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, p []byte) {
		first, evs, err := parseMessage(p)
		for i, ev := range evs {
			if err == nil && ev.Seq != first+turn.Seq(i) {
				t.Fatalf("event %d of those from %d has place %d", i, first, ev.Seq)
			}
		}
	})
}

func pack(args []string) []byte {
	p := msgp.AppendArrayHeader(nil, uint32(len(args)))
	for _, s := range args {
		p = msgp.AppendString(p, s)
	}
	return p
}

// The index of a log with ids of the clock stays within its bounds.
func TestHintsAreBounded(t *testing.T) {
	h := newHints()
	for i := range hintedLogs + 10 {
		h.add(turn.NewID("a", "c", "t"+strconv.Itoa(i)), 1, "1-1")
	}
	log := turn.NewID("a", "c", "long")
	for i := turn.Seq(1); i < 100_000; i += 10 {
		h.add(log, i, utoa(uint64(i)))
	}
	if n := len(h.logs); n != hintedLogs || h.used.Len() != n {
		t.Errorf("%d logs", n)
	}
	if n := len(h.logs[log].Value.(*logHints).places); n > hintsOfLog {
		t.Errorf("%d places", n)
	}
	for _, at := range []turn.Seq{0, 1, 500, 50_000, 99_991, 200_000} {
		near := h.before(log, at)
		if near.seq > at || near.seq > 0 && near.id != utoa(uint64(near.seq)) || at > 5000 && near.seq < at-min(at, 110_000) {
			t.Errorf("before %d: %+v", at, near)
		}
	}
}
