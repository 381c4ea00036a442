package aisdk

import (
	"encoding/json"
	"strings"

	"github.com/karez/karez/turn"
)

// A result is what a client did with a tool call.
type result struct{ turn.ToolResult }

// results are those that a prompt carries.
func results(content []turn.Content) []result {
	rs, _ := turn.Results(content)
	out := make([]result, len(rs))
	for i := range rs {
		out[i].ToolResult = rs[i]
	}
	return out
}

// chunk tells a reader of a result.
func (r result) chunk(v version) chunk {
	switch {
	case r.Approved != nil && v.answered():
		return chunk{Type: dataAnswered, Approval: r.Approval, Approved: r.Approved, Reason: r.Reason}
	case r.Approved != nil:
		return chunk{Type: "data-" + dataAnswered, ID: r.Approval, Data: value([]byte(r.Content().Text))}
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
