package upstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/karez/karez/worker/stream"
)

// maxPeek bounds, in bytes, how much of a body without a label is held back
// until it is plain what it is. Past it, it is text.
const maxPeek = 64 << 10

// A shape is how a body is cut into events.
type shape int

const (
	undecided shape = iota
	isText
	isSSE
	isJSON
	isHTML
)

// peek reads until it is plain what the body is, and returns what it has read.
func peek(r io.Reader, l label) (shape, []byte, error) {
	var head []byte
	buf := make([]byte, 4<<10)
	for {
		n, err := r.Read(buf)
		head = append(head, buf[:n]...)
		if err != nil && err != io.EOF {
			return undecided, nil, err
		}
		end := err == io.EOF || len(head) > maxPeek
		if k := shapeOf(head, l, end); k != undecided {
			return k, head, nil
		}
		if end { // nothing but white space, or a start that leads nowhere
			return isText, head, nil
		}
	}
}

// shapeOf says what a body is that begins with head, or that more is needed. A
// label is believed where the body can be what it says. Without one, a body is
// a stream of events only if its first event is of a known format: text that
// merely looks like one in the beginning is shown as it is.
func shapeOf(head []byte, l label, end bool) shape {
	b := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
	if len(b) == 0 {
		return undecided
	}
	switch {
	case l == labelJSON && !begins(b, true):
		return isJSON
	case l == labelHTML && looksHTML(b):
		return isHTML
	case l == labelHTML && b[0] == '<' && len(b) < len("<!doctype") && !end:
		return undecided
	case b[0] == '{':
		return jsonOrText(b)
	case !begins(b, true):
		return isText
	case !begins(b, end):
		return undecided
	case l == labelSSE || l == labelJSON:
		return isSSE
	}
	return eventsOrText(b, end)
}

func looksHTML(b []byte) bool {
	s := strings.ToLower(string(b[:min(len(b), 9)]))
	return strings.HasPrefix(s, "<!doctype") || strings.HasPrefix(s, "<html")
}

// fields begin the lines of a stream of events; a comment begins with ":".
var fields = []string{"", "data", "event", "id", "retry"}

// begins reports whether b begins a line of a stream of events, or, with part,
// may when there is more of it.
func begins(b []byte, part bool) bool {
	return slices.ContainsFunc(fields, func(f string) bool {
		f += ":"
		return bytes.HasPrefix(b, []byte(f)) || part && strings.HasPrefix(f, string(b[:min(len(b), 8)]))
	})
}

// jsonOrText looks at a body that begins with a brace.
func jsonOrText(b []byte) shape {
	if last := b[len(b)-1]; last != '}' && bytes.IndexByte(b, '\n') < 0 {
		return undecided // not whole: no need to parse it at every read
	}
	var raw json.RawMessage
	switch err := json.NewDecoder(bytes.NewReader(b)).Decode(&raw); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return undecided
	case err != nil || formatOf(raw) == unknown:
		return isText
	}
	return isJSON
}

// eventsOrText looks at a body without a label that begins as a stream of
// events does.
func eventsOrText(b []byte, end bool) shape {
	for line := range bytes.Lines(b) {
		line = bytes.TrimRight(line, "\r\n")
		value, data := bytes.CutPrefix(line, []byte("data:"))
		value = bytes.TrimLeft(value, " ")
		if len(line) > 0 && !begins(line, true) || data && len(value) > 0 && value[0] != '{' && value[0] != '[' {
			return isText // no format that is known has such a line
		}
	}
	if !end { // only whole events count
		b = b[:max(bytes.LastIndex(b, []byte("\n\n")), bytes.LastIndex(b, []byte("\n\r\n")), 0)]
	}
	k := undecided
	err := stream.SSE(bytes.NewReader(b), func(_ string, data []byte) (bool, error) {
		switch f := formatOf(data); {
		case f == idle || len(data) == 0:
			return false, nil
		case f == unknown && string(bytes.TrimSpace(data)) != "[DONE]":
			k = isText
		default:
			k = isSSE
		}
		return true, nil
	})
	if err != nil {
		return isText
	}
	return k
}
