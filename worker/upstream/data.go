package upstream

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker/stream"
)

// errNotData is the error of a line that is none of a data stream's.
var errNotData = errors.New("not a line of a data stream")

// A dataDecoder decodes the AI SDK's data stream of version 4: lines of one
// letter, a colon and JSON.
type dataDecoder struct {
	w      *stream.Writer
	client *stream.Client
	tools  map[string]*uiTool
	reason string
}

// newData returns a decoder.
func newData(w *stream.Writer, c *stream.Client) *dataDecoder {
	return &dataDecoder{w: w, client: c, tools: map[string]*uiTool{}}
}

// Decode implements stream.Decoder.
func (d *dataDecoder) Decode(_ string, line []byte) (stream.Mark, error) {
	line = bytes.TrimSpace(line)
	code, value, ok := bytes.Cut(line, []byte(":"))
	if len(line) == 0 {
		return d.mark(), nil
	}
	if !ok || len(code) != 1 || !json.Valid(value) {
		return d.mark(), errNotData
	}
	err := d.part(code[0], value)
	return d.mark(), err
}

func (d *dataDecoder) mark() stream.Mark {
	if d.reason != "" {
		return stream.Ending
	}
	return stream.More
}

func (d *dataDecoder) part(code byte, raw json.RawMessage) error {
	switch code {
	case '0':
		return d.w.Say(str(raw))
	case 'g':
		return d.w.Think(str(raw))
	case '2':
		return d.each("data", raw)
	case '8':
		return d.each(dataMetadata, raw)
	case '3':
		return d.client.Failed(raw)
	case '9', 'a', 'b', 'c':
		return d.tool(code, raw)
	case 'f':
		return d.w.Step("start")
	case 'e':
		return d.w.Step("finish")
	case 'h':
		return d.w.Source(raw)
	case 'k':
		return d.file(raw)
	case 'd':
		return d.finish(raw)
	}
	return nil // signatures and redacted reasoning
}

// each emits every item of a list as application data.
func (d *dataDecoder) each(name string, raw json.RawMessage) error {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	for _, item := range list {
		if err := d.w.Data(name, "", item, nil); err != nil {
			return err
		}
	}
	return nil
}

func (d *dataDecoder) tool(code byte, raw json.RawMessage) error {
	var c struct {
		ID     string          `json:"toolCallId"`
		Name   string          `json:"toolName"`
		Args   json.RawMessage `json:"args"`
		Delta  string          `json:"argsTextDelta"`
		Result json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	t := d.tools[c.ID]
	if t == nil {
		if len(d.tools) >= stream.MaxParts {
			return stream.ErrParts
		}
		t = &uiTool{name: c.Name}
		d.tools[c.ID] = t
		if err := d.w.Tool(c.ID, c.Name, ""); err != nil {
			return err
		}
	}
	switch code {
	case 'c':
		t.streamed = true
		return d.w.Tool(c.ID, "", c.Delta)
	case '9':
		return d.w.ToolInput(c.ID, t.name, c.Args, t.streamed)
	case 'a':
		return d.w.ToolOutput(c.ID, t.name, c.Result, nil)
	}
	return nil
}

func (d *dataDecoder) file(raw json.RawMessage) error {
	var f struct {
		Data  string `json:"data"`
		Media string `json:"mimeType"`
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return err
	}
	p, err := stream.Base64(f.Data)
	if err != nil {
		return err
	}
	return d.w.FileBytes("", f.Media, "", p)
}

func (d *dataDecoder) finish(raw json.RawMessage) error {
	var f struct {
		Reason string          `json:"finishReason"`
		Usage  json.RawMessage `json:"usage"`
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return err
	}
	if f.Reason == "error" {
		return d.client.Failed(nil)
	}
	if u := usageOf(f.Usage); u != nil {
		if err := d.w.Usage(*u); err != nil {
			return err
		}
	}
	d.reason = turn.ReasonOther
	if f.Reason != "unknown" {
		d.reason = uiReason(f.Reason)
	}
	return nil
}

// End implements stream.Decoder. The finish part is the end marker.
func (d *dataDecoder) End() (string, error) {
	if d.reason == "" {
		return "", stream.NoEnd()
	}
	return d.reason, nil
}
