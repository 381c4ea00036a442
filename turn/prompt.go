package turn

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Bounds of what somebody asks, on whatever protocol. How large a prompt is as
// a whole is bounded where it is accepted.
const (
	MaxMessage  = 128 // bytes of Prompt.Message
	MaxUser     = 200 // bytes of a user's id
	MaxContents = 64  // parts of one message
	MaxDepth    = 48  // nesting of a JSON value that comes from outside
)

// Check returns a *FieldError unless p may be asked. A message without an id
// passes: where it is accepted it gets one.
func (p *Prompt) Check() error {
	if err := p.checkNames(); err != nil {
		return err
	}
	if err := CheckParams(p.Params); err != nil {
		return err
	}
	if !utf8.ValidString(p.Text) || !utf8.ValidString(p.System) || !utf8.ValidString(p.Model) {
		return &FieldError{"prompt", "is not valid UTF-8", ""}
	}
	if p.Text == "" && len(p.Content) == 0 {
		return &FieldError{"prompt.text", "is missing", "ask something: prompt.text, or parts in prompt.content"}
	}
	if len(p.Content) > MaxContents {
		return &FieldError{"prompt.content", fmt.Sprintf("has %d parts, the most is %d", len(p.Content), MaxContents), "send fewer, larger ones"}
	}
	for i := range p.Content {
		if err := p.Content[i].check(fmt.Sprintf("prompt.content[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Prompt) checkNames() error {
	if n := len(p.Message); n > MaxMessage || !utf8.ValidString(p.Message) {
		return &FieldError{"prompt.message", fmt.Sprintf("has %d bytes, at most %d of UTF-8 are taken", n, MaxMessage), "use a shorter id"}
	}
	if n := len(p.User); n > MaxUser || !utf8.ValidString(p.User) {
		return &FieldError{"user", fmt.Sprintf("has %d bytes, at most %d of UTF-8 are taken", n, MaxUser), ""}
	}
	if p.Parent != "" {
		if err := CheckName(p.Parent); err != nil {
			return &FieldError{"prompt.parent", "is no turn: " + err.Error(), "name the turn that this one follows"}
		}
	}
	if p.Supersedes != "" {
		if err := CheckName(p.Supersedes); err != nil {
			return &FieldError{"prompt.supersedes", "is no turn: " + err.Error(), "name the turn that this one replaces"}
		}
	}
	return nil
}

func (c *Content) check(field string) error {
	if c.Type == "" {
		return &FieldError{field + ".type", "is missing", "text, image, audio or file"}
	}
	if c.Text == "" && c.URL == "" {
		return &FieldError{field, "is empty", "a part has a text or a url, which may be a data URL"}
	}
	for _, s := range []string{c.Type, c.Text, c.URL, c.Media, c.Name} {
		if !utf8.ValidString(s) {
			return &FieldError{field, "is not valid UTF-8", ""}
		}
	}
	return nil
}

// CheckParams returns a *FieldError unless params is absent or an object of
// model parameters.
func CheckParams(params json.RawMessage) error {
	if len(params) == 0 || string(params) == "null" {
		return nil
	}
	var obj map[string]json.RawMessage
	if json.Unmarshal(params, &obj) != nil {
		return &FieldError{"prompt.params", "is no object", "an object of model parameters"}
	}
	return CheckValue("prompt.params", params)
}

// CheckValue returns a *FieldError unless field, whose value is p, is absent or
// JSON that is not nested too deeply.
func CheckValue(field string, p json.RawMessage) error {
	if len(p) == 0 {
		return nil
	}
	if !json.Valid(p) || !utf8.Valid(p) {
		return &FieldError{field, "is not JSON", ""}
	}
	if d := depth(p); d > MaxDepth {
		return &FieldError{field, fmt.Sprintf("is nested %d deep, the most is %d", d, MaxDepth), "nest it less"}
	}
	return nil
}

// depth returns how deep p, which is JSON, is nested.
func depth(p []byte) int {
	deepest, at, quoted := 0, 0, false
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			if at++; at > deepest {
				deepest = at
			}
		case c == '}', c == ']':
			at--
		}
	}
	return deepest
}
