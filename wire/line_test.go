package wire

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/karez/karez/turn"
)

func TestLineRoundTrip(t *testing.T) {
	for _, ev := range []turn.Event{
		{Seq: 1, Kind: turn.KindText, Data: []byte("Hél\"lo\n🙂")},
		{Seq: 9, First: 3, Epoch: 2, Kind: turn.KindReasoning, Part: "p", Data: []byte("x")},
		{Seq: 2, Kind: turn.KindEnd, Data: []byte(`{"reason":"stop"}`)},
		{Seq: 3, Kind: turn.KindAudio, Media: "audio/pcm16", Data: []byte{0, 255, 1}},
		{Seq: 4, Kind: turn.KindTool, Part: "call", Name: "search", Data: []byte(`{"q":`), Attrs: map[string]string{"at": "1"}},
	} {
		p := AppendLine(nil, &ev)
		got, err := DecodeLine(p)
		if err != nil || !reflect.DeepEqual(got, ev) {
			t.Errorf("%s: %+v, %v; want %+v", p, got, err, ev)
		}
	}
}

func TestLineWithoutKindIsText(t *testing.T) {
	if ev, err := DecodeLine([]byte(`{"text":"a"}`)); err != nil || ev.Kind != turn.KindText || string(ev.Data) != "a" {
		t.Errorf("%+v, %v", ev, err)
	}
}

func FuzzDecodeLine(f *testing.F) {
	f.Add([]byte(`{"kind":"text","text":"a"}`))
	f.Add([]byte(`{"kind":"audio","bytes":"AAE=","media":"audio/pcm16"}`))
	f.Add([]byte(`[1]`))
	f.Fuzz(func(t *testing.T, p []byte) {
		ev, err := DecodeLine(p)
		if err != nil {
			return
		}
		again, err := DecodeLine(AppendLine(nil, &ev))
		if err != nil || again.Kind != ev.Kind || (payloadOf(&ev) == textPayload && !bytes.Equal(again.Data, bytes.ToValidUTF8(ev.Data, []byte("\uFFFD")))) {
			t.Fatalf("%q → %+v → %+v, %v", p, ev, again, err)
		}
	})
}

// A back end is told of a payload that nobody could fold.
func TestLineThatDoesNotFold(t *testing.T) {
	for _, line := range []string{
		`{"kind":"usage","data":"x"}`, `{"kind":"usage","text":"x"}`, `{"kind":"usage"}`, `{"kind":"epoch","data":[]}`, `{"kind":"prompt","data":7}`,
	} {
		ev, err := DecodeLine([]byte(line))
		if e := (*Error)(nil); !errors.As(err, &e) || e.Code != CodeBadRequest {
			t.Errorf("%s: %+v, %v", line, ev, err)
		}
	}
}
