package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/karez/karez/turn"
)

// jsonCodec is the default: objects with the keys that the struct tags of
// Command and Frame name, but for the event, which is an array (json_event.go).
// A message is one line.
type jsonCodec struct{}

// Subprotocol returns karez.v1.json.
func (jsonCodec) Subprotocol() string { return "karez.v1.json" }

// Binary returns false.
func (jsonCodec) Binary() bool { return false }

// AppendCommand implements Codec.
func (jsonCodec) AppendCommand(dst []byte, c *Command) []byte {
	return appendObject(dst, cleanCommand(c))
}

// AppendFrame implements Codec.
func (j jsonCodec) AppendFrame(dst []byte, f *Frame) []byte {
	if f.Type == FrameEvent {
		return j.AppendBody(j.AppendHead(dst, f.N), f.Event)
	}
	return appendObject(dst, cleanFrame(f))
}

// appendObject encodes a cleaned Command or Frame.
func appendObject(dst []byte, v any) []byte {
	buf := bytes.NewBuffer(dst)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("wire: encode %T: %v", v, err)) // nothing in a clean message can fail
	}
	return buf.Bytes()[:buf.Len()-1] // the encoder ends its output with a line break
}

// commandIn is Command as it is read: lists are counted before they are made.
type commandIn struct {
	*Command
	Prompt *promptIn `json:"prompt"`
	Turns  turnsIn   `json:"turns"`
}

type promptIn struct {
	turn.Prompt
	Content contentsIn `json:"content"`
}

type contentsIn []turn.Content

func (c *contentsIn) UnmarshalJSON(p []byte) error {
	if n := members(p); n > MaxContents {
		return wrong("prompt.content", "%d parts, the most is %d", n, MaxContents)
	}
	return json.Unmarshal(p, (*[]turn.Content)(c))
}

type turnsIn map[string]turn.Seq

func (t *turnsIn) UnmarshalJSON(p []byte) error {
	if n := members(p); n > MaxTurns {
		return wrong("turns", "%d cursors, the most is %d", n, MaxTurns)
	}
	return json.Unmarshal(p, (*map[string]turn.Seq)(t))
}

// DecodeCommand implements Codec.
func (jsonCodec) DecodeCommand(p []byte) (*Command, error) {
	if err := tooLarge(p); err != nil {
		return nil, err
	}
	return decodeCommand(p)
}

func decodeCommand(p []byte) (*Command, error) {
	if err := checkJSON(p, '{'); err != nil {
		return nil, badFrame(err)
	}
	in := commandIn{Command: new(Command)}
	if err := json.Unmarshal(p, &in); err != nil {
		return spoiled(in.Command, jsonError(err))
	}
	c := in.Command
	if in.Prompt != nil {
		c.Prompt = &in.Prompt.Prompt
		c.Prompt.Content = in.Prompt.Content
	}
	c.Turns = in.Turns
	return checkLengths(c)
}

// DecodeFrame implements Codec.
func (jsonCodec) DecodeFrame(p []byte) (*Frame, error) {
	if t := bytes.TrimLeft(p, " \t\r\n"); len(t) > 0 && t[0] == '[' {
		return decodeJSONEvent(t)
	}
	if err := checkJSON(p, '{'); err != nil {
		return nil, badFrame(err)
	}
	f := new(Frame)
	if err := json.Unmarshal(p, f); err != nil {
		return nil, badFrame(jsonError(err))
	}
	return checkFrame(f)
}

// checkFrame ends the decoding of a frame that is no event.
func checkFrame(f *Frame) (*Frame, error) {
	if f.Type == "" {
		return nil, badFrame(wrong("type", "it is missing"))
	}
	if f.Type == FrameEvent {
		return nil, badFrame(wrong("type", "an event has its own form"))
	}
	if f.History != nil && len(f.History.Turns) == 0 {
		f.History.Turns = nil
	}
	if p := f.Presence; p != nil {
		for _, list := range []*[]Member{&p.Here, &p.Joined, &p.Left, &p.Changed} {
			if len(*list) == 0 {
				*list = nil
			}
		}
	}
	return f, nil
}

// checkJSON refuses what must not reach the JSON parser.
func checkJSON(p []byte, first byte) error {
	t := bytes.TrimLeft(p, " \t\r\n")
	switch {
	case len(t) == 0:
		return errors.New("an empty message")
	case t[0] != first:
		return fmt.Errorf("a message begins with %q, this one with %q", first, t[0])
	case !utf8.Valid(p):
		return errors.New("not valid UTF-8")
	}
	if d := depth(p); d > MaxDepth {
		return fmt.Errorf("nested %d deep, the most is %d", d, MaxDepth)
	}
	return nil
}

// jsonError puts the words of encoding/json into ours.
func jsonError(err error) error {
	var te *json.UnmarshalTypeError
	var se *json.SyntaxError
	switch {
	case errors.As(err, &te) && te.Field != "":
		field := strings.TrimPrefix(te.Field, "Command.") // embedded in commandIn
		return wrong(field, "%s does not fit here (at byte %d)", te.Value, te.Offset)
	case errors.As(err, &te):
		return fmt.Errorf("%s does not fit here (at byte %d)", te.Value, te.Offset)
	case errors.As(err, &se):
		return fmt.Errorf("not JSON at byte %d: %v", se.Offset, err)
	}
	return err
}

// spoiled returns what DecodeCommand returns of a command with a wrong field.
func spoiled(c *Command, err error) (*Command, error) {
	if c.ID == 0 && c.Type == "" {
		return nil, badFrame(err)
	}
	return &Command{ID: c.ID, Type: c.Type}, badFrame(err)
}
