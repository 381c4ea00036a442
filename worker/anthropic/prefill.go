package anthropic

import (
	"strings"
	"unicode"

	"github.com/karez/karez/turn"
)

// prefill returns what of an unfinished answer the model can be given: its
// text without white space at the end, which the API refuses; that white space;
// and the part that the answer goes on in. text is "" when there is anything
// but text.
func prefill(sofar []turn.Part) (part, text, blank string) {
	var b strings.Builder
	for _, p := range sofar {
		if p.Kind != turn.KindText {
			return "", "", ""
		}
		b.Write(p.Data)
		part = p.ID
	}
	all := b.String()
	text = strings.TrimRightFunc(all, unicode.IsSpace)
	return part, text, all[len(text):]
}

// once drops from the beginning of the text that follows what of it is the
// white space that readers have already: the model, which was not shown it,
// usually begins with it.
func once(blank string, emit func(turn.Event) error) func(turn.Event) error {
	if blank == "" {
		return emit
	}
	return func(ev turn.Event) error {
		if ev.Kind != turn.KindText || blank == "" {
			return emit(ev)
		}
		n := 0
		for n < len(blank) && n < len(ev.Data) && blank[n] == ev.Data[n] {
			n++
		}
		n -= lead(ev.Data, n)
		if n < len(ev.Data) {
			blank = ""
		} else {
			blank = blank[n:]
			return nil
		}
		ev.Data = ev.Data[n:]
		return emit(ev)
	}
}

// lead is how many bytes before n begin a character that goes on after it.
func lead(p []byte, n int) int {
	k := 0
	for n-k > 0 && n-k < len(p) && p[n-k]&0xC0 == 0x80 {
		k++
	}
	return k
}
