package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/karez/karez/internal/engineio"
)

func joined(ms []engineio.Message) (out []string) {
	for _, m := range ms {
		s := string(m.Data)
		if m.Binary {
			s = "b:" + s
		}
		out = append(out, s)
	}
	return out
}

func TestJSONPackets(t *testing.T) {
	for _, c := range []struct {
		p    packet
		want []string
	}{
		{packet{typ: typeConnect, nsp: "/", id: noID, data: map[string]any{"sid": "x"}}, []string{`0{"sid":"x"}`}},
		{packet{typ: typeConnect, nsp: "/a", id: noID}, []string{`0/a,`}},
		{packet{typ: typeDisconnect, nsp: "/a", id: noID}, []string{`1/a,`}},
		{packet{typ: typeEvent, nsp: "/", id: noID, args: []any{"tok", map[string]any{"d": "hi <b>"}}}, []string{`2["tok",{"d":"hi <b>"}]`}},
		{packet{typ: typeEvent, nsp: "/a", id: 12, args: []any{"x", json.RawMessage(`[1, 2]`)}}, []string{`2/a,12["x",[1, 2]]`}},
		{packet{typ: typeAck, nsp: "/", id: 0, args: []any{}}, []string{`30[]`}},
		{packet{typ: typeEvent, nsp: "/", id: noID, args: []any{"b", []byte{1}, map[string]any{"k": []any{[]byte{2}, 1}}}}, []string{
			`52-["b",{"_placeholder":true,"num":0},{"k":[{"_placeholder":true,"num":1},1]}]`, "b:\x01", "b:\x02"}},
		{packet{typ: typeAck, nsp: "/a", id: 7, args: []any{[]byte{1}}}, []string{`61-/a,7[{"_placeholder":true,"num":0}]`, "b:\x01"}},
	} {
		ms, err := jsonParser{}.encode(&c.p)
		if got := joined(ms); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q, %v; want %q", got, err, c.want)
		}
	}
	if _, err := (jsonParser{}).encode(&packet{typ: typeEvent, nsp: "/", args: []any{"x", json.RawMessage(`{`)}}); err == nil {
		t.Error("JSON that is none was sent")
	}
}

func TestBadPackets(t *testing.T) {
	for _, s := range []string{
		"", "7", "x", "2", "2{}", "2[]", "2[null]", `2["connect"]`, `2["disconnecting",1]`, `2["a"`, "0[]", `0"x"`, "1{}", "3[]", "4{}",
		`5["x"]`, `50-["x"]`, `5-1-["x"]`, `511-["x"]`, `51x["x"]`, `599999999999999999999-["x"]`, `299999999999999999999["x"]`, `2/a["x"]`,
	} {
		if r, _, err := decodeJSON([]byte(s), 10); err == nil {
			t.Errorf("%q is taken: %+v", s, r)
		}
	}
	d := jsonParser{}.decoder(10)
	if _, err := d.add([]byte{1}, true); !errors.Is(err, ErrPacket) {
		t.Errorf("an attachment of nothing: %v", err)
	}
	for _, s := range []string{`51-["x",{"_placeholder":true,"num":1}]`, `51-["x",{"_placeholder":true,"num":"0"}]`, `51-["x",{"_placeholder":true}]`} {
		d := jsonParser{}.decoder(10)
		if r, err := d.add([]byte(s), false); r != nil || err != nil {
			t.Fatalf("%s: %v, %v", s, r, err)
		}
		if _, err := d.add([]byte{1}, true); !errors.Is(err, ErrPacket) {
			t.Errorf("%s: %v", s, err)
		}
	}
	d = jsonParser{}.decoder(10)
	d.add([]byte(`51-["x"]`), false)
	if _, err := d.add([]byte(`2["y"]`), false); !errors.Is(err, ErrPacket) {
		t.Errorf("text between attachments: %v", err)
	}
	if _, _, err := decodeJSON([]byte(`511-["x"]`), 10); !errors.Is(err, ErrTooMany) {
		t.Errorf("eleven attachments: %v", err)
	}
}

// A packet may have as many attachments as the setting says, however many.
func TestManyAttachments(t *testing.T) {
	const n = 131_072
	d := jsonParser{}.decoder(n)
	if _, err := d.add([]byte(`5131072-["x",{"_placeholder":true,"num":131071}]`), false); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		r, err := d.add([]byte{byte(i)}, true)
		if err != nil || (r != nil) != (i == n-1) {
			t.Fatalf("%d: %v, %v", i, r, err)
		}
		if r != nil && !bytes.Equal(r.args[0].Bytes(), []byte{255}) {
			t.Errorf("%v", r.args[0].Value())
		}
	}
}

