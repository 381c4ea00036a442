package openai

import (
	"bytes"
	"encoding/json"

	"github.com/karez/karez/turn"
)

// An event is one of the stream's, before it is written.
type event struct {
	name   string // its type; "" in chat completions
	number int    // sequence_number
	body   object
	key    string // what a delta belongs to: neighbours of one key merge; "": no delta
	text   string // of a delta
}

// merge joins neighbouring deltas of one part. The last one's number counts:
// who has it has all before it. Empty ones are dropped.
func merge(in []event) []event {
	out := in[:0]
	for _, e := range in {
		if e.key != "" && e.text == "" {
			continue
		}
		if n := len(out); n > 0 && e.key != "" && out[n-1].key == e.key && out[n-1].name == e.name {
			out[n-1].text += e.text
			out[n-1].number = e.number
			continue
		}
		out = append(out, e)
	}
	return out
}

// encode returns JSON in one line.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("encode event: " + err.Error()) // it is made of strings and numbers, and of JSON that was checked
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// text is a payload that is text.
func text(data []byte) string { return string(bytes.ToValidUTF8(data, []byte("\uFFFD"))) }

// A source is where something was found.
type source struct {
	URL   string `json:"url"`
	Title string `json:"title"`
	Start int    `json:"start_index"`
	End   int    `json:"end_index"`
}

func sourceOf(ev *turn.Event) (source, bool) {
	var s source
	err := json.Unmarshal(ev.Data, &s)
	return s, err == nil && s.URL != ""
}

func (s source) citation() object {
	return object{"url": s.URL, "title": s.Title, "start_index": s.Start, "end_index": s.End}
}

// refusal is the part that workers put a model's refusal into (worker/openai).
const refusal = "refusal"

// finish is a turn's reason as a finish_reason.
func finish(reason string) string {
	switch reason {
	case turn.ReasonLength, turn.ReasonToolCalls, turn.ReasonContentFilter:
		return reason
	}
	return "stop"
}
