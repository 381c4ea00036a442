package wire

import (
	"fmt"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
	"google.golang.org/protobuf/encoding/protowire"
)

// A field is one field of message T as the binary codecs see it.
type field[T any] struct {
	num  protowire.Number
	name string
	must bool // in MessagePack also when it is empty

	has  func(v *T) bool               // not empty
	put  func(dst []byte, v *T) []byte // Protobuf, with tags; only called when has
	get  func(v *T, in value) error    // Protobuf
	pack func(dst []byte, v *T) []byte // MessagePack, the value alone
	typ  protowire.Type                // what get wants
}

func (f field[T]) always() field[T] {
	f.must = true
	return f
}

// A value is what stands after a Protobuf tag.
type value struct {
	n uint64 // of a varint
	p []byte // of bytes; belongs to the input
}

func (v value) text() (string, error) {
	if !utf8.Valid(v.p) {
		return "", errNotUTF8
	}
	return string(v.p), nil
}

// putMessage appends the fields of v that are not empty.
func putMessage[T any](dst []byte, v *T, fields []field[T]) []byte {
	for i := range fields {
		if fields[i].has(v) {
			dst = fields[i].put(dst, v)
		}
	}
	return dst
}

// getMessage reads Protobuf fields into v. Unknown ones are skipped, and so is
// one of another wire type than it should have, as Protobuf wants.
func getMessage[T any](v *T, p []byte, fields []field[T]) error {
	for len(p) > 0 {
		num, typ, in, n, err := cutField(p)
		if err != nil {
			return err
		}
		p = p[n:]
		for i := range fields {
			if fields[i].num == num && fields[i].typ == typ {
				if err := fields[i].get(v, in); err != nil {
					return within(fields[i].name, err)
				}
			}
		}
	}
	return nil
}

// cutField reads one field and says how many bytes it has.
func cutField(p []byte) (num protowire.Number, typ protowire.Type, in value, n int, err error) {
	num, typ, n = protowire.ConsumeTag(p)
	if n < 0 {
		return 0, 0, in, 0, fmt.Errorf("a broken tag: %w", protowire.ParseError(n))
	}
	var w int
	switch typ {
	case protowire.VarintType:
		in.n, w = protowire.ConsumeVarint(p[n:])
	case protowire.BytesType:
		in.p, w = protowire.ConsumeBytes(p[n:])
	default:
		w = protowire.ConsumeFieldValue(num, typ, p[n:])
	}
	if w < 0 {
		return 0, 0, in, 0, fmt.Errorf("field %d: %w", num, protowire.ParseError(w))
	}
	return num, typ, in, n + w, nil
}

// packMessage appends v as a MessagePack map.
func packMessage[T any](dst []byte, v *T, fields []field[T]) []byte {
	size := uint32(0)
	for i := range fields {
		if fields[i].must || fields[i].has(v) {
			size++
		}
	}
	dst = msgp.AppendMapHeader(dst, size)
	for i := range fields {
		if fields[i].must || fields[i].has(v) {
			dst = fields[i].pack(msgp.AppendString(dst, fields[i].name), v)
		}
	}
	return dst
}

// nested appends a length-delimited field that body writes, without a second
// buffer: the length is put in front once it is known.
func nested(dst []byte, num protowire.Number, body func(dst []byte) []byte) []byte {
	dst = protowire.AppendTag(dst, num, protowire.BytesType)
	at := len(dst)
	dst = body(append(dst, 0))
	size := len(dst) - at - 1
	if extra := protowire.SizeVarint(uint64(size)) - 1; extra > 0 {
		dst = append(dst, make([]byte, extra)...)
		copy(dst[at+1+extra:], dst[at+1:at+1+size])
	}
	protowire.AppendVarint(dst[:at], uint64(size))
	return dst
}

func putText(dst []byte, num protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, num, protowire.BytesType), validString(s))
}

func putUint(dst []byte, num protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, num, protowire.VarintType), n)
}
