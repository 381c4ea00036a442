package aisdk

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// A chunk is one chunk of the UI message stream. Fields that a chunk has even
// when they are empty are pointers.
type chunk struct {
	Type        string          `json:"type"`
	Message     string          `json:"messageId,omitempty"`
	ID          string          `json:"id,omitempty"`
	Delta       *string         `json:"delta,omitempty"`
	Call        string          `json:"toolCallId,omitempty"`
	Tool        string          `json:"toolName,omitempty"`
	InputDelta  *string         `json:"inputTextDelta,omitempty"`
	Input       json.RawMessage `json:"input,omitempty"`
	Output      json.RawMessage `json:"output,omitempty"`
	Preliminary bool            `json:"preliminary,omitempty"`
	Approval    string          `json:"approvalId,omitempty"`
	Approved    *bool           `json:"approved,omitempty"`
	Automatic   bool            `json:"isAutomatic,omitempty"`
	Signature   string          `json:"signature,omitempty"`
	Error       *string         `json:"errorText,omitempty"`
	Source      string          `json:"sourceId,omitempty"`
	URL         string          `json:"url,omitempty"`
	Title       *string         `json:"title,omitempty"`
	Media       string          `json:"mediaType,omitempty"`
	File        string          `json:"filename,omitempty"`
	Kind        string          `json:"kind,omitempty"`
	Provider    json.RawMessage `json:"providerMetadata,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"`
	Transient   bool            `json:"transient,omitempty"`
	Finish      string          `json:"finishReason,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	Metadata    json.RawMessage `json:"messageMetadata,omitempty"`
}

// encode returns the JSON of a chunk, in one line.
func (c *chunk) encode() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		panic("encode chunk: " + err.Error()) // every RawMessage went through value
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// value is data as the JSON that it is, else as a string.
func value(data []byte) json.RawMessage {
	if json.Valid(data) && utf8.Valid(data) {
		return data
	}
	p, err := json.Marshal(string(bytes.ToValidUTF8(data, []byte("\uFFFD"))))
	if err != nil {
		return json.RawMessage("null")
	}
	return p
}

// text is a payload that is text.
func text(data []byte) *string {
	s := string(bytes.ToValidUTF8(data, []byte("\uFFFD")))
	return &s
}

// merge joins neighbouring deltas of one part, for readers who do not count
// chunks, and drops empty ones.
func merge(in []chunk) []chunk {
	out := in[:0]
	for _, c := range in {
		if c.Delta != nil && *c.Delta == "" || c.InputDelta != nil && *c.InputDelta == "" {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Type == c.Type {
			last := &out[n-1]
			if c.Delta != nil && last.ID == c.ID {
				s := *last.Delta + *c.Delta
				last.Delta = &s
				continue
			}
			if c.InputDelta != nil && last.Call == c.Call {
				s := *last.InputDelta + *c.InputDelta
				last.InputDelta = &s
				continue
			}
		}
		out = append(out, c)
	}
	return out
}
