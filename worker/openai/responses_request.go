package openai

import (
	"strings"

	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/stream"
)

// ResponsesBody returns the body of a Responses API request. Unless the
// parameters say otherwise, the answer is not stored there.
func ResponsesBody(req worker.Request) ([]byte, error) {
	var input []object
	for _, m := range req.Messages {
		if m.Role == "assistant" {
			input = append(input, responsesAnswer(m)...)
			continue
		}
		c, err := responsesContent(m)
		if err != nil {
			return nil, err
		}
		input = append(input, object{"role": "user", "content": c})
	}
	body := object{"input": input, "stream": true}
	if req.Model != "" {
		body["model"] = req.Model
	}
	if req.System != "" {
		body["instructions"] = req.System
	}
	if !stream.Has(req.Params, "store") {
		body["store"] = false
	}
	return stream.Body(body, req.Params, "model", "background", "conversation", "previous_response_id")
}

func responsesAnswer(m worker.Message) []object {
	var out []object
	for _, r := range stream.Rounds(m) {
		if r.Text != "" {
			out = append(out, object{"role": "assistant", "content": r.Text})
		}
		for _, c := range r.Calls {
			out = append(out,
				object{"type": "function_call", "call_id": c.ID, "name": c.Name, "arguments": string(c.Args)},
				object{"type": "function_call_output", "call_id": c.ID, "output": c.Output})
		}
	}
	return out
}

func responsesContent(m worker.Message) (any, error) {
	if len(m.Content) == 0 {
		return m.Text, nil
	}
	var parts []object
	if m.Text != "" {
		parts = append(parts, object{"type": "input_text", "text": m.Text})
	}
	for _, c := range m.Content {
		switch c.Type {
		case "text":
			parts = append(parts, object{"type": "input_text", "text": c.Text})
		case "image":
			parts = append(parts, object{"type": "input_image", "image_url": c.URL})
		case "audio":
			a, err := inputAudio(c)
			if err != nil {
				return nil, err
			}
			parts = append(parts, object{"type": "input_audio", "input_audio": a})
		case "file":
			f := object{"type": "input_file", "file_url": c.URL}
			if strings.HasPrefix(c.URL, "data:") {
				f = object{"type": "input_file", "filename": fileName(c), "file_data": c.URL}
			}
			parts = append(parts, f)
		default:
			return nil, stream.Rejected("this model API takes no content of type " + stream.Clip(c.Type, 40))
		}
	}
	return parts, nil
}
