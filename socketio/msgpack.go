package socketio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/karez/karez/internal/engineio"
	"github.com/tinylib/msgp/msgp"
)

// msgpackParser is socket.io-msgpack-parser: each packet is one MessagePack
// map in a binary message.
type msgpackParser struct{}

func (msgpackParser) encode(p *packet) ([]engineio.Message, error) {
	data := any(p.args)
	if p.typ != typeEvent && p.typ != typeAck {
		data = p.data
	}
	fields := uint32(2)
	if data != nil {
		fields++
	}
	if p.id != noID {
		fields++
	}
	b := msgp.AppendMapHeader(nil, fields)
	b = msgp.AppendInt(msgp.AppendString(b, "type"), int(p.typ))
	b = msgp.AppendString(msgp.AppendString(b, "nsp"), p.nsp)
	if data != nil {
		var err error
		if b, err = appendMsgpack(msgp.AppendString(b, "data"), data); err != nil {
			return nil, err
		}
	}
	if p.id != noID {
		b = msgp.AppendInt64(msgp.AppendString(b, "id"), p.id)
	}
	return []engineio.Message{{Data: b, Binary: true}}, nil
}

// appendMsgpack appends any value. What is no basic value goes the way of
// encoding/json.
func appendMsgpack(dst []byte, v any) (_ []byte, err error) {
	switch v := v.(type) {
	case nil:
		return msgp.AppendNil(dst), nil
	case bool:
		return msgp.AppendBool(dst, v), nil
	case string:
		return msgp.AppendString(dst, strings.ToValidUTF8(v, "\uFFFD")), nil
	case []byte:
		return msgp.AppendBytes(dst, v), nil
	case int:
		return msgp.AppendInt(dst, v), nil
	case int64:
		return msgp.AppendInt64(dst, v), nil
	case uint64:
		return msgp.AppendUint64(dst, v), nil
	case float64:
		return msgp.AppendFloat64(dst, v), nil
	case json.Number:
		return appendNumber(dst, v.String())
	case Arg:
		return appendMsgpack(dst, v.Value())
	case []any:
		dst = msgp.AppendArrayHeader(dst, uint32(len(v)))
		for _, e := range v {
			if dst, err = appendMsgpack(dst, e); err != nil {
				return nil, err
			}
		}
		return dst, nil
	case map[string]any:
		dst = msgp.AppendMapHeader(dst, uint32(len(v)))
		for k, e := range v {
			if dst, err = appendMsgpack(msgp.AppendString(dst, k), e); err != nil {
				return nil, err
			}
		}
		return dst, nil
	}
	p, ok := v.(json.RawMessage)
	if !ok {
		if p, err = json.Marshal(v); err != nil {
			return nil, fmt.Errorf("encode argument: %w", err)
		}
	}
	t, err := tree(p)
	if err != nil {
		return nil, fmt.Errorf("encode argument: %w", err)
	}
	return appendMsgpack(dst, t)
}

func appendNumber(dst []byte, s string) ([]byte, error) {
	if !strings.ContainsAny(s, ".eE") {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return msgp.AppendInt64(dst, i), nil
		}
		if u, err := strconv.ParseUint(s, 10, 64); err == nil {
			return msgp.AppendUint64(dst, u), nil
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, fmt.Errorf("encode argument: number %.40s", s)
	}
	return msgp.AppendFloat64(dst, f), nil
}

func (msgpackParser) decoder(int) decoder { return msgpackDecoder{} }

type msgpackDecoder struct{}

// maxLevels bounds the nesting of a MessagePack value.
const maxLevels = 512

// maxGuess bounds what is allocated because a header says so.
const maxGuess = 64

func (msgpackDecoder) add(p []byte, binary bool) (*received, error) {
	if !binary {
		return nil, fmt.Errorf("%w: text from a client of the msgpack parser", ErrPacket)
	}
	v, rest, err := readMsgpack(p, maxLevels)
	if err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%w: no MessagePack value", ErrPacket)
	}
	m, _ := v.(map[string]any)
	typ, ok := integer(m["type"])
	nsp, named := m["nsp"].(string)
	if !ok || !named || len(nsp) > maxNamespace || typ < 0 || typ > int64(typeConnectError) {
		return nil, fmt.Errorf("%w: type or namespace", ErrPacket)
	}
	r := &received{typ: packetType(typ), nsp: nsp, id: noID, size: len(p)}
	if id, has := m["id"]; has && id != nil {
		if r.id, ok = integer(id); !ok || r.id < 0 {
			return nil, fmt.Errorf("%w: id", ErrPacket)
		}
	}
	return r, r.fields(m["data"])
}

