package openai

import (
	"encoding/json"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/turn"
)

// outcome sets how the response ended.
func (m *response) outcome(ev *turn.Event) {
	switch ev.Kind {
	case turn.KindCancelled:
		m.status = "cancelled"
	case turn.KindError:
		var f turn.Failure
		_ = json.Unmarshal(ev.Data, &f) // then it says nothing
		m.status, m.wrong = "failed", failed(f)
	default:
		var e turn.End
		_ = json.Unmarshal(ev.Data, &e)
		m.status = completed
		switch e.Reason {
		case turn.ReasonLength:
			m.status, m.why = incomplete, "max_output_tokens"
		case turn.ReasonContentFilter:
			m.status, m.why = incomplete, "content_filter"
		}
	}
}

// object is the response as far as it has come.
func (m *response) object() object {
	items := make([]any, 0, len(m.items))
	for _, o := range m.items {
		items = append(items, o.object())
	}
	o := object{
		"id": m.id, "object": "response", "created_at": m.created, "status": m.status, "background": m.background,
		"error": nil, "incomplete_details": nil, "instructions": nil, "max_output_tokens": nil, "model": m.model, "output": items,
		"parallel_tool_calls": true, "previous_response_id": nil, "reasoning": object{"effort": nil, "summary": nil}, "store": true,
		"temperature": nil, "text": object{"format": object{"type": "text"}}, "tool_choice": "auto", "tools": []any{}, "top_p": nil,
		"truncation": "disabled", "usage": m.usageObject(), "metadata": object{"channel": m.label},
	}
	if m.parent != "" {
		o["previous_response_id"] = answer.ID(prefixResponse, m.channel, m.parent)
	}
	if m.wrong != nil {
		o["error"] = object{"code": openaiCode(m.wrong.Code), "message": m.wrong.Message}
	}
	if m.why != "" {
		o["incomplete_details"] = object{"reason": m.why}
	}
	return o
}

// openaiCode is the nearest of OpenAI's own codes.
func openaiCode(code string) string {
	if row, ok := failures[code]; ok {
		return row.code
	}
	return "server_error"
}

func (m *response) usageObject() any {
	u := m.usage
	if u == nil {
		return nil
	}
	return object{
		"input_tokens": u.Input, "input_tokens_details": object{"cached_tokens": u.Cached},
		"output_tokens": u.Output, "output_tokens_details": object{"reasoning_tokens": u.Reasoning},
		"total_tokens": u.Input + u.Output,
	}
}

// textType is the type of a text's content, and part of its events' names.
func (o *output) textType() string {
	switch {
	case o.kind == turn.KindReasoning:
		return "reasoning_text"
	case o.part == refusal:
		return "refusal"
	}
	return "output_text"
}

// content is the one content part of a text; full: with what it says.
func (o *output) content(full bool) object {
	s := ""
	if full {
		s = o.text.String()
	}
	switch t := o.textType(); t {
	case "refusal":
		return object{"type": t, "refusal": s}
	case "reasoning_text":
		return object{"type": t, "text": s}
	default:
		notes := o.notes
		if notes == nil || !full {
			notes = []any{}
		}
		return object{"type": t, "text": s, "annotations": notes, "logprobs": []any{}}
	}
}

// object is the item as far as it has come.
func (o *output) object() object {
	status := inProgress
	if o.done {
		status = completed
	}
	switch o.kind {
	case turn.KindTool:
		args := ""
		if o.done {
			args = o.text.String()
		}
		return object{"id": o.id, "type": "function_call", "call_id": callID(o.part), "name": o.name, "arguments": args, "status": status}
	case turn.KindToolDone:
		return object{"id": o.id, "type": "function_call_output", "call_id": callID(o.part), "output": o.text.String(), "status": status}
	}
	content := []any{}
	if o.done {
		content = append(content, o.content(true))
	}
	if o.kind == turn.KindReasoning {
		return object{"id": o.id, "type": "reasoning", "summary": []any{}, "content": content, "status": status}
	}
	return object{"id": o.id, "type": "message", "role": "assistant", "content": content, "status": status}
}
