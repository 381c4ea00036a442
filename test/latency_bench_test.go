package test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/broker/redisbroker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/socket"
	"github.com/karez/karez/wire"
)

// A live answer as the benchmark runs it.
const (
	benchEvery = 20 * time.Millisecond // 50 tokens a second
	benchTime  = 4 * time.Second
)

// BenchmarkAppendToFrame measures the time from the beginning of an append to
// the frame in the client's hands, over loopback, one node, one viewer a turn;
// and the CPU of this process, clients and embedded broker included, per token;
// with Redis, its own CPU comes on top. Run it with -benchtime 1x.
func BenchmarkAppendToFrame(b *testing.B) {
	for name, open := range benchBrokers() {
		for _, turns := range []int{1, 500, 2000} {
			b.Run(fmt.Sprintf("%s/%d_turns", name, turns), func(b *testing.B) {
				br := open(b)
				for range b.N {
					appendToFrame(b, br, turns)
				}
			})
		}
	}
}

func benchBrokers() map[string]func(testing.TB) broker.Broker {
	return map[string]func(testing.TB) broker.Broker{
		"memory": func(tb testing.TB) broker.Broker {
			b := membroker.New(membroker.Options{})
			tb.Cleanup(func() { b.Close() })
			return b
		},
		"folder": func(tb testing.TB) broker.Broker {
			b, err := membroker.Open(tb.TempDir(), membroker.Options{})
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { b.Close() })
			return b
		},
		"redis": func(tb testing.TB) broker.Broker {
			_, url := startRedis(tb)
			b, err := redisbroker.Open(context.Background(), url, redisbroker.Options{Node: "bench"})
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { b.Close() })
			return b
		},
	}
}

// A sample is what one viewer saw.
type sample struct {
	sent []atomic.Int64 // by Seq, nanoseconds since start
	late []time.Duration
}

func appendToFrame(b *testing.B, br broker.Broker, turns int) {
	addr := serveNode(b, br, gateway.Options{}, socket.Options{})
	tokens := int(benchTime / benchEvery)
	samples := make([]*sample, turns)
	authors := make([]*author, turns)
	readers := make([]*reader, turns)
	for i := range turns {
		samples[i] = &sample{sent: make([]atomic.Int64, tokens+3)}
		authors[i] = newAuthor(b, br, fmt.Sprintf("b%d-%d", time.Now().UnixNano(), i))
		readers[i] = dial(b, addr, wire.JSON, authors[i].id, 0)
	}
	start, used := time.Now(), cpu()
	var wg sync.WaitGroup
	for i := range turns {
		wg.Go(func() {
			if err := samples[i].watch(readers[i], start, tokens); err != nil {
				b.Error(err)
			}
		})
		wg.Go(func() {
			time.Sleep(benchEvery * time.Duration(i) / time.Duration(turns)) // spread over one period
			if err := samples[i].author(authors[i], start, tokens); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	used = cpu() - used
	var all []time.Duration
	for i, s := range samples {
		all = append(all, s.late...)
		readers[i].nc.Close()
	}
	if want := turns * tokens; len(all) != want {
		b.Errorf("%d of %d tokens came", len(all), want)
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2])/1e6, "p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100])/1e6, "p99-ms")
	b.ReportMetric(float64(used.Microseconds())/float64(len(all)), "cpu-µs/token")
	b.ReportMetric(0, "ns/op")
}

// author appends a token at its time, whatever the ones before took.
func (s *sample) author(a *author, start time.Time, tokens int) error {
	begun := time.Now()
	for i := range tokens {
		time.Sleep(time.Until(begun.Add(time.Duration(i) * benchEvery)))
		s.sent[a.top+1].Store(int64(time.Since(start)))
		if err := a.write(text(" token")); err != nil {
			return err
		}
	}
	return a.write(end())
}

// watch notes how late each token comes; a merged frame brings several.
func (s *sample) watch(r *reader, start time.Time, tokens int) error {
	at := uint64(1) // the prompt
	for int(at) < tokens+1 {
		if err := r.nc.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			return err
		}
		p, err := r.next()
		if err != nil {
			return err
		}
		now := int64(time.Since(start))
		for seq := seqOf(p); at < seq && int(at) < tokens+1; {
			at++
			s.late = append(s.late, time.Duration(now-s.sent[at].Load()))
		}
	}
	return nil
}

// cpu is what this process has used.
func cpu() time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		panic(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}
