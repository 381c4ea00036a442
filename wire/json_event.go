package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/karez/karez/turn"
)

// AppendHead appends `[n,`.
func (jsonCodec) AppendHead(dst []byte, n uint32) []byte {
	dst = append(dst, '[')
	dst = strconv.AppendUint(dst, uint64(n), 10)
	return append(dst, ',')
}

// AppendBody appends `seq,"text"]`, or `seq,{"kind":…}]` for what is more than
// a piece of the main text.
func (jsonCodec) AppendBody(dst []byte, ev *turn.Event) []byte {
	dst = strconv.AppendUint(dst, uint64(ev.Seq), 10)
	dst = append(dst, ',')
	if compact(ev) {
		dst = appendString(dst, ev.Data)
		return append(dst, ']')
	}
	dst = appendContent(append(dst, '{'), ev)
	return append(dst, "}]"...)
}

// appendContent appends the members of an event's object, without braces.
func appendContent(dst []byte, ev *turn.Event) []byte {
	dst = appendString(append(dst, `"kind":`...), ev.Kind)
	dst = appendField(dst, `,"part":`, ev.Part)
	dst = appendField(dst, `,"name":`, ev.Name)
	dst = appendField(dst, `,"media":`, ev.Media)
	if len(ev.Attrs) > 0 {
		dst = appendAttrs(append(dst, `,"attrs":`...), ev.Attrs)
	}
	switch payloadOf(ev) {
	case textPayload:
		dst = appendString(append(dst, `,"text":`...), ev.Data)
	case jsonPayload:
		dst = appendCompact(append(dst, `,"data":`...), ev.Data)
	case bytesPayload:
		dst = base64.StdEncoding.AppendEncode(append(dst, `,"bytes":"`...), ev.Data)
		dst = append(dst, '"')
	}
	return dst
}

func appendField(dst []byte, key, s string) []byte {
	if s == "" {
		return dst
	}
	return appendString(append(dst, key...), s)
}

func appendAttrs(dst []byte, attrs map[string]string) []byte {
	var buf [8]string
	for i, k := range attrKeys(attrs, buf[:0]) {
		if i == 0 {
			dst = append(dst, '{')
		} else {
			dst = append(dst, ',')
		}
		dst = appendString(dst, k)
		dst = append(dst, ':')
		dst = appendString(dst, attrs[k])
	}
	return append(dst, '}')
}

// appendString appends s as a JSON string. Only what JSON demands is escaped
// (RFC 8259, 7); a byte that is not UTF-8 becomes U+FFFD.
func appendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, w := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r == utf8.RuneError && w == 1 {
				dst = append(dst, s[from:i]...)
				dst = append(dst, "\uFFFD"...)
				from = i + 1
			}
			i += w
			continue
		}
		if c < ' ' || c == '"' || c == '\\' {
			dst = append(dst, s[from:i]...)
			dst = appendEscape(dst, c)
			from = i + 1
		}
		i++
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// decodeJSONEvent reads an event frame that begins with '['.
func decodeJSONEvent(p []byte) (*Frame, error) {
	if f := plainEvent(p); f != nil {
		return f, nil
	}
	if err := checkJSON(p, '['); err != nil {
		return nil, badFrame(err)
	}
	if !json.Valid(p) {
		return nil, badFrame(jsonError(json.Unmarshal(p, new(any))))
	}
	if members(p) < 3 {
		return nil, badFrame(errors.New("an event is an array of log number, seq and content"))
	}
	var n uint32
	var seq turn.Seq
	var content json.RawMessage
	if err := json.Unmarshal(p, &[]any{&n, &seq, &content}); err != nil {
		return nil, badFrame(fmt.Errorf("event: %w", jsonError(err)))
	}
	f := newEvent(n, seq)
	if err := readContent(content, f.Event); err != nil {
		return nil, badFrame(err)
	}
	return checkEvent(f)
}

// plainEvent reads the event as AppendHead and AppendBody write it when its
// text needs no escapes; it returns nil for anything else.
func plainEvent(p []byte) *Frame {
	n, p, ok := cutUint(p[1:])
	if !ok || n == 0 || n > 1<<32-1 {
		return nil
	}
	seq, p, ok := cutUint(p)
	if !ok || seq == 0 || len(p) < 3 || p[0] != '"' || string(p[len(p)-2:]) != `"]` {
		return nil
	}
	text := p[1 : len(p)-2]
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' {
			return nil
		}
	}
	if !utf8.Valid(text) {
		return nil
	}
	f := newEvent(uint32(n), turn.Seq(seq))
	f.Event.Kind = turn.KindText
	if len(text) > 0 {
		f.Event.Data = bytes.Clone(text)
	}
	return f
}

// cutUint reads digits and the comma after them.
func cutUint(p []byte) (n uint64, rest []byte, ok bool) {
	i := bytes.IndexByte(p, ',')
	if i < 1 || i > 19 || p[0] == '0' {
		return 0, nil, false
	}
	for _, c := range p[:i] {
		if c < '0' || c > '9' {
			return 0, nil, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, p[i+1:], true
}

// readContent reads the third member of an event.
func readContent(p json.RawMessage, ev *turn.Event) error {
	if len(p) > 0 && p[0] == '"' {
		var text string
		if err := json.Unmarshal(p, &text); err != nil {
			return fmt.Errorf("event: %w", jsonError(err))
		}
		ev.Kind, ev.Data = turn.KindText, textData(text)
		return nil
	}
	var in struct {
		Kind  turn.Kind         `json:"kind"`
		Part  string            `json:"part"`
		Name  string            `json:"name"`
		Media string            `json:"media"`
		Attrs map[string]string `json:"attrs"`
		Text  string            `json:"text"`
		Data  json.RawMessage   `json:"data"`
		Bytes []byte            `json:"bytes"`
	}
	if err := json.Unmarshal(p, &in); err != nil {
		return fmt.Errorf("event: %w", jsonError(err))
	}
	ev.Kind, ev.Part, ev.Name, ev.Media = in.Kind, in.Part, in.Name, in.Media
	if len(in.Attrs) > 0 {
		ev.Attrs = in.Attrs
	}
	switch {
	case len(in.Data) > 0:
		ev.Data = in.Data
	case len(in.Bytes) > 0:
		ev.Data = in.Bytes
	default:
		ev.Data = textData(in.Text)
	}
	return nil
}

// textData returns the bytes of s, nil for none.
func textData(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}
