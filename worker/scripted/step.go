package scripted

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/karez/karez/turn"
)

// A Step is one thing that happens. At most one of Text, Data, Bytes, Usage,
// Error, Stall, Panic, End is given. In Text, {i} stands for the number of the
// repetition from 0, {prompt} for the prompt's text, {user} for who asked.
type Step struct {
	// What is emitted.
	Kind  turn.Kind       `json:"kind,omitempty"` // "": text, data or audio, by the payload
	Part  string          `json:"part,omitempty"`
	Name  string          `json:"name,omitempty"`
	Media string          `json:"media,omitempty"`
	Text  string          `json:"text,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
	Bytes []byte          `json:"bytes,omitempty"` // base64 in a script
	Usage *turn.Usage     `json:"usage,omitempty"`

	// What happens instead.
	Error *Failure `json:"error,omitempty"`
	Stall bool     `json:"stall,omitempty"` // says nothing until it is stopped
	Panic string   `json:"panic,omitempty"`
	End   string   `json:"end,omitempty"` // ends the answer with this reason; a script that runs out ends with stop

	// When and how often.
	Wait   Duration `json:"wait,omitempty"`   // before it
	Repeat int      `json:"repeat,omitempty"` // times; 0: once
	Every  Duration `json:"every,omitempty"`  // between two of them
	Ask    int      `json:"ask,omitempty"`    // only when this process asks for the turn the n-th time
	When   string   `json:"when,omitempty"`   // only when the prompt contains this

	// Continue, alone on a line, makes the provider go on from an unfinished
	// answer: what the answer has already is passed over.
	Continue bool `json:"continue,omitempty"`
}

// A Failure is the error that a step ends the ask with.
type Failure struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Retry   bool     `json:"retry,omitempty"`
	After   Duration `json:"after,omitempty"`
}

// A Duration is a time.Duration that JSON writes as "20ms".
type Duration time.Duration

// UnmarshalJSON reads "20ms".
func (d *Duration) UnmarshalJSON(p []byte) error {
	var s string
	if err := json.Unmarshal(p, &s); err != nil {
		return errors.New(`a duration is written like "20ms"`)
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf(`a duration is written like "20ms", not %q`, s)
	}
	*d = Duration(v)
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

func (s *Step) check() error {
	n := 0
	for _, given := range []bool{s.Text != "", len(s.Data) > 0, len(s.Bytes) > 0, s.Usage != nil, s.Error != nil, s.Stall, s.Panic != "", s.End != "", s.Continue} {
		if given {
			n++
		}
	}
	if n > 1 {
		return errors.New("a step does one thing: give one of text, data, bytes, usage, error, stall, panic, end, continue")
	}
	if s.Repeat < 0 || s.Ask < 0 {
		return errors.New("repeat and ask are not negative")
	}
	switch k := s.Kind; {
	case k.Terminal() || k == turn.KindPrompt || k == turn.KindEpoch || k == turn.KindUsage:
		return fmt.Errorf("an event of kind %s is not for a script: there are end, error and usage", k)
	case s.Usage != nil && k != "":
		return errors.New("usage has no kind")
	}
	return nil
}

// kind is what the step's event is.
func (s *Step) kind() turn.Kind {
	switch {
	case s.Kind != "":
		return s.Kind
	case s.Usage != nil:
		return turn.KindUsage
	case len(s.Data) > 0:
		return turn.KindData
	case len(s.Bytes) > 0:
		return turn.KindAudio
	}
	return turn.KindText
}
