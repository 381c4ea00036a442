package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/karez/karez/turn"
)

func textField[T any, S ~string](num protowire.Number, name string, at func(*T) *S) field[T] {
	return field[T]{
		num: num, name: name, typ: protowire.BytesType,
		has:  func(v *T) bool { return *at(v) != "" },
		put:  func(dst []byte, v *T) []byte { return putText(dst, num, string(*at(v))) },
		pack: func(dst []byte, v *T) []byte { return packString(dst, string(*at(v))) },
		get: func(v *T, in value) error {
			s, err := in.text()
			*at(v) = S(s)
			return err
		},
	}
}

func uintField[T any, N ~uint32 | ~uint64](num protowire.Number, name string, at func(*T) *N) field[T] {
	return field[T]{
		num: num, name: name, typ: protowire.VarintType,
		has:  func(v *T) bool { return *at(v) != 0 },
		put:  func(dst []byte, v *T) []byte { return putUint(dst, num, uint64(*at(v))) },
		pack: func(dst []byte, v *T) []byte { return msgp.AppendUint64(dst, uint64(*at(v))) },
		get: func(v *T, in value) error {
			if uint64(N(in.n)) != in.n {
				return fmt.Errorf("%d does not fit here", in.n)
			}
			*at(v) = N(in.n)
			return nil
		},
	}
}

func intField[T any, N ~int | ~int64](num protowire.Number, name string, at func(*T) *N) field[T] {
	return field[T]{
		num: num, name: name, typ: protowire.VarintType,
		has:  func(v *T) bool { return *at(v) != 0 },
		put:  func(dst []byte, v *T) []byte { return putUint(dst, num, uint64(*at(v))) },
		pack: func(dst []byte, v *T) []byte { return msgp.AppendInt64(dst, int64(*at(v))) },
		get: func(v *T, in value) error {
			if n := int64(in.n); n > math.MaxInt || n < math.MinInt {
				return fmt.Errorf("%d does not fit here", n)
			}
			*at(v) = N(in.n)
			return nil
		},
	}
}

func flagField[T any](num protowire.Number, name string, at func(*T) *bool) field[T] {
	return field[T]{
		num: num, name: name, typ: protowire.VarintType,
		has:  func(v *T) bool { return *at(v) },
		put:  func(dst []byte, v *T) []byte { return putUint(dst, num, 1) },
		pack: func(dst []byte, v *T) []byte { return msgp.AppendBool(dst, *at(v)) },
		get: func(v *T, in value) error {
			*at(v) = in.n != 0
			return nil
		},
	}
}

func bytesField[T any](num protowire.Number, name string, at func(*T) *[]byte) field[T] {
	return field[T]{
		num: num, name: name, typ: protowire.BytesType,
		has: func(v *T) bool { return len(*at(v)) > 0 },
		put: func(dst []byte, v *T) []byte {
			return protowire.AppendBytes(protowire.AppendTag(dst, num, protowire.BytesType), *at(v))
		},
		pack: func(dst []byte, v *T) []byte { return msgp.AppendBytes(dst, *at(v)) },
		get: func(v *T, in value) error {
			*at(v) = append([]byte(nil), in.p...)
			return nil
		},
	}
}

// jsonField is JSON text in Protobuf and a value in MessagePack.
func jsonField[T any](num protowire.Number, name string, at func(*T) *json.RawMessage) field[T] {
	return field[T]{
		num: num, name: name, typ: protowire.BytesType,
		has: func(v *T) bool { return len(*at(v)) > 0 },
		put: func(dst []byte, v *T) []byte {
			return protowire.AppendBytes(protowire.AppendTag(dst, num, protowire.BytesType), *at(v))
		},
		pack: func(dst []byte, v *T) []byte {
			dst, _ = packJSON(dst, *at(v))
			return dst
		},
		get: func(v *T, in value) (err error) {
			*at(v), err = in.json()
			return err
		},
	}
}

// json returns a copy of a field that holds JSON text, nil for none.
func (v value) json() ([]byte, error) {
	if len(v.p) == 0 {
		return nil, nil
	}
	if d := depth(v.p); d > MaxDepth {
		return nil, fmt.Errorf("nested %d deep, the most is %d", d, MaxDepth)
	}
	if !json.Valid(v.p) || !utf8.Valid(v.p) {
		return nil, errors.New("not JSON")
	}
	return append([]byte(nil), v.p...), nil
}

