package aisdk

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/turn"
)

// Bounds of a request.
const (
	maxMessageID = 128 // bytes, as in the native protocol
	maxParts     = 64  // of the message that is the prompt
)

// A request is the body of POST /api/chat. useChat sends the whole
// conversation; only its last message counts here, the rest is in the log.
type request struct {
	ID        string            `json:"id"`
	Messages  []json.RawMessage `json:"messages"`
	Message   json.RawMessage   `json:"message"`
	Trigger   string            `json:"trigger"`
	MessageID string            `json:"messageId"`

	last  message
	first string // id of the first message
	extra map[string]json.RawMessage
}

// A message is a UIMessage.
type message struct {
	ID      string          `json:"id"`
	Role    string          `json:"role"`
	Parts   []part          `json:"parts"`
	Content json.RawMessage `json:"content"` // as it was before version 5, or of simple clients
}

// A part is a part of a UIMessage.
type part struct {
	Type     string          `json:"type"`
	Text     string          `json:"text"`
	URL      string          `json:"url"`
	Media    string          `json:"mediaType"`
	File     string          `json:"filename"`
	Call     string          `json:"toolCallId"`
	Tool     string          `json:"toolName"`
	State    string          `json:"state"`
	Output   json.RawMessage `json:"output"`
	Error    string          `json:"errorText"`
	Approval *struct {
		ID       string `json:"id"`
		Approved *bool  `json:"approved"`
		Reason   string `json:"reason"`
	} `json:"approval"`
}

// The triggers of a request.
const (
	submit     = "submit-message"
	regenerate = "regenerate-message"
)

// parse reads the body of a request.
func parse(body []byte) (*request, error) {
	q := new(request)
	err := json.Unmarshal(body, q)
	if err == nil && !utf8.Valid(body) {
		err = errors.New("it is not valid UTF-8")
	}
	if err != nil {
		return nil, answer.Bad("the body is not the JSON of a chat request: "+err.Error(), `send {"id":"…","messages":[…]}`)
	}
	if err := json.Unmarshal(body, &q.extra); err != nil {
		return nil, answer.Bad("the body is not a JSON object", `send {"id":"…","messages":[…]}`)
	}
	if err := q.settle(); err != nil {
		return nil, err
	}
	return q, nil
}

// settle finds the last message and checks what is given.
func (q *request) settle() error {
	last := q.Message
	if n := len(q.Messages); n > 0 {
		var first message
		_ = json.Unmarshal(q.Messages[0], &first) // without an id then
		last, q.first = q.Messages[n-1], first.ID
	}
	if len(last) == 0 || string(last) == "null" {
		return answer.Bad("the request has no message", "send the message in messages, or in message")
	}
	if err := json.Unmarshal(last, &q.last); err != nil {
		return answer.Bad("the last message is not a UI message: "+err.Error(), `a message is {"id":"…","role":"user","parts":[{"type":"text","text":"…"}]}`)
	}
	switch q.Trigger {
	case "":
		q.Trigger = submit
	case submit, regenerate:
	default:
		return answer.Bad("the trigger "+clip(q.Trigger)+" is not known", submit+" and "+regenerate+" are")
	}
	for _, id := range []string{q.last.ID, q.MessageID, q.first} {
		if len(id) > maxMessageID {
			return answer.Bad("the id of a message has at most 128 bytes", "use shorter ids")
		}
	}
	return nil
}

// prompt makes a prompt of the request's last message, which is a user's.
func (q *request) prompt() (turn.Prompt, error) {
	p := turn.Prompt{Message: q.last.ID}
	if len(q.last.Parts) > maxParts {
		return p, answer.Bad("a message has at most 64 parts", "send fewer, larger ones")
	}
	for _, part := range q.last.Parts {
		switch {
		case part.Type == "text" && part.Text == "":
		case part.Type == "text" && p.Text == "":
			p.Text = part.Text
		case part.Type == "text":
			p.Content = append(p.Content, turn.Content{Type: "text", Text: part.Text})
		case part.Type == "file" && part.URL != "":
			p.Content = append(p.Content, turn.Content{Type: contentType(part.Media), URL: part.URL, Media: part.Media, Name: part.File})
		}
	}
	if p.Text == "" && len(p.Content) == 0 {
		_ = json.Unmarshal(q.last.Content, &p.Text) // a list is not text
	}
	if p.Text == "" && len(p.Content) == 0 {
		return p, answer.Bad("the message has neither text nor a file", "send a part of type text or file")
	}
	return p, nil
}

func contentType(media string) string {
	switch kind, _, _ := strings.Cut(media, "/"); kind {
	case "image", "audio":
		return kind
	}
	return "file"
}

// tools returns what the client did with tools in the last message, which is
// an assistant's.
func (q *request) tools() []result {
	var out []result
	for _, p := range q.last.Parts {
		name, is := strings.CutPrefix(p.Type, "tool-")
		if p.Type == "dynamic-tool" {
			name, is = p.Tool, true
		}
		if !is || p.Call == "" {
			continue
		}
		r := result{turn.ToolResult{Call: p.Call, Tool: name}}
		switch {
		case p.State == "output-available":
			if r.Output = p.Output; len(r.Output) == 0 {
				r.Output = json.RawMessage("null")
			}
		case p.State == "output-error":
			r.Error = p.Error
			r.Failed = true
		case p.State == "approval-responded" && p.Approval != nil && p.Approval.Approved != nil:
			r.Approval, r.Approved, r.Reason = p.Approval.ID, p.Approval.Approved, p.Approval.Reason
		default:
			continue
		}
		out = append(out, r)
	}
	return out
}

// fresh returns those of rs that the log does not have.
func fresh(rs []result, answers []turn.Answer) []result {
	return slices.DeleteFunc(rs, func(r result) bool {
		for _, a := range answers {
			for _, p := range a.Parts {
				if (p.Kind == turn.KindToolDone || p.Kind == turn.KindToolError) && callID(p.ID) == r.Call {
					return true
				}
			}
			if a.Prompt == nil {
				continue
			}
			for _, had := range results(a.Prompt.Content) {
				if had.Call == r.Call && (had.Approved == nil) == (r.Approved == nil) {
					return true
				}
			}
		}
		return false
	})
}

// digest names content in an id.
func digest(p []byte) string {
	sum := sha256.Sum256(p)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

func clip(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
