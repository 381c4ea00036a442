package openai

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/stream"
)

// Responses decodes the events of the Responses API, or a whole response.
type Responses struct {
	w      *stream.Writer
	client *stream.Client
	calls  map[string]*item // by item id
	called bool             // a function was called: the answer waits for its result
	reason string
}

// An item is a tool call under way.
type item struct {
	call, name string
	streamed   bool // pieces of its arguments were emitted
}

// NewResponses returns a decoder.
func NewResponses(w *stream.Writer, c *stream.Client) *Responses {
	return &Responses{w: w, client: c, calls: map[string]*item{}}
}

type responsesEvent struct {
	Type       loose           `json:"type"`
	ItemID     loose           `json:"item_id"`
	Summary    float64         `json:"summary_index"`
	Delta      json.RawMessage `json:"delta"`
	Arguments  loose           `json:"arguments"`
	Input      loose           `json:"input"`
	Item       json.RawMessage `json:"item"`
	Annotation json.RawMessage `json:"annotation"`
	Response   json.RawMessage `json:"response"`
	Error      json.RawMessage `json:"error"`
	Object     loose           `json:"object"`
}

type responsesItem struct {
	ID        loose           `json:"id"`
	Type      loose           `json:"type"`
	CallID    loose           `json:"call_id"`
	Name      loose           `json:"name"`
	Arguments loose           `json:"arguments"`
	Input     loose           `json:"input"`
	Output    json.RawMessage `json:"output"`
	Result    loose           `json:"result"`
	Format    loose           `json:"output_format"`
	Error     json.RawMessage `json:"error"`
	Content   []struct {
		Type        loose             `json:"type"`
		Text        loose             `json:"text"`
		Refusal     loose             `json:"refusal"`
		Annotations []json.RawMessage `json:"annotations"`
	} `json:"content"`
	Summary []struct {
		Text loose `json:"text"`
	} `json:"summary"`
}

// Decode implements stream.Decoder.
func (d *Responses) Decode(_ string, data []byte) (stream.Mark, error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return stream.More, nil
	}
	if bytes.Equal(data, doneData) { // not of this API, but some proxies add it
		return stream.Done, nil
	}
	var ev responsesEvent
	if err := json.Unmarshal(data, &ev); err != nil {
		return stream.More, err
	}
	if ev.Object == "response" {
		return d.whole(data)
	}
	switch ev.Type {
	case "response.completed", "response.incomplete", "response.failed", "response.cancelled":
		return d.terminal(ev.Response, strings.TrimPrefix(string(ev.Type), "response."))
	case "error":
		return stream.More, d.client.Failed(data)
	case "":
		if len(ev.Error) > 0 && string(ev.Error) != "null" {
			return stream.More, d.client.Failed(ev.Error)
		}
	}
	return stream.More, d.event(ev)
}

func (d *Responses) event(ev responsesEvent) error {
	switch t := string(ev.Type); t {
	case "response.output_text.delta", "response.audio.transcript.delta", "response.output_audio_transcript.delta":
		return d.w.Say(text(ev.Delta))
	case "response.refusal.delta":
		return d.w.Text(refusal, text(ev.Delta))
	case "response.reasoning_text.delta", "response.reasoning_summary_text.delta":
		return d.w.Think(text(ev.Delta))
	case "response.reasoning_summary_part.added":
		if ev.Summary > 0 { // paragraphs
			return d.w.Think("\n\n")
		}
	case "response.audio.delta", "response.output_audio.delta":
		p, err := stream.Base64(text(ev.Delta))
		if err != nil {
			return err
		}
		return d.w.Audio(PCM16, p)
	case "response.output_text.annotation.added":
		return d.w.Source(ev.Annotation)
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta",
		"response.mcp_call_arguments.delta", "response.mcp_call.arguments.delta", "response.code_interpreter_call_code.delta":
		it, err := d.open(string(ev.ItemID), item{call: string(ev.ItemID)})
		if err != nil {
			return err
		}
		it.streamed = true
		return d.w.Tool(it.call, "", text(ev.Delta))
	case "response.output_item.added":
		return d.added(ev.Item)
	case "response.output_item.done":
		return d.finished(ev.Item)
	}
	return nil // progress, and what this API will have one day
}

// text is a delta that is a string.
func text(raw json.RawMessage) string {
	var s loose
	_ = s.UnmarshalJSON(raw) // not a string: no text
	return string(s)
}

// added announces a tool call.
func (d *Responses) added(raw json.RawMessage) error {
	var it responsesItem
	if json.Unmarshal(raw, &it) != nil || !isCall(it) {
		return nil
	}
	c, err := d.open(string(it.ID), item{call: callID(it), name: callName(it)})
	if err != nil {
		return err
	}
	return d.w.Tool(c.call, c.name, "")
}

// open returns the call that an item is, first as it is given.
func (d *Responses) open(id string, first item) (*item, error) {
	if it := d.calls[id]; it != nil {
		return it, nil
	}
	if len(d.calls) >= stream.MaxParts {
		return nil, stream.ErrParts
	}
	d.calls[id] = &first
	return &first, nil
}

func isCall(it responsesItem) bool { return strings.HasSuffix(string(it.Type), "_call") }

