package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/karez/karez/turn"
)

// written returns what f writes; every event must be fit for a log.
func written(t *testing.T, f func(w *Writer) error) []turn.Event {
	t.Helper()
	var evs []turn.Event
	err := f(NewWriter(func(ev turn.Event) error {
		if len(ev.Data) > turn.MaxData || ev.Kind.Textual() && !utf8.Valid(ev.Data) {
			t.Fatalf("%s of %d bytes is not fit for a log", ev.Kind, len(ev.Data))
		}
		evs = append(evs, ev)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return evs
}

// Text longer than an event takes is split at characters, and nothing is lost.
func TestLongTextIsSplit(t *testing.T) {
	long := strings.Repeat("a", turn.MaxData-1) + strings.Repeat("水", turn.MaxData/2)
	for name, f := range map[string]func(w *Writer) error{
		"text": func(w *Writer) error { return w.Say(long) },
		"tool": func(w *Writer) error { return w.Tool("c1", "weather", long) },
	} {
		var b strings.Builder
		evs := written(t, f)
		for i, ev := range evs {
			b.Write(ev.Data)
			if i > 0 && ev.Name != "" {
				t.Errorf("%s: event %d has the name again", name, i)
			}
		}
		if len(evs) != 3 || b.String() != long {
			t.Errorf("%s: %d events of %d bytes, want 3 of %d", name, len(evs), b.Len(), len(long))
		}
	}
	sound := bytes.Repeat([]byte{1, 2, 3}, turn.MaxData/2)
	var got []byte
	for _, ev := range written(t, func(w *Writer) error { return w.Audio("audio/pcm16", sound) }) {
		got = append(got, ev.Data...)
	}
	if !bytes.Equal(got, sound) {
		t.Errorf("%d bytes of sound, want %d", len(got), len(sound))
	}
}

// What cannot be split is replaced by an event that says so.
func TestTooLargeIsSaid(t *testing.T) {
	big := json.RawMessage(`"` + strings.Repeat("x", turn.MaxData) + `"`)
	for name, x := range map[string]struct {
		f    func(w *Writer) error
		kind turn.Kind
	}{
		"data":            {func(w *Writer) error { return w.Data("weather", "w", big, nil) }, turn.KindData},
		"file":            {func(w *Writer) error { return w.FileBytes("", "image/png", "", big) }, turn.KindData},
		"output":          {func(w *Writer) error { return w.ToolOutput("c1", "weather", big, nil) }, turn.KindToolError},
		"input":           {func(w *Writer) error { return w.ToolInput("c1", "weather", big, false) }, turn.KindTool},
		"grown by U+FFFD": {func(w *Writer) error { return w.Source(bytes.ReplaceAll(big, []byte("xx"), []byte("x\xff"))) }, turn.KindData},
	} {
		evs := written(t, x.f)
		if len(evs) == 0 || evs[0].Kind != x.kind {
			t.Errorf("%s: %v", name, evs)
			continue
		}
		if x.kind == turn.KindData && !bytes.Contains(evs[0].Data, []byte(`"omitted":"too large"`)) {
			t.Errorf("%s: %s", name, evs[0].Data)
		}
	}
	if evs := written(t, func(w *Writer) error { return w.ToolInput("c1", "weather", big, true) }); len(evs) != 0 {
		t.Errorf("input that was there in pieces came again: %v", evs[0].Kind)
	}
}

// Bytes that are no text become U+FFFD, and long names are cut.
func TestBrokenText(t *testing.T) {
	evs := written(t, func(w *Writer) error {
		return errors.Join(w.Say("a\xffb"), w.ToolError("c1", "", "x\xe6\xb0"), w.Data(strings.Repeat("水", 200), "\xff", json.RawMessage("\"\xff\""), nil))
	})
	if got := string(evs[0].Data) + string(evs[1].Data) + string(evs[2].Data) + evs[2].Part; got != "a\uFFFDbx\uFFFD\"\uFFFD\"\uFFFD" {
		t.Errorf("got %q", got)
	}
	if n := evs[2].Name; len(n) > MaxName || !utf8.ValidString(n) {
		t.Errorf("a name of %d bytes", len(n))
	}
}

// After emit has failed nothing more is emitted, by any method.
func TestWriterStops(t *testing.T) {
	over, n := errors.New("over"), 0
	w := NewWriter(func(turn.Event) error { n++; return over })
	raw := json.RawMessage("1")
	for i, err := range []error{
		w.Say("a"), w.Think("a"), w.Text("p", "a"), w.Reasoning("p", "a"), w.Tool("c", "n", ""), w.ToolInput("c", "n", raw, false), w.ToolOutput("c", "n", raw, nil),
		w.ToolError("c", "n", "e"), w.Audio("m", []byte{1}), w.File("", "https://example.org", "", ""), w.FileBytes("", "m", "", nil), w.Source(raw),
		w.Data("d", "", raw, nil), w.Step("start"), w.Usage(turn.Usage{}), w.Say(""),
	} {
		if err != over {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if n != 1 {
		t.Errorf("emitted %d times", n)
	}
}

func TestDataURL(t *testing.T) {
	for _, x := range []struct {
		url, media, data string
		ok               bool
	}{
		{"data:image/png;base64,AAEC", "image/png", "\x00\x01\x02", true},
		{"data:image/png;base64,AAE=", "image/png", "\x00\x01", true},
		{"data:text/plain;charset=utf-8,a%20b%2C", "text/plain;charset=utf-8", "a b,", true},
		{"data:,x", "text/plain;charset=US-ASCII", "x", true},
		{"data:image/png;base64,*", "", "", false},
		{"data:image/png", "", "", false},
		{"https://example.org/", "", "", false},
	} {
		media, p, ok := DataURL(x.url)
		if ok != x.ok || ok && (media != x.media || string(p) != x.data) {
			t.Errorf("%s: %q %q %v", x.url, media, p, ok)
		}
	}
}

func FuzzDataURL(f *testing.F) {
	f.Add("data:image/png;base64,AAEC")
	f.Add("data:,%zz")
	f.Fuzz(func(t *testing.T, url string) {
		written(t, func(w *Writer) error { return w.File("", url, "", "") })
	})
}
