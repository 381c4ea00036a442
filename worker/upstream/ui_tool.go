package upstream

import (
	"encoding/json"
	"strings"

	"github.com/karez/karez/worker/stream"
)

// tool emits what a chunk says of a tool call.
func (d *uiDecoder) tool(c uiChunk, raw json.RawMessage) error {
	switch c.Type {
	case "tool-input-start":
		_, err := d.open(c.CallID, c.Tool)
		return err
	case "tool-input-delta":
		t, err := d.open(c.CallID, "")
		if err != nil {
			return err
		}
		t.streamed = true
		return d.w.Tool(c.CallID, "", c.InputDelta)
	case "tool-input-available":
		return d.input(c)
	case "tool-input-error":
		if err := d.input(c); err != nil {
			return err
		}
		return d.w.ToolError(c.CallID, d.name(c), d.client.Scrub(plain(c.Error)))
	case "tool-output-available":
		var attrs map[string]string
		if c.Preliminary { // more will follow, and replaces it
			attrs = map[string]string{"preliminary": "true"}
		}
		return d.w.ToolOutput(c.CallID, d.name(c), c.Output, attrs)
	case "tool-output-error":
		return d.w.ToolError(c.CallID, d.name(c), d.client.Scrub(plain(c.Error)))
	case "tool-output-denied":
		return d.w.ToolError(c.CallID, d.name(c), "the call was denied")
	case "tool-approval-request":
		return d.w.Data(dataApproval, c.Approval, raw, nil)
	case "tool-approval-response":
		return d.w.Data(strings.TrimSuffix(dataApproval, "request")+"response", c.Approval, raw, nil)
	}
	return nil
}

// open returns the call of that id; the first time it is announced.
func (d *uiDecoder) open(id, name string) (*uiTool, error) {
	if t := d.tools[id]; t != nil {
		return t, nil
	}
	if len(d.tools) >= stream.MaxParts {
		return nil, stream.ErrParts
	}
	t := &uiTool{name: name}
	d.tools[id] = t
	return t, d.w.Tool(id, name, "")
}

func (d *uiDecoder) input(c uiChunk) error {
	t, err := d.open(c.CallID, c.Tool)
	if err != nil {
		return err
	}
	if t.name == "" {
		t.name = c.Tool
	}
	input := c.Input
	if len(input) == 0 {
		input = json.RawMessage("{}")
	}
	return d.w.ToolInput(c.CallID, t.name, input, t.streamed)
}

// name is the tool's, from where its call said it.
func (d *uiDecoder) name(c uiChunk) string {
	if t := d.tools[c.CallID]; t != nil && t.name != "" {
		return t.name
	}
	return c.Tool
}

// plain is a JSON string's text, or the JSON itself.
func plain(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
