package socket

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// A Frame is one message to send: Head, which differs from connection to
// connection, followed by Body, which many share. Neither is changed, and
// neither is kept once TryWrite has returned.
type Frame struct {
	Head, Body []byte
	Binary     bool // else the whole is text, which the caller keeps valid UTF-8
}

func (f *Frame) op() ws.OpCode {
	if f.Binary {
		return ws.OpBinary
	}
	return ws.OpText
}

// maxHeader is the largest header of a frame that is not masked.
const maxHeader = 10

// appendHeader appends the header of an unfragmented, unmasked frame (RFC
// 6455, 5.2). It stands here because ws.WriteHeader allocates for each frame;
// a test holds it against ws.ReadHeader.
func appendHeader(b []byte, op ws.OpCode, n int) []byte {
	b = append(b, 0x80|byte(op))
	switch {
	case n < 126:
		return append(b, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
}

func appendFrame(b []byte, f *Frame) []byte {
	b = appendHeader(b, f.op(), len(f.Head)+len(f.Body))
	b = append(b, f.Head...)
	return append(b, f.Body...)
}

// closeFrame makes a close frame; code 0 or CodeNone sends none. A reason that
// is too long is cut at a character.
func closeFrame(code int, reason string) []byte {
	if code == 0 || code == CodeNone {
		return appendHeader(nil, ws.OpClose, 0)
	}
	if limit := ws.MaxControlFramePayloadSize - 2; len(reason) > limit {
		for !utf8.RuneStart(reason[limit]) {
			limit--
		}
		reason = reason[:limit]
	}
	b := appendHeader(make([]byte, 0, 4+len(reason)), ws.OpClose, 2+len(reason))
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return append(b, reason...)
}

func controlFrame(op ws.OpCode, payload []byte) []byte {
	b := appendHeader(make([]byte, 0, 2+len(payload)), op, len(payload))
	return append(b, payload...)
}
