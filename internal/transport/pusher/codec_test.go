package pusher

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
)

// FuzzMessage: whatever a client sends is read or refused, and what is read of
// its data is what any JSON reader reads.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{
		`{"event":"pusher:subscribe","data":{"channel":"private-x","auth":"k:s","channel_data":"{\"user_id\":7}"}}`,
		`{"event":"pusher:subscribe","data":"{\"channel\":\"x\"}"}`, `{"event":"client-x","channel":"c","data":"\ud800"}`,
		`{"event":"pusher:ping","data":{}}`, `[]`, `{`, `{"event":1}`, "\xff", `{"event":"e","data":null}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := decodeMessage(p)
		if err != nil {
			return
		}
		if m.Event == "" || !json.Valid(p) {
			t.Errorf("%q was taken", p)
		}
		var d subscribeData
		_ = decodeData(m.Data, &d)
		if mem, err := memberOf(d.ChannelData); err == nil && (mem.ID == "" || len(mem.Info) > 0 && !json.Valid(mem.Info)) {
			t.Errorf("%q is %+v", d.ChannelData, mem)
		}
		b := appendEvent(nil, m.Event, m.Channel, dataText(m.Data), "")
		var back message
		if err := json.Unmarshal(b, &back); err != nil || back.Event != m.Event || back.Channel != m.Channel {
			t.Errorf("%q: %v", b, err)
		}
	})
}

// FuzzString: appendString writes what encoding/json reads, and escaped knows
// its length.
func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a", "ü😀\x00\n\"\\\u2028", "\xff\xfe", "a\xf0\x9f\x98", "\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := appendString(nil, s)
		var back string
		if err := json.Unmarshal(b, &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Fatalf("%q: %q, %v", s, b, err)
		}
		n := 2
		for rest := s; rest != ""; {
			out, in := escaped(rest)
			n, rest = n+out, rest[in:]
		}
		if n != len(b) {
			t.Errorf("%q: %d bytes, counted %d", s, len(b), n)
		}
	})
}

// FuzzPieces: however large an event is, its pieces stay below the limit and
// join to what it was.
func FuzzPieces(f *testing.F) {
	f.Add("text", "short", "", 1024)
	f.Add("text", strings.Repeat("ü😀\n", 3000), "p1", 10240)
	f.Add("reasoning", strings.Repeat("\"", 3000), "", 1024)
	f.Add("data", `{"a":"`+strings.Repeat("x", 3000)+`"}`, "", 1024)
	f.Add("data", `{"a":1}`, "", 1024)
	f.Add("audio", strings.Repeat("\x00\xff", 3000), "", 1025)
	f.Fuzz(func(t *testing.T, kind, data, part string, limit int) {
		if limit < 1024 || limit > 1<<20 || len(part) > 64 || len(kind) > 64 || kind == "epoch" {
			return
		}
		ev := turn.Event{Seq: 7, Kind: turn.Kind(kind), Part: part, Data: []byte(data)}
		if !utf8.ValidString(kind) || !utf8.ValidString(part) || !utf8.ValidString(data) && ev.Kind != turn.KindAudio {
			return // the broker refuses them
		}
		frames := split([][]byte{appendTurn(nil, turn.NewID("app", "c", "t1"), &ev, limit)})
		var joined string
		for i, p := range frames {
			var fr frame
			if err := json.Unmarshal(p, &fr); err != nil || fr.Channel != "c" || fr.Event != eventName(ev.Kind) {
				t.Fatalf("%q: %v", p, err)
			}
			if n := len(fr.text()); n > limit {
				t.Errorf("%d bytes, limit %d", n, limit)
			}
			var d struct {
				Turn, Part         string
				Seq                int
				Text, Base64, JSON *string
				Data               json.RawMessage
				More               bool
			}
			if err := json.Unmarshal([]byte(fr.text()), &d); err != nil || d.Turn != "t1" || d.Seq != 7 || d.Part != part || d.More != (i < len(frames)-1) {
				t.Fatalf("%s: %v", fr.text(), err)
			}
			switch {
			case d.Text != nil:
				joined += *d.Text
			case d.JSON != nil:
				joined += *d.JSON
			case d.Base64 != nil:
				raw, err := base64.StdEncoding.DecodeString(*d.Base64)
				if err != nil {
					t.Fatal(err)
				}
				joined += string(raw)
			default:
				if !json.Valid([]byte(data)) {
					t.Fatalf("%s", fr.text())
				}
				joined = data
			}
		}
		if len(frames) > 0 && joined != data {
			t.Errorf("%q became %q", data, joined)
		}
	})
}

func TestCustomEventsOfATimeline(t *testing.T) {
	ev := turn.Event{Seq: 3, Kind: channel.KindCustom, Name: "card", Data: []byte(`{"a":1}`), Attrs: map[string]string{channel.AttrFrom: "ada"}}
	id := turn.Timeline("app", "c")
	if got := string(appendTimeline(nil, id, &ev, 1024)); got != `{"event":"channel.event","channel":"c","data":"{\"seq\":3,\"name\":\"card\",\"from\":\"ada\",\"data\":{\"a\":1}}"}`+"\n" {
		t.Errorf("%s", got)
	}
	if got := appendTimeline(nil, id, &turn.Event{Seq: 4, Kind: channel.KindTurn, Data: []byte(`{}`)}, 1024); len(got) > 0 {
		t.Errorf("%s", got)
	}
}
