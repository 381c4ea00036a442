package anthropic

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker/stream"
)

// Messages decodes the events of the Messages API, or a whole message.
type Messages struct {
	w      *stream.Writer
	client *stream.Client
	blocks map[int]*block
	usage  usage
	model  string
	reason string
}

// A block is a tool call under way.
type block struct {
	id, name string
	input    json.RawMessage // of the start; the pieces replace it
	args     []byte          // all pieces, up to turn.MaxData+1
}

// NewMessages returns a decoder.
func NewMessages(w *stream.Writer, c *stream.Client) *Messages {
	return &Messages{w: w, client: c, blocks: map[int]*block{}}
}

type event struct {
	Type    string          `json:"type"`
	Index   int             `json:"index"`
	Message *message        `json:"message"`
	Block   json.RawMessage `json:"content_block"`
	Delta   delta           `json:"delta"`
	Usage   *usage          `json:"usage"`
	Error   json.RawMessage `json:"error"`
}

type delta struct {
	Type     string          `json:"type"`
	Text     string          `json:"text"`
	Thinking string          `json:"thinking"`
	Partial  string          `json:"partial_json"`
	Citation json.RawMessage `json:"citation"`
	Reason   string          `json:"stop_reason"`
}

type message struct {
	Model   string            `json:"model"`
	Content []json.RawMessage `json:"content"`
	Reason  string            `json:"stop_reason"`
	Usage   *usage            `json:"usage"`
}

type content struct {
	Type      string            `json:"type"`
	Text      string            `json:"text"`
	Thinking  string            `json:"thinking"`
	Citations []json.RawMessage `json:"citations"`
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Input     json.RawMessage   `json:"input"`
	ToolUse   string            `json:"tool_use_id"`
	Content   json.RawMessage   `json:"content"`
	IsError   bool              `json:"is_error"`
}

type usage struct {
	Input   *float64 `json:"input_tokens"`
	Output  *float64 `json:"output_tokens"`
	Read    *float64 `json:"cache_read_input_tokens"`
	Written *float64 `json:"cache_creation_input_tokens"`
}

// Decode implements stream.Decoder. New types of events and deltas may appear
// at any time and are passed over.
func (d *Messages) Decode(_ string, data []byte) (stream.Mark, error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return d.mark(), nil
	}
	if string(data) == "[DONE]" { // not of this API, but some proxies add it
		return stream.Done, nil
	}
	var ev event
	if err := json.Unmarshal(data, &ev); err != nil {
		return d.mark(), err
	}
	switch ev.Type {
	case "message_start":
		if ev.Message == nil {
			return d.mark(), nil
		}
		d.model = ev.Message.Model
		return d.mark(), d.count(ev.Message.Usage)
	case "content_block_start":
		return d.mark(), d.start(ev.Index, ev.Block)
	case "content_block_delta":
		return d.mark(), d.delta(ev.Index, ev.Delta)
	case "content_block_stop":
		return d.mark(), d.stop(ev.Index)
	case "message_delta":
		if ev.Delta.Reason != "" {
			d.reason = reason(ev.Delta.Reason)
		}
		return d.mark(), d.count(ev.Usage)
	case "message_stop":
		if d.reason == "" {
			d.reason = turn.ReasonStop
		}
		return stream.Done, nil
	case "error":
		return d.mark(), d.client.Failed(ev.Error)
	case "message":
		return d.whole(data)
	case "":
		if len(ev.Error) > 0 && string(ev.Error) != "null" {
			return d.mark(), d.client.Failed(ev.Error)
		}
	}
	return d.mark(), nil
}

func (d *Messages) mark() stream.Mark {
	if d.reason != "" {
		return stream.Ending
	}
	return stream.More
}

func (d *Messages) start(index int, raw json.RawMessage) error {
	var c content
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	switch {
	case c.Type == "text" || c.Type == "thinking":
		if err := d.w.Think(c.Thinking); err != nil {
			return err
		}
		if err := d.w.Say(c.Text); err != nil {
			return err
		}
		return d.cite(c.Citations...)
	case strings.HasSuffix(c.Type, "tool_use"): // tool_use, server_tool_use, mcp_tool_use
		if len(d.blocks) >= stream.MaxParts {
			return stream.ErrParts
		}
		d.blocks[index] = &block{id: c.ID, name: c.Name, input: c.Input}
		return d.w.Tool(c.ID, c.Name, "")
	case strings.HasSuffix(c.Type, "tool_result"):
		return d.result(c)
	}
	return nil // redacted thinking, and what this API will have one day
}

