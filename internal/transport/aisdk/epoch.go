package aisdk

import (
	"encoding/json"

	"github.com/karez/karez/turn"
)

// takenBack is what a reader is told whose version has no way to take back
// what it shows. Asking again for the stream gives the answer as it is now.
const takenBack = "the answer had to begin again: resume the stream to read it"

// count notes what the reader is shown, and in which step.
func (m *mapper) count(ev *turn.Event) {
	step := m.steps
	if !m.step && inStep(ev.Kind) {
		step++ // which this event opens
	}
	m.shown.Add(ev, step, ev.Kind != turn.KindAudio && ev.Kind != turn.KindStep && ev.Attrs["transient"] != "true")
}

// inStep reports whether events of a kind belong to a step.
func inStep(k turn.Kind) bool {
	switch k {
	case turn.KindText, turn.KindReasoning, turn.KindTool, turn.KindToolInput, turn.KindToolDone, turn.KindToolError:
		return true
	}
	return false
}

// epoch takes text back, the only event that does. Where all of the current
// step goes, and nothing else, newer readers are told so; others get an error.
func (m *mapper) epoch(ev *turn.Event) {
	var e turn.EpochStart
	if json.Unmarshal(ev.Data, &e) != nil || e.All {
		return
	}
	before, current := m.shown.Cut(e.Parts, m.steps)
	switch {
	case !before && !current:
	case !before && m.step && !m.shown.Since(m.steps) && m.v.resetStep():
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
