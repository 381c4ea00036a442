package redisbroker

import (
	"container/list"
	"sync"

	"github.com/karez/karez/turn"
)

// Bounds of the hints: logs remembered, places remembered of each, and events
// between two of them.
const (
	hintedLogs  = 1024
	hintsOfLog  = 64
	hintSpacing = 256
)

// hints remember, of logs with ids that Redis made of its clock, which id
// stands at which place, so that a cursor need not count from the start. Such
// a log's Seq is the ordinal of its entry.
type hints struct {
	mu   sync.Mutex // guards the two below
	logs map[turn.ID]*list.Element
	used *list.List // of *logHints, the one used last in front
}

type logHints struct {
	log    turn.ID
	last   hint   // the newest place read
	places []hint // ascending, hintSpacing or more apart
}

type hint struct {
	seq turn.Seq
	id  string
}

func newHints() *hints {
	return &hints{logs: make(map[turn.ID]*list.Element), used: list.New()}
}

// before returns the nearest known place that is not after seq.
func (h *hints) before(log turn.ID, seq turn.Seq) (near hint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	el := h.logs[log]
	if el == nil {
		return near
	}
	h.used.MoveToFront(el)
	l := el.Value.(*logHints)
	if l.last.seq <= seq {
		return l.last
	}
	for _, p := range l.places {
		if p.seq <= seq {
			near = p
		}
	}
	return near
}

func (h *hints) add(log turn.ID, seq turn.Seq, id string) {
	if seq == 0 || id == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	el := h.logs[log]
	if el == nil {
		el = h.used.PushFront(&logHints{log: log})
		h.logs[log] = el
		if h.used.Len() > hintedLogs {
			old := h.used.Remove(h.used.Back()).(*logHints)
			delete(h.logs, old.log)
		}
	}
	l := el.Value.(*logHints)
	if seq > l.last.seq {
		l.last = hint{seq, id}
	}
	if n := len(l.places); n == 0 || seq >= l.places[n-1].seq+hintSpacing {
		if n == hintsOfLog { // keep every other one
			for i := range n / 2 {
				l.places[i] = l.places[2*i+1]
			}
			l.places = l.places[:n/2]
		}
		l.places = append(l.places, hint{seq, id})
	}
}

func (h *hints) drop(log turn.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if el := h.logs[log]; el != nil {
		h.used.Remove(el)
		delete(h.logs, log)
	}
}
