package gateway

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Bounds of what a feed reads and keeps.
const (
	readEvents  = 2048 // events of one read
	keptBatches = 4    // batches remembered for cursors at the same place
	keptLoads   = 4    // stretches behind the window, read for cursors that lag
)

// A Feed is this node's copy of the end of a log that somebody here follows.
// It reads the log once for all of its cursors and keeps a window of bounded
// size; a cursor behind the window gets a stretch that is read for it, and for
// whoever else is there. It has a goroutine only while there is something to
// read.
type Feed struct {
	g    *Gateway // set once
	id   turn.ID
	stop func()

	mu      sync.Mutex // guards all below
	started bool
	cursors map[*Cursor]struct{}
	window  []turn.Event // ends at top; aligned
	size    int          // of window, in bytes
	top     turn.Seq     // last event read
	err     error        // why nothing follows top: io.EOF, or what readers are told
	settled bool         // a read at top found nothing
	ahead   bool         // a cursor beyond top waits for settled
	dirty   bool         // wake was called since the last read began
	running bool         // run is at work
	batches []*Batch     // newest last
	loads   []load       // newest last
	wanted  []turn.Seq   // places to load
	due     time.Time    // when a silence of the author is looked into
	broken  bool         // the last read failed; sweep tries again
	used    bool         // a cursor asked since sweep last looked
}

// A load is a stretch of the log behind the window.
type load struct {
	from turn.Seq
	evs  []turn.Event
	err  error
}

// attach gives c a place on the feed of its log, made if need be. It comes
// before the session knows c, so that whoever finds c finds its feed.
func (g *Gateway) attach(c *Cursor) {
	g.mu.Lock()
	f := g.feeds[c.id]
	if f == nil {
		f = &Feed{g: g, id: c.id, cursors: make(map[*Cursor]struct{}), due: time.Now().Add(g.opts.Idle), top: c.at}
		g.feeds[c.id] = f
	}
	c.feed = f
	f.mu.Lock()
	f.cursors[c] = struct{}{}
	first := !f.started
	f.started = true
	f.mu.Unlock()
	g.mu.Unlock()
	if first {
		stop := g.b.Watch(c.id, f.wake)
		f.mu.Lock()
		gone := len(f.cursors) == 0
		if !gone {
			f.stop = stop
		}
		f.mu.Unlock()
		if gone { // detached meanwhile
			stop()
			return
		}
		f.wake()
	}
}