// result is what a tool found that runs at the provider's.
func (d *Messages) result(c content) error {
	var e struct {
		Type string `json:"type"`
		Code string `json:"error_code"`
	}
	_ = json.Unmarshal(c.Content, &e) // a list is no error
	if c.IsError || strings.HasSuffix(e.Type, "_error") {
		if e.Code == "" {
			e.Code = "failed"
		}
		return d.w.ToolError(c.ToolUse, "", e.Code)
	}
	return d.w.ToolOutput(c.ToolUse, "", c.Content, nil)
}

func (d *Messages) delta(index int, x delta) error {
	switch x.Type {
	case "text_delta":
		return d.w.Say(x.Text)
	case "thinking_delta":
		return d.w.Think(x.Thinking)
	case "citations_delta":
		return d.cite(x.Citation)
	case "input_json_delta":
		b := d.blocks[index]
		if b == nil {
			return nil
		}
		if room := turn.MaxData + 1 - len(b.args); room > 0 {
			b.args = append(b.args, x.Partial[:min(room, len(x.Partial))]...)
		}
		return d.w.Tool(b.id, "", x.Partial)
	}
	return nil // signatures, and what this API will have one day
}

// stop completes a tool call.
func (d *Messages) stop(index int) error {
	b := d.blocks[index]
	if b == nil {
		return nil
	}
	delete(d.blocks, index)
	input := json.RawMessage(b.args)
	if len(input) == 0 {
		input = b.input
	}
	if len(input) == 0 {
		input = json.RawMessage("{}")
	}
	if len(input) > turn.MaxData && len(b.args) > 0 || !json.Valid(input) {
		return nil // left as the pieces that it came in
	}
	return d.w.ToolInput(b.id, b.name, input, len(b.args) > 0)
}

// cite makes sources of citations: the API's own fields, with title, and url
// where there is one.
func (d *Messages) cite(list ...json.RawMessage) error {
	for _, raw := range list {
		var c map[string]json.RawMessage
		if json.Unmarshal(raw, &c) != nil || c == nil {
			continue
		}
		if c["title"] == nil && c["document_title"] != nil {
			c["title"] = c["document_title"]
		}
		if c["url"] == nil && bytes.HasPrefix(c["source"], []byte(`"http`)) {
			c["url"] = c["source"]
		}
		p, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if err := d.w.Source(p); err != nil {
			return err
		}
	}
	return nil
}

// count emits the usage so far. Each number is cumulative and replaces the one
// before.
func (d *Messages) count(u *usage) error {
	if u == nil {
		return nil
	}
	for _, f := range []struct{ to, from **float64 }{{&d.usage.Input, &u.Input}, {&d.usage.Output, &u.Output}, {&d.usage.Read, &u.Read}, {&d.usage.Written, &u.Written}} {
		if *f.from != nil {
			*f.to = *f.from
		}
	}
	n := func(f *float64) int64 {
		if f == nil || !(*f > 0) {
			return 0
		}
		return int64(min(*f, 1e15))
	}
	return d.w.Usage(turn.Usage{
		Input:  n(d.usage.Input) + n(d.usage.Read) + n(d.usage.Written),
		Output: n(d.usage.Output), Cached: n(d.usage.Read), Model: d.model,
	})
}

// reason maps a stop_reason.
func reason(s string) string {
	switch s {
	case "end_turn", "stop_sequence":
		return turn.ReasonStop
	case "max_tokens", "model_context_window_exceeded":
		return turn.ReasonLength
	case "tool_use":
		return turn.ReasonToolCalls
	case "refusal":
		return turn.ReasonContentFilter
	}
	return turn.ReasonOther // pause_turn, and what this API will have one day
}

// whole reads an answer that was not streamed.
func (d *Messages) whole(data []byte) (stream.Mark, error) {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return d.mark(), err
	}
	d.model = m.Model
	for i, raw := range m.Content {
		if err := d.start(i, raw); err != nil {
			return d.mark(), err
		}
		if err := d.stop(i); err != nil {
			return d.mark(), err
		}
	}
	d.reason = reason(m.Reason)
	if m.Reason == "" {
		d.reason = turn.ReasonStop
	}
	return stream.Done, d.count(m.Usage)
}

// End implements stream.Decoder. A stop_reason is an end marker, and so is
// message_stop.
func (d *Messages) End() (string, error) {
	if d.reason == "" {
		return "", stream.NoEnd()
	}
	return d.reason, nil
}
