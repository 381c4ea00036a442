package wire

import (
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/karez/karez/turn"
)

// protoCodec is the codec for programs that already speak Protobuf: karez.proto
// is its schema. A message is a Command or a Frame. It is written by hand over
// the wire functions of the Protobuf library, so that an event is AppendHead
// and a body that all readers share; a test holds it against the library.
type protoCodec struct{}

// Numbers of an event's own fields: of Frame, and of Event.
const (
	frameN     protowire.Number = 1
	frameSeq   protowire.Number = 2
	frameText  protowire.Number = 3
	frameEvent protowire.Number = 4

	eventKind  protowire.Number = 1
	eventPart  protowire.Number = 2
	eventName  protowire.Number = 3
	eventMedia protowire.Number = 4
	eventAttrs protowire.Number = 5
	eventText  protowire.Number = 6
	eventData  protowire.Number = 7
	eventBytes protowire.Number = 8
)

// Subprotocol returns karez.v1.proto.
func (protoCodec) Subprotocol() string { return "karez.v1.proto" }

// Binary returns true.
func (protoCodec) Binary() bool { return true }

// AppendCommand implements Codec.
func (protoCodec) AppendCommand(dst []byte, c *Command) []byte {
	return putMessage(dst, cleanCommand(c), commandFields)
}

// AppendFrame implements Codec.
func (p protoCodec) AppendFrame(dst []byte, f *Frame) []byte {
	if f.Type == FrameEvent {
		return p.AppendBody(p.AppendHead(dst, f.N), f.Event)
	}
	return putMessage(dst, cleanFrame(f), frameFields)
}

// AppendHead appends field n.
func (protoCodec) AppendHead(dst []byte, n uint32) []byte { return putUint(dst, frameN, uint64(n)) }

// AppendBody appends fields seq and text, or seq and event.
func (protoCodec) AppendBody(dst []byte, ev *turn.Event) []byte {
	dst = putUint(dst, frameSeq, uint64(ev.Seq))
	if compact(ev) {
		return putBytesAsText(dst, frameText, ev.Data)
	}
	return nested(dst, frameEvent, func(dst []byte) []byte { return putEvent(dst, ev) })
}

func putEvent(dst []byte, ev *turn.Event) []byte {
	dst = putText(dst, eventKind, string(ev.Kind))
	dst = putSome(dst, eventPart, ev.Part)
	dst = putSome(dst, eventName, ev.Name)
	dst = putSome(dst, eventMedia, ev.Media)
	if len(ev.Attrs) > 0 {
		var buf [8]string
		for _, k := range attrKeys(ev.Attrs, buf[:0]) {
			dst = nested(dst, eventAttrs, func(dst []byte) []byte { return putSome(putSome(dst, 1, k), 2, ev.Attrs[k]) })
		}
	}
	switch payloadOf(ev) {
	case textPayload:
		return putBytesAsText(dst, eventText, ev.Data)
	case jsonPayload:
		return nested(dst, eventData, func(dst []byte) []byte { return appendCompact(dst, ev.Data) })
	case bytesPayload:
		return protowire.AppendBytes(protowire.AppendTag(dst, eventBytes, protowire.BytesType), ev.Data)
	}
	return dst
}

func putSome(dst []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return dst
	}
	return putText(dst, num, s)
}

func putBytesAsText(dst []byte, num protowire.Number, text []byte) []byte {
	if len(text) == 0 {
		return dst
	}
	if !utf8.Valid(text) {
		text = appendValid(nil, text)
	}
	return protowire.AppendBytes(protowire.AppendTag(dst, num, protowire.BytesType), text)
}

// DecodeCommand implements Codec.
func (protoCodec) DecodeCommand(p []byte) (*Command, error) {
	if err := tooLarge(p); err != nil {
		return nil, err
	}
	c := new(Command)
	if err := getMessage(c, p, commandFields); err != nil {
		return spoiled(c, err)
	}
	return checkLengths(c)
}

// DecodeFrame implements Codec.
func (protoCodec) DecodeFrame(p []byte) (*Frame, error) {
	in := new(frameIn)
	if err := getMessage(in, p, frameInFields); err != nil {
		return nil, badFrame(err)
	}
	if in.Type != "" {
		return checkFrame(&in.Frame)
	}
	ev := &in.event
	if !in.hasEvent {
		ev.Kind, ev.Data = turn.KindText, in.text
	}
	ev.Seq = in.Seq
	return checkEvent(&Frame{Type: FrameEvent, N: in.N, Event: ev})
}

// frameIn is a Frame as it is read, before it is known whether it is an event.
type frameIn struct {
	Frame
	text     []byte
	event    turn.Event
	hasEvent bool
}

var frameInFields = append(lift(frameFields, func(in *frameIn) *Frame { return &in.Frame }),
	field[frameIn]{num: frameText, name: "text", typ: protowire.BytesType, get: func(in *frameIn, v value) (err error) {
		in.text, err = v.data()
		return err
	}},
	field[frameIn]{num: frameEvent, name: "event", typ: protowire.BytesType, get: func(in *frameIn, v value) error {
		in.hasEvent = true
		return getMessage(&in.event, v.p, eventFields)
	}},
)

// eventFields are read with the table and written by putEvent.
var eventFields = []field[turn.Event]{
	textField(eventKind, "kind", func(ev *turn.Event) *turn.Kind { return &ev.Kind }),
	textField(eventPart, "part", func(ev *turn.Event) *string { return &ev.Part }),
	textField(eventName, "name", func(ev *turn.Event) *string { return &ev.Name }),
	textField(eventMedia, "media", func(ev *turn.Event) *string { return &ev.Media }),
	{num: eventAttrs, name: "attrs", typ: protowire.BytesType, get: getAttr},
	{num: eventText, name: "text", typ: protowire.BytesType, get: func(ev *turn.Event, v value) (err error) {
		ev.Data, err = v.data()
		return err
	}},
	{num: eventData, name: "data", typ: protowire.BytesType, get: func(ev *turn.Event, v value) (err error) {
		ev.Data, err = v.json()
		return err
	}},
	bytesField(eventBytes, "bytes", func(ev *turn.Event) *[]byte { return &ev.Data }),
}

// data returns a copy of a text field's bytes, nil for none.
func (v value) data() ([]byte, error) {
	if !utf8.Valid(v.p) {
		return nil, errNotUTF8
	}
	return append([]byte(nil), v.p...), nil
}

func getAttr(ev *turn.Event, v value) error {
	var entry struct{ key, value string }
	for p := v.p; len(p) > 0; {
		num, typ, in, n, err := cutField(p)
		if err != nil {
			return err
		}
		p = p[n:]
		if typ != protowire.BytesType || num > 2 {
			continue
		}
		s, err := in.text()
		if err != nil {
			return fmt.Errorf("entry: %w", err)
		}
		if num == 1 {
			entry.key = s
		} else {
			entry.value = s
		}
	}
	if ev.Attrs == nil {
		ev.Attrs = make(map[string]string)
	}
	ev.Attrs[entry.key] = entry.value
	return nil
}

// lift makes the fields of a struct those of one that embeds it, for reading.
func lift[T, M any](fields []field[M], at func(*T) *M) []field[T] {
	out := make([]field[T], 0, len(fields)+2)
	for _, f := range fields {
		out = append(out, field[T]{num: f.num, name: f.name, typ: f.typ, get: func(v *T, in value) error { return f.get(at(v), in) }})
	}
	return out
}
