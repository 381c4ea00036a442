package gateway

import (
	"sync"

	"github.com/karez/karez/turn"
)

// A Batch is what follows one place of a log, merged. All cursors at that
// place get the same one, and with it what a transport has encoded of it.
type Batch struct {
	From   turn.Seq // exclusive
	To     turn.Seq
	Events []turn.Event // do not change
	Pieces []turn.Event // the same before they were merged, as the log has them: for transports whose readers count; do not change

	budget int // it was made for; set once

	mu  sync.Mutex // guards the one below
	enc map[any][][]byte
}

// Bodies returns the encoded body of each event, made by encode once per key
// (a codec) and shared by all readers: do not change them.
func (b *Batch) Bodies(key any, encode func(*turn.Event) []byte) [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if out, ok := b.enc[key]; ok {
		return out
	}
	out := make([][]byte, len(b.Events))
	for i := range b.Events {
		out[i] = encode(&b.Events[i])
	}
	if b.enc == nil {
		b.enc = make(map[any][][]byte, 1)
	}
	b.enc[key] = out
	return out
}

// newBatch merges the head of evs up to about budget bytes.
func newBatch(from turn.Seq, evs []turn.Event, budget int) *Batch {
	n, size := 0, 0
	for n < len(evs) && (n == 0 || size+len(evs[n].Data) <= budget) {
		size += len(evs[n].Data)
		n++
	}
	return &Batch{budget: budget, From: from, To: evs[n-1].Seq, Events: turn.Merge(evs[:n]), Pieces: evs[:n:n]}
}
