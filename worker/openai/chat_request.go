package openai

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/stream"
)

// object keeps request bodies short to write.
type object = map[string]any

// ChatBody returns the body of a chat completions request. usage asks for a
// last chunk with the tokens counted.
func ChatBody(req worker.Request, usage bool) ([]byte, error) {
	var msgs []object
	if req.System != "" {
		msgs = append(msgs, object{"role": "system", "content": req.System})
	}
	for _, m := range req.Messages {
		if m.Role == "assistant" {
			msgs = append(msgs, chatAnswer(m)...)
			continue
		}
		c, err := chatContent(m)
		if err != nil {
			return nil, err
		}
		msgs = append(msgs, object{"role": "user", "content": c})
	}
	body := object{"messages": msgs, "stream": true}
	if req.Model != "" {
		body["model"] = req.Model
	}
	if usage {
		body["stream_options"] = object{"include_usage": true}
	}
	return stream.Body(body, req.Params, "n", "model", "stream_options")
}

// chatAnswer makes of one answer the messages that the API wants: each round
// of tool calls is followed by its results.
func chatAnswer(m worker.Message) []object {
	var out []object
	for _, r := range stream.Rounds(m) {
		msg := object{"role": "assistant", "content": r.Text}
		var calls, results []object
		for _, c := range r.Calls {
			calls = append(calls, object{"id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": string(c.Args)}})
			results = append(results, object{"role": "tool", "tool_call_id": c.ID, "content": c.Output})
		}
		if calls != nil {
			msg["tool_calls"] = calls
		}
		out = append(append(out, msg), results...)
	}
	return out
}

// chatContent is a string where that is enough: not every server takes a list.
func chatContent(m worker.Message) (any, error) {
	if len(m.Content) == 0 {
		return m.Text, nil
	}
	var parts []object
	if m.Text != "" {
		parts = append(parts, object{"type": "text", "text": m.Text})
	}
	for _, c := range m.Content {
		switch c.Type {
		case "text":
			parts = append(parts, object{"type": "text", "text": c.Text})
		case "image":
			parts = append(parts, object{"type": "image_url", "image_url": object{"url": c.URL}})
		case "audio":
			a, err := inputAudio(c)
			if err != nil {
				return nil, err
			}
			parts = append(parts, object{"type": "input_audio", "input_audio": a})
		case "file":
			if !strings.HasPrefix(c.URL, "data:") {
				return nil, stream.Rejected("this model API takes a file only as a data URL")
			}
			parts = append(parts, object{"type": "file", "file": object{"filename": fileName(c), "file_data": c.URL}})
		default:
			return nil, stream.Rejected("this model API takes no content of type " + stream.Clip(c.Type, 40))
		}
	}
	return parts, nil
}

// inputAudio gives sound as base64: the API fetches none.
func inputAudio(c turn.Content) (object, error) {
	media, p, ok := stream.DataURL(c.URL)
	if !ok {
		return nil, stream.Rejected("this model API takes sound only as a data URL")
	}
	if c.Media != "" {
		media = c.Media
	}
	format := "wav"
	switch media, _, _ = strings.Cut(media, ";"); media {
	case "audio/mpeg", "audio/mp3":
		format = "mp3"
	case "audio/wav", "audio/x-wav", "audio/wave":
	default:
		format = strings.TrimPrefix(media, "audio/")
	}
	return object{"data": base64.StdEncoding.EncodeToString(p), "format": format}, nil
}

func fileName(c turn.Content) string {
	if c.Name != "" {
		return c.Name
	}
	return "file"
}

// rawObject reports whether p is a JSON object.
func rawObject(p json.RawMessage) bool { return len(p) > 0 && p[0] == '{' }
