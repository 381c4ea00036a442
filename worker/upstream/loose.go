package upstream

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/openai"
	"github.com/karez/karez/worker/stream"
)

// A looseDecoder decodes what endpoints send that have a format of their own: events
// that are text, or JSON with the text under one of the usual names. Nothing
// that arrives is lost: JSON without text becomes application data. As with
// plain text the clean end of the body is the end, where nothing says done.
type looseDecoder struct {
	w      *stream.Writer
	client *stream.Client
	raw    bool // events are text as they stand
	said   bool // something was understood
	reason string
	done   bool
}

// newLoose returns a decoder.
func newLoose(w *stream.Writer, c *stream.Client) *looseDecoder {
	return &looseDecoder{w: w, client: c}
}

// Words by which such formats end, keep alive and fail, as an event's name or
// type.
var (
	endWords   = []string{"done", "end", "finish", "finished", "complete", "completed", "close", "stop"}
	idleWords  = []string{"ping", "pong", "heartbeat", "keepalive", "keep-alive", "open", "connected"}
	errorWords = []string{"error", "exception", "failed"}
)

// textKeys are where a JSON object has its text; the first that has any counts.
var textKeys = []string{
	"text", "content", "delta", "token", "chunk", "answer", "response", "reply", "completion",
	"output_text", "generated_text", "output", "message", "parts",
}

// thoughtKeys are where it has the model's thinking.
var thoughtKeys = []string{"reasoning", "reasoning_content", "thinking"}

// Decode implements stream.Decoder.
func (d *looseDecoder) Decode(name string, data []byte) (stream.Mark, error) {
	word := strings.ToLower(name)
	bare := bytes.TrimSpace(data)
	switch {
	case string(bare) == "[DONE]":
		d.done = true
		return stream.Done, nil
	case slices.Contains(idleWords, word):
		return stream.More, nil
	case slices.Contains(errorWords, word):
		return stream.More, d.client.Failed(quoted(bare))
	}
	if list := d.objects(bare); list != nil {
		return d.list(word, list)
	}
	var err error
	if o, text, ok := d.parse(bare); !ok {
		if !slices.Contains(endWords, word) {
			err = d.say(string(data))
		}
	} else if o == nil {
		err = d.say(text)
	} else {
		return d.object(word, o, bare)
	}
	if slices.Contains(endWords, word) {
		d.done = true
		return stream.Done, err
	}
	return stream.More, err
}

// objects reads data as a list of JSON objects; nil when it is none, or empty.
func (d *looseDecoder) objects(data []byte) []json.RawMessage {
	var list []json.RawMessage
	if d.raw || len(data) == 0 || data[0] != '[' || json.Unmarshal(data, &list) != nil {
		return nil
	}
	if len(list) == 0 || slices.ContainsFunc(list, func(item json.RawMessage) bool { return !isObject(item) }) {
		return nil
	}
	return list
}

func (d *looseDecoder) list(word string, list []json.RawMessage) (stream.Mark, error) {
	mark := stream.More
	for _, item := range list {
		var o map[string]json.RawMessage
		if err := json.Unmarshal(item, &o); err != nil {
			return mark, err
		}
		m, err := d.object(word, o, item)
		if mark = max(mark, m); err != nil {
			return mark, err
		}
	}
	return mark, nil
}

// parse reads data as the JSON object or string that it is; ok is false when it
// is text, as then are all events after it.
func (d *looseDecoder) parse(data []byte) (o map[string]json.RawMessage, text string, ok bool) {
	if d.raw || len(data) == 0 {
		return nil, "", false
	}
	switch data[0] {
	case '{':
		ok = json.Unmarshal(data, &o) == nil
	case '"':
		ok = json.Unmarshal(data, &text) == nil
	}
	if !ok && !d.said {
		d.raw = true
	}
	return o, text, ok
}

func (d *looseDecoder) say(s string) error {
	d.said = d.said || s != ""
	return d.w.Say(s)
}

