package turn

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// A prompt is bounded whichever protocol it came by; the error names the field.
func TestPromptCheck(t *testing.T) {
	nested := func(n int) json.RawMessage {
		return json.RawMessage(`{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}")
	}
	parts := func(n int) []Content {
		out := make([]Content, n)
		for i := range out {
			out[i] = Content{Type: "text", Text: "x"}
		}
		return out
	}
	for _, c := range []struct {
		p     Prompt
		field string // "": it is taken
	}{
		{Prompt{Text: "x"}, ""},
		{Prompt{Text: "x", Message: strings.Repeat("m", MaxMessage), User: strings.Repeat("u", MaxUser), Content: parts(MaxContents), Params: nested(MaxDepth), Parent: "t1", Supersedes: "t2"}, ""},
		{Prompt{Text: "x", Params: json.RawMessage("null")}, ""},
		{Prompt{Text: "x", Params: json.RawMessage(`{"a":"[[[[\"[["}`)}, ""},
		{Prompt{}, "prompt.text"},
		{Prompt{Text: "x", Message: strings.Repeat("m", MaxMessage+1)}, "prompt.message"},
		{Prompt{Text: "x", Message: "\xff"}, "prompt.message"},
		{Prompt{Text: "x", User: strings.Repeat("u", MaxUser+1)}, "user"},
		{Prompt{Text: "\xff"}, "prompt"},
		{Prompt{Content: parts(MaxContents + 1)}, "prompt.content"},
		{Prompt{Content: []Content{{Text: "x"}}}, "prompt.content[0].type"},
		{Prompt{Content: []Content{{Type: "text"}}}, "prompt.content[0]"},
		{Prompt{Content: []Content{{Type: "text", Text: "\xff"}}}, "prompt.content[0]"},
		{Prompt{Text: "x", Parent: "a/b"}, "prompt.parent"},
		{Prompt{Text: "x", Supersedes: "a/b"}, "prompt.supersedes"},
		{Prompt{Text: "x", Params: json.RawMessage(`[1]`)}, "prompt.params"},
		{Prompt{Text: "x", Params: json.RawMessage(`{"a":`)}, "prompt.params"},
		{Prompt{Text: "x", Params: nested(MaxDepth + 1)}, "prompt.params"},
	} {
		err := c.p.Check()
		var fe *FieldError
		if c.field == "" {
			if err != nil {
				t.Errorf("%+v: %v", c.p, err)
			}
		} else if !errors.As(err, &fe) || fe.Field != c.field || !errors.Is(err, ErrBadField) {
			t.Errorf("%s: %v", c.field, err)
		}
	}
}

// A value's depth is that of its brackets, not of those in its strings.
func FuzzCheckValue(f *testing.F) {
	for _, s := range []string{`{"a":[1]}`, `"[[["`, `{"a":"\"[","b":[[]]}`, `null`, `{`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if CheckValue("x", p) != nil || len(p) == 0 {
			return
		}
		if !json.Valid(p) {
			t.Fatalf("taken: %q", p)
		}
		deepest, at := 0, 0
		for dec := json.NewDecoder(strings.NewReader(string(p))); ; {
			tok, err := dec.Token()
			if err != nil {
				break
			}
			switch tok {
			case json.Delim('{'), json.Delim('['):
				at++
				deepest = max(deepest, at)
			case json.Delim('}'), json.Delim(']'):
				at--
			}
		}
		if got := depth(p); got != deepest {
			t.Fatalf("%q: depth %d, want %d", p, got, deepest)
		}
	})
}
