package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/karez/karez/turn"
)

// What is decoded is what was encoded, in every codec, so all codecs agree.
func TestCommandsRoundTrip(t *testing.T) {
	for name, codec := range codecNames {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want := genCommand().Draw(t, "command")
				p := codec.AppendCommand(nil, want)
				got, err := codec.DecodeCommand(p)
				if err != nil {
					t.Fatalf("decode %q: %v", p, err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("got %s, want %s", show(got), show(want))
				}
			})
		})
	}
}

func TestFramesRoundTrip(t *testing.T) {
	for name, codec := range codecNames {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want := genFrame().Draw(t, "frame")
				p := codec.AppendFrame([]byte("x"), want)
				if p[0] != 'x' {
					t.Fatal("AppendFrame overwrote what was there")
				}
				p = p[1:]
				got, err := codec.DecodeFrame(p)
				if err != nil {
					t.Fatalf("decode %q: %v", p, err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("got %s, want %s", show(got), show(want))
				}
				if !codec.Binary() && (bytes.ContainsAny(p, "\r\n") || !utf8.Valid(p)) {
					t.Fatalf("%q is not one line of text", p)
				}
			})
		})
	}
}

// The head may be joined to a body that was encoded without it.
func TestHeadAndBodyMakeTheFrame(t *testing.T) {
	for name, codec := range codecNames {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				ev := genEvent().Draw(t, "event")
				n := rapid.Uint32Min(1).Draw(t, "n")
				body := codec.AppendBody(nil, &ev)
				got := append(codec.AppendHead(nil, n), body...)
				want := codec.AppendFrame(nil, &Frame{Type: FrameEvent, N: n, Event: &ev})
				if !bytes.Equal(got, want) {
					t.Fatalf("head and body %q, frame %q", got, want)
				}
			})
		})
	}
}

// Whatever an encoder is given, a decoder reads what it made.
func TestUncleanMessagesStayReadable(t *testing.T) {
	deep := json.RawMessage(strings.Repeat("[", 70) + strings.Repeat("]", 70))
	for name, codec := range codecNames {
		for _, raw := range []json.RawMessage{json.RawMessage("{oops"), json.RawMessage("\"\xff\""), deep} {
			f := &Frame{Type: FrameReply, Name: "a\xffb", Data: raw, History: &History{Turns: []HistoryTurn{{
				Outcome: raw, Prompt: &turn.Prompt{Params: raw}, Parts: []HistoryPart{{JSON: raw, Text: "\xe2\x82"}},
			}}}}
			got, err := codec.DecodeFrame(codec.AppendFrame(nil, f))
			if err != nil {
				t.Fatalf("%s: %q: %v", name, raw, err)
			}
			var s string
			if err := json.Unmarshal(got.Data, &s); err != nil || s != strings.ToValidUTF8(string(raw), "\uFFFD") {
				t.Errorf("%s: data %q became %q", name, raw, got.Data)
			}
			if got.Name != "a\uFFFDb" || got.History.Turns[0].Parts[0].Text != "\uFFFD\uFFFD" {
				t.Errorf("%s: broken text became %q and %q", name, got.Name, got.History.Turns[0].Parts[0].Text)
			}
			c, err := codec.DecodeCommand(codec.AppendCommand(nil, &Command{Type: CmdPublish, Data: raw, Prompt: &turn.Prompt{Params: raw}}))
			if err != nil || len(c.Data) == 0 || len(c.Prompt.Params) == 0 {
				t.Errorf("%s: command with %q: %v", name, raw, err)
			}
		}
	}
}