func (d *looseDecoder) object(word string, o map[string]json.RawMessage, raw json.RawMessage) (stream.Mark, error) {
	typ := strings.ToLower(str(o["type"]))
	if typ == "" {
		typ = strings.ToLower(str(o["event"]))
	}
	if present(o["error"]) || slices.Contains(errorWords, typ) || str(o["status"]) == "error" {
		return stream.More, d.client.Failed(raw)
	}
	if slices.Contains(idleWords, typ) && textOf(o, 0) == "" {
		return stream.More, nil
	}
	end := slices.Contains(endWords, word) || slices.Contains(endWords, typ) || string(o["done"]) == "true"
	count := d.w.Count()
	if err := d.fields(o, end); err != nil {
		return stream.More, err
	}
	if f := str(o["finish_reason"]); f != "" {
		d.reason = openai.Finish(f)
	}
	switch {
	case end:
		d.done = true
		return stream.Done, nil
	case d.w.Count() == count && d.reason == "" && !hasText(o):
		if typ == "" {
			typ = word
		}
		if typ == "" {
			typ = "message"
		}
		return stream.More, d.w.Data(typ, "", raw, nil)
	case d.reason != "":
		return stream.Ending, nil
	}
	return stream.More, nil
}

// fields emits an object's thinking, text and usage. The last object may have
// the whole text once more: then it is not said again.
func (d *looseDecoder) fields(o map[string]json.RawMessage, end bool) error {
	for _, k := range thoughtKeys {
		if t := str(o[k]); t != "" {
			d.said = true
			if err := d.w.Think(t); err != nil {
				return err
			}
			break
		}
	}
	if !end || !d.said {
		if err := d.say(textOf(o, 0)); err != nil {
			return err
		}
	}
	if u := usageOf(o["usage"]); u != nil {
		u.Model = str(o["model"])
		return d.w.Usage(*u)
	}
	return nil
}

// hasText reports whether o is of a shape that carries text, if only none now.
func hasText(o map[string]json.RawMessage) bool {
	return slices.ContainsFunc(textKeys, func(k string) bool { return len(o[k]) > 0 && o[k][0] == '"' })
}

// textOf finds the text of an object, at most three levels deep.
func textOf(o map[string]json.RawMessage, depth int) string {
	for _, k := range textKeys {
		if t := textIn(o[k], depth); t != "" {
			return t
		}
	}
	return ""
}

func textIn(raw json.RawMessage, depth int) string {
	if len(raw) == 0 || depth > 3 {
		return ""
	}
	switch raw[0] {
	case '"':
		return str(raw)
	case '{':
		var o map[string]json.RawMessage
		if json.Unmarshal(raw, &o) == nil {
			return textOf(o, depth+1)
		}
	case '[':
		var list []json.RawMessage
		var b strings.Builder
		if json.Unmarshal(raw, &list) == nil {
			for _, item := range list {
				if sayable(item) {
					b.WriteString(textIn(item, depth+1))
				}
			}
		}
		return b.String()
	}
	return ""
}

// sayable passes over the parts of a message that say to be something else.
func sayable(raw json.RawMessage) bool {
	var part struct {
		Type string `json:"type"`
	}
	return json.Unmarshal(raw, &part) != nil || part.Type == "" || part.Type == "text"
}

// End implements stream.Decoder.
func (d *looseDecoder) End() (string, error) {
	switch {
	case d.w.Count() == 0 && !d.done:
		return "", nothing()
	case !d.said && !d.done && d.reason == "":
		return "", &worker.ProviderError{Code: turn.CodeProviderBroken, Message: who + " answered in a format that is not known"}
	case d.reason != "":
		return d.reason, nil
	}
	return turn.ReasonStop, nil
}

// quoted is data as JSON, which what is not becomes as a string.
func quoted(data []byte) json.RawMessage {
	if json.Valid(data) {
		return data
	}
	p, _ := json.Marshal(string(data)) // a string never fails
	return p
}
