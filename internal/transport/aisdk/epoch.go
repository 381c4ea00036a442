package aisdk

import (
	"encoding/json"

	"github.com/karez/karez/turn"
)

// takenBack is what a reader is told whose version has no way to take back
// what it shows. Asking again for the stream gives the answer as it is now.
const takenBack = "the answer had to begin again: resume the stream to read it"

// count notes what the reader is shown.
func (m *mapper) count(ev *turn.Event) {
	if ev.Kind.Mergeable() {
		for i := len(m.shown) - 1; i >= 0; i-- {
			if s := &m.shown[i]; s.kind == ev.Kind && s.part == ev.Part {
				s.bytes += len(ev.Data)
				return
			}
		}
	}
	visible := ev.Kind != turn.KindAudio && ev.Kind != turn.KindStep && ev.Attrs["transient"] != "true"
	step := m.steps
	if !m.step && (ev.Kind.Textual() || ev.Kind == turn.KindToolInput || ev.Kind == turn.KindToolDone || ev.Kind == turn.KindToolError) {
		step++ // which this event opens
	}
	m.shown = append(m.shown, shown{ev.Kind, ev.Part, len(ev.Data), step, visible})
}

// epoch takes text back, the only event that does. Where all of the current
// step goes, and nothing else, newer readers are told so; others get an error.
func (m *mapper) epoch(ev *turn.Event) {
	var e turn.EpochStart
	if json.Unmarshal(ev.Data, &e) != nil || e.All {
		return
	}
	before, current := m.cut(e.Parts)
	switch {
	case !before && !current:
	case !before && m.step && m.empty() && m.v.resetStep():
		m.put(chunk{Type: "reset-step"})
		m.filled = false
		m.open = m.open[:0]
		for id, c := range m.tools {
			if c.step == m.steps {
				delete(m.tools, id)
			}
		}
	default:
		s := takenBack
		m.put(chunk{Type: "error", Error: &s})
		m.over = true
	}
}

// cut shortens what is shown as turn.Answer does, and reports whether anything
// visible was lost from steps before the current one, or from it.
func (m *mapper) cut(kept []turn.Kept) (before, current bool) {
	left := m.shown[:0]
	for _, s := range m.shown {
		lost := s.visible
		if len(kept) > 0 && kept[0].Kind == s.kind && kept[0].Part == s.part {
			n := min(max(kept[0].Bytes, 0), s.bytes)
			lost = lost && n < s.bytes
			s.bytes, kept = n, kept[1:]
			left = append(left, s)
		}
		before = before || lost && s.step < m.steps
		current = current || lost && s.step >= m.steps
	}
	m.shown = left
	return before, current
}

// empty reports whether nothing visible is left of the current step.
func (m *mapper) empty() bool {
	for _, s := range m.shown {
		if s.visible && s.step >= m.steps {
			return false
		}
	}
	return true
}