// The way an event's Data travels depends on its kind, then on what it is.
func TestPayloads(t *testing.T) {
	deep := strings.Repeat("[", 60) + strings.Repeat("]", 60)
	for _, tt := range []struct {
		ev   turn.Event
		json string // the codec's frame of log 3
		data string // after decoding; "" the same
	}{
		{turn.Event{Seq: 7, Kind: turn.KindText, Data: []byte("a<b>&\"\\\n\x01é😀\u2028")}, `[3,7,"a<b>&\"\\\n\u0001é😀` + "\u2028" + `"]`, ""},
		{turn.Event{Seq: 7, Kind: turn.KindText}, `[3,7,""]`, ""},
		{turn.Event{Seq: 7, Kind: turn.KindText, Data: []byte("a\xe2\x82b")}, "[3,7,\"a\uFFFD\uFFFDb\"]", "a\uFFFD\uFFFDb"},
		{turn.Event{Seq: 7, Kind: turn.KindText, Part: "p", Data: []byte("x")}, `[3,7,{"kind":"text","part":"p","text":"x"}]`, ""},
		{turn.Event{Seq: 7, Kind: turn.KindText, Attrs: map[string]string{"v": "1", "a": "<"}}, `[3,7,{"kind":"text","attrs":{"a":"<","v":"1"}}]`, ""},
		{turn.Event{Seq: 7, Kind: turn.KindTool, Part: "c", Name: "get", Data: []byte(`{"a":`)}, `[3,7,{"kind":"tool","part":"c","name":"get","text":"{\"a\":"}]`, ""},
		{turn.Event{Seq: 7, Kind: turn.KindToolError, Data: []byte(`{}`)}, `[3,7,{"kind":"tool_error","text":"{}"}]`, ""},
		{turn.Event{Seq: 7, Kind: turn.KindEnd, Data: []byte("{\n \"reason\": \"a b\"}")}, `[3,7,{"kind":"end","data":{"reason":"a b"}}]`, `{"reason":"a b"}`},
		{turn.Event{Seq: 7, Kind: turn.KindData, Data: []byte("not JSON")}, `[3,7,{"kind":"data","text":"not JSON"}]`, ""},
		{turn.Event{Seq: 7, Kind: turn.KindData, Data: []byte(deep)}, `[3,7,{"kind":"data","text":"` + deep + `"}]`, ""},
		{turn.Event{Seq: 7, Kind: turn.KindData, Data: []byte("\"\xff\"")}, `[3,7,{"kind":"data","bytes":"Iv8i"}]`, ""},
		{turn.Event{Seq: 7, Kind: turn.KindAudio, Media: "audio/pcm", Data: []byte("abc")}, `[3,7,{"kind":"audio","media":"audio/pcm","bytes":"YWJj"}]`, ""},
		{turn.Event{Seq: 7, Kind: turn.KindFile, Media: "image/png", Data: []byte("{}")}, `[3,7,{"kind":"file","media":"image/png","bytes":"e30="}]`, ""},
		{turn.Event{Seq: 7, Kind: turn.KindFile, Data: []byte(`{"url":"u"}`)}, `[3,7,{"kind":"file","data":{"url":"u"}}]`, ""},
		{turn.Event{Seq: 7, Kind: "later", Data: []byte("hello")}, `[3,7,{"kind":"later","text":"hello"}]`, ""},
	} {
		f := &Frame{Type: FrameEvent, N: 3, Event: &tt.ev}
		if got := string(JSON.AppendFrame(nil, f)); got != tt.json {
			t.Errorf("%s %q: got %s, want %s", tt.ev.Kind, tt.ev.Data, got, tt.json)
		}
		want := tt.ev
		if tt.data != "" {
			want.Data = []byte(tt.data)
		}
		for name, codec := range codecNames {
			got, err := codec.DecodeFrame(codec.AppendFrame(nil, f))
			if err != nil || !reflect.DeepEqual(*got.Event, want) {
				t.Errorf("%s: %s %q came back as %+v, %v", name, tt.ev.Kind, tt.ev.Data, got, err)
			}
		}
	}
}

// The event path allocates nothing once its buffer is large enough.
func TestEventPathAllocatesNothing(t *testing.T) {
	for name, codec := range codecNames {
		for _, ev := range []turn.Event{
			{Seq: 480, Kind: turn.KindText, Data: []byte(" très \"well\"\n")},
			{Seq: 481, Kind: turn.KindReasoning, Part: "r1", Data: []byte("hm")},
			{Seq: 482, Kind: turn.KindTool, Part: "c1", Name: "search", Data: []byte(`{"q":`), Attrs: map[string]string{"at": "1", "v": "2"}},
			{Seq: 483, Kind: turn.KindAudio, Media: "audio/pcm", Data: make([]byte, 960)},
		} {
			buf := make([]byte, 0, 4096)
			if n := testing.AllocsPerRun(200, func() { buf = codec.AppendBody(codec.AppendHead(buf[:0], 1), &ev) }); n != 0 {
				t.Errorf("%s: %s: %v allocations", name, ev.Kind, n)
			}
		}
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	ev := turn.Event{Seq: 480, Kind: turn.KindText, Data: []byte(" steadily")}
	for name, codec := range codecNames {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 64)
			b.ReportAllocs()
			for b.Loop() {
				buf = codec.AppendBody(codec.AppendHead(buf[:0], 1), &ev)
			}
		})
	}
}

func BenchmarkDecodeEvent(b *testing.B) {
	ev := turn.Event{Seq: 480, Kind: turn.KindText, Data: []byte(" steadily")}
	for name, codec := range codecNames {
		b.Run(name, func(b *testing.B) {
			p := codec.AppendFrame(nil, &Frame{Type: FrameEvent, N: 1, Event: &ev})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := codec.DecodeFrame(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func show(v any) string {
	p, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	if f, ok := v.(*Frame); ok && f.Event != nil {
		return string(p) + " event " + show(f.Event)
	}
	return string(p)
}
