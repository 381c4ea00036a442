package turn

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// Lookback is how many events before a place Align may need: a character has
// at most four bytes, and a producer may write them one by one.
const Lookback = 3

// NeedsLookback reports whether evs begins inside a character, so that Align
// wants the Lookback events before it.
func NeedsLookback(evs []Event) bool {
	return len(evs) > 0 && evs[0].Kind.Textual() && len(evs[0].Data) > 0 && !utf8.RuneStart(evs[0].Data[0])
}

// Align returns evs with the text of each event made of whole characters
// (design: 9). A character that a foreign producer cut over two neighbouring
// events of one part goes wholly into the later one; bytes that belong to no
// character become U+FFFD; a character that its part never finishes is not
// text and is not shown. before holds the events just before evs when evs
// NeedsLookback, else it may be nil. The result depends on the log alone, not
// on where a reader began. evs is not changed, and is returned itself when all
// is well, which is the rule.
func Align(before, evs []Event) []Event {
	if aligned(evs) {
		return evs
	}
	var carry []byte
	var prev *Event
	for i := range before {
		_, carry = alignOne(carry, prev, &before[i])
		prev = &before[i]
	}
	out := make([]Event, len(evs))
	for i := range evs {
		out[i] = evs[i]
		held := len(carry)
		out[i].Data, carry = alignOne(carry, prev, &evs[i])
		if held > 0 && continues(prev, &evs[i]) {
			out[i].Cuts = lengthen(evs[i].Cuts, held)
		}
		prev = &evs[i]
	}
	return out
}

func aligned(evs []Event) bool {
	for i := range evs {
		if evs[i].Kind.Textual() && !utf8.Valid(evs[i].Data) {
			return false
		}
	}
	return true
}

// alignOne returns the text of ev after the unfinished character carry of
// prev, and the unfinished character at its own end.
func alignOne(carry []byte, prev, ev *Event) (data, rest []byte) {
	if !ev.Kind.Textual() {
		return ev.Data, nil
	}
	if !continues(prev, ev) {
		carry = nil
	}
	data = ev.Data
	if len(carry) > 0 {
		data = append(bytes.Clone(carry), data...)
	}
	n := len(data) - unfinished(data)
	data, rest = data[:n], data[n:]
	if !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	return data, rest
}

// continues reports whether ev, which is textual, goes on where prev stops.
func continues(prev, ev *Event) bool {
	return prev != nil && prev.Kind == ev.Kind && prev.Part == ev.Part
}

// lengthen makes the first of the pieces that cuts divides n bytes longer.
func lengthen(cuts []byte, n int) []byte {
	first, w := binary.Uvarint(cuts)
	if w <= 0 {
		return cuts
	}
	return append(binary.AppendUvarint(nil, first+uint64(n)), cuts[w:]...)
}

// unfinished returns how many bytes at the end of p begin a character that
// more bytes could finish.
func unfinished(p []byte) int {
	for n := 1; n <= 3 && n <= len(p); n++ {
		c := p[len(p)-n]
		if utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(p[len(p)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}
