package openai

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/turn"
)

// maxContent bounds the parts of one message, as in the native protocol.
const maxContent = 64

// A request is the body of either endpoint, as far as it is understood here;
// what is left of it are parameters for the model.
type request struct {
	Model         string            `json:"model"`
	Messages      []item            `json:"messages"`
	Input         json.RawMessage   `json:"input"`
	Instructions  string            `json:"instructions"`
	Stream        bool              `json:"stream"`
	StreamOptions *streamOptions    `json:"stream_options"`
	Background    bool              `json:"background"`
	N             *int              `json:"n"`
	Metadata      map[string]string `json:"metadata"`
	Conversation  json.RawMessage   `json:"conversation"` // an id, or {"id"}
	Previous      string            `json:"previous_response_id"`

	params map[string]json.RawMessage
}

type streamOptions struct {
	Usage bool `json:"include_usage"`
}

// plumbing are the keys of a body that are no parameters of the model.
var plumbing = []string{
	"model", "messages", "input", "instructions", "stream", "stream_options", "background", "n", "metadata", "conversation",
	"previous_response_id", "store", "user", "include", "truncation", "safety_identifier", "prompt_cache_key", "service_tier",
}

// An item is a message of a chat, or an item of a response's input.
type item struct {
	Type      string          `json:"type"`
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	Name      string          `json:"name"`
	CallID    string          `json:"call_id"`
	ToolCall  string          `json:"tool_call_id"`
	Arguments string          `json:"arguments"`
	Output    json.RawMessage `json:"output"`
	ToolCalls []struct {
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

// parse reads a body.
func parse(body []byte) (*request, error) {
	q := new(request)
	err := json.Unmarshal(body, q)
	if err == nil && !utf8.Valid(body) {
		err = errors.New("it is not valid UTF-8")
	}
	if err == nil {
		err = json.Unmarshal(body, &q.params)
	}
	if te := (*json.UnmarshalTypeError)(nil); errors.As(err, &te) && te.Field != "" {
		p := answer.Bad("the type of "+te.Field+" is wrong", "it is a "+te.Value+" here")
		p.Param = te.Field
		return nil, p
	}
	if err != nil {
		return nil, answer.Bad("the body could not be understood: "+err.Error(), "send a JSON object")
	}
	for _, k := range plumbing {
		delete(q.params, k)
	}
	for k, v := range q.params {
		if string(v) == "null" {
			delete(q.params, k)
		}
	}
	if q.N != nil && *q.N != 1 {
		return nil, wrong("n", "one answer is given to a prompt", "ask several times")
	}
	return q, nil
}

func wrong(param, message, hint string) *answer.Problem {
	p := answer.Bad(message, hint)
	p.Param = param
	return p
}

// items are the conversation that a request brings.
func (q *request) items() ([]item, error) {
	if q.Messages != nil {
		return q.Messages, nil
	}
	var s string
	if json.Unmarshal(q.Input, &s) == nil {
		return []item{{Role: "user", Content: q.Input}}, nil
	}
	var list []item
	if err := json.Unmarshal(q.Input, &list); err != nil {
		return nil, wrong("input", "input is neither a text nor a list of items", "")
	}
	return list, nil
}

// prompt makes a prompt of what a request brings: its last message, or the
// results of tools at its end. What stands before is the model's to know only
// where the log does not have it: whole.
func (q *request) prompt(param string, whole bool) (turn.Prompt, error) {
	var p turn.Prompt
	items, err := q.items()
	if err != nil {
		return p, err
	}
	system := []string{}
	if q.Instructions != "" {
		system = append(system, q.Instructions)
	}
	var rest []item
	for _, it := range items {
		if it.Role == "system" || it.Role == "developer" {
			text, _ := it.said()
			system = append(system, text)
			continue
		}
		rest = append(rest, it)
	}
	last := len(rest)
	for last > 0 && rest[last-1].result() {
		last--
	}
	switch {
	case last < len(rest) && !whole: // the log has the calls
		for _, it := range rest[last:] {
			p.Content = append(p.Content, it.returned().Content())
		}
	case last < len(rest):
		var b strings.Builder
		for _, it := range rest[last:] {
			b.WriteString(it.told())
		}
		p.Text = strings.TrimSpace(b.String())
	case last > 0 && (rest[last-1].Role == "user" || rest[last-1].Role == "" && rest[last-1].Type != "reasoning"):
		last--
		p.Text, p.Content = rest[last].said()
	default:
		return p, wrong(param, "the last message is not a user's", "send what is asked")
	}
	if p.Text == "" && len(p.Content) == 0 {
		return p, wrong(param, "the last message is empty", "send what is asked")
	}
	if len(p.Content) > maxContent {
		return p, wrong(param, "a message has at most 64 parts", "send fewer, larger ones")
	}
	if whole && last > 0 {
		var b strings.Builder
		b.WriteString("The conversation so far:\n\n")
		for _, it := range rest[:last] {
			b.WriteString(it.told())
		}
		system = append(system, strings.TrimSpace(b.String()))
	}
	p.System = strings.Join(system, "\n\n")
	if len(q.params) > 0 {
		p.Params, err = json.Marshal(q.params)
	}
	return p, err
}

// result reports whether an item is what a tool returned.
func (it *item) result() bool { return it.Role == "tool" || it.Type == "function_call_output" }

// returned is what a tool returned as the log has it.
func (it *item) returned() turn.ToolResult {
	r := turn.ToolResult{Call: it.CallID, Output: it.Output}
	if it.Role == "tool" {
		text, _ := it.said()
		r.Call = it.ToolCall
		r.Output, _ = json.Marshal(text) // a string encodes
	}
	if len(r.Output) == 0 {
		r.Output = json.RawMessage("null")
	}
	return r
}

// told is an item as a line of a transcript.
func (it *item) told() string {
	text, _ := it.said()
	switch {
	case it.Role == "tool":
		return "Tool call " + it.ToolCall + " returned: " + text + "\n\n"
	case it.Type == "function_call_output":
		text = string(it.Output)
		_ = json.Unmarshal(it.Output, &text) // else the JSON itself
		return "Tool call " + it.CallID + " returned: " + text + "\n\n"
	case it.Type == "function_call":
		return "Assistant called " + it.Name + ": " + it.Arguments + "\n\n"
	case it.Role == "assistant":
		out := ""
		if text != "" {
			out = "Assistant: " + text + "\n\n"
		}
		for _, c := range it.ToolCalls {
			out += "Assistant called " + c.Function.Name + ": " + c.Function.Arguments + "\n\n"
		}
		return out
	case text == "":
		return ""
	}
	return "User: " + text + "\n\n"
}

// A piece is a part of a message's content, in either API's form.
type piece struct {
	Type     string          `json:"type"`
	Text     string          `json:"text"`
	ImageURL json.RawMessage `json:"image_url"` // a URL, or {"url"}
	Audio    *struct {
		Data   string `json:"data"`
		Format string `json:"format"`
	} `json:"input_audio"`
	File     *file  `json:"file"`
	FileURL  string `json:"file_url"`
	FileData string `json:"file_data"`
	Filename string `json:"filename"`
}

type file struct {
	Data string `json:"file_data"`
	Name string `json:"filename"`
}

// said is what a message says: its first text, and the rest.
func (it *item) said() (text string, content []turn.Content) {
	if json.Unmarshal(it.Content, &text) == nil {
		return text, nil
	}
	var pieces []piece
	if json.Unmarshal(it.Content, &pieces) != nil {
		return "", nil
	}
	for _, p := range pieces {
		c, ok := p.content()
		switch {
		case !ok:
		case c.Type == "text" && text == "":
			text = c.Text
		default:
			content = append(content, c)
		}
	}
	return text, content
}

func (p *piece) content() (c turn.Content, ok bool) {
	switch p.Type {
	case "text", "input_text", "output_text":
		return turn.Content{Type: "text", Text: p.Text}, p.Text != ""
	case "image_url", "input_image":
		c.Type = "image"
		if json.Unmarshal(p.ImageURL, &c.URL) != nil {
			var u struct {
				URL string `json:"url"`
			}
			_ = json.Unmarshal(p.ImageURL, &u) // else there is none
			c.URL = u.URL
		}
	case "input_audio":
		if p.Audio != nil && p.Audio.Data != "" {
			media := "audio/" + p.Audio.Format
			c = turn.Content{Type: "audio", URL: "data:" + media + ";base64," + p.Audio.Data, Media: media}
		}
	case "file", "input_file":
		c = turn.Content{Type: "file", URL: p.FileURL, Name: p.Filename}
		if p.File != nil {
			p.FileData, c.Name = p.File.Data, p.File.Name
		}
		if c.URL == "" {
			c.URL = p.FileData
		}
	}
	return c, c.URL != ""
}
