package upstream

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/openai"
	"github.com/karez/karez/worker/stream"
)

// The shapes of Options.Request.
const (
	RequestAuto    = "auto"          // that of the AI SDK with what an endpoint of OpenAI's shape reads beside it
	RequestUI      = "aisdk"         // what the AI SDK's useChat sends: {id, messages, trigger}
	RequestMessage = "aisdk-message" // the last message alone, for endpoints that keep the conversation: {id, message, trigger}
	RequestOpenAI  = "openai"        // a chat completions request and nothing else
	RequestText    = "text"          // the prompt as plain text
)

// Requests are all shapes, as New's errors and the flags name them.
var Requests = []string{RequestAuto, RequestUI, RequestMessage, RequestOpenAI, RequestText}

// object keeps request bodies short to write.
type object = map[string]any

// requestBody returns the body of a request and its media type.
func requestBody(shape string, req worker.Request) (body []byte, media string, err error) {
	const asJSON = "application/json"
	switch shape {
	case RequestOpenAI:
		body, err = openai.ChatBody(req, false)
		return body, asJSON, err
	case RequestText:
		text := ""
		if n := len(req.Messages); n > 0 {
			text = req.Messages[n-1].Text
		}
		return []byte(text), "text/plain; charset=utf-8", nil
	}
	o := object{"id": req.ID.Channel, "trigger": "submit-message"}
	if req.Model != "" {
		o["model"] = req.Model
	}
	if req.System != "" { // beside the messages: the AI SDK 7 refuses one in them
		o["system"] = req.System
	}
	msgs := messages(req, shape == RequestAuto)
	switch {
	case shape == RequestMessage && len(msgs) > 0:
		o["message"] = msgs[len(msgs)-1]
	default:
		o["messages"] = msgs
	}
	if shape == RequestAuto {
		o["stream"] = true
	}
	body, err = stream.Body(o, req.Params, "model", "system", "message", "messages")
	return body, asJSON, err
}

// messages are the conversation as UIMessages. With content each also has its
// text where endpoints of OpenAI's shape, and of the AI SDK 4, look for it.
// Of their ids only the last one, the turn's name, means something: the others
// are places in this request.
func messages(req worker.Request, content bool) []object {
	out := []object{}
	add := func(role string, parts []object, text any) {
		m := object{"id": req.ID.Name + "-" + strconv.Itoa(len(out)+1), "role": role, "parts": parts}
		if content {
			m["content"] = text
		}
		out = append(out, m)
	}
	for _, m := range req.Messages {
		if m.Role != "assistant" {
			add("user", question(m), m.Text)
			continue
		}
		if parts := answer(m); len(parts) > 0 {
			add("assistant", parts, said(m))
		}
	}
	if len(out) > 0 {
		out[len(out)-1]["id"] = req.ID.Name
	}
	return out
}

func question(m worker.Message) []object {
	parts := []object{}
	if m.Text != "" || len(m.Content) == 0 {
		parts = append(parts, object{"type": "text", "text": m.Text})
	}
	for _, c := range m.Content {
		if c.Type == "text" {
			parts = append(parts, object{"type": "text", "text": c.Text})
			continue
		}
		f := object{"type": "file", "url": c.URL, "mediaType": mediaOf(c)}
		if c.Name != "" {
			f["filename"] = c.Name
		}
		parts = append(parts, f)
	}
	return parts
}

// mediaOf is the media type of a content, which a UIMessage must say.
func mediaOf(c turn.Content) string {
	if c.Media != "" {
		return c.Media
	}
	if media, _, ok := stream.DataURL(c.URL); ok {
		return media
	}
	if c.Type == "image" || c.Type == "audio" {
		return c.Type + "/*"
	}
	return "application/octet-stream"
}

// answer are an assistant's parts: what it said and the tools it called, in
// order. Reasoning is left out, as without the provider's signature it is
// refused; so is a call without a result.
func answer(m worker.Message) []object {
	var parts []object
	for i, r := range stream.Rounds(m) {
		if i > 0 {
			parts = append(parts, object{"type": "step-start"})
		}
		if r.Text != "" {
			parts = append(parts, object{"type": "text", "text": r.Text})
		}
		for _, c := range r.Calls {
			p := object{"type": "tool-" + c.Name, "toolCallId": c.ID, "input": c.Args}
			if c.Failed {
				p["state"], p["errorText"] = "output-error", c.Output
			} else {
				p["state"], p["output"] = "output-available", value(c.Output)
			}
			parts = append(parts, p)
		}
	}
	return parts
}

// value is s as the JSON that it is, else as a string.
func value(s string) any {
	if json.Valid([]byte(s)) {
		return json.RawMessage(s)
	}
	return s
}

// said is the text of an assistant's message.
func said(m worker.Message) string {
	var b strings.Builder
	for _, r := range stream.Rounds(m) {
		b.WriteString(r.Text)
	}
	return b.String()
}
