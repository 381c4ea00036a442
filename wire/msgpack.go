package wire

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"github.com/karez/karez/turn"
)

// msgpackCodec is the codec with the smallest events. Commands and frames are
// maps with the keys of the JSON codec; an event is the array [n, seq, text] or
// [n, seq, map]. JSON values are MessagePack values, both ways, and bytes are
// bin: a client never meets JSON or base64 text. Extension types are not used.
type msgpackCodec struct{}

// Subprotocol returns karez.v1.msgpack.
func (msgpackCodec) Subprotocol() string { return "karez.v1.msgpack" }

// Binary returns true.
func (msgpackCodec) Binary() bool { return true }

// AppendCommand implements Codec.
func (msgpackCodec) AppendCommand(dst []byte, c *Command) []byte {
	return packMessage(dst, cleanCommand(c), commandFields)
}

// AppendFrame implements Codec.
func (m msgpackCodec) AppendFrame(dst []byte, f *Frame) []byte {
	if f.Type == FrameEvent {
		return m.AppendBody(m.AppendHead(dst, f.N), f.Event)
	}
	return packMessage(dst, cleanFrame(f), frameFields)
}

// AppendHead begins an array of three with the log number.
func (msgpackCodec) AppendHead(dst []byte, n uint32) []byte {
	return msgp.AppendUint32(msgp.AppendArrayHeader(dst, 3), n)
}

// AppendBody ends the array with seq and content.
func (msgpackCodec) AppendBody(dst []byte, ev *turn.Event) []byte {
	dst = msgp.AppendUint64(dst, uint64(ev.Seq))
	if compact(ev) {
		return packText(dst, ev.Data)
	}
	p := payloadOf(ev)
	size := uint32(1)
	for _, there := range [...]bool{ev.Part != "", ev.Name != "", ev.Media != "", len(ev.Attrs) > 0, p != noPayload} {
		if there {
			size++
		}
	}
	dst = msgp.AppendMapHeader(dst, size)
	dst = packString(msgp.AppendString(dst, "kind"), string(ev.Kind))
	dst = packNamed(dst, "part", ev.Part)
	dst = packNamed(dst, "name", ev.Name)
	dst = packNamed(dst, "media", ev.Media)
	if len(ev.Attrs) > 0 {
		dst = msgp.AppendMapHeader(msgp.AppendString(dst, "attrs"), uint32(len(ev.Attrs)))
		var buf [8]string
		for _, k := range attrKeys(ev.Attrs, buf[:0]) {
			dst = packString(packString(dst, k), ev.Attrs[k])
		}
	}
	switch p {
	case textPayload:
		return packText(msgp.AppendString(dst, "text"), ev.Data)
	case jsonPayload:
		dst, _ = packJSON(msgp.AppendString(dst, "data"), ev.Data)
	case bytesPayload:
		return msgp.AppendBytes(msgp.AppendString(dst, "bytes"), ev.Data)
	}
	return dst
}

func packNamed(dst []byte, key, s string) []byte {
	if s == "" {
		return dst
	}
	return packString(msgp.AppendString(dst, key), s)
}

func packString(dst []byte, s string) []byte { return msgp.AppendString(dst, validString(s)) }

func packText(dst, text []byte) []byte {
	if !utf8.Valid(text) {
		text = appendValid(nil, text)
	}
	return msgp.AppendStringFromBytes(dst, text)
}

// DecodeCommand implements Codec.
func (msgpackCodec) DecodeCommand(p []byte) (*Command, error) {
	if err := tooLarge(p); err != nil {
		return nil, err
	}
	text, err := unpackMessage(p)
	if err != nil {
		return nil, badFrame(err)
	}
	// The same bytes as JSON may be longer than MaxCommand, hence not
	// JSON.DecodeCommand.
	return decodeCommand(text)
}

// DecodeFrame implements Codec.
func (msgpackCodec) DecodeFrame(p []byte) (*Frame, error) {
	if msgp.NextType(p) == msgp.ArrayType {
		return unpackEvent(p)
	}
	text, err := unpackMessage(p)
	if err != nil {
		return nil, badFrame(err)
	}
	return JSON.DecodeFrame(text)
}

