package aisdk

import (
	"encoding/json"
	"strings"

	"github.com/karez/karez/turn"
)

// A result is what a client did with a tool call: its output, why it failed, or
// whether it may run. It travels in a prompt that goes on with the answer, as
// content of type text that a model can read too.
type result struct {
	Call     string          `json:"toolCallId"`
	Tool     string          `json:"toolName"`
	Output   json.RawMessage `json:"output,omitempty"`
	Failed   bool            `json:"failed,omitempty"`
	Error    string          `json:"errorText,omitempty"`
	Approval string          `json:"approvalId,omitempty"`
	Approved *bool           `json:"approved,omitempty"`
	Reason   string          `json:"reason,omitempty"`
}

// resultMedia marks content that is a result.
const resultMedia = "application/vnd.karez.tool-result+json"

func (r result) content() turn.Content {
	p, err := json.Marshal(r)
	if err != nil {
		p = []byte("{}")
	}
	return turn.Content{Type: "text", Text: string(p), Media: resultMedia, Name: r.Tool}
}

// results are those that a prompt carries.
func results(content []turn.Content) []result {
	var out []result
	for _, c := range content {
		var r result
		if c.Media == resultMedia && json.Unmarshal([]byte(c.Text), &r) == nil && r.Call != "" {
			out = append(out, r)
		}
	}
	return out
}

// chunk tells a reader of a result.
func (r result) chunk(v version) chunk {
	switch {
	case r.Approved != nil && v.answered():
		return chunk{Type: dataAnswered, Approval: r.Approval, Approved: r.Approved, Reason: r.Reason}
	case r.Approved != nil:
		return chunk{Type: "data-" + dataAnswered, ID: r.Approval, Data: value([]byte(r.content().Text))}
	case r.Failed:
		return chunk{Type: "tool-output-error", Call: r.Call, Error: &r.Error}
	}
	return chunk{Type: "tool-output-available", Call: r.Call, Output: value(r.Output)}
}

// A prompt that goes on with an answer has a message id of this form, which
// names the message that the answer stays part of.
const onPrefix = "on:"

func onID(message string, rs []result) string {
	p, err := json.Marshal(rs)
	if err != nil {
		p = nil
	}
	return onPrefix + message + ":" + digest(p)
}

// messageOf returns the id of the message that the answer to p is part of.
func messageOf(name string, p *turn.Prompt) (id string, goesOn bool) {
	if p != nil {
		if rest, ok := strings.CutPrefix(p.Message, onPrefix); ok {
			if i := strings.LastIndexByte(rest, ':'); i > 0 && len(results(p.Content)) > 0 {
				return rest[:i], true
			}
		}
	}
	return name, false
}
