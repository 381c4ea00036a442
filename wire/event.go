package wire

import (
	"slices"
	"unicode/utf8"

	"github.com/karez/karez/turn"
)

// compact reports whether ev travels as its text alone.
func compact(ev *turn.Event) bool {
	return ev.Kind == turn.KindText && ev.Part == "" && ev.Media == "" && ev.Name == "" && len(ev.Attrs) == 0
}

// A payload says how the Data of an event travels.
type payload int

const (
	noPayload payload = iota
	textPayload
	jsonPayload
	bytesPayload
)

func payloadOf(ev *turn.Event) payload {
	switch {
	case len(ev.Data) == 0:
		return noPayload
	case ev.Kind.Textual() || ev.Kind == turn.KindToolError:
		return textPayload
	case ev.Kind == turn.KindAudio || ev.Kind == turn.KindFile && ev.Media != "":
		return bytesPayload
	case jsonValue(ev.Data):
		return jsonPayload
	case utf8.Valid(ev.Data):
		return textPayload
	}
	return bytesPayload
}

// attrKeys returns the keys of attrs in order, in buf if they fit.
func attrKeys(attrs map[string]string, buf []string) []string {
	for k := range attrs {
		buf = append(buf, k)
	}
	slices.Sort(buf)
	return buf
}

// appendValid appends text with each byte that is not UTF-8 replaced by
// U+FFFD, as encoding/json does.
func appendValid[T string | []byte](dst []byte, s T) []byte {
	for _, r := range string(s) {
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// validString returns s, or a copy with U+FFFD for each byte that is not UTF-8.
func validString(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string(appendValid(nil, s))
}

// newEvent returns an event frame and the event in it, in one allocation.
func newEvent(n uint32, seq turn.Seq) *Frame {
	both := &struct {
		frame Frame
		event turn.Event
	}{}
	both.frame = Frame{Type: FrameEvent, N: n, Event: &both.event}
	both.event.Seq = seq
	return &both.frame
}

// checkEvent refuses an event frame that cannot be placed.
func checkEvent(f *Frame) (*Frame, error) {
	switch {
	case f.N == 0:
		return nil, badFrame(wrong("event", "its log number is 0"))
	case f.Event.Seq == 0:
		return nil, badFrame(wrong("event", "its seq is 0"))
	case f.Event.Kind == "":
		return nil, badFrame(wrong("event", "it has no kind"))
	}
	return f, nil
}
