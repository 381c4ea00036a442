package membroker

import (
	"fmt"
	"sync"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/karez/karez/turn"
)

// syncs counts how often the journal was synced.
func (b *Broker) syncs(tb testing.TB) uint64 {
	var m dto.Metric
	if err := b.store.db.Metrics().LogWriter.FsyncLatency.Write(&m); err != nil {
		tb.Fatal(err)
	}
	return m.GetHistogram().GetSampleCount()
}

// appendFrom appends n events in all, from so many writers to logs of their
// own, and returns how many syncs that took.
func appendFrom(tb testing.TB, b *Broker, writers, n int) uint64 {
	before := b.syncs(tb)
	var wg sync.WaitGroup
	for w := range writers {
		id := turn.ID{App: "app", Channel: fmt.Sprint("chat", w), Kind: turn.StreamLog, Name: "s"}
		wg.Go(func() {
			for range n / writers {
				if _, err := b.Append(b.ctx, id, 0, 0, text(" token")); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return b.syncs(tb) - before
}

// Appends to different logs that come together share a sync; those of one
// writer, who waits for each, cannot.
func TestAppendsShareSyncs(t *testing.T) {
	b := open(t, t.TempDir()).(*Broker)
	if n := appendFrom(t, b, 1, 50); n < 50 {
		t.Fatalf("50 appends, one after the other, were acknowledged with %d syncs", n)
	}
	if n := appendFrom(t, b, 64, 64*20); n > 64*20/4 {
		t.Fatalf("%d appends from 64 writers took %d syncs", 64*20, n)
	}
}

func BenchmarkSharedSync(b *testing.B) {
	for _, writers := range []int{1, 8, 64, 256} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			m := open(b, b.TempDir()).(*Broker)
			b.ResetTimer()
			n := appendFrom(b, m, writers, max(b.N, writers))
			b.StopTimer()
			b.ReportMetric(float64(max(b.N, writers))/float64(n), "appends/sync")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
		})
	}
}
