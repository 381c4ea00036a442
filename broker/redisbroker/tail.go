package redisbroker

import (
	"io"
	"sort"
	"sync"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Bounds of the end of a log that is kept for a watched one.
const (
	tailEvents = 128
	tailBytes  = 64 << 10
)

// silentAfter is how long nothing was published before Redis is asked to tell
// of changes by tracking. Less costs reads of logs that pause between tokens;
// more lets a plain producer's first token wait, should it follow one of ours.
const silentAfter = time.Second

// spares is how many reads at the tail may be answered "nothing" without asking
// Redis. Each publish gives one, up to this, for the read that a reader makes
// to see that it has all, and for the one after a wake that came too late.
const spares = 2

// A watched log is one that somebody on this node watches. It keeps the end of
// the log as it was published, so that most reads cost no round trip.
type watched struct {
	mu     sync.Mutex // guards all below
	wakers map[*func()]struct{}

	live  bool // the subscription stands: what is published comes
	known bool // the five below hold
	from  turn.Seq
	top   turn.Seq // evs stand from from+1 to top
	epoch turn.Epoch
	ended bool
	evs   []turn.Event
	size  int

	dirty bool      // the log may hold more than top, or be another one
	gen   uint64    // counts what made it dirty
	told  uint64    // counts what was published
	last  time.Time // when something was published
	armed bool      // Redis will tell of the next change
	spare int       // so many reads may find nothing without asking: see spares
}

// A mark is taken before a read, to see what came meanwhile.
type mark struct {
	gen, told uint64
	arm       bool
}

func (w *watched) mark(now time.Time) mark {
	w.mu.Lock()
	defer w.mu.Unlock()
	return mark{w.gen, w.told, w.live && !w.armed && now.Sub(w.last) >= silentAfter}
}

// recent answers a read from what was published. ok is false when the stream
// must be asked.
func (w *watched) recent(after turn.Seq, most int) (evs []turn.Event, err error, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.live || !w.known || w.dirty || after < w.from || after > w.top {
		return nil, nil, false
	}
	if after == w.top {
		if w.ended {
			return nil, io.EOF, true
		}
		if w.spare == 0 {
			return nil, nil, false
		}
		w.spare--
		return nil, nil, true
	}
	at := sort.Search(len(w.evs), func(i int) bool { return w.evs[i].Seq > after })
	to, size := at, 0
	for to < len(w.evs) && to-at < max(most, 1) && (to == at || size+w.evs[to].Size() <= broker.MaxRead) {
		size += w.evs[to].Size()
		to++
	}
	return w.evs[at:to:to], nil, true
}

// published takes in what an append told. It reports whom to wake.
func (w *watched) published(first turn.Seq, evs []turn.Event, now time.Time) []func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.live {
		return nil // the confirmation wakes
	}
	w.told, w.last, w.spare = w.told+1, now, min(w.spare+1, spares)
	last := evs[len(evs)-1]
	if !w.known {
		w.set(first-1, first-1, false)
		w.dirty, w.gen = true, w.gen+1
	}
	switch {
	case last.Seq <= w.top: // read already, by one of those who watch
	case first > w.top+1 || evs[0].Epoch < w.epoch:
		w.stain()
	default:
		w.extend(evs[w.top+1-first:])
	}
	return w.wake()
}

// set forgets the events and takes a place to go on from.
func (w *watched) set(from, top turn.Seq, ended bool) {
	w.known, w.from, w.top, w.ended, w.evs, w.size = true, from, top, ended, nil, 0
}

func (w *watched) extend(evs []turn.Event) {
	for i := range evs {
		w.size += evs[i].Size()
	}
	last := evs[len(evs)-1]
	w.evs = append(w.evs, evs...)
	w.top, w.epoch, w.ended = last.Seq, last.Epoch, last.Kind.Terminal()
	drop := 0
	for drop < len(w.evs)-1 && (len(w.evs)-drop > tailEvents || w.size > tailBytes) {
		w.size -= w.evs[drop].Size()
		drop++
	}
	if drop > 0 {
		w.from = w.evs[drop-1].Seq
		w.evs = append([]turn.Event(nil), w.evs[drop:]...)
	}
}

// stain marks the log dirty. mu is held.
func (w *watched) stain() { w.dirty, w.gen, w.spare = true, w.gen+1, 0 }

// wake returns whom to wake. mu is held.
func (w *watched) wake() []func() {
	out := make([]func(), 0, len(w.wakers))
	for f := range w.wakers {
		out = append(out, *f)
	}
	return out
}

// learn takes in what a read of the stream found.
func (w *watched) learn(m mark, got *stretch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !got.all || w.gen != m.gen || !w.live {
		return // still dirty
	}
	switch {
	case w.told != m.told && w.known && got.top < w.from:
		return // something between the two is missing
	case w.told != m.told && w.known && got.top <= w.top: // what came since is newer
	case w.known && w.told == m.told && got.top == w.top && w.ended == got.over: // nothing new
	default:
		w.take(got)
	}
	w.dirty, w.armed = false, w.armed || m.arm
}

// take makes the end of a stretch the end that is kept, so that a reader who
// looks back a little, or another one, finds it.
func (w *watched) take(got *stretch) {
	w.set(got.top, got.top, got.over)
	w.epoch = got.epoch
	evs := got.evs
	if n := len(evs); n > 0 && evs[n-1].First == 0 && n <= tailEvents && evs[0].First == 0 {
		w.from, w.top = evs[0].Seq-1, evs[0].Seq-1
		w.extend(evs)
		w.epoch = max(w.epoch, got.epoch)
	}
}

// changed says that the log may have changed in whatever way.
func (w *watched) changed(disarmed bool) []func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if disarmed {
		w.armed = false
	}
	w.stain()
	return w.wake()
}

// confirmed says that the subscription stands, or stands again; lost that it
// does not.
func (w *watched) confirmed() []func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live, w.known, w.evs = true, false, nil
	w.stain()
	return w.wake()
}

func (w *watched) lost() []func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live, w.known, w.armed, w.evs = false, false, false, nil
	w.stain()
	return w.wake()
}

// fell asks for a read if nothing was published for a while and nobody has
// asked Redis to tell of changes: the read does. Events kept are let go.
func (w *watched) fell(now time.Time) []func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.live || !w.known || w.armed || w.dirty || w.ended || now.Sub(w.last) < silentAfter {
		return nil
	}
	w.set(w.top, w.top, false)
	w.stain()
	return w.wake()
}

// own says that this node wrote the log: its next read asks the stream.
func (w *watched) own() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spare = 0
}
