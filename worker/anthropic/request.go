package anthropic

import (
	"encoding/base64"
	"strings"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/stream"
)

// object keeps request bodies short to write.
type object = map[string]any

// Body returns the body of a Messages request. maxTokens counts where the
// parameters do not say.
func Body(req worker.Request, maxTokens int) ([]byte, error) {
	var msgs []object
	for _, m := range req.Messages {
		if m.Role != "assistant" {
			c, err := question(m)
			if err != nil {
				return nil, err
			}
			msgs = append(msgs, object{"role": "user", "content": c})
		} else if len(msgs) > 0 { // the API wants a user's message first
			msgs = append(msgs, answer(m)...)
		}
	}
	if _, text, _ := prefill(req.Sofar); text != "" {
		msgs = append(msgs, object{"role": "assistant", "content": text})
	}
	body := object{"messages": msgs, "stream": true}
	if req.Model != "" {
		body["model"] = req.Model
	}
	if req.System != "" {
		body["system"] = req.System
	}
	if !stream.Has(req.Params, "max_tokens") {
		body["max_tokens"] = maxTokens
	}
	return stream.Body(body, req.Params, "model")
}

func answer(m worker.Message) []object {
	var out []object
	for _, r := range stream.Rounds(m) {
		var said, results []object
		if strings.TrimSpace(r.Text) != "" { // an empty block is refused
			said = append(said, object{"type": "text", "text": r.Text})
		}
		for _, c := range r.Calls {
			said = append(said, object{"type": "tool_use", "id": c.ID, "name": c.Name, "input": c.Args})
			res := object{"type": "tool_result", "tool_use_id": c.ID, "content": c.Output}
			if c.Failed {
				res["is_error"] = true
			}
			results = append(results, res)
		}
		if said != nil {
			out = append(out, object{"role": "assistant", "content": said})
		}
		if results != nil {
			out = append(out, object{"role": "user", "content": results})
		}
	}
	return out
}

func question(m worker.Message) (any, error) {
	if len(m.Content) == 0 {
		return m.Text, nil
	}
	var blocks []object
	for _, c := range m.Content {
		switch c.Type {
		case "text":
			if c.Text != "" {
				blocks = append(blocks, object{"type": "text", "text": c.Text})
			}
		case "image":
			blocks = append(blocks, object{"type": "image", "source": source(c)})
		case "file":
			b := object{"type": "document", "source": source(c)}
			if c.Name != "" {
				b["title"] = c.Name
			}
			blocks = append(blocks, b)
		default:
			return nil, stream.Rejected("this model API takes no content of type " + stream.Clip(c.Type, 40))
		}
	}
	if m.Text != "" { // after what it is about
		blocks = append(blocks, object{"type": "text", "text": m.Text})
	}
	return blocks, nil
}

func source(c turn.Content) object {
	media, p, ok := stream.DataURL(c.URL)
	if !ok {
		return object{"type": "url", "url": c.URL}
	}
	if c.Media != "" {
		media = c.Media
	}
	media, _, _ = strings.Cut(media, ";")
	if strings.HasPrefix(media, "text/") {
		return object{"type": "text", "media_type": "text/plain", "data": string(p)}
	}
	return object{"type": "base64", "media_type": media, "data": base64.StdEncoding.EncodeToString(p)}
}
