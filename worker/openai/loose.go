package openai

import (
	"bytes"
	"encoding/json"
)

// loose is text in a field whose shape differs from server to server: a string,
// a list of parts with a text, or anything else, which counts as none.
type loose string

func (l *loose) UnmarshalJSON(p []byte) error {
	*l = ""
	switch p = bytes.TrimSpace(p); {
	case len(p) == 0:
	case p[0] == '"':
		var s string
		if err := json.Unmarshal(p, &s); err != nil {
			return err
		}
		*l = loose(s)
	case p[0] == '[':
		var parts []struct{ Type, Text loose }
		if json.Unmarshal(p, &parts) != nil {
			return nil
		}
		for _, t := range parts {
			*l += t.Text
		}
	}
	return nil
}