// A handler gets arguments as the types that it asks for, from either parser.
func TestDecodeArguments(t *testing.T) {
	type form struct {
		Name string
		N    int64
		Data []byte
	}
	in := []any{"x", map[string]any{"Name": "né", "N": json.Number("9007199254740993"), "Data": []byte{1, 2}}, []byte{3}, nil, 1.5}
	for _, par := range []parser{jsonParser{}, msgpackParser{}} {
		ms, err := par.encode(&packet{typ: typeEvent, nsp: "/a", id: 4, args: in})
		if err != nil {
			t.Fatal(err)
		}
		d := par.decoder(10)
		var r *received
		for _, m := range ms {
			if r, err = d.add(m.Data, m.Binary); err != nil {
				t.Fatal(err)
			}
		}
		if r == nil || r.nsp != "/a" || r.id != 4 || r.name != "x" {
			t.Fatalf("%T: %+v", par, r)
		}
		var f form
		var b []byte
		var null *int
		var x float64
		e := &Event{Name: "x", Args: r.args}
		if err := e.Decode(&f, &b, &null, &x); err != nil {
			t.Fatal(err)
		}
		if want := (form{"né", 9007199254740993, []byte{1, 2}}); !reflect.DeepEqual(f, want) || !bytes.Equal(b, []byte{3}) || null != nil || x != 1.5 {
			t.Errorf("%T: %+v %v %v %v", par, f, b, null, x)
		}
		if err := e.Decode(&f, &b, &null, &x, &x); err == nil {
			t.Error("five arguments of four")
		}
	}
}

func FuzzJSONPacket(f *testing.F) {
	for _, s := range []string{`2["tok",{"d":"hi"}]`, `0/ns,{"token":"x"}`, `31["ok"]`, `1/a`, `52-/a,3["pcm",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]`, `2/a,1[5]`} {
		f.Add([]byte(s), []byte{1, 2, 3})
	}
	f.Fuzz(func(t *testing.T, p, attachment []byte) { fuzzPacket(t, jsonParser{}, p, false, attachment) })
}

func FuzzMsgpackPacket(f *testing.F) {
	for _, p := range []packet{
		{typ: typeEvent, nsp: "/", id: 3, args: []any{"x", []byte{1}, map[string]any{"a": []any{nil, true, 1.5, "é"}}}},
		{typ: typeAck, nsp: "/", id: 3, args: []any{}}, {typ: typeConnect, nsp: "/a", id: noID, data: map[string]any{"token": "x"}}, {typ: typeDisconnect, nsp: "/", id: noID},
	} {
		ms, err := msgpackParser{}.encode(&p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(ms[0].Data)
	}
	f.Fuzz(func(t *testing.T, p []byte) { fuzzPacket(t, msgpackParser{}, p, true, nil) })
}

// fuzzPacket decodes, encodes what came, and decodes that: the same.
func fuzzPacket(t *testing.T, par parser, p []byte, binary bool, attachment []byte) {
	read := func(ms []engineio.Message) *received {
		d := par.decoder(10)
		for _, m := range ms {
			if r, err := d.add(m.Data, m.Binary); r != nil || err != nil {
				return r
			}
		}
		return nil
	}
	first := []engineio.Message{{Data: p, Binary: binary}}
	for range 10 {
		first = append(first, engineio.Message{Data: attachment, Binary: true})
	}
	r := read(first)
	if r == nil {
		return
	}
	out := packet{typ: r.typ, nsp: r.nsp, id: r.id}
	switch {
	case r.typ == typeEvent || r.typ == typeAck:
		if r.typ == typeEvent {
			out.args = append(out.args, r.name)
		}
		for _, a := range r.args {
			out.args = append(out.args, a)
		}
		if out.args == nil {
			out.args = []any{}
		}
	case r.data.raw != nil || r.data.value != nil:
		out.data = r.data
	}
	ms, err := par.encode(&out)
	if err != nil {
		return // a number that no float holds
	}
	if len(ms) > 11 {
		return // placeholders may name one attachment twice
	}
	again := read(ms)
	if again == nil {
		t.Fatalf("%q became %q, which cannot be read", p, joined(ms))
	}
	if again.typ != r.typ || again.nsp != r.nsp || again.id != r.id || again.name != r.name || len(again.args) != len(r.args) {
		t.Fatalf("%q became %+v", p, again)
	}
	for i := range r.args {
		if a, b := r.args[i].JSON(), again.args[i].JSON(); !same(a, b) {
			t.Errorf("%q: argument %d: %s became %s", p, i, a, b)
		}
	}
}

// same compares JSON as values.
func same(a, b json.RawMessage) bool {
	x, err := tree(a)
	y, err2 := tree(b)
	return err == nil && err2 == nil && reflect.DeepEqual(x, y)
}
