package socket

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// parse feeds p in pieces of the sizes that cuts gives, in turn, and returns
// what came out as text.
func parse(p []byte, max int, cuts []byte) (out []string, err error) {
	s := &parser{max: max}
	p = bytes.Clone(p)
	for i := 0; len(p) > 0 && err == nil; i++ {
		n := len(p)
		if len(cuts) > 0 {
			n = min(n, 1+int(cuts[i%len(cuts)]))
		}
		for piece := p[:n]; len(piece) > 0 && err == nil; {
			var it item
			var m int
			it, m, err = s.next(piece)
			if m == 0 && err == nil {
				panic("the parser took nothing")
			}
			if it.op != 0 {
				out = append(out, fmt.Sprintf("%d:%s", it.op, it.p))
				if it.op == ws.OpText && !utf8.Valid(it.p) {
					panic("text that is not UTF-8")
				}
			}
			piece = piece[m:]
		}
		p = p[n:]
		if cap(s.msg) > max {
			panic("the message under way has more room than a message may have")
		}
	}
	if s.mid() {
		out = append(out, "more to come")
	}
	return out, err
}

// Whatever comes, cut in any way, the parser does not panic, gives the same
// items and the same verdict, and holds no more than it may.
func FuzzParse(f *testing.F) {
	f.Add(bytes.Join([][]byte{text("hello"), frame(ws.OpPing, true, "p"), frame(ws.OpText, false, "\xe2\x82"), frame(ws.OpContinuation, true, "\xac")}, nil), []byte{0})
	f.Add(frame(ws.OpBinary, true, string(make([]byte, 300))), []byte{3, 200})
	f.Add(frame(ws.OpBinary, true, string(make([]byte, 3000))), []byte{})
	f.Add(frame(ws.OpClose, true, "\x03\xe8bye"), []byte{1})
	f.Add([]byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, []byte{2})
	f.Add([]byte{0x81, 0xfe, 0x10, 0, 1, 2, 3, 4, 5}, []byte{0})
	f.Fuzz(func(t *testing.T, p, cuts []byte) {
		const max = 2048
		whole, err1 := parse(p, max, nil)
		pieces, err2 := parse(p, max, cuts)
		if fmt.Sprint(err1) != fmt.Sprint(err2) || err1 == nil && fmt.Sprintf("%q", whole) != fmt.Sprintf("%q", pieces) {
			t.Fatalf("whole: %q, %v\nin pieces: %q, %v", whole, err1, pieces, err2)
		}
		var ce *CloseError
		if err1 != nil && (!errors.As(err1, &ce) || len(ce.Reason) > 123) {
			t.Fatalf("the verdict is no close frame: %v", err1)
		}
		if err1 == nil {
			sameAsReference(t, p, whole)
		}
		if code, reason, err := parseClose(p); err == nil && (code < 1000 || code > 4999 || !utf8.ValidString(reason)) {
			t.Fatalf("close code %d %q was let through", code, reason)
		}
	})
}

// sameAsReference reads p with the library's own reader.
func sameAsReference(t *testing.T, p []byte, want []string) {
	t.Helper()
	var got []string
	var msg []byte
	var op ws.OpCode
	r := bytes.NewReader(p)
	for r.Len() > 0 {
		f, err := readFrame(r)
		if err != nil {
			op = 1
			break
		}
		f = ws.UnmaskFrameInPlace(f)
		if f.Header.OpCode.IsControl() {
			got = append(got, fmt.Sprintf("%d:%s", f.Header.OpCode, f.Payload))
			continue
		}
		if op == 0 {
			op = f.Header.OpCode
		}
		if msg = append(msg, f.Payload...); f.Header.Fin {
			got = append(got, fmt.Sprintf("%d:%s", op, msg))
			op, msg = 0, nil
		}
	}
	if op != 0 {
		got = append(got, "more to come")
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Fatalf("the library reads %q, we read %q", got, want)
	}
}

// Our headers and close frames are what the library reads.
func TestFramesWeWrite(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 20} {
		h, err := ws.ReadHeader(bytes.NewReader(appendHeader(nil, ws.OpBinary, n)))
		if err != nil || h.Length != int64(n) || !h.Fin || h.Masked || h.Rsv != 0 || h.OpCode != ws.OpBinary {
			t.Errorf("%d bytes: %+v, %v", n, h, err)
		}
	}
	for reason, want := range map[string]int{"": 0, "bye": 3, string(make([]byte, 200)): 123, "xx" + string(bytes.Repeat([]byte("€"), 60)): 122} {
		f, err := readFrame(bytes.NewReader(closeFrame(4000, reason)))
		if code, got := ws.ParseCloseFrameData(f.Payload); err != nil || code != 4000 || len(got) != want || !utf8.ValidString(got) {
			t.Errorf("close %d %q, %v", code, got, err)
		}
	}
}
