package membroker

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// FuzzKey reads any key as each kind: never a panic, and what is read is
// written back the same.
func FuzzKey(f *testing.F) {
	id := turn.NewID("app", "räume/7 {x}", "t1")
	for _, k := range [][]byte{
		nil, {'l'}, {'s', 0xff, 0xff}, logKey(metaKey, id), logKey(metaKey, turn.Timeline("a", "c")), seqKey(logKey(eventKey, id), 1<<40),
		jobKeyOf("q:q", 7), stateKeyOf(broker.Key{App: "app", Channel: "chat", Name: "record"}), append(logKey(metaKey, id), 0),
	} {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, k []byte) {
		if id, err := parseLogKey(k); err == nil && !bytes.Equal(logKey(metaKey, id), k) {
			t.Errorf("log %v has key %q, was read from %q", id, logKey(metaKey, id), k)
		}
		if q, n, err := parseJobKey(k); err == nil && !bytes.Equal(jobKeyOf(q, n), k) {
			t.Errorf("job %d of %q has key %q, was read from %q", n, q, jobKeyOf(q, n), k)
		}
		if key, err := parseStateKey(k); err == nil && !bytes.Equal(stateKeyOf(key), k) {
			t.Errorf("%v has key %q, was read from %q", key, stateKeyOf(key), k)
		}
		prefix := k[:max(0, len(k)-8)]
		if s, err := parseSeqKey(prefix, k); err == nil && !bytes.Equal(seqKey(prefix, s), k) {
			t.Errorf("place %d has key %q, was read from %q", s, seqKey(prefix, s), k)
		}
		if end := after(k); end != nil && (bytes.Compare(end, k) <= 0 || bytes.HasPrefix(end, k)) && len(k) > 0 {
			t.Errorf("%q is not behind all that begins with %q", end, k)
		}
	})
}

// FuzzStored reads any value as each kind. What is accepted is sound: an event
// has a kind and a span that ends at its place, and its tail can be asked for.
func FuzzStored(f *testing.F) {
	for _, ev := range []turn.Event{
		{Seq: 1, Kind: turn.KindText, Data: []byte("水")},
		{Seq: 9, First: 7, Epoch: 2, Kind: turn.KindTool, Part: "c", Name: "find", Media: "m", Data: []byte("abc"), Attrs: map[string]string{"a": "b"}, Cuts: []byte{1, 1}},
	} {
		p, err := encodeEvent(&ev)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint64(ev.Seq), p)
	}
	for _, v := range []any{meta{Epoch: 1, Top: 3, Trimmed: 1, TTL: time.Hour, Expires: time.Unix(1, 0).UTC()}, broker.Job{ID: turn.NewID("a", "c", "t"), Tries: 2}, storedValue{Data: []byte{}, Rev: 1}} {
		p, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint64(3), p)
	}
	f.Fuzz(func(t *testing.T, at uint64, p []byte) {
		m, _ := decodeMeta(p)
		_, _ = decodeJob(p)
		if v, err := decodeValue(p); err == nil && (v.rev == 0 || v.data == nil) {
			t.Errorf("accepted the value %+v", v)
		}
		ev, err := decodeEvent(turn.Seq(at), p)
		if err != nil {
			return
		}
		if ev.Kind == "" || ev.Seq != turn.Seq(at) || ev.Start() > ev.Seq {
			t.Errorf("accepted %+v at %d", ev, at)
		}
		_ = checkDense(m, []turn.Event{ev, ev})
		if ev.Seq-ev.Start() < 1<<10 { // a larger span has more cuts than the input
			for s := ev.Start() - 1; s <= ev.Seq; s++ {
				_, _, _ = ev.After(s)
			}
		}
		again, err := encodeEvent(&ev)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decodeEvent(ev.Seq, again); err != nil || !same(back, ev) {
			t.Errorf("%+v came back as %+v, %v", ev, back, err)
		}
	})
}

// same compares events; empty is the same as absent.
func same(a, b turn.Event) bool {
	for _, ev := range []*turn.Event{&a, &b} {
		ev.Data, ev.Cuts = append([]byte{}, ev.Data...), append([]byte{}, ev.Cuts...)
		if len(ev.Attrs) == 0 {
			ev.Attrs = nil
		}
	}
	return reflect.DeepEqual(a, b)
}

func FuzzFormat(f *testing.F) {
	for _, s := range []string{"1\n", "2", "", "x", "-1\n", "99999999999999999999\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if n, err := parseFormat(p); err == nil && n < 1 {
			t.Errorf("%q is version %d", p, n)
		}
	})
}
