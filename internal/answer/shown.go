package answer

import "github.com/karez/karez/turn"

// A Shown notes by their lengths the parts of an answer that a reader was
// shown, to tell what a later epoch takes back. It holds no text.
type Shown struct {
	parts []shown
}

type shown struct {
	kind  turn.Kind
	id    string
	bytes int
	mark  int
	seen  bool
}

// Add notes an event. mark is the caller's, such as the number of a step; seen
// says whether the reader sees anything of it.
func (s *Shown) Add(ev *turn.Event, mark int, seen bool) {
	if ev.Kind.Mergeable() {
		for i := len(s.parts) - 1; i >= 0; i-- {
			if p := &s.parts[i]; p.kind == ev.Kind && p.id == ev.Part {
				p.bytes += len(ev.Data)
				return
			}
		}
	}
	s.parts = append(s.parts, shown{ev.Kind, ev.Part, len(ev.Data), mark, seen})
}

// Cut shortens the parts as turn.Answer does, and reports whether the reader
// loses anything marked before mark, and anything marked since.
func (s *Shown) Cut(kept []turn.Kept, mark int) (before, since bool) {
	left := s.parts[:0]
	for _, p := range s.parts {
		lost := p.seen && (p.bytes > 0 || p.kind != turn.KindText && p.kind != turn.KindReasoning)
		if len(kept) > 0 && kept[0].Kind == p.kind && kept[0].Part == p.id {
			n := min(max(kept[0].Bytes, 0), p.bytes)
			lost = lost && n < p.bytes
			p.bytes, kept = n, kept[1:]
			left = append(left, p)
		}
		before = before || lost && p.mark < mark
		since = since || lost && p.mark >= mark
	}
	s.parts = left
	return before, since
}

// Since reports whether the reader sees anything marked mark or later.
func (s *Shown) Since(mark int) bool {
	for _, p := range s.parts {
		if p.seen && p.mark >= mark {
			return true
		}
	}
	return false
}
