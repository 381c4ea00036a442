package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/karez/karez/turn"
)

func TestCheck(t *testing.T) {
	long := strings.Repeat("x", 300)
	ask := &turn.Prompt{Message: "m", Text: "?"}
	for _, tt := range []struct {
		c    Command
		want string // code and part of the message; "" accepted
	}{
		{Command{}, "bad_request: a command: type"},
		{Command{Type: "teleport"}, `unknown_command: unknown command "teleport"`},
		{Command{Type: CmdPing}, ""},
		{Command{Type: CmdHello}, "bad_request: hello: token"},
		{Command{Type: CmdRenew}, "bad_request: renew: token"},
		{Command{Type: CmdAck}, "bad_request: ack: n"},
		{Command{Type: CmdAck, N: 1}, ""},
		{Command{Type: CmdFollow}, "bad_request: follow: bad id: a channel name"},
		{Command{Type: CmdFollow, Channel: long}, "bad_request: follow: bad id: a channel name"},
		{Command{Type: CmdFollow, Channel: "a\nb"}, "bad_request: follow: bad id: the channel name"},
		{Command{Type: CmdFollow, Channel: "c", Turn: "a b"}, "bad_request: follow: bad id: the turn name"},
		{Command{Type: CmdFollow, Channel: "c", From: "later"}, "bad_request: follow: from"},
		{Command{Type: CmdFollow, Channel: "c", Turns: map[string]turn.Seq{"": 1}}, "bad_request: follow: bad id: turn names"},
		{Command{Type: CmdFollow, Channel: "c", Pace: &Pace{Mode: "warp"}}, "bad_request: follow: pace.mode"},
		{Command{Type: CmdFollow, Channel: "c", Pace: &Pace{Mode: PaceFixed}}, "bad_request: follow: pace.rate"},
		{Command{Type: CmdFollow, Channel: "c", From: FromSnapshot, Pace: &Pace{Mode: PaceSmooth}}, ""},
		{Command{Type: CmdUnfollow, Channel: "c", From: "later"}, ""},
		{Command{Type: CmdPace, Channel: "c"}, "bad_request: pace: pace"},
		{Command{Type: CmdPace, Channel: "c", Pace: &Pace{}}, ""},
		{Command{Type: CmdPrompt, Channel: "c"}, "bad_request: prompt: prompt.message"},
		{Command{Type: CmdPrompt, Channel: "c", Prompt: &turn.Prompt{Text: "?"}}, "bad_request: prompt: prompt.message"},
		{Command{Type: CmdPrompt, Channel: "c", Prompt: &turn.Prompt{Message: "m"}}, "bad_request: prompt: prompt.text"},
		{Command{Type: CmdPrompt, Channel: "c", Prompt: &turn.Prompt{Message: long, Text: "?"}}, "bad_frame: prompt.message: its length is 300"},
		{Command{Type: CmdPrompt, Channel: "c", Prompt: &turn.Prompt{Message: "m", Text: "?", Parent: "/"}}, "bad_request: prompt: prompt.parent is no turn"},
		{Command{Type: CmdPrompt, Channel: "c", Prompt: &turn.Prompt{Message: "m", Text: "?", Params: json.RawMessage("[]")}}, "bad_request: prompt: prompt.params"},
		{Command{Type: CmdPrompt, Channel: "c", Prompt: &turn.Prompt{Message: "m", Content: []turn.Content{{Type: "image"}}}}, "bad_request: prompt: prompt.content[0]"},
		{Command{Type: CmdPrompt, Channel: "c", Prompt: &turn.Prompt{Message: "m", Content: []turn.Content{{URL: "u"}}}}, "bad_request: prompt: prompt.content[0].type"},
		{Command{Type: CmdPrompt, Channel: "c", Prompt: ask}, ""},
		{Command{Type: CmdEdit, Channel: "c", Prompt: ask}, "bad_request: edit: turn"},
		{Command{Type: CmdEdit, Channel: "c", Turn: "t", Prompt: ask}, ""},
		{Command{Type: CmdRegenerate, Channel: "c", Turn: "t"}, "bad_request: regenerate: prompt.message"},
		{Command{Type: CmdRegenerate, Channel: "c", Turn: "t", Prompt: &turn.Prompt{Message: "m"}}, ""},
		{Command{Type: CmdCancel, Channel: "c"}, "bad_request: cancel: turn"},
		{Command{Type: CmdCancel, Channel: "c", Message: "m"}, ""},
		{Command{Type: CmdHistory, Channel: "c", Limit: -1}, "bad_request: history: limit"},
		{Command{Type: CmdHistory, Channel: "c"}, ""},
		{Command{Type: CmdPublish, Channel: "c"}, "bad_request: publish: name"},
		{Command{Type: CmdPublish, Channel: "c", Name: long}, "bad_frame: name"},
		{Command{Type: CmdPublish, Channel: "c", Name: "n"}, ""},
		{Command{Type: CmdSignal, Channel: "c", Name: "n", Data: append(append([]byte(`"`), make([]byte, MaxSignal)...), '"')}, "too_large: signal: data"},
	} {
		got := ""
		if err := tt.c.Check(); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%+v: %v is not typed", tt.c, err)
			}
			if e.Code == CodeBadRequest && e.Hint == "" {
				t.Errorf("%v has no hint", e)
			}
			got = err.Error()
		}
		if tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: got %q, want %q", show(tt.c), got, tt.want)
		}
	}
}

