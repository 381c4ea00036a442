package brokertest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Benchmark measures an adapter: appends a second from 64 writers to 64 logs,
// one event each, and how long one event takes from Append to a reader that
// was woken for it.
func Benchmark(b *testing.B, open func(tb testing.TB) broker.Broker) {
	b.Run("append/writers=1", func(b *testing.B) { benchAppend(b, newT(b, open(b)), 1) })
	b.Run("append/writers=64", func(b *testing.B) { benchAppend(b, newT(b, open(b)), 64) })
	b.Run("latency", func(b *testing.B) { benchLatency(b, newT(b, open(b))) })
}

func benchAppend(b *testing.B, t *T, writers int) {
	type author struct {
		id  turn.ID
		e   turn.Epoch
		top turn.Seq
	}
	all := make([]author, writers)
	for i := range all {
		all[i].id = turn.NewID(t.app, fmt.Sprint("chat", i), "t1")
		t.create(all[i].id, prompt("hi"))
		all[i].e, all[i].top = t.begin(all[i].id)
	}
	ev := turn.Event{Kind: turn.KindText, Data: []byte(" token")}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := range all {
		a, n := &all[i], b.N/writers
		if i < b.N%writers {
			n++
		}
		wg.Go(func() {
			for range n {
				var err error
				if a.top, err = t.b.Append(b.Context(), a.id, a.e, a.top+1, ev); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

// benchLatency is one turn around: append, wake, read.
func benchLatency(b *testing.B, t *T) {
	id := t.turn("t1")
	top := t.started(id)
	woken, _ := t.watch(id)
	ev := turn.Event{Kind: turn.KindText, Data: []byte(" token")}
	read := make(chan turn.Seq)
	go func() { // ends with the last event
		at := top
		for at < top+turn.Seq(b.N) {
			evs, err := t.b.Read(b.Context(), id, at, 100)
			if err != nil {
				b.Error(err)
				return
			}
			if len(evs) == 0 {
				<-woken
				continue
			}
			at = evs[len(evs)-1].Seq
			read <- at
		}
	}()
	b.ResetTimer()
	at := top
	for range b.N {
		var err error
		if at, err = t.b.Append(b.Context(), id, 1, at+1, ev); err != nil {
			b.Fatal(err)
		}
		<-read
	}
}
