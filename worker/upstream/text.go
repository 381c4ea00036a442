package upstream

import (
	"unicode/utf8"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/stream"
)

// A textDecoder decodes plain text in pieces that may be cut anywhere, also
// inside a character. Its end is the clean end of the body.
type textDecoder struct {
	w    *stream.Writer
	tail []byte // of at most three bytes: the beginning of a character
}

// newText returns a decoder.
func newText(w *stream.Writer) *textDecoder { return &textDecoder{w: w} }

// Decode implements stream.Decoder.
func (d *textDecoder) Decode(_ string, data []byte) (stream.Mark, error) {
	p := append(d.tail, data...)
	n := whole(p)
	d.tail = append([]byte(nil), p[n:]...)
	return stream.More, d.w.Say(string(p[:n]))
}

// whole is how many bytes of p are there before a character that more bytes
// could finish.
func whole(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if at := len(p) - n; utf8.RuneStart(p[at]) {
			if utf8.FullRune(p[at:]) {
				return len(p)
			}
			return at
		}
	}
	return len(p)
}

// End implements stream.Decoder. An answer of nothing is none.
func (d *textDecoder) End() (string, error) {
	if err := d.w.Say(string(d.tail)); err != nil { // becomes U+FFFD
		return "", err
	}
	if d.w.Count() == 0 {
		return "", nothing()
	}
	return turn.ReasonStop, nil
}

// nothing is the error of a success without an answer.
func nothing() error {
	return &worker.ProviderError{Code: turn.CodeProviderBroken, Retry: true, Message: who + " answered with nothing"}
}
