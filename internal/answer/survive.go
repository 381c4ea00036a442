package answer

import (
	"encoding/json"

	"github.com/karez/karez/turn"
)

// Survivors collects the events of a turn and leaves out what a later epoch has
// taken back, so that a reader who begins late is not shown it. It holds the
// events: for logs with more than one epoch only.
type Survivors struct {
	Cuts []Cut // what was taken back, in order

	evs   []turn.Event
	parts []part
}

// A Cut says what an epoch took back: the event at At took the event at First,
// and maybe some between. First 0: nothing that a reader is shown.
type Cut struct {
	At, First turn.Seq
}

// A part is one part of the answer, as turn.Answer has it.
type part struct {
	kind turn.Kind
	id   string
	evs  []int // places in Survivors.evs
}

// Add takes in the next events.
func (s *Survivors) Add(evs []turn.Event) {
	for _, ev := range evs {
		s.add(ev)
	}
}

// Events returns what is left, in order. An event that was cut to nothing is
// still there if it belongs to no part.
func (s *Survivors) Events() []turn.Event {
	out := s.evs[:0]
	for _, ev := range s.evs {
		if ev.Kind != "" {
			out = append(out, ev)
		}
	}
	s.evs, s.parts = nil, nil
	return out
}

func (s *Survivors) add(ev turn.Event) {
	switch ev.Kind {
	case turn.KindPrompt, turn.KindUsage, turn.KindEnd, turn.KindCancelled, turn.KindError:
		s.evs = append(s.evs, ev)
		return
	case turn.KindEpoch:
		var e turn.EpochStart
		if json.Unmarshal(ev.Data, &e) == nil && !e.All {
			s.Cuts = append(s.Cuts, Cut{At: ev.Seq, First: s.cut(e.Parts)})
		}
		return
	}
	s.evs = append(s.evs, ev)
	at := len(s.evs) - 1
	if ev.Kind.Mergeable() {
		for i := len(s.parts) - 1; i >= 0; i-- {
			if p := &s.parts[i]; p.kind == ev.Kind && p.id == ev.Part {
				p.evs = append(p.evs, at)
				return
			}
		}
	}
	s.parts = append(s.parts, part{ev.Kind, ev.Part, []int{at}})
}

// cut is that of turn.Answer, on events. It returns the first place that loses
// anything but a border of steps.
func (s *Survivors) cut(kept []turn.Kept) (first turn.Seq) {
	parts := s.parts[:0]
	for _, p := range s.parts {
		left := 0
		keep := len(kept) > 0 && kept[0].Kind == p.kind && kept[0].Part == p.id
		if keep {
			left, kept = kept[0].Bytes, kept[1:]
		}
		evs := p.evs[:0]
		for i, at := range p.evs {
			ev := &s.evs[at]
			n := min(max(left, 0), len(ev.Data))
			left -= n
			if (!keep || n < len(ev.Data)) && ev.Kind != turn.KindStep && (first == 0 || ev.Seq < first) {
				first = ev.Seq
			}
			if !keep || n == 0 && len(ev.Data) > 0 && i > 0 {
				*ev = turn.Event{}
				continue
			}
			ev.Data = ev.Data[:n]
			evs = append(evs, at)
		}
		if p.evs = evs; keep {
			parts = append(parts, p)
		}
	}
	s.parts = parts
	return first
}
