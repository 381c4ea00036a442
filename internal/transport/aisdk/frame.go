package aisdk

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of the WebSocket.
const (
	maxRequestID = 128 // bytes
	maxRequests  = 16  // under way on one connection
)

// A frame is what a WebSocketChatTransport sends.
type frame struct {
	Type         string            `json:"type"`
	RequestID    string            `json:"requestId"`
	ID           string            `json:"id"`
	Trigger      string            `json:"trigger"`
	MessageID    string            `json:"messageId"`
	Messages     []json.RawMessage `json:"messages"`
	LastSequence *int              `json:"lastSequence"`
	Headers      map[string]string `json:"headers"`

	Body map[string]json.RawMessage `json:"body"`
}

// The types of frames.
const (
	frameSend   = "send"
	frameResume = "resume"
	frameAbort  = "abort"
)

// parseFrame reads a frame. An error ends the connection, as the SDK's own
// server example does it.
func parseFrame(p []byte) (*frame, error) {
	f := new(frame)
	if err := json.Unmarshal(p, f); err != nil {
		return nil, err
	}
	if f.RequestID == "" || len(f.RequestID) > maxRequestID || !utf8.Valid(p) {
		return nil, errors.New("no requestId")
	}
	switch f.Type {
	case frameAbort:
	case frameSend, frameResume:
		if f.ID == "" || f.LastSequence != nil && *f.LastSequence < 0 {
			return nil, errors.New("no id")
		}
	default:
		return nil, errors.New("unknown type")
	}
	return f, nil
}

// token is the bearer token that a frame carries.
func (f *frame) token() string {
	if scheme, token, ok := strings.Cut(f.Headers["authorization"], " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// request is a send as the body of a POST.
func (f *frame) request() (*request, error) {
	q := &request{ID: f.ID, Messages: f.Messages, Trigger: f.Trigger, MessageID: f.MessageID, extra: f.Body}
	return q, q.settle()
}

// answerFrame is a frame to the client without a chunk.
func answerFrame(kind, id, text string) []byte {
	p, err := json.Marshal(struct {
		Type  string `json:"type"`
		ID    string `json:"requestId"`
		Error string `json:"errorText,omitempty"`
	}{kind, id, text})
	if err != nil {
		panic("encode frame: " + err.Error()) // strings encode
	}
	return p
}

// chunkFrame is a frame to the client with a chunk; id is JSON.
func chunkFrame(id []byte, seq int, c *chunk) []byte {
	p := append([]byte(`{"type":"chunk","requestId":`), id...)
	p = strconv.AppendInt(append(p, `,"sequence":`...), int64(seq), 10)
	return append(append(append(p, `,"chunk":`...), c.encode()...), '}')
}
