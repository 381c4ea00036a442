package turn

import (
	"encoding/json"
	"fmt"
)

// A State is where a turn stands.
type State string

// The states: pending → streaming ⇄ suspended → completed, cancelled or failed.
const (
	Pending   State = "pending"
	Streaming State = "streaming"
	Waiting   State = "suspended"
	Completed State = "completed"
	Aborted   State = "cancelled"
	Failed    State = "failed"
)

// Terminal reports whether nothing can follow.
func (s State) Terminal() bool { return s == Completed || s == Aborted || s == Failed }

// A Part is one piece of an answer as a reader shows it.
type Part struct {
	Kind  Kind
	ID    string
	Media string
	Name  string
	Data  []byte
}

// An Answer is the fold of a prefix of a turn's log: what a viewer shows. Its
// zero value is the answer of an empty log.
type Answer struct {
	At      Seq // the last event folded in
	Epoch   Epoch
	State   State // "" before any event
	Prompt  *Prompt
	Parts   []Part
	Usage   *Usage
	Outcome json.RawMessage // Data of the terminal event

	at map[partKey]int // where mergeable parts stand, once there are many
}

// MaxParts bounds the parts of one answer, for all who fold it: an event that
// would make one more does not fold.
const MaxParts = 10_000

// manyParts is from how many parts on find asks an index; below it looking is
// faster, and most answers have a few.
const manyParts = 64

type partKey struct {
	kind Kind
	id   string
}

// Fold returns the answer of a whole log, or of a prefix of it.
func Fold(evs []Event) (Answer, error) {
	var a Answer
	for _, ev := range evs {
		if err := a.Add(ev); err != nil {
			return a, err
		}
	}
	return a, nil
}

// Add folds in the next event. Events at or below At add nothing. An event
// that leaves a hole, follows the end, or carries a broken payload is an error
// and adds nothing.
func (a *Answer) Add(ev Event) error {
	if ev.Seq <= a.At {
		return nil
	}
	if ev.Start() != a.At+1 {
		return fmt.Errorf("fold %s at %d: next is %d, got %d", ev.Kind, a.At, a.At+1, ev.Start())
	}
	if a.State.Terminal() {
		return fmt.Errorf("fold %s at %d: the turn has ended", ev.Kind, ev.Seq)
	}
	if err := a.apply(ev); err != nil {
		return fmt.Errorf("fold %s at %d: %w", ev.Kind, ev.Seq, err)
	}
	a.At = ev.Seq
	a.Epoch = max(a.Epoch, ev.Epoch)
	return nil
}

func (a *Answer) apply(ev Event) error {
	next := Streaming
	switch ev.Kind {
	case KindPrompt:
		p := new(Prompt)
		if err := json.Unmarshal(ev.Data, p); err != nil {
			return err
		}
		a.Prompt, next = p, Pending
	case KindEpoch:
		var es EpochStart
		if err := json.Unmarshal(ev.Data, &es); err != nil {
			return err
		}
		if !es.All {
			a.cut(es.Parts)
		}
	case KindUsage:
		u := new(Usage)
		if err := json.Unmarshal(ev.Data, u); err != nil {
			return err
		}
		a.Usage = u
	case KindEnd:
		a.Outcome, next = ev.Data, Completed
	case KindCancelled:
		a.Outcome, next = ev.Data, Aborted
	case KindError:
		a.Outcome, next = ev.Data, Failed
	default:
		if err := a.addPart(ev); err != nil {
			return err
		}
		if ev.Kind == KindSuspended {
			next = Waiting
		}
	}
	a.State = next
	return nil
}

// addPart appends to the last part when ev continues it, else opens a part.
func (a *Answer) addPart(ev Event) error {
	if ev.Kind.Mergeable() {
		if i := a.find(ev.Kind, ev.Part); i >= 0 {
			p := &a.Parts[i]
			p.Data = append(p.Data, ev.Data...)
			if p.Name == "" {
				p.Name = ev.Name
			}
			return nil
		}
	}
	if len(a.Parts) >= MaxParts {
		return fmt.Errorf("more than %d parts", MaxParts)
	}
	a.Parts = append(a.Parts, Part{Kind: ev.Kind, ID: ev.Part, Media: ev.Media, Name: ev.Name, Data: append([]byte(nil), ev.Data...)})
	if a.at != nil && ev.Kind.Mergeable() {
		a.at[partKey{ev.Kind, ev.Part}] = len(a.Parts) - 1
	}
	return nil
}

// find returns the last part of this kind and id, or -1.
func (a *Answer) find(k Kind, id string) int {
	if n := len(a.Parts) - 1; n >= 0 && a.Parts[n].Kind == k && a.Parts[n].ID == id {
		return n
	}
	if a.at == nil && len(a.Parts) >= manyParts {
		a.at = make(map[partKey]int, 2*len(a.Parts))
		for i, p := range a.Parts {
			if p.Kind.Mergeable() {
				a.at[partKey{p.Kind, p.ID}] = i
			}
		}
	}
	if a.at != nil {
		if i, ok := a.at[partKey{k, id}]; ok {
			return i
		}
		return -1
	}
	for i := len(a.Parts) - 1; i >= 0; i-- {
		if a.Parts[i].Kind == k && a.Parts[i].ID == id {
			return i
		}
	}
	return -1
}

// cut shortens the parts to what an epoch keeps. kept is in the order of the
// parts; a part that it passes over is dropped.
func (a *Answer) cut(kept []Kept) {
	parts := a.Parts[:0]
	for _, p := range a.Parts {
		if len(kept) > 0 && kept[0].Kind == p.Kind && kept[0].Part == p.ID {
			p.Data = p.Data[:min(max(kept[0].Bytes, 0), len(p.Data))]
			parts, kept = append(parts, p), kept[1:]
		}
	}
	a.Parts, a.at = parts, nil
}

// Text returns the answer's text: all text parts in order, joined by nothing.
func (a *Answer) Text() string {
	var b []byte
	for _, p := range a.Parts {
		if p.Kind == KindText {
			b = append(b, p.Data...)
		}
	}
	return string(b)
}

// Keep returns the lengths of all parts, as an EpochStart wants them.
func (a *Answer) Keep() []Kept {
	out := make([]Kept, 0, len(a.Parts))
	for _, p := range a.Parts {
		out = append(out, Kept{Kind: p.Kind, Part: p.ID, Bytes: len(p.Data)})
	}
	return out
}