// Bytes that are no command are refused with words that say where.
func TestBadCommands(t *testing.T) {
	deep := func(open, end string, n int) string { return strings.Repeat(open, n) + strings.Repeat(end, n) }
	many := func(item string, n int) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	cursors := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"t%d":1`, i)
		}
		return b.String()[1:]
	}
	for _, tt := range []struct {
		codec Codec
		in    string
		want  string
	}{
		{JSON, "", "bad_frame: an empty message"},
		{JSON, "ping", `bad_frame: a message begins with '{', this one with 'p'`},
		{JSON, `{"type":"ping"`, "bad_frame: not JSON at byte 14"},
		{JSON, `{"type":"ping"} {}`, "bad_frame: not JSON at byte 17"},
		{JSON, "{\"type\":\"\xff\"}", "bad_frame: not valid UTF-8"},
		{JSON, `{"type":5}`, "bad_frame: type: number does not fit here"},
		{JSON, `{"id":7,"type":"follow","after":-1}`, "bad_frame: after: number -1 does not fit here"},
		{JSON, `{"type":"follow","turns":{` + cursors(257) + `}}`, "bad_frame: turns: 257 cursors, the most is 256"},
		{JSON, `{"type":"prompt","prompt":{"content":[` + many("{}", 65) + `]}}`, "bad_frame: prompt.content: 65 parts, the most is 64"},
		{JSON, `{"type":"prompt","prompt":{"message":"` + strings.Repeat("m", 129) + `"}}`, "bad_frame: prompt.message: its length is 129"},
		{JSON, `{"type":"cancel","message":"` + strings.Repeat("m", 129) + `"}`, "bad_frame: message: its length is 129"},
		{JSON, `{"type":"publish","data":` + deep("[", "]", 49) + `}`, "bad_frame: data: nested 49 deep"},
		{JSON, `{"type":"publish","unknown":` + deep(`[`, `]`, 64) + `}`, "bad_frame: nested 65 deep"},
		{JSON, deep(`{"a":`, `}`, 100000), "bad_frame: nested 100000 deep"},
		{JSON, strings.Repeat(" ", MaxCommand+1), "too_large: a command of 1048577 bytes"},
		{MessagePack, "", "bad_frame: a message is a map"},
		{MessagePack, "\xc1", "bad_frame: a message is a map"},
		{MessagePack, "\x81\xa4type", "bad_frame: type: cut off"},
		{MessagePack, "\xdf\xff\xff\xff\xff", "bad_frame: "},
		{MessagePack, "\x81\xa4data\xdd\xff\xff\xff\xff", "bad_frame: data: cut off"},
		{MessagePack, "\x81\xa4data" + strings.Repeat("\x91", 100), "bad_frame: data: nested too deep"},
		{MessagePack, "\x81\xa4data\xd4\x01\x00", "bad_frame: data: a value of type"},
		{MessagePack, "\x81\xa4data\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "bad_frame: data: NaN"},
		{MessagePack, "\x81\xa4type\xa1\xff", "bad_frame: type: not valid UTF-8"},
		{MessagePack, "\x81\x01\x02", "bad_frame: "},
		{MessagePack, "\x80\x80", "bad_frame: 1 bytes after the message"},
		{MessagePack, "\x81\xa4type\x05", "bad_frame: type: number does not fit here"},
		{Protobuf, "\xff", "bad_frame: a broken tag"},
		{Protobuf, "\x12\x05pi", "bad_frame: field 2"},
		{Protobuf, "\x12\x01\xff", "bad_frame: type: not valid UTF-8"},
		{Protobuf, "\x72\x01{", "bad_frame: data: not JSON"},
		{Protobuf, string(protowire.AppendVarint([]byte("\x58"), 1<<32)), "bad_frame: n: 4294967296 does not fit here"},
		{Protobuf, "\x62\x82\x01" + strings.Repeat("\x22\x00", 65), "bad_frame: prompt.content: more than 64 parts"},
	} {
		_, err := tt.codec.DecodeCommand([]byte(tt.in))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %.60q: got %v, want %s", tt.codec.Subprotocol(), tt.in, err, tt.want)
		}
	}
}

// An error that concerns one field names the command it belongs to.
func TestBadFieldKeepsID(t *testing.T) {
	want := &Command{ID: 7, Type: CmdCancel, Message: strings.Repeat("m", 129), Channel: "c"}
	for name, codec := range codecNames {
		c, err := codec.DecodeCommand(codec.AppendCommand(nil, want))
		if err == nil || c == nil || c.ID != 7 || c.Type != CmdCancel || c.Message != "" || c.Channel != "" {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// What a later version adds is passed over.
func TestUnknownFieldsAreIgnored(t *testing.T) {
	pack := msgp.AppendMapHeader(nil, 3)
	pack = msgp.AppendString(msgp.AppendString(pack, "type"), "ping")
	pack = msgp.AppendUint64(msgp.AppendString(pack, "id"), 3)
	pack = append(msgp.AppendString(pack, "later"), 0x92, 0x01, 0x81, 0xa1, 'a', 0xc4, 0x01, 0xff)
	for _, tt := range []struct {
		codec Codec
		in    []byte
	}{
		{JSON, []byte(`{"later":[1,{"a":null}],"id":3,"type":"ping"}`)},
		{MessagePack, pack},
		{Protobuf, append([]byte("\x9a\x06\x02xy\x08\x03\x12\x04ping"), 0xa3, 0x06, 0x08, 0x01, 0xa4, 0x06)}, // the last is a group
	} {
		c, err := tt.codec.DecodeCommand(tt.in)
		if err != nil || c.ID != 3 || c.Type != CmdPing {
			t.Errorf("%s: %+v, %v", tt.codec.Subprotocol(), c, err)
		}
	}
	for _, tt := range []struct {
		codec Codec
		in    string
	}{
		{JSON, ` [1, 2, {"kind":"text","part":"p","text":"x","later":[{}]}, "more"]`},
		{MessagePack, "\x94\x01\x02\x84\xa4kind\xa4text\xa4part\xa1p\xa5later\x91\x80\xa4text\xa1x\xc7\x01\x05\x00"},
		{Protobuf, "\x08\x01\x10\x02\x22\x0f\x0a\x04text\x12\x01p\x32\x01x\x9a\x06\x00\xa8\x06\x01"},
	} {
		f, err := tt.codec.DecodeFrame([]byte(tt.in))
		if err != nil || f.N != 1 || f.Event.Seq != 2 || f.Event.Part != "p" || string(f.Event.Data) != "x" {
			t.Errorf("%s: %s, %v", tt.codec.Subprotocol(), show(f), err)
		}
	}
}

func TestBadFrames(t *testing.T) {
	for _, tt := range []struct {
		codec Codec
		in    string
		want  string
	}{
		{JSON, `[1,2]`, "bad_frame: an event is an array"},
		{JSON, `[1,2,"a"`, "bad_frame: not JSON"},
		{JSON, `[0,2,"a"]`, "bad_frame: event: its log number is 0"},
		{JSON, `[1,0,"a"]`, "bad_frame: event: its seq is 0"},
		{JSON, `[4294967296,1,"a"]`, "bad_frame: event: number 4294967296"},
		{JSON, `[1,1,{"text":"a"}]`, "bad_frame: event: it has no kind"},
		{JSON, `[1,1,5]`, "bad_frame: event: number"},
		{JSON, `{"n":1}`, "bad_frame: type: it is missing"},
		{JSON, `{"type":"event","n":1}`, "bad_frame: type: an event has its own form"},
		{MessagePack, "\x92\x01\x02", "bad_frame: an event is an array"},
		{MessagePack, "\x93\x01\x02\xa1\xff", "bad_frame: event: not valid UTF-8"},
		{MessagePack, "\x93\x01\x02\xdf\xff\xff\xff\xff", "bad_frame: event: "},
		{MessagePack, "\x94\x01\x02\xa1a" + strings.Repeat("\x91", 200), "bad_frame: event: nested too deep"},
		{Protobuf, "", "bad_frame: event: its log number is 0"},
		{Protobuf, "\x08\x01\x10\x02\x1a\x01\xff", "bad_frame: text: not valid UTF-8"},
		{Protobuf, "\x08\x01\x10\x02\x22\x02\x3a\x09", "bad_frame: event: field 7"},
	} {
		_, err := tt.codec.DecodeFrame([]byte(tt.in))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %.60q: got %v, want %s", tt.codec.Subprotocol(), tt.in, err, tt.want)
		}
	}
}

// A small command cannot make a decoder allocate much more than its size.
func TestDecodersBoundAllocation(t *testing.T) {
	bombs := map[string][]byte{
		"karez.v1.json":    []byte(`{"type":"prompt","prompt":{"content":[` + strings.Repeat("{},", 200000) + `{}]}}`),
		"karez.v1.msgpack": append([]byte("\x81\xa4data\xdd\x00\x03\x0d\x40"), bytes.Repeat([]byte{0xc0}, 200000)...),
		"karez.v1.proto":   append(protowire.AppendVarint([]byte{0x62}, 400000), bytes.Repeat([]byte{0x22, 0}, 200000)...),
	}
	for name, p := range bombs {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = codecNames[name].DecodeCommand(p) // refused or not, what counts is the memory
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 40*uint64(len(p)) {
			t.Errorf("%s: %d bytes allocated for a command of %d", name, n, len(p))
		}
	}
}
