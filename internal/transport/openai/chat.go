package openai

import (
	"encoding/base64"
	"encoding/json"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/turn"
)

// A chat makes chunks of a chat completion of a turn's events. It has no cursor
// that a reader could come back with, so nothing is counted.
type chat struct {
	out    []event
	calls  []*toolCall
	shown  answer.Shown
	usage  *turn.Usage
	reason string          // finish_reason, once the answer is complete
	wrong  *answer.Problem // why it is not
	over   bool
	begun  bool
}

// A toolCall is a call that nobody has answered yet. Those that a worker runs
// itself are no business of the reader, who would run them again: calls are
// told of at the end.
type toolCall struct {
	id, name string
	args     []byte
	whole    bool // args are complete
	answered bool
}

func newChat() *chat { return new(chat) }

// add returns what the next event comes to, valid until the next call.
func (m *chat) add(ev *turn.Event) []event {
	m.out = m.out[:0]
	if m.over {
		return nil
	}
	if !m.begun {
		m.begun = true
		m.put(object{"role": "assistant", "content": ""})
	}
	switch ev.Kind {
	case turn.KindEpoch:
		m.epoch(ev)
	case turn.KindText, turn.KindReasoning:
		m.count(ev)
		key := "content"
		switch {
		case ev.Kind == turn.KindReasoning:
			key = "reasoning_content" // not OpenAI's, but what others send
		case ev.Part == refusal:
			key = "refusal"
		}
		m.out = append(m.out, event{key: key, text: text(ev.Data)})
	case turn.KindTool, turn.KindToolInput, turn.KindToolDone, turn.KindToolError:
		m.shown.Add(ev, 0, false) // not yet
		m.calls = called(m.calls, ev.Kind, ev.Part, ev.Name, ev.Data)
	case turn.KindAudio:
		m.count(ev)
		m.put(object{"audio": object{"id": "audio", "data": base64.StdEncoding.EncodeToString(ev.Data)}})
	case turn.KindSource:
		m.count(ev)
		if s, ok := sourceOf(ev); ok {
			m.put(object{"annotations": []any{object{"type": "url_citation", "url_citation": s.citation()}}})
		}
	case turn.KindUsage:
		u := new(turn.Usage)
		if json.Unmarshal(ev.Data, u) == nil {
			m.usage = u
		}
	case turn.KindEnd, turn.KindCancelled, turn.KindError:
		m.end(ev)
	case turn.KindPrompt:
	default:
		m.shown.Add(ev, 0, false) // what tools returned, files, the application's own: no field for it
	}
	return m.out
}

func (m *chat) put(delta object) { m.out = append(m.out, event{body: delta}) }

func (m *chat) count(ev *turn.Event) { m.shown.Add(ev, 0, true) }

// called notes what is told of a tool call.
func called(calls []*toolCall, k turn.Kind, part, name string, data []byte) []*toolCall {
	var c *toolCall
	for _, o := range calls {
		if o.id == callID(part) {
			c = o
		}
	}
	if c == nil {
		c = &toolCall{id: callID(part), name: name}
		calls = append(calls, c)
	}
	switch {
	case k == turn.KindTool && !c.whole:
		c.args = append(c.args, data...)
	case k == turn.KindToolInput:
		c.args, c.whole = append(c.args[:0], data...), true
	case k == turn.KindToolDone || k == turn.KindToolError:
		c.answered = true
	}
	return calls
}

// pending are the calls that the reader is to answer, as tool_calls.
func pending(calls []*toolCall) []any {
	var out []any
	for _, c := range calls {
		if !c.answered {
			out = append(out, object{"id": c.id, "type": "function", "function": object{"name": c.name, "arguments": text(c.args)}})
		}
	}
	return out
}

func callID(part string) string {
	if part == "" {
		return "call"
	}
	return part
}

func (m *chat) epoch(ev *turn.Event) {
	var e turn.EpochStart
	if json.Unmarshal(ev.Data, &e) != nil || e.All {
		return
	}
	m.calls = nil // a worker that goes on without all of it asks for them again
	if _, lost := m.shown.Cut(e.Parts, 0); lost {
		m.wrong, m.over = takenBack, true
	}
}

func (m *chat) end(ev *turn.Event) {
	m.over = true
	switch ev.Kind {
	case turn.KindCancelled:
		m.wrong = cancelled
	case turn.KindError:
		var f turn.Failure
		_ = json.Unmarshal(ev.Data, &f) // then it says nothing
		m.wrong = failed(f)
	default:
		var e turn.End
		_ = json.Unmarshal(ev.Data, &e)
		m.reason = finish(e.Reason)
		for i, c := range pending(m.calls) {
			c.(object)["index"] = i
			m.put(object{"tool_calls": []any{c}})
		}
	}
}

// usageObject is the usage as chat completions have it; nil if there is none.
func usageObject(u *turn.Usage) any {
	if u == nil {
		return nil
	}
	return object{
		"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output,
		"prompt_tokens_details": object{"cached_tokens": u.Cached}, "completion_tokens_details": object{"reasoning_tokens": u.Reasoning},
	}
}

// A completion is the head of a chat completion and of each of its chunks.
type completion struct {
	id      string
	created int64
	model   string
	usage   bool // the reader asked for it
}

func (c completion) chunk(choices []any, usage any) object {
	o := object{"id": c.id, "object": "chat.completion.chunk", "created": c.created, "model": c.model, "choices": choices}
	if c.usage {
		o["usage"] = usage
	}
	return o
}

// delta is an event as a chunk.
func (c completion) delta(e event) object {
	delta := e.body
	if e.key != "" {
		delta = object{e.key: e.text}
	}
	return c.chunk([]any{object{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": nil}}, nil)
}

// whole is a complete answer.
func (c completion) whole(a turn.Answer, reason string) object {
	var content, thinking, no string
	var calls []*toolCall
	var notes []any
	for _, p := range a.Parts {
		switch p.Kind {
		case turn.KindText:
			if p.ID == refusal {
				no += string(p.Data)
			} else {
				content += string(p.Data)
			}
		case turn.KindReasoning:
			thinking += string(p.Data)
		case turn.KindTool, turn.KindToolInput, turn.KindToolDone, turn.KindToolError:
			calls = called(calls, p.Kind, p.ID, p.Name, p.Data)
		case turn.KindSource:
			if s, ok := sourceOf(&turn.Event{Data: p.Data}); ok {
				notes = append(notes, object{"type": "url_citation", "url_citation": s.citation()})
			}
		}
	}
	m := object{"role": "assistant", "content": content, "refusal": nil}
	if no != "" {
		m["refusal"] = no
	}
	if thinking != "" {
		m["reasoning_content"] = thinking
	}
	if open := pending(calls); len(open) > 0 {
		m["tool_calls"] = open
	}
	if len(notes) > 0 {
		m["annotations"] = notes
	}
	return object{
		"id": c.id, "object": "chat.completion", "created": c.created, "model": c.model, "usage": usageObject(a.Usage),
		"choices": []any{object{"index": 0, "message": m, "logprobs": nil, "finish_reason": reason}},
	}
}
