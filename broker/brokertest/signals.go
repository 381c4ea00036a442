package brokertest

import (
	"bytes"
	"encoding/binary"
	"sync"

	"github.com/karez/karez/broker"
)

// signalCases are Signals.
var signalCases = []testCase{
	{"reaches all who subscribe", signalReaches},
	{"in order of each publisher", signalOrder},
	{"topics are apart", topicsApart},
	{"till stop", signalStop},
	{"without subscribers", signalNobody},
	{"that is too large", signalTooLarge},
}

func (t *T) topic(name string) broker.Topic {
	return broker.Topic{App: t.app, Channel: "chat", Name: name}
}

// subscribe collects signals; stop is called at the end of the case too.
func (t *T) subscribe(tp broker.Topic) (got chan []byte, stop func()) {
	t.Helper()
	got = make(chan []byte, 10_000)
	stop, err := t.b.Subscribe(t.ctx, tp, func(data []byte) {
		select {
		case got <- data:
		default: // no case sends as many
		}
	})
	t.must(err)
	t.Cleanup(stop)
	return got, stop
}

func (t *T) publish(tp broker.Topic, data string) {
	t.Helper()
	t.must(t.b.Publish(t.ctx, tp, []byte(data)))
}

func signalReaches(t *T) {
	tp := t.topic("typing")
	a, _ := t.subscribe(tp)
	b, _ := t.subscribe(tp)
	for _, s := range []string{"x", "", "\x00\xff\r\n", "水"} {
		data := []byte(s)
		t.must(t.b.Publish(t.ctx, tp, data))
		clear(data) // the caller's again
		for _, ch := range []chan []byte{a, b} {
			if got := soon(t, "a signal", ch); string(got) != s {
				t.Fatalf("published %q, got %q", s, got)
			}
		}
	}
}

func signalOrder(t *T) {
	const publishers, each = 8, 200
	tp := t.topic("typing")
	got, _ := t.subscribe(tp)
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				if err := t.b.Publish(t.ctx, tp, binary.BigEndian.AppendUint32([]byte{byte(p)}, uint32(i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var next [publishers]uint32
	for range publishers * each {
		s := soon(t, "a signal", got)
		if n := binary.BigEndian.Uint32(s[1:]); n != next[s[0]] {
			t.Fatalf("publisher %d: signal %d came where %d was due", s[0], n, next[s[0]])
		}
		next[s[0]]++
	}
}

func topicsApart(t *T) {
	topics := []broker.Topic{
		t.topic("typing"), t.topic("typing:x"), t.topic("*"), t.topic("typin?"), {App: t.app, Name: "typing"}, {App: t.app, Name: "chat:typing"},
		{App: t.app, Channel: "chat:typing", Name: "x"}, {App: t.app, Channel: "{chat}", Name: "typing"}, {App: t.app + ".x", Channel: "chat", Name: "typing"},
		{App: t.app, Channel: "*", Name: "typing"}, {App: t.app, Channel: "räume/7 🙂", Name: "typing"},
	}
	var got []chan []byte
	for _, tp := range topics {
		ch, _ := t.subscribe(tp)
		got = append(got, ch)
	}
	for i, tp := range topics {
		t.publish(tp, string(rune('a'+i)))
		t.publish(tp, "end")
	}
	for i, ch := range got {
		if s := soon(t, "a signal", ch); string(s) != string(rune('a'+i)) {
			t.Fatalf("topic %+v got %q", topics[i], s)
		}
		if s := soon(t, "a signal", ch); string(s) != "end" || len(ch) > 0 {
			t.Fatalf("topic %+v got %q and %d more", topics[i], s, len(ch))
		}
	}
}

func signalStop(t *T) {
	tp := t.topic("typing")
	a, stop := t.subscribe(tp)
	b, _ := t.subscribe(tp)
	t.publish(tp, "1")
	soon(t, "a signal", a)
	soon(t, "a signal", b)
	stop()
	stop() // twice is fine
	t.publish(tp, "2")
	if s := soon(t, "a signal", b); string(s) != "2" {
		t.Fatalf("got %q", s)
	}
	if len(a) > 0 {
		t.Fatalf("got %q after stop", <-a)
	}
	c, _ := t.subscribe(tp)
	t.publish(tp, "3")
	soon(t, "a signal", b)
	if s := soon(t, "a signal", c); string(s) != "3" { // and nothing from before
		t.Fatalf("got %q", s)
	}
}

func signalNobody(t *T) {
	t.publish(t.topic("nobody"), "x")
	got, _ := t.subscribe(t.topic("nobody"))
	t.publish(t.topic("nobody"), "y")
	if s := soon(t, "a signal", got); string(s) != "y" {
		t.Fatalf("got %q", s)
	}
}

func signalTooLarge(t *T) {
	tp := t.topic("typing")
	got, _ := t.subscribe(tp)
	big := bytes.Repeat([]byte("x"), broker.MaxPayload+1)
	t.is("publish", t.b.Publish(t.ctx, tp, big), broker.ErrTooLarge)
	t.must(t.b.Publish(t.ctx, tp, big[1:]))
	if s := soon(t, "a signal", got); len(s) != broker.MaxPayload {
		t.Fatalf("%d bytes came", len(s))
	}
}
