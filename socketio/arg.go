package socketio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// An Arg is one argument of an event: a JSON value that may hold binary data.
// Its zero value is null.
type Arg struct {
	raw   json.RawMessage // if it is JSON, and not decoded
	value any             // else: nil, bool, string, json.Number, int64, uint64, float64, []byte, []any, map[string]any
}

// Decode stores the argument in v as encoding/json does. Binary data goes into
// a []byte; where v wants JSON or text it is base64.
func (a Arg) Decode(v any) error {
	if p, ok := v.(*Arg); ok {
		*p = a
		return nil
	}
	if a.raw != nil {
		return json.Unmarshal(a.raw, v)
	}
	if b, ok := a.value.([]byte); ok {
		switch p := v.(type) {
		case *[]byte:
			*p = b
			return nil
		case *any:
			*p = b
			return nil
		}
	}
	p, err := json.Marshal(a.value)
	if err != nil {
		return err
	}
	return json.Unmarshal(p, v)
}

// Value returns the argument as nil, bool, string, a number, []byte, []any or
// map[string]any. Numbers are json.Number, int64, uint64 or float64.
func (a Arg) Value() any {
	if a.raw == nil {
		return a.value
	}
	v, err := tree(a.raw)
	if err != nil {
		return nil // raw was checked when it came
	}
	return v
}

// Bytes returns the argument if it is binary data, else nil.
func (a Arg) Bytes() []byte {
	b, _ := a.value.([]byte)
	return b
}

// JSON returns the argument as JSON text, binary data as base64.
func (a Arg) JSON() json.RawMessage {
	if a.raw != nil {
		return a.raw
	}
	p, err := json.Marshal(a.value)
	if err != nil {
		return json.RawMessage("null") // only a float that is no number
	}
	return p
}

// MarshalJSON is JSON.
func (a Arg) MarshalJSON() ([]byte, error) { return a.JSON(), nil }

// tree decodes JSON with its numbers as they are written.
func tree(p []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(p))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: more follows a value", ErrPacket)
	}
	return v, nil
}
