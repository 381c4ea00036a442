package channel

import "slices"

// A Tail is what a timeline has behind a place. Turns come onto it that no
// record knows of: any program may write there.
type Tail struct {
	From  uint64 // the tail is whole after here
	Top   uint64
	Turns []Placed // oldest first; a turn may stand there twice
}

// Placed is the entry of a turn on the timeline.
type Placed struct {
	Turn  string
	Place uint64
}

// CatchUp makes the turn that was begun last on the timeline the leaf, unless
// the leaf's own entry is still on its way there. It reports whether it changed
// r. The tail was read from r.At, or from where that stood a while ago.
func (r *Record) CatchUp(tail Tail) (changed bool) {
	leaf, at, was := r.Leaf, r.At, r.At
	if tail.Top < at { // it lost its end, or was read long ago
		at = tail.From
	}
	// Retention takes what has long been there.
	there := leaf == "" || tail.From > at && !r.Has(leaf)
	place := uint64(0) // of the leaf's entry
	for _, p := range tail.Turns {
		switch {
		case p.Place <= at:
		case p.Turn == leaf:
			if place == 0 {
				there, place, r.Leaf = true, p.Place, leaf
			}
		case r.Has(p.Turn) || r.Over(p.Turn) || slices.Contains(r.Others, p.Turn):
			// Accepted before the leaf, whenever it came here.
		case there:
			r.Leaf, place = p.Turn, p.Place
			r.Others = keepLast(append(r.Others, p.Turn), maxEnded)
		}
	}
	if place > 0 {
		r.At = place - 1
	} else {
		r.At = max(at, tail.Top)
	}
	return r.Leaf != leaf || r.At != was
}
