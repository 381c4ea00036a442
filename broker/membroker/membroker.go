// Package membroker is the embedded broker: everything in this process, with
// nothing installed. New keeps it in memory. Open keeps it in a data folder,
// so that what was acknowledged survives a kill -9: a write is acknowledged
// when the storage library (cockroachdb/pebble) has synced it, and writes of
// different logs that come together share one sync: about 26 appends a
// sync from 64 writers, 70 from 256, and 10 and 18 times the appends a second
// of one writer (go test ./broker/membroker -run xxx -bench SharedSync).
//
// In memory are the logs that are live or were read lately; in a folder the
// rest is read back when it is asked for. Without a folder all of it is in
// memory until its retention ends.
//
// It serves one process. Read log.go and read.go, then jobs.go, signals.go,
// state.go, and store.go and folder.go for the folder.
package membroker

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Options configure a Broker; the zero value works.
type Options struct {
	Hot int // logs of a data folder kept in memory; 0: 4096. those in use or watched are always kept
	Log *slog.Logger
}

// sweepEvery is how often what has expired is removed from memory and idle logs
// leave it. sweepStoredEvery is the same for the folder, where it reads a key
// for each log; till then an expired log costs disk alone, readers do not see it.
const (
	sweepEvery       = 10 * time.Second
	sweepStoredEvery = 10 * time.Minute
)

// A Broker is the embedded broker.
type Broker struct {
	opts  Options // set once, as all of this group
	log   *slog.Logger
	store *store // nil: in memory only
	ctx   context.Context
	end   context.CancelFunc
	wg    sync.WaitGroup

	mu     sync.Mutex // guards the three below
	logs   map[turn.ID]*entry
	closed bool

	jobs    jobs
	signals signals
	state   state
}

var _ broker.Broker = (*Broker)(nil)

// New returns a broker in memory. Close ends it.
func New(o Options) *Broker {
	b := prepare(o)
	b.wg.Go(b.sweep)
	return b
}

// Open returns a broker on a data folder, made if need be. One process at a
// time may have it open. Errors say what to do.
func Open(dir string, o Options) (*Broker, error) {
	b := prepare(o)
	s, err := openStore(dir, b.log)
	if err != nil {
		return nil, err
	}
	b.store = s
	if err := b.restore(); err != nil {
		b.end()
		return nil, errors.Join(fmt.Errorf("read the data folder %s: %w (restore it from a copy, or %s)", dir, err, elsewhere), s.close())
	}
	b.wg.Go(b.sweep)
	return b, nil
}

func prepare(o Options) *Broker {
	if o.Hot == 0 {
		o.Hot = 4096
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	b := &Broker{opts: o, log: o.Log, logs: make(map[turn.ID]*entry)}
	b.ctx, b.end = context.WithCancel(context.Background())
	b.jobs.queues = make(map[string]*queue)
	b.signals.subs = make(map[broker.Topic]map[*subscription]struct{})
	b.state.values = make(map[broker.Key]*value)
	b.state.seed = maphash.MakeSeed()
	return b
}

// restore reads back jobs and state, which live in memory; logs follow when
// they are asked for.
//
// Numbers of entries and revisions go on from the clock: those given last may
// have left with what they named, and none is given twice.
func (b *Broker) restore() error {
	now := uint64(time.Now().UnixNano())
	b.jobs.last, b.state.rev = now, broker.Rev(now)
	if err := b.store.eachState(b.state.restore); err != nil {
		return err
	}
	return b.store.eachJob(b.jobs.restore)
}

// Ping reports only whether the broker is open: there is no server.
func (b *Broker) Ping(context.Context) error { return b.check() }

func (b *Broker) check() error {
	if b.ctx.Err() != nil {
		return broker.ErrClosed
	}
	return nil
}

// Close ends all watches, waking each once more so that who waits learns of it,
// waits for calls under way, and closes the folder.
func (b *Broker) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	b.end()
	all := slices.Collect(maps.Values(b.logs))
	b.mu.Unlock()
	for _, e := range all {
		e.mu.Lock()
		e.unlockAndWake()
	}
	b.wg.Wait()
	if b.store == nil {
		return nil
	}
	return b.store.close()
}

// sweep removes what has expired, and lets idle logs of a folder leave memory.
func (b *Broker) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	stored := time.Now()
	for {
		select {
		case <-b.ctx.Done():
			return
		case now := <-tick.C:
			b.sweepLogs(now)
			b.sweepState(now)
			if b.store != nil && now.Sub(stored) >= sweepStoredEvery {
				b.sweepStored(now)
				stored = time.Now()
			}
		}
	}
}
