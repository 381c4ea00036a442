package socket

import (
	"encoding/binary"
	"io"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// maxFragments bounds the frames of one message; some test suites and voice
// clients send 131,072.
const maxFragments = 1 << 18

// A parser turns bytes, cut wherever the network cut them, into messages and
// control frames. It pulls nothing: whoever has read bytes pushes them in, so
// the same parser serves a blocked reader and a poller.
type parser struct {
	max int // largest message, in bytes

	head    [ws.MaxHeaderSize]byte // the header under way
	headLen uint8
	scratch [ws.MaxHeaderSize - 2]byte // for ws.ReadHeaderBuffer
	src     source

	inside bool      // the header is complete, its payload is not
	h      ws.Header // of the frame under way
	got    int64     // bytes of its payload seen
	ctl    []byte    // payload of a control frame that came in pieces

	op    ws.OpCode // of the message under way; 0: none has begun
	frags int
	msg   []byte // what came of it so far
}

// An item is a whole message (OpText, OpBinary) or control frame. p is valid
// until the parser is called again.
type item struct {
	op ws.OpCode // 0: nothing is complete yet
	p  []byte
}

// mid reports whether a message or frame has begun and is not complete.
func (s *parser) mid() bool { return s.headLen > 0 || s.inside || s.op != 0 }

// next takes bytes from the front of p, which it unmasks in place, and returns
// how many, and an item when they complete one. The error is a *CloseError.
func (s *parser) next(p []byte) (item, int, error) {
	n := 0
	if !s.inside {
		var err error
		if n, err = s.header(p); err != nil || !s.inside {
			return item{}, n, err
		}
	}
	chunk := p[n:]
	if left := s.h.Length - s.got; int64(len(chunk)) > left {
		chunk = chunk[:left]
	}
	n += len(chunk)
	ws.Cipher(chunk, s.h.Mask, int(s.got%4))
	s.got += int64(len(chunk))
	if s.h.OpCode.IsControl() {
		return s.control(chunk), n, nil
	}
	it, err := s.data(chunk)
	return it, n, err
}

// header gathers a frame's header and enters its payload once it is complete
// and allowed.
func (s *parser) header(p []byte) (n int, err error) {
	for n < len(p) {
		s.head[s.headLen] = p[n]
		s.headLen++
		n++
		if s.headLen < 2 || int(s.headLen) < headerSize(s.head[1]) {
			continue
		}
		s.src = s.head[:s.headLen]
		h, err := ws.ReadHeaderBuffer(&s.src, s.scratch[:])
		if err != nil {
			return n, violation(CodeProtocol, "%v", err)
		}
		s.headLen = 0
		return n, s.enter(h)
	}
	return n, nil
}

// headerSize tells the size of a header by its second byte.
func headerSize(b byte) int {
	n := 2
	switch b & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if b&0x80 != 0 {
		n += 4
	}
	return n
}

func (s *parser) enter(h ws.Header) error {
	state := ws.StateServerSide
	if s.op != 0 {
		state = state.Set(ws.StateFragmented)
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return violation(CodeProtocol, "%v", err)
	}
	if h.OpCode.IsData() || h.OpCode == ws.OpContinuation {
		if h.Length > int64(s.max-len(s.msg)) {
			return violation(CodeTooBig, "a message has at most %d bytes", s.max)
		}
		if s.frags++; s.frags > maxFragments {
			return violation(CodeTooBig, "a message has at most %d fragments", maxFragments)
		}
	}
	s.inside, s.h, s.got = true, h, 0
	return nil
}

func (s *parser) control(chunk []byte) item {
	if s.got < s.h.Length || len(s.ctl) > 0 {
		s.ctl = append(s.ctl, chunk...)
		chunk = s.ctl
	}
	if s.got < s.h.Length {
		return item{}
	}
	s.inside, s.ctl = false, nil
	return item{s.h.OpCode, chunk}
}

func (s *parser) data(chunk []byte) (item, error) {
	if s.op == 0 {
		s.op = s.h.OpCode
	}
	whole := s.got == s.h.Length
	if !whole || !s.h.Fin || len(s.msg) > 0 {
		s.keep(chunk)
		chunk = s.msg
	}
	if !whole {
		return item{}, nil
	}
	s.inside = false
	if !s.h.Fin {
		return item{}, nil
	}
	it := item{s.op, chunk}
	s.op, s.frags, s.msg = 0, 0, nil
	if it.op == ws.OpText && !utf8.Valid(it.p) {
		return item{}, violation(CodeNotUTF8, "the text is not valid UTF-8")
	}
	return it, nil
}

// keep appends chunk to the message. The room grows with what has come, not
// with what the header says will come: at most twice of it, so that a header
// that lies costs nothing.
func (s *parser) keep(chunk []byte) {
	if need := len(s.msg) + len(chunk); need > cap(s.msg) {
		end := int64(len(s.msg)) + s.h.Length // too much for later chunks of a frame, never too little
		room := max(need, int(min(end, int64(2*cap(s.msg)), int64(s.max))))
		s.msg = append(make([]byte, 0, room), s.msg...)
	}
	s.msg = append(s.msg, chunk...)
}

// parseClose reads the payload of a close frame (RFC 6455, 5.5.1).
func parseClose(p []byte) (code int, reason string, err error) {
	if len(p) == 0 {
		return CodeNone, "", nil
	}
	if len(p) == 1 {
		return 0, "", violation(CodeProtocol, "a close frame has no payload or at least 2 bytes")
	}
	code, reason = int(binary.BigEndian.Uint16(p)), string(p[2:])
	switch err := ws.CheckCloseFrameData(ws.StatusCode(code), ""); {
	case !utf8.ValidString(reason):
		return 0, "", violation(CodeNotUTF8, "the reason of a close frame is not valid UTF-8")
	case err != nil && (code < 1012 || code > 1014): // IANA added these three to RFC 6455's
		return 0, "", violation(CodeProtocol, "close code %d: %v", code, err)
	case code >= 5000:
		return 0, "", violation(CodeProtocol, "close code %d: beyond 4999", code)
	}
	return code, reason, nil
}

// A source is an io.Reader of bytes that lie in the parser, without allocating.
type source []byte

func (s *source) Read(p []byte) (int, error) {
	if len(*s) == 0 {
		return 0, io.EOF
	}
	n := copy(p, *s)
	*s = (*s)[n:]
	return n, nil
}
