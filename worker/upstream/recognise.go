package upstream

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/karez/karez/worker/anthropic"
	"github.com/karez/karez/worker/openai"
	"github.com/karez/karez/worker/stream"
)

// The formats of Options.Answer.
const (
	AnswerAuto      = "auto" // told from the headers and the first event
	AnswerText      = "text"
	AnswerUI        = "aisdk"    // AI SDK 5 to 7
	AnswerData      = "aisdk-v4" // AI SDK 4, data stream
	AnswerChat      = "openai"   // chat completions
	AnswerResponses = "openai-responses"
	AnswerAnthropic = "anthropic"
	AnswerOllama    = "ollama"
	AnswerLoose     = "loose" // text or JSON in no known format
)

// Answers are all formats, as New's errors and the flags name them.
var Answers = []string{AnswerAuto, AnswerText, AnswerUI, AnswerData, AnswerChat, AnswerResponses, AnswerAnthropic, AnswerOllama, AnswerLoose}

// decoder returns the decoder of a format.
func decoder(format string, w *stream.Writer, c *stream.Client) stream.Decoder {
	switch format {
	case AnswerText:
		return newText(w)
	case AnswerUI:
		return newUI(w, c)
	case AnswerData:
		return newData(w, c)
	case AnswerChat:
		return openai.NewChat(w, c, openai.PCM16)
	case AnswerResponses:
		return openai.NewResponses(w, c)
	case AnswerAnthropic:
		return anthropic.NewMessages(w, c)
	case AnswerOllama:
		return newOllama(w, c)
	}
	return newLoose(w, c)
}

// An auto hands events to the decoder of the format that the first of them
// shows. Until then, and for good when it shows none, looseDecoder has them: so
// nothing is lost of what an application sends ahead of its model's stream.
type auto struct {
	w      *stream.Writer
	client *stream.Client
	d      stream.Decoder // nil at first
	loose  *looseDecoder  // d, while no format is recognised
}

func newAuto(w *stream.Writer, c *stream.Client) *auto { return &auto{w: w, client: c} }

// Decode implements stream.Decoder.
func (a *auto) Decode(name string, data []byte) (stream.Mark, error) {
	if a.d == nil || a.loose != nil && !a.loose.said {
		switch f := formatOf(data); {
		case f == idle:
			return stream.More, nil
		case f != unknown:
			a.d, a.loose = decoder(f, a.w, a.client), nil
		case a.d == nil:
			a.loose = newLoose(a.w, a.client)
			a.d = a.loose
		}
	}
	return a.d.Decode(name, data)
}

// End implements stream.Decoder.
func (a *auto) End() (string, error) {
	if a.d == nil {
		return "", nothing()
	}
	return a.d.End()
}

// What formatOf says beside a format.
const (
	unknown = ""
	idle    = "idle" // an event that says nothing, of more formats than one
)

var anthropicTypes = []string{"message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"}

// uiFields says what a chunk of the AI SDK has beside its type, for the types
// with which a stream may begin.
var uiFields = map[string]string{
	"start": "messageId", "start-step": "", "message-metadata": "messageMetadata",
	"text-start": "id", "text-delta": "delta", "reasoning-start": "id", "reasoning-delta": "delta",
	"tool-input-start": "toolCallId", "tool-input-delta": "toolCallId", "tool-input-available": "toolCallId", "tool-input-error": "toolCallId",
	"tool-output-available": "toolCallId", "tool-output-error": "toolCallId", "tool-output-denied": "toolCallId", "tool-approval-request": "toolCallId",
	"source-url": "sourceId", "source-document": "sourceId", "file": "mediaType", "reasoning-file": "mediaType",
	"error": "errorText", "finish-step": "", "finish": "finishReason",
}

// formatOf tells a format from one event, by what no other has.
func formatOf(data []byte) string {
	var o map[string]json.RawMessage
	if json.Unmarshal(data, &o) != nil || o == nil {
		return unknown
	}
	typ, object := str(o["type"]), str(o["object"])
	field, ui := uiFields[typ]
	switch {
	case typ == "ping", typ == "start" && len(o) == 1:
		return idle
	case strings.HasPrefix(typ, "response.") && (o["response"] != nil || o["sequence_number"] != nil || o["item_id"] != nil || o["item"] != nil):
		return AnswerResponses
	case object == "response" && o["output"] != nil:
		return AnswerResponses
	case slices.Contains(anthropicTypes, typ), typ == "message" && isList(o["content"]) && str(o["role"]) == "assistant":
		return AnswerAnthropic
	case typ == "start" && o["messageMetadata"] != nil:
		return AnswerUI
	case ui && (field == "" || o[field] != nil), strings.HasPrefix(typ, "data-") && o["data"] != nil:
		return AnswerUI
	case isList(o["choices"]):
		return AnswerChat
	case isBool(o["done"]) && (isObject(o["message"]) || o["response"] != nil) && o["model"] != nil:
		return AnswerOllama
	}
	return unknown
}

// str is a JSON string's text; "" for anything else.
func str(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// present reports whether a value says anything.
func present(raw json.RawMessage) bool {
	switch string(raw) {
	case "", "null", "false", `""`, "{}", "[]":
		return false
	}
	return true
}

func isList(raw json.RawMessage) bool   { return len(raw) > 0 && raw[0] == '[' }
func isObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }
func isBool(raw json.RawMessage) bool   { return string(raw) == "true" || string(raw) == "false" }