func callID(it responsesItem) string {
	if it.CallID != "" {
		return string(it.CallID)
	}
	return string(it.ID)
}

// callName names a hosted tool by its type: web_search_call is web_search.
func callName(it responsesItem) string {
	if it.Name != "" {
		return string(it.Name)
	}
	return strings.TrimSuffix(string(it.Type), "_call")
}

// finished completes a tool call: a function's arguments, or, of a tool that
// runs at the provider's, what it found.
func (d *Responses) finished(raw json.RawMessage) error {
	var it responsesItem
	if json.Unmarshal(raw, &it) != nil || !isCall(it) {
		return nil
	}
	id, name := callID(it), callName(it)
	c := d.calls[string(it.ID)]
	delete(d.calls, string(it.ID))
	streamed := c != nil && c.streamed
	switch it.Type {
	case "function_call":
		d.called = true
		return d.input(id, name, string(it.Arguments), streamed)
	case "custom_tool_call":
		d.called = true
		input, err := json.Marshal(string(it.Input))
		if err != nil {
			return err
		}
		return d.w.ToolInput(id, name, input, streamed)
	case "image_generation_call":
		if it.Result == "" {
			return nil
		}
		p, err := stream.Base64(string(it.Result))
		if err != nil {
			return err
		}
		format := string(it.Format)
		if format == "" {
			format = "png"
		}
		return d.w.FileBytes(id, "image/"+format, "", p)
	case "mcp_call":
		if err := d.input(id, name, string(it.Arguments), streamed); err != nil {
			return err
		}
		if len(it.Error) > 0 && string(it.Error) != "null" {
			return d.w.ToolError(id, name, d.client.Scrub(string(it.Error)))
		}
		return d.w.ToolOutput(id, name, it.Output, nil)
	}
	return d.w.ToolOutput(id, name, raw, nil)
}

func (d *Responses) input(id, name, args string, streamed bool) error {
	if args == "" {
		args = "{}"
	}
	if !json.Valid([]byte(args)) {
		if streamed {
			return nil
		}
		return d.w.Tool(id, name, args)
	}
	return d.w.ToolInput(id, name, json.RawMessage(args), streamed)
}

type responsesEnd struct {
	Status     loose           `json:"status"`
	Model      loose           `json:"model"`
	Usage      json.RawMessage `json:"usage"`
	Error      json.RawMessage `json:"error"`
	Output     json.RawMessage `json:"output"`
	Incomplete struct {
		Reason loose `json:"reason"`
	} `json:"incomplete_details"`
}

func (d *Responses) terminal(raw json.RawMessage, status string) (stream.Mark, error) {
	var end responsesEnd
	if err := json.Unmarshal(raw, &end); err != nil {
		return stream.More, err
	}
	if end.Status == "" {
		end.Status = loose(status)
	}
	if u := parseUsage(end.Usage); u != nil {
		u.Model = string(end.Model)
		if err := d.w.Usage(*u); err != nil {
			return stream.More, err
		}
	}
	switch end.Status {
	case "failed":
		return stream.More, d.client.Failed(end.Error)
	case "cancelled":
		return stream.More, &worker.ProviderError{Code: turn.CodeProviderDown, Message: "the answer was cancelled at the provider's", Retry: true}
	case "incomplete":
		d.reason = turn.ReasonOther
		switch end.Incomplete.Reason {
		case "max_output_tokens", "max_tokens":
			d.reason = turn.ReasonLength
		case "content_filter":
			d.reason = turn.ReasonContentFilter
		}
	default:
		d.reason = turn.ReasonStop
		if d.called {
			d.reason = turn.ReasonToolCalls
		}
	}
	return stream.Done, nil
}

// whole reads an answer that was not streamed.
func (d *Responses) whole(data []byte) (stream.Mark, error) {
	var end responsesEnd
	var out []json.RawMessage
	if err := json.Unmarshal(data, &end); err != nil {
		return stream.More, err
	}
	_ = json.Unmarshal(end.Output, &out) // absent when it failed
	for _, raw := range out {
		if err := d.item(raw); err != nil {
			return stream.More, err
		}
	}
	return d.terminal(data, "")
}

func (d *Responses) item(raw json.RawMessage) error {
	var it responsesItem
	if err := json.Unmarshal(raw, &it); err != nil {
		return err
	}
	for _, s := range it.Summary {
		if err := d.w.Think(string(s.Text)); err != nil {
			return err
		}
	}
	if it.Type == "message" || it.Type == "reasoning" {
		for _, c := range it.Content {
			if it.Type == "reasoning" {
				if err := d.w.Think(string(c.Text)); err != nil {
					return err
				}
				continue
			}
			if err := d.w.Say(string(c.Text)); err != nil {
				return err
			}
			if c.Refusal != "" {
				if err := d.w.Text(refusal, string(c.Refusal)); err != nil {
					return err
				}
			}
			for _, a := range c.Annotations {
				if err := d.w.Source(a); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if !isCall(it) {
		return nil
	}
	if err := d.w.Tool(callID(it), callName(it), ""); err != nil {
		return err
	}
	return d.finished(raw)
}

// End implements stream.Decoder.
func (d *Responses) End() (string, error) {
	if d.reason == "" {
		return "", stream.NoEnd()
	}
	return d.reason, nil
}
