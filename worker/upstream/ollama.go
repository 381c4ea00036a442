package upstream

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker/stream"
)

// An ollamaDecoder decodes the answers of Ollama's own API: a JSON object a line, of
// /api/chat or /api/generate, or one alone.
type ollamaDecoder struct {
	w      *stream.Writer
	client *stream.Client
	reason string
	calls  int
}

// newOllama returns a decoder.
func newOllama(w *stream.Writer, c *stream.Client) *ollamaDecoder {
	return &ollamaDecoder{w: w, client: c}
}

type ollamaLine struct {
	Model    string          `json:"model"`
	Message  ollamaMessage   `json:"message"`
	Response string          `json:"response"` // of /api/generate
	Thinking string          `json:"thinking"`
	Done     bool            `json:"done"`
	Reason   string          `json:"done_reason"`
	Input    float64         `json:"prompt_eval_count"`
	Output   float64         `json:"eval_count"`
	Error    json.RawMessage `json:"error"`
}

type ollamaMessage struct {
	Content  string `json:"content"`
	Thinking string `json:"thinking"`
	Calls    []struct {
		ID       string `json:"id"`
		Function struct {
			Name string          `json:"name"`
			Args json.RawMessage `json:"arguments"` // an object
		} `json:"function"`
	} `json:"tool_calls"`
}

// Decode implements stream.Decoder.
func (d *ollamaDecoder) Decode(_ string, data []byte) (stream.Mark, error) {
	if data = bytes.TrimSpace(data); len(data) == 0 {
		return stream.More, nil
	}
	var l ollamaLine
	if err := json.Unmarshal(data, &l); err != nil {
		return stream.More, err
	}
	if present(l.Error) {
		return stream.More, d.client.Failed(l.Error)
	}
	if err := d.w.Think(l.Message.Thinking + l.Thinking); err != nil {
		return stream.More, err
	}
	if err := d.w.Say(l.Message.Content + l.Response); err != nil {
		return stream.More, err
	}
	for _, c := range l.Message.Calls {
		if d.calls++; d.calls > stream.MaxParts {
			return stream.More, stream.ErrParts
		}
		id := c.ID
		if id == "" {
			id = "call_" + strconv.Itoa(d.calls)
		}
		if err := d.w.Tool(id, c.Function.Name, ""); err != nil {
			return stream.More, err
		}
		args := c.Function.Args
		if len(args) == 0 {
			args = json.RawMessage("{}")
		}
		if err := d.w.ToolInput(id, c.Function.Name, args, false); err != nil {
			return stream.More, err
		}
	}
	if !l.Done {
		return stream.More, nil
	}
	return stream.Done, d.finish(l)
}

func (d *ollamaDecoder) finish(l ollamaLine) error {
	switch l.Reason {
	case "length":
		d.reason = turn.ReasonLength
	case "", "stop":
		d.reason = turn.ReasonStop
		if d.calls > 0 {
			d.reason = turn.ReasonToolCalls
		}
	default:
		d.reason = turn.ReasonOther
	}
	if l.Input <= 0 && l.Output <= 0 {
		return nil
	}
	return d.w.Usage(turn.Usage{Input: count(l.Input), Output: count(l.Output), Model: l.Model})
}

// End implements stream.Decoder. The line that says done is the end marker.
func (d *ollamaDecoder) End() (string, error) {
	if d.reason == "" {
		return "", stream.NoEnd()
	}
	return d.reason, nil
}
