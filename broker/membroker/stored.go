package membroker

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// What the folder keeps is JSON, under the keys of key.go. A value that cannot
// be understood is an error for whoever asks for it, never a panic.

// stored is an event.
type stored struct {
	First turn.Seq          `json:"f,omitempty"`
	Epoch turn.Epoch        `json:"e,omitempty"`
	Kind  turn.Kind         `json:"k"`
	Part  string            `json:"p,omitempty"`
	Media string            `json:"m,omitempty"`
	Name  string            `json:"n,omitempty"`
	Data  []byte            `json:"d,omitempty"`
	Attrs map[string]string `json:"a,omitempty"`
	Cuts  []byte            `json:"c,omitempty"`
}

func encodeEvent(ev *turn.Event) ([]byte, error) {
	return json.Marshal(stored{ev.First, ev.Epoch, ev.Kind, ev.Part, ev.Media, ev.Name, ev.Data, ev.Attrs, ev.Cuts})
}

// decodeEvent reads the event that stands at place s, which its key says.
func decodeEvent(s turn.Seq, p []byte) (turn.Event, error) {
	var e stored
	if err := json.Unmarshal(p, &e); err != nil {
		return turn.Event{}, fmt.Errorf("event %d: %w", s, err)
	}
	ev := turn.Event{Seq: s, First: e.First, Epoch: e.Epoch, Kind: e.Kind, Part: e.Part, Media: e.Media, Name: e.Name, Data: e.Data, Attrs: e.Attrs, Cuts: e.Cuts}
	if ev.Kind == "" || ev.Start() > s {
		return turn.Event{}, fmt.Errorf("event %d begins at %d and is of kind %q", s, ev.Start(), ev.Kind)
	}
	return ev, nil
}

func decodeMeta(p []byte) (m meta, err error) {
	if err := json.Unmarshal(p, &m); err != nil {
		return m, fmt.Errorf("meta: %w", err)
	}
	if m.Trimmed > m.Top {
		return m, fmt.Errorf("meta: cut at %d, the top is %d", m.Trimmed, m.Top)
	}
	return m, nil
}

// checkDense returns an error unless evs are all that m says there is. A gap is
// never silent (design: 6).
func checkDense(m meta, evs []turn.Event) error {
	at := m.Trimmed
	for i := range evs {
		if evs[i].Start() != at+1 {
			return fmt.Errorf("event %d follows place %d", evs[i].Start(), at)
		}
		at = evs[i].Seq
	}
	if at != m.Top {
		return fmt.Errorf("the last event is at %d, the top is %d", at, m.Top)
	}
	return nil
}

func decodeJob(p []byte) (j broker.Job, err error) {
	if err := json.Unmarshal(p, &j); err != nil {
		return j, fmt.Errorf("job: %w", err)
	}
	j.Token = "" // nobody holds it after a restart
	return j, nil
}

// storedValue is a value of State.
type storedValue struct {
	Data    []byte     `json:"d"`
	Rev     broker.Rev `json:"r"`
	Expires time.Time  `json:"x,omitzero"`
}

func decodeValue(p []byte) (value, error) {
	var v storedValue
	if err := json.Unmarshal(p, &v); err != nil {
		return value{}, fmt.Errorf("value: %w", err)
	}
	if v.Rev == 0 || v.Data == nil {
		return value{}, fmt.Errorf("value: no data, or revision 0")
	}
	return value{data: v.Data, rev: v.Rev, expires: v.Expires}, nil
}
