package wire

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

// Whatever the bytes: no panic, a typed error, and what was understood is
// understood again after encoding. Seeds are the golden messages.

func FuzzCommandJSON(f *testing.F)     { fuzzCommand(f, JSON) }
func FuzzCommandMsgpack(f *testing.F)  { fuzzCommand(f, MessagePack) }
func FuzzCommandProtobuf(f *testing.F) { fuzzCommand(f, Protobuf) }
func FuzzFrameJSON(f *testing.F)       { fuzzFrame(f, JSON) }
func FuzzFrameMsgpack(f *testing.F)    { fuzzFrame(f, MessagePack) }
func FuzzFrameProtobuf(f *testing.F)   { fuzzFrame(f, Protobuf) }

func fuzzCommand(f *testing.F, codec Codec) {
	for _, g := range readGolden(f) {
		if g.command {
			f.Add(g.in[codec.Subprotocol()])
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		c, err := codec.DecodeCommand(bytes.Clone(p))
		if err != nil {
			checkTyped(t, err)
			return
		}
		if err := c.Check(); err != nil {
			checkTyped(t, err)
		}
		first := codec.AppendCommand(nil, c)
		again, err := codec.DecodeCommand(first)
		if err != nil {
			t.Fatalf("%q was read, its encoding %q is not: %v", p, first, err)
		}
		second := codec.AppendCommand(nil, again)
		if !bytes.Equal(first, second) {
			t.Fatalf("%q encodes as %q, then as %q", p, first, second)
		}
		for _, other := range Codecs() {
			if got, err := other.DecodeCommand(other.AppendCommand(nil, c)); err != nil {
				t.Fatalf("%s: %v", other.Subprotocol(), err)
			} else if got.Type != c.Type || got.ID != c.ID || !reflect.DeepEqual(got.Turns, again.Turns) {
				t.Fatalf("%s: %s became %s", other.Subprotocol(), show(c), show(got))
			}
		}
	})
}

func fuzzFrame(f *testing.F, codec Codec) {
	for _, g := range readGolden(f) {
		if !g.command {
			f.Add(g.in[codec.Subprotocol()])
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		fr, err := codec.DecodeFrame(bytes.Clone(p))
		if err != nil {
			checkTyped(t, err)
			return
		}
		first := codec.AppendFrame(nil, fr)
		again, err := codec.DecodeFrame(first)
		if err != nil {
			t.Fatalf("%q was read, its encoding %q is not: %v", p, first, err)
		}
		if second := codec.AppendFrame(nil, again); !bytes.Equal(first, second) {
			t.Fatalf("%q encodes as %q, then as %q", p, first, second)
		}
		for _, other := range Codecs() {
			if _, err := other.DecodeFrame(other.AppendFrame(nil, fr)); err != nil {
				t.Fatalf("%s: %v", other.Subprotocol(), err)
			}
		}
	})
}

func checkTyped(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code == "" || e.Message == "" {
		t.Fatalf("%#v is not a typed error", err)
	}
}