// detach takes c off its feed, and the feed off the node with its last cursor.
func (g *Gateway) detach(c *Cursor) {
	f := c.feed
	g.mu.Lock()
	f.mu.Lock()
	delete(f.cursors, c)
	var stop func()
	if len(f.cursors) == 0 && g.feeds[f.id] == f {
		delete(g.feeds, f.id)
		stop, f.stop = f.stop, nil
	}
	f.mu.Unlock()
	g.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// wake says that the log may have grown. The broker calls it; it never blocks.
func (f *Feed) wake() {
	f.mu.Lock()
	f.dirty = true
	f.start()
	f.mu.Unlock()
}

// start lets run work, unless it does. f.mu is held.
func (f *Feed) start() {
	if f.running || len(f.cursors) == 0 || f.g.ctx.Err() != nil {
		return
	}
	f.running = f.g.spawn(f.run)
}

// run reads until there is nothing to read.
func (f *Feed) run() {
	for f.once(f.g.ctx) {
	}
}

// once does one read, of what is new or of what a lagging cursor wants, and
// reports whether another may follow. Only one runs at a time.
func (f *Feed) once(ctx context.Context) bool {
	f.mu.Lock()
	if len(f.wanted) > 0 && ctx.Err() == nil {
		from := f.wanted[0]
		f.wanted = f.wanted[1:]
		f.mu.Unlock()
		f.load(ctx, from)
		return true
	}
	if !f.dirty || f.err != nil || len(f.cursors) == 0 || ctx.Err() != nil {
		f.running = false
		f.mu.Unlock()
		return false
	}
	f.dirty = false
	top, first := f.top, len(f.window) == 0
	f.mu.Unlock()

	evs, err := broker.ReadText(ctx, f.g.b, f.id, top, readEvents)
	if first && full(evs) && f.leap(ctx, top, evs) {
		return true
	}
	if errors.Is(err, broker.ErrAhead) || errors.Is(err, broker.ErrTrimmed) {
		return f.move(ctx, top, err)
	}
	f.grow(evs, err)
	return true
}

// move brings a feed whose place the log does not have to the log's end: the
// place was its first reader's, or the log lost its end. That is for those to
// hear who stand there; it is nothing to the others.
func (f *Feed) move(ctx context.Context, from turn.Seq, why error) bool {
	info, err := f.g.b.Info(ctx, f.id)
	if errors.Is(err, broker.ErrNotFound) {
		info, err = broker.Info{}, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.broken = true // sweep tries again
		return true
	}
	f.keep(load{from, nil, why})
	f.top, f.window, f.size, f.batches = info.Top, nil, 0, nil
	f.settled, f.dirty = false, true
	f.wakeAll()
	return true
}

// leap moves a feed whose first reader is far behind to the end of its log,
// and keeps what was read as a load: a window is for those who keep up.
func (f *Feed) leap(ctx context.Context, from turn.Seq, evs []turn.Event) bool {
	info, err := f.g.b.Info(ctx, f.id)
	if err != nil || info.Top <= evs[len(evs)-1].Seq {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.top, f.dirty = info.Top, true
	f.keep(load{from, evs, nil})
	f.wakeAll()
	return true
}

// full reports whether a read may have been cut by its bounds, so that more
// may follow at once: another event of the largest size might not have fit, or
// the log is compacted and its end did not come. There a read that begins
// inside an event may be short, for the broker counted all of it.
func full(evs []turn.Event) bool {
	if len(evs) == 0 {
		return false
	}
	if last := evs[len(evs)-1]; len(evs) >= readEvents || last.First != 0 && !last.Kind.Terminal() {
		return true
	}
	n := 0
	for i := range evs {
		n += evs[i].Size()
	}
	return n >= broker.MaxRead-turn.MaxData-(16<<10)
}

func (f *Feed) wakeAll() {
	for c := range f.cursors {
		c.s.wake(c)
	}
}

func (f *Feed) keep(l load) {
	if len(f.loads) == keptLoads {
		f.loads = append(f.loads[:0], f.loads[1:]...)
	}
	f.loads = append(f.loads, l)
}

// grow takes in what a read at top gave, and wakes the cursors.
func (f *Feed) grow(evs []turn.Event, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = err != nil && !final(err)
	switch {
	case f.broken:
		if f.g.ctx.Err() == nil {
			f.g.log.Warn("read log", "log", f.id.String(), "after", f.top, "err", err)
		}
		return // sweep wakes us
	case err != nil:
		f.err = err
		if errors.Is(err, broker.ErrMalformed) { // readers are told that it is, the operator what it is
			f.g.log.Warn("read log", "log", f.id.String(), "after", f.top, "err", err)
		}
	case len(evs) == 0:
		f.settled = true
		if !f.ahead {
			return
		}
		f.ahead = false
	default:
		f.extend(evs)
	}
	f.wakeAll()
}

// extend adds evs to the window.
func (f *Feed) extend(evs []turn.Event) {
	f.window = append(f.window, evs...)
	for i := range evs {
		f.size += evs[i].Size()
	}
	last := evs[len(evs)-1]
	f.top, f.due = last.Seq, time.Now().Add(f.g.opts.Idle)
	f.dirty = f.dirty || full(evs)
	f.settled = false
	if f.id.Kind == turn.TurnLog && last.Kind.Terminal() {
		f.err = io.EOF
		if last.Epoch == 0 {
			f.g.settle(f.id)
		}
	}
	f.trim(len(evs))
}

// trim keeps the window within its bound, but for the last n events.
func (f *Feed) trim(n int) {
	drop := 0
	for drop < len(f.window)-n && f.size > f.g.opts.Window {
		f.size -= f.window[drop].Size()
		drop++
	}
	if drop > 0 {
		f.window = append([]turn.Event(nil), f.window[drop:]...)
	}
}

// load reads a stretch behind the window.
func (f *Feed) load(ctx context.Context, from turn.Seq) {
	evs, err := broker.ReadText(ctx, f.g.b, f.id, from, readEvents)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && !final(err) {
		f.broken = true
		f.wanted = nil // sweep wakes the cursors, and they ask again
		if ctx.Err() == nil {
			f.g.log.Warn("read log", "log", f.id.String(), "after", from, "err", err)
		}
		return
	}
	if len(evs) > 0 || err != nil { // else from is the top, or the log is gone: growth wakes the cursors
		f.keep(load{from, evs, err})
		f.wakeAll()
	}
}

// Next returns what follows place at, merged to about budget bytes. It never
// blocks. nil and no error: nothing yet, the feed will wake the cursor.
// io.EOF: at is the terminal event. broker.ErrTrimmed, broker.ErrAhead,
// broker.ErrMalformed: what the reader wants cannot be had.
func (f *Feed) Next(at turn.Seq, budget int) (*Batch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.used = true
	for _, b := range f.batches {
		if b.From == at && b.budget == budget {
			return b, nil
		}
	}
	evs, err, ok := f.after(at)
	if !ok {
		f.want(at)
		return nil, nil
	}
	if len(evs) == 0 {
		return nil, err
	}
	b := newBatch(at, evs, budget)
	if len(f.batches) == keptBatches {
		f.batches = append(f.batches[:0], f.batches[1:]...)
	}
	f.batches = append(f.batches, b)
	return b, nil
}

// after finds the events that follow at, in the window or in a load; ok is
// false when neither reaches there.
func (f *Feed) after(at turn.Seq) (evs []turn.Event, err error, ok bool) {
	if at == f.top {
		return nil, f.err, true
	}
	if at < f.top && len(f.window) > 0 && at+1 >= f.window[0].Start() {
		evs, err = cut(f.window, at)
		return evs, err, true
	}
	if at > f.top && !f.settled && f.err == nil {
		f.ahead = true
		return nil, nil, true
	}
	for i := len(f.loads) - 1; i >= 0; i-- {
		l := f.loads[i]
		if at < l.from {
			continue
		}
		if at == l.from || len(l.evs) > 0 && at < l.evs[len(l.evs)-1].Seq {
			if len(l.evs) == 0 {
				return nil, l.err, true
			}
			evs, err = cut(l.evs, at)
			return evs, err, true
		}
	}
	return nil, nil, false
}

// want asks run to load what follows at.
func (f *Feed) want(at turn.Seq) {
	for _, w := range f.wanted {
		if w == at {
			return
		}
	}
	f.wanted = append(f.wanted, at) // at most one per cursor
	f.start()
}

// cut returns the events of evs that follow at, the first one cut if at lies
// inside it.
func cut(evs []turn.Event, at turn.Seq) ([]turn.Event, error) {
	lo, hi := 0, len(evs)
	for lo < hi {
		if mid := (lo + hi) / 2; evs[mid].Seq <= at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	evs = evs[lo:]
	if len(evs) == 0 || evs[0].Start() > at {
		return evs, nil
	}
	rest, _, err := evs[0].After(at)
	if err != nil {
		return nil, err
	}
	return append([]turn.Event{rest}, evs[1:]...), nil
}

// final reports whether err will not pass by waiting.
func final(err error) bool {
	return err == io.EOF || errors.Is(err, broker.ErrTrimmed) || errors.Is(err, broker.ErrAhead) || errors.Is(err, broker.ErrMalformed)
}