// unpackMessage returns a map as JSON.
func unpackMessage(p []byte) ([]byte, error) {
	if t := msgp.NextType(p); t != msgp.MapType {
		return nil, fmt.Errorf("a message is a map, this one begins with %v", t)
	}
	text, rest, err := unpackJSON(make([]byte, 0, len(p)+len(p)/2), p, MaxDepth)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes after the message", len(rest))
	}
	return text, nil
}

var errNotEvent = errors.New("an event is an array of log number, seq and content")

func unpackEvent(p []byte) (*Frame, error) {
	size, p, err := msgp.ReadArrayHeaderBytes(p)
	if err != nil || size < 3 {
		return nil, badFrame(errNotEvent)
	}
	n, p, err := msgp.ReadUint32Bytes(p)
	if err != nil {
		return nil, badFrame(wrong("event", "log number: %v", err))
	}
	seq, p, err := msgp.ReadUint64Bytes(p)
	if err != nil {
		return nil, badFrame(wrong("event", "seq: %v", err))
	}
	f := newEvent(n, turn.Seq(seq))
	if p, err = unpackContent(p, f.Event); err != nil {
		return nil, badFrame(within("event", err))
	}
	for ; size > 3; size-- { // what a later version adds
		if p, err = skipValue(p, MaxDepth-1); err != nil {
			return nil, badFrame(within("event", err))
		}
	}
	if len(p) > 0 {
		return nil, badFrame(fmt.Errorf("%d bytes after the message", len(p)))
	}
	return checkEvent(f)
}

func unpackContent(p []byte, ev *turn.Event) (rest []byte, err error) {
	if msgp.NextType(p) == msgp.StrType {
		ev.Kind = turn.KindText
		ev.Data, p, err = unpackText(p)
		return p, err
	}
	size, p, err := msgp.ReadMapHeaderBytes(p)
	if err != nil {
		return nil, errNotEvent
	}
	for ; size > 0; size-- {
		var key string
		if key, p, err = unpackString(p); err != nil {
			return nil, err
		}
		if p, err = unpackContentField(key, p, ev); err != nil {
			return nil, within(clip(key), err)
		}
	}
	return p, nil
}

func unpackContentField(key string, p []byte, ev *turn.Event) (rest []byte, err error) {
	switch key {
	case "kind":
		var kind string
		kind, p, err = unpackString(p)
		ev.Kind = turn.Kind(kind)
	case "part":
		ev.Part, p, err = unpackString(p)
	case "name":
		ev.Name, p, err = unpackString(p)
	case "media":
		ev.Media, p, err = unpackString(p)
	case "attrs":
		ev.Attrs, p, err = unpackAttrs(p)
	case "text":
		ev.Data, p, err = unpackText(p)
	case "data":
		ev.Data, p, err = unpackJSON(nil, p, MaxDepth-2)
	case "bytes":
		ev.Data, p, err = msgp.ReadBytesBytes(p, nil)
		if len(ev.Data) == 0 {
			ev.Data = nil
		}
	default:
		p, err = skipValue(p, MaxDepth-2)
	}
	return p, err
}

func unpackAttrs(p []byte) (map[string]string, []byte, error) {
	size, p, err := msgp.ReadMapHeaderBytes(p)
	if err != nil || size == 0 {
		return nil, p, err
	}
	attrs := make(map[string]string) // not sized by what the header claims
	for ; size > 0; size-- {
		var k, v string
		if k, p, err = unpackString(p); err != nil {
			return nil, nil, err
		}
		if v, p, err = unpackString(p); err != nil {
			return nil, nil, err
		}
		attrs[k] = v
	}
	return attrs, p, nil
}

var errNotUTF8 = errors.New("not valid UTF-8")

func unpackString(p []byte) (string, []byte, error) {
	b, p, err := msgp.ReadStringZC(p)
	if err == nil && !utf8.Valid(b) {
		err = errNotUTF8
	}
	return string(b), p, err
}

// unpackText returns a copy of a string's bytes, nil for none.
func unpackText(p []byte) ([]byte, []byte, error) {
	b, p, err := msgp.ReadStringZC(p)
	if err == nil && !utf8.Valid(b) {
		err = errNotUTF8
	}
	return append([]byte(nil), b...), p, err
}
