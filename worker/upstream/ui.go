package upstream

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/stream"
)

// Names of the application data that stand for what a turn has no kind for.
const (
	dataMetadata = "message-metadata"
	dataApproval = "tool-approval-request"
)

// A uiDecoder decodes the AI SDK's UI message stream, versions 5 to 7. It is more
// lenient than the SDK's own reader: what it does not know it passes over, and
// pieces whose start it has not seen begin a part by themselves.
type uiDecoder struct {
	w      *stream.Writer
	client *stream.Client
	tools  map[string]*uiTool
	text   blocks
	think  blocks
	step   int // events emitted when the current step began
	reason string
	done   bool
}

// A uiTool is a tool call under way.
type uiTool struct {
	name     string
	streamed bool // pieces of its input were emitted
}

// blocks are the open parts of one kind. The SDK's ids are unique only while
// open: each start is a part of its own here.
type blocks map[string]string

// newUI returns a decoder.
func newUI(w *stream.Writer, c *stream.Client) *uiDecoder {
	return &uiDecoder{w: w, client: c, tools: map[string]*uiTool{}, text: blocks{}, think: blocks{}}
}

type uiChunk struct {
	Type        string          `json:"type"`
	ID          string          `json:"id"`
	Delta       string          `json:"delta"`
	Metadata    json.RawMessage `json:"messageMetadata"`
	CallID      string          `json:"toolCallId"`
	Tool        string          `json:"toolName"`
	InputDelta  string          `json:"inputTextDelta"`
	Input       json.RawMessage `json:"input"`
	Output      json.RawMessage `json:"output"`
	Preliminary bool            `json:"preliminary"`
	Approval    string          `json:"approvalId"`
	Error       json.RawMessage `json:"errorText"`
	Source      string          `json:"sourceId"`
	URL         string          `json:"url"`
	Title       string          `json:"title"`
	Media       string          `json:"mediaType"`
	File        string          `json:"filename"`
	Kind        string          `json:"kind"`
	Data        json.RawMessage `json:"data"`
	Transient   bool            `json:"transient"`
	Finish      string          `json:"finishReason"`
}

// Decode implements stream.Decoder.
func (d *uiDecoder) Decode(_ string, data []byte) (stream.Mark, error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return d.mark(), nil
	}
	if string(data) == "[DONE]" {
		d.done = true
		return stream.Done, nil
	}
	var c uiChunk
	if err := json.Unmarshal(data, &c); err != nil {
		return d.mark(), err
	}
	err := d.chunk(c, data)
	return d.mark(), err
}

func (d *uiDecoder) mark() stream.Mark {
	if d.reason != "" {
		return stream.Ending
	}
	return stream.More
}

func (d *uiDecoder) chunk(c uiChunk, raw json.RawMessage) error {
	switch c.Type {
	case "start", "message-metadata":
		return d.metadata(c.Metadata)
	case "start-step":
		err := d.w.Step("start")
		d.step = d.w.Count()
		return err
	case "finish-step":
		clear(d.text)
		clear(d.think)
		return d.w.Step("finish")
	case "reset-step":
		if d.w.Count() > d.step { // only a new try at the turn takes text back (design: 1)
			return &worker.ProviderError{Code: turn.CodeProviderBroken, Retry: true, Message: who + " took back a part of its answer"}
		}
		return nil
	case "text-start", "text-delta", "text-end":
		return d.block(turn.KindText, d.text, c)
	case "reasoning-start", "reasoning-delta", "reasoning-end":
		return d.block(turn.KindReasoning, d.think, c)
	case "source-url", "source-document":
		return d.source(c)
	case "file", "reasoning-file":
		return d.w.File("", c.URL, c.Media, c.File)
	case "custom":
		return d.w.Data(c.Kind, "", raw, nil)
	case "error":
		return d.client.Failed(c.Error)
	case "abort":
		return &worker.ProviderError{Code: turn.CodeProviderDown, Retry: true, Message: who + " cancelled its answer"}
	case "finish":
		return d.finish(c)
	}
	if name, ok := strings.CutPrefix(c.Type, "data-"); ok {
		var attrs map[string]string
		if c.Transient {
			attrs = map[string]string{"transient": "true"}
		}
		return d.w.Data(name, c.ID, c.Data, attrs)
	}
	if strings.HasPrefix(c.Type, "tool-") {
		return d.tool(c, raw)
	}
	return nil // what the SDK will have one day
}

// block emits a piece of text or reasoning.
func (d *uiDecoder) block(k turn.Kind, open blocks, c uiChunk) error {
	_, what, _ := strings.Cut(c.Type, "-")
	if what == "end" {
		delete(open, c.ID)
		return nil
	}
	part, known := open[c.ID]
	if what == "start" || !known {
		if len(open) >= stream.MaxParts {
			return stream.ErrParts
		}
		part = d.w.Open(k)
		open[c.ID] = part
	}
	if k == turn.KindText {
		return d.w.Text(part, c.Delta)
	}
	return d.w.Reasoning(part, c.Delta)
}

func (d *uiDecoder) source(c uiChunk) error {
	src := map[string]string{}
	for k, v := range map[string]string{"id": c.Source, "url": c.URL, "title": c.Title, "media_type": c.Media, "filename": c.File} {
		if v != "" {
			src[k] = v
		}
	}
	p, err := json.Marshal(src)
	if err != nil {
		return err
	}
	return d.w.Source(p)
}

func (d *uiDecoder) metadata(raw json.RawMessage) error {
	if !present(raw) {
		return nil
	}
	if u := metadataUsage(raw); u != nil {
		if err := d.w.Usage(*u); err != nil {
			return err
		}
	}
	return d.w.Data(dataMetadata, "", raw, nil)
}

func (d *uiDecoder) finish(c uiChunk) error {
	if c.Finish == "error" {
		return d.client.Failed(nil)
	}
	d.reason = uiReason(c.Finish)
	return d.metadata(c.Metadata)
}

// uiReason maps a finishReason; versions before 6 give none.
func uiReason(s string) string {
	switch s {
	case "", "stop":
		return turn.ReasonStop
	case "length":
		return turn.ReasonLength
	case "tool-calls":
		return turn.ReasonToolCalls
	case "content-filter":
		return turn.ReasonContentFilter
	}
	return turn.ReasonOther
}

// End implements stream.Decoder. A finish chunk is an end marker, and so is
// [DONE].
func (d *uiDecoder) End() (string, error) {
	switch {
	case d.reason != "":
		return d.reason, nil
	case d.done:
		return turn.ReasonStop, nil
	}
	return "", stream.NoEnd()
}
