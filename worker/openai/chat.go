package openai

import (
	"bytes"
	"encoding/json"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker/stream"
)

// PCM16 is the media type of the sound that chat completions stream: 16-bit
// samples, little endian, 24,000 a second, one channel.
const PCM16 = "audio/pcm16"

// refusal is the part that a model's refusal goes to: it is text for the
// reader, and can be told from an answer.
const refusal = "refusal"

// A Chat decodes chat completions: the chunks of a stream, or a whole answer.
type Chat struct {
	w      *stream.Writer
	client *stream.Client
	media  string
	tools  tools
	usage  *turn.Usage
	model  string
	reason string
	done   bool
}

// NewChat returns a decoder; media is the type of the sound it meets.
func NewChat(w *stream.Writer, c *stream.Client, media string) *Chat {
	return &Chat{w: w, client: c, media: media, tools: tools{w: w}}
}

type chatChunk struct {
	Model   loose           `json:"model"`
	Choices []chatChoice    `json:"choices"`
	Usage   json.RawMessage `json:"usage"`
	Error   json.RawMessage `json:"error"`
	Object  loose           `json:"object"`
}

type chatChoice struct {
	Index   int        `json:"index"`
	Delta   *chatDelta `json:"delta"`
	Message *chatDelta `json:"message"` // of an answer that is not streamed
	Finish  loose      `json:"finish_reason"`
	Text    loose      `json:"text"` // of the older completions API
}

type chatDelta struct {
	Content     loose           `json:"content"`
	Refusal     loose           `json:"refusal"`
	Reasoning1  loose           `json:"reasoning_content"`
	Reasoning2  loose           `json:"reasoning"`
	Tools       []chatTool      `json:"tool_calls"`
	Function    *chatFunction   `json:"function_call"` // before tool_calls
	Audio       *chatAudio      `json:"audio"`
	Annotations json.RawMessage `json:"annotations"`
}

type chatTool struct {
	Index    int          `json:"index"`
	ID       loose        `json:"id"`
	Function chatFunction `json:"function"`
}

type chatFunction struct {
	Name loose           `json:"name"`
	Args json.RawMessage `json:"arguments"`
}

type chatAudio struct {
	Data       loose `json:"data"`
	Transcript loose `json:"transcript"`
}

var doneData = []byte("[DONE]")

// Decode implements stream.Decoder.
func (d *Chat) Decode(name string, data []byte) (stream.Mark, error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return d.mark(), nil
	}
	if bytes.Equal(data, doneData) {
		d.done = true
		return stream.Done, nil
	}
	var c chatChunk
	if err := json.Unmarshal(data, &c); err != nil {
		return d.mark(), err
	}
	if len(c.Error) > 0 && string(c.Error) != "null" {
		return d.mark(), d.client.Failed(c.Error)
	}
	if c.Object == "error" || name == "error" {
		return d.mark(), d.client.Failed(data)
	}
	if c.Model != "" {
		d.model = string(c.Model)
	}
	for _, ch := range c.Choices {
		if ch.Index != 0 {
			continue
		}
		if err := d.choice(ch); err != nil {
			return d.mark(), err
		}
	}
	if u := parseUsage(c.Usage); u != nil {
		d.usage = u
	}
	return d.mark(), nil
}

func (d *Chat) mark() stream.Mark {
	if d.reason != "" {
		return stream.Ending
	}
	return stream.More
}

func (d *Chat) choice(ch chatChoice) error {
	delta := ch.Delta
	if ch.Message != nil {
		delta = ch.Message
	}
	if delta == nil {
		delta = &chatDelta{}
	}
	think := delta.Reasoning1
	if think == "" {
		think = delta.Reasoning2
	}
	if err := d.w.Think(string(think)); err != nil {
		return err
	}
	if err := d.w.Say(string(delta.Content + ch.Text)); err != nil {
		return err
	}
	if delta.Refusal != "" {
		if err := d.w.Text(refusal, string(delta.Refusal)); err != nil {
			return err
		}
	}
	if delta.Audio != nil {
		if err := d.audio(*delta.Audio); err != nil {
			return err
		}
	}
	if err := d.annotations(delta.Annotations); err != nil {
		return err
	}
	for _, t := range delta.Tools {
		if err := d.tools.piece(t.Index, string(t.ID), string(t.Function.Name), arguments(t.Function.Args)); err != nil {
			return err
		}
	}
	if f := delta.Function; f != nil {
		if err := d.tools.piece(0, "", string(f.Name), arguments(f.Args)); err != nil {
			return err
		}
	}
	if ch.Finish == "" && ch.Message == nil {
		return nil
	}
	d.reason = Finish(string(ch.Finish))
	return d.tools.finish()
}

// arguments are JSON text in a string; some servers send the object itself.
func arguments(p json.RawMessage) string {
	if rawObject(p) {
		return string(p)
	}
	var s string
	_ = json.Unmarshal(p, &s) // null or absent: no text
	return s
}

func (d *Chat) audio(a chatAudio) error {
	if a.Data != "" {
		p, err := stream.Base64(string(a.Data))
		if err != nil {
			return err
		}
		if err := d.w.Audio(d.media, p); err != nil {
			return err
		}
	}
	return d.w.Say(string(a.Transcript))
}

// annotations become sources: [{"type":"url_citation","url_citation":{…}}].
func (d *Chat) annotations(raw json.RawMessage) error {
	var list []map[string]json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	for _, a := range list {
		var kind string
		_ = json.Unmarshal(a["type"], &kind) // no type: the annotation stands as it is
		src, nested := a[kind]
		if !nested || !rawObject(src) {
			src, _ = json.Marshal(a)
		}
		if err := d.w.Source(src); err != nil {
			return err
		}
	}
	return nil
}

// Finish maps a finish_reason to one of turn.Reason….
func Finish(s string) string {
	switch s {
	case "", "stop", "eos", "end_turn":
		return turn.ReasonStop
	case "length", "max_tokens":
		return turn.ReasonLength
	case "tool_calls", "function_call":
		return turn.ReasonToolCalls
	case "content_filter":
		return turn.ReasonContentFilter
	}
	return turn.ReasonOther
}

// End implements stream.Decoder. A finish_reason is an end marker, and so is
// [DONE].
func (d *Chat) End() (string, error) {
	if d.usage != nil {
		d.usage.Model = d.model
		if err := d.w.Usage(*d.usage); err != nil {
			return "", err
		}
	}
	if d.reason == "" && !d.done {
		return "", stream.NoEnd()
	}
	if d.reason == "" {
		d.reason = turn.ReasonStop
		if err := d.tools.finish(); err != nil {
			return "", err
		}
	}
	return d.reason, nil
}
