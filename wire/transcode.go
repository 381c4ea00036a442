package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tinylib/msgp/msgp"
)

// packJSON appends the JSON value at the start of p, which is valid, as a
// MessagePack value, and returns what follows it. A number with a fraction or
// an exponent is a float; one without is an integer if it fits 64 bits, else a
// float; one that fits no float is a string of its digits.
func packJSON(dst, p []byte) (out, rest []byte) {
	p = skipSpace(p)
	switch p[0] {
	case '{':
		dst = msgp.AppendMapHeader(dst, uint32(members(p)))
		for p = skipSpace(p[1:]); p[0] != '}'; {
			dst, p = packJSON(dst, p)
			p = skipSpace(p)[1:] // the colon
			dst, p = packJSON(dst, p)
			p = skipComma(p)
		}
		return dst, p[1:]
	case '[':
		dst = msgp.AppendArrayHeader(dst, uint32(members(p)))
		for p = skipSpace(p[1:]); p[0] != ']'; {
			dst, p = packJSON(dst, p)
			p = skipComma(p)
		}
		return dst, p[1:]
	case '"':
		end := endOfString(p, 0) + 1
		return packJSONString(dst, p[:end]), p[end:]
	case 't':
		return msgp.AppendBool(dst, true), p[len("true"):]
	case 'f':
		return msgp.AppendBool(dst, false), p[len("false"):]
	case 'n':
		return msgp.AppendNil(dst), p[len("null"):]
	}
	end := bytes.IndexFunc(p, func(r rune) bool { return !strings.ContainsRune("+-.0123456789eE", r) })
	if end < 0 {
		end = len(p)
	}
	return packNumber(dst, p[:end]), p[end:]
}

func skipSpace(p []byte) []byte { return bytes.TrimLeft(p, " \t\r\n") }

func skipComma(p []byte) []byte {
	if p = skipSpace(p); p[0] == ',' {
		return skipSpace(p[1:])
	}
	return p
}

func packJSONString(dst, quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return msgp.AppendStringFromBytes(dst, quoted[1:len(quoted)-1])
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		panic(fmt.Sprintf("wire: %q is no JSON string: %v", quoted, err)) // the caller has validated it
	}
	return msgp.AppendString(dst, s)
}

func packNumber(dst, digits []byte) []byte {
	s := string(digits)
	if !strings.ContainsAny(s, ".eE") {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return msgp.AppendInt64(dst, i)
		}
		if u, err := strconv.ParseUint(s, 10, 64); err == nil {
			return msgp.AppendUint64(dst, u)
		}
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil { // out of range
		return msgp.AppendStringFromBytes(dst, digits)
	}
	return msgp.AppendFloat64(dst, x)
}

// unpackJSON appends the MessagePack value at the start of p as JSON and
// returns what follows it. levels is how deep it may be nested. Bytes become
// base64; an extension, a key that is no string, or a number that is not one
// is an error.
func unpackJSON(dst, p []byte, levels int) (out, rest []byte, err error) {
	switch t := msgp.NextType(p); t {
	case msgp.MapType:
		return unpackMap(dst, p, levels)
	case msgp.ArrayType:
		return unpackArray(dst, p, levels)
	case msgp.StrType:
		s, p, err := unpackString(p)
		return appendString(dst, s), p, err
	case msgp.BinType:
		b, p, err := msgp.ReadBytesZC(p)
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), b)
		return append(dst, '"'), p, err
	case msgp.NilType:
		p, err = msgp.ReadNilBytes(p)
		return append(dst, "null"...), p, err
	case msgp.BoolType:
		b, p, err := msgp.ReadBoolBytes(p)
		return strconv.AppendBool(dst, b), p, err
	case msgp.IntType:
		i, p, err := msgp.ReadInt64Bytes(p)
		return strconv.AppendInt(dst, i, 10), p, err
	case msgp.UintType:
		u, p, err := msgp.ReadUint64Bytes(p)
		return strconv.AppendUint(dst, u, 10), p, err
	case msgp.Float32Type:
		x, p, err := msgp.ReadFloat32Bytes(p)
		return finishFloat(dst, p, float64(x), 32, err)
	case msgp.Float64Type:
		x, p, err := msgp.ReadFloat64Bytes(p)
		return finishFloat(dst, p, x, 64, err)
	case msgp.InvalidType:
		return dst, p, errors.New("cut off, or a byte that begins no value")
	default:
		return dst, p, fmt.Errorf("a value of type %v; extension types are not used", t)
	}
}

// finishFloat writes x so that it stays a float when it is read again.
func finishFloat(dst, rest []byte, x float64, bits int, err error) (out, p []byte, _ error) {
	if err != nil {
		return dst, rest, err
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return dst, rest, fmt.Errorf("%v is not a number of JSON", x)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, x, 'g', -1, bits)
	if !bytes.ContainsAny(dst[from:], ".e") {
		dst = append(dst, ".0"...)
	}
	return dst, rest, nil
}

func unpackMap(dst, p []byte, levels int) (out, rest []byte, err error) {
	size, p, err := msgp.ReadMapHeaderBytes(p)
	if err != nil {
		return dst, p, err
	}
	if levels == 0 {
		return dst, p, errTooDeep
	}
	dst = append(dst, '{')
	for i := uint32(0); i < size; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		var key string
		if key, p, err = unpackString(p); err != nil {
			return dst, p, err
		}
		dst = append(appendString(dst, key), ':')
		if dst, p, err = unpackJSON(dst, p, levels-1); err != nil {
			return dst, p, within(clip(key), err)
		}
	}
	return append(dst, '}'), p, nil
}

var errTooDeep = fmt.Errorf("nested too deep, the most is %d in all", MaxDepth)

func unpackArray(dst, p []byte, levels int) (out, rest []byte, err error) {
	size, p, err := msgp.ReadArrayHeaderBytes(p)
	if err != nil {
		return dst, p, err
	}
	if levels == 0 {
		return dst, p, errTooDeep
	}
	dst = append(dst, '[')
	for i := uint32(0); i < size; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, p, err = unpackJSON(dst, p, levels-1); err != nil {
			return dst, p, err
		}
	}
	return append(dst, ']'), p, nil
}

// skipValue returns what follows the value at the start of p, whatever it is.
func skipValue(p []byte, levels int) (rest []byte, err error) {
	var size uint32
	switch msgp.NextType(p) {
	case msgp.MapType:
		if size, p, err = msgp.ReadMapHeaderBytes(p); err != nil {
			return p, err
		}
		if size > uint32(len(p)) {
			return p, msgp.ErrShortBytes
		}
		size *= 2
	case msgp.ArrayType:
		if size, p, err = msgp.ReadArrayHeaderBytes(p); err != nil {
			return p, err
		}
	default:
		return msgp.Skip(p)
	}
	if levels == 0 {
		return p, errTooDeep
	}
	for ; size > 0; size-- {
		if p, err = skipValue(p, levels-1); err != nil {
			return p, err
		}
	}
	return p, nil
}