// fields takes over the payload of a packet.
func (r *received) fields(data any) error {
	switch r.typ {
	case typeConnect:
		if data == nil {
			return nil
		}
		if _, ok := data.(map[string]any); !ok {
			return fmt.Errorf("%w: the payload of CONNECT is no object", ErrPacket)
		}
		r.data = Arg{value: data}
	case typeDisconnect:
		if data != nil {
			return fmt.Errorf("%w: DISCONNECT has a payload", ErrPacket)
		}
	case typeEvent, typeAck:
		list, ok := data.([]any)
		if !ok {
			return fmt.Errorf("%w: the payload is no array", ErrPacket)
		}
		for _, v := range list {
			r.args = append(r.args, Arg{value: v})
		}
		return r.split()
	default:
		return fmt.Errorf("%w: a client does not send this type", ErrPacket)
	}
	return nil
}

func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v < 1<<62
	case float64:
		return int64(v), v == float64(int64(v))
	}
	return 0, false
}

// readMsgpack reads one value into a tree, as Arg holds it. Bytes are copied.
func readMsgpack(p []byte, levels int) (v any, rest []byte, err error) {
	if levels == 0 {
		return nil, nil, fmt.Errorf("%w: nested too deeply", ErrPacket)
	}
	switch t := msgp.NextType(p); t {
	case msgp.MapType:
		return readMap(p, levels)
	case msgp.ArrayType:
		n, p, err := msgp.ReadArrayHeaderBytes(p)
		if err != nil || int64(n) > int64(len(p)) { // each takes a byte at least
			return nil, nil, ErrPacket
		}
		list := make([]any, 0, min(n, maxGuess))
		for range n {
			if v, p, err = readMsgpack(p, levels-1); err != nil {
				return nil, nil, err
			}
			list = append(list, v)
		}
		return list, p, nil
	case msgp.StrType:
		s, p, err := msgp.ReadStringBytes(p)
		return strings.ToValidUTF8(s, "\uFFFD"), p, err
	case msgp.BinType:
		b, p, err := msgp.ReadBytesZC(p)
		return append([]byte{}, b...), p, err
	case msgp.NilType:
		p, err = msgp.ReadNilBytes(p)
		return nil, p, err
	case msgp.BoolType:
		return boxed(msgp.ReadBoolBytes(p))
	case msgp.IntType:
		return boxed(msgp.ReadInt64Bytes(p))
	case msgp.UintType:
		return boxed(msgp.ReadUint64Bytes(p))
	case msgp.Float64Type, msgp.Float32Type:
		return boxed(msgp.ReadFloat64Bytes(p))
	case msgp.ExtensionType, msgp.TimeType, msgp.DurationType:
		return readExtension(p)
	}
	return nil, nil, ErrPacket
}

// readExtension takes the one extension that notepack makes of a JavaScript
// value without a JSON form, undefined (type 0, one byte 0), for null. A Date
// it makes too is refused, as every other.
func readExtension(p []byte) (any, []byte, error) {
	if rest, ok := bytes.CutPrefix(p, []byte{0xd4, 0, 0}); ok {
		return nil, rest, nil
	}
	return nil, nil, fmt.Errorf("%w: an extension", ErrPacket)
}

func boxed[T any](v T, rest []byte, err error) (any, []byte, error) { return v, rest, err }

func readMap(p []byte, levels int) (any, []byte, error) {
	n, p, err := msgp.ReadMapHeaderBytes(p)
	if err != nil || 2*int64(n) > int64(len(p)) {
		return nil, nil, ErrPacket
	}
	m := make(map[string]any, min(n, maxGuess))
	for range n {
		var k string
		if k, p, err = msgp.ReadStringBytes(p); err != nil {
			return nil, nil, err
		}
		var v any
		if v, p, err = readMsgpack(p, levels-1); err != nil {
			return nil, nil, err
		}
		m[strings.ToValidUTF8(k, "\uFFFD")] = v
	}
	return m, p, nil
}