func textsField[T any](num protowire.Number, name string, at func(*T) *[]string) field[T] {
	return field[T]{
		num: num, name: name, typ: protowire.BytesType,
		has: func(v *T) bool { return len(*at(v)) > 0 },
		put: func(dst []byte, v *T) []byte {
			for _, s := range *at(v) {
				dst = putText(dst, num, s)
			}
			return dst
		},
		pack: func(dst []byte, v *T) []byte {
			dst = msgp.AppendArrayHeader(dst, uint32(len(*at(v))))
			for _, s := range *at(v) {
				dst = packString(dst, s)
			}
			return dst
		},
		get: func(v *T, in value) error {
			s, err := in.text()
			*at(v) = append(*at(v), s)
			return err
		},
	}
}

func oneField[T, M any](num protowire.Number, name string, fields []field[M], at func(*T) **M) field[T] {
	return field[T]{
		num: num, name: name, typ: protowire.BytesType,
		has: func(v *T) bool { return *at(v) != nil },
		put: func(dst []byte, v *T) []byte {
			return nested(dst, num, func(dst []byte) []byte { return putMessage(dst, *at(v), fields) })
		},
		pack: func(dst []byte, v *T) []byte { return packMessage(dst, *at(v), fields) },
		get: func(v *T, in value) error {
			if *at(v) == nil {
				*at(v) = new(M)
			}
			return getMessage(*at(v), in.p, fields)
		},
	}
}

// listField is a list of at most limit messages; 0 is no limit.
func listField[T, M any](num protowire.Number, name string, limit int, fields []field[M], at func(*T) *[]M) field[T] {
	return field[T]{
		num: num, name: name, typ: protowire.BytesType,
		has: func(v *T) bool { return len(*at(v)) > 0 },
		put: func(dst []byte, v *T) []byte {
			for i := range *at(v) {
				dst = nested(dst, num, func(dst []byte) []byte { return putMessage(dst, &(*at(v))[i], fields) })
			}
			return dst
		},
		pack: func(dst []byte, v *T) []byte {
			dst = msgp.AppendArrayHeader(dst, uint32(len(*at(v))))
			for i := range *at(v) {
				dst = packMessage(dst, &(*at(v))[i], fields)
			}
			return dst
		},
		get: func(v *T, in value) error {
			if limit > 0 && len(*at(v)) == limit {
				return fmt.Errorf("more than %d parts", limit)
			}
			var m M
			err := getMessage(&m, in.p, fields)
			*at(v) = append(*at(v), m)
			return err
		},
	}
}

// seqsField is a map of at most limit cursors by turn.
func seqsField[T any](num protowire.Number, name string, limit int, at func(*T) *map[string]turn.Seq) field[T] {
	type entry struct {
		key string
		seq turn.Seq
	}
	fields := []field[entry]{
		textField(1, "key", func(e *entry) *string { return &e.key }),
		uintField(2, "value", func(e *entry) *turn.Seq { return &e.seq }),
	}
	return field[T]{
		num: num, name: name, typ: protowire.BytesType,
		has: func(v *T) bool { return len(*at(v)) > 0 },
		put: func(dst []byte, v *T) []byte {
			for _, k := range slices.Sorted(maps.Keys(*at(v))) {
				e := entry{k, (*at(v))[k]}
				dst = nested(dst, num, func(dst []byte) []byte { return putMessage(dst, &e, fields) })
			}
			return dst
		},
		pack: func(dst []byte, v *T) []byte {
			dst = msgp.AppendMapHeader(dst, uint32(len(*at(v))))
			for _, k := range slices.Sorted(maps.Keys(*at(v))) {
				dst = msgp.AppendUint64(packString(dst, k), uint64((*at(v))[k]))
			}
			return dst
		},
		get: func(v *T, in value) error {
			var e entry
			if err := getMessage(&e, in.p, fields); err != nil {
				return err
			}
			if *at(v) == nil {
				*at(v) = make(map[string]turn.Seq)
			}
			if (*at(v))[e.key] = e.seq; len(*at(v)) > limit {
				return fmt.Errorf("more than %d cursors", limit)
			}
			return nil
		},
	}
}
