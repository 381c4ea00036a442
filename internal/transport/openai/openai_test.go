package openai

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/internal/answer/answertest"
	"github.com/karez/karez/turn"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"))
}

func newRig(tb testing.TB) *answertest.Rig {
	tb.Helper()
	return answertest.New(tb, func(r *answertest.Rig) func() {
		New(r.G, answertest.Auth, Options{Log: answertest.Quiet}).Register(r.Mux)
		return func() {}
	})
}

// A reader folds a response's events, and fails where a strict one does.
type reader struct {
	last   int
	items  []map[string]any
	open   map[string]bool // parts that were added and are not done
	texts  map[string]string
	done   map[string]string
	final  map[string]any
	ending string
}

func newReader() *reader {
	return &reader{last: -1, open: map[string]bool{}, texts: map[string]string{}, done: map[string]string{}}
}

func (r *reader) read(e map[string]any) error {
	typ, _ := e["type"].(string)
	n, ok := e["sequence_number"].(float64)
	if !ok || int(n) <= r.last {
		return fmt.Errorf("%s has number %v after %d", typ, e["sequence_number"], r.last)
	}
	r.last = int(n)
	if r.ending != "" {
		return fmt.Errorf("%s after %s", typ, r.ending)
	}
	id, _ := e["item_id"].(string)
	switch {
	case typ == "response.output_item.added":
		item := e["item"].(map[string]any)
		if int(e["output_index"].(float64)) != len(r.items) {
			return fmt.Errorf("item %v, %d were added", e["output_index"], len(r.items))
		}
		r.items = append(r.items, item)
		r.open["item "+item["id"].(string)] = true
	case typ == "response.output_item.done":
		key := "item " + e["item"].(map[string]any)["id"].(string)
		if !r.open[key] {
			return fmt.Errorf("done without added: %v", e)
		}
		delete(r.open, key)
		r.items[int(e["output_index"].(float64))] = e["item"].(map[string]any)
	case typ == "response.content_part.added":
		r.open["part "+id] = true
	case typ == "response.content_part.done":
		delete(r.open, "part "+id)
	case typ == "response.function_call_arguments.delta":
		if !r.open["item "+id] {
			return fmt.Errorf("arguments of an item that is not open: %v", e)
		}
		r.texts[id] += e["delta"].(string)
	case typ == "response.audio.delta":
	case strings.HasSuffix(typ, ".delta"):
		if !r.open["item "+id] || !r.open["part "+id] {
			return fmt.Errorf("a delta of a part that is not open: %v", e)
		}
		r.texts[id] += e["delta"].(string)
	case typ == "error":
		r.ending = typ
	case typ == "response.completed" || typ == "response.incomplete" || typ == "response.failed":
		r.ending, r.final = typ, e["response"].(map[string]any)
	}
	return nil
}

// text joins the output's texts as they were given piece by piece.
func (r *reader) text() string {
	s := ""
	for _, it := range r.items {
		if it["type"] == "message" {
			s += r.texts[it["id"].(string)]
		}
	}
	return s
}

func eventsOf(evs []turn.Event) []event {
	m := newResponse("respbg_x.t1", "c", "c", "t1", "karez")
	var out []event
	for i := range evs {
		got := m.add(&evs[i])
		for j, e := range got {
			if first, last := number(evs[i].Seq), number(evs[i].Seq)+stride; e.number != first+j || e.number >= last && !m.over {
				panic(fmt.Sprintf("event %d of place %d has number %d", j, evs[i].Seq, e.number))
			}
		}
		out = append(out, got...)
	}
	return out
}

func decode(t interface{ Fatal(...any) }, e event) map[string]any {
	body := object{}
	for k, v := range e.body {
		body[k] = v
	}
	if e.key != "" {
		body["delta"] = e.text
	}
	body["type"], body["sequence_number"] = e.name, e.number
	var out map[string]any
	if err := json.Unmarshal(encode(body), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Whatever a log holds, a strict reader takes its events and has the log's own
// text; the numbers do not depend on how it was merged or compacted.
func TestEventsOfAnyLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evs := answertest.Log(t)
		all := eventsOf(evs)
		compacted := eventsOf(turn.Split(turn.Compact(evs)))
		a, err := turn.Fold(evs)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != len(compacted) {
			t.Fatalf("%d events, compacted %d", len(all), len(compacted))
		}
		for i := range all {
			if string(encode(decode(t, all[i]))) != string(encode(decode(t, compacted[i]))) {
				t.Fatalf("compacted: %v\nwant %v", compacted[i], all[i])
			}
		}
		cut := rapid.IntRange(0, len(all)).Draw(t, "cut")
		for _, stream := range [][]event{all, merge(append([]event(nil), all...)), append(merge(append([]event(nil), all[:cut]...)), merge(append([]event(nil), all[cut:]...))...)} {
			r := newReader()
			for _, e := range stream {
				if err := r.read(decode(t, e)); err != nil {
					t.Fatal(err)
				}
			}
			if r.ending == "error" {
				continue // it was told to begin again
			}
			if got, want := sorted(r.text()), sorted(a.Text()); got != want {
				t.Fatalf("text %q, want %q", got, want)
			}
			if len(r.open) > 0 {
				t.Fatalf("left open: %v", r.open)
			}
		}
	})
}

// sorted compares texts whose parts may come in another order.
func sorted(s string) string {
	n := map[rune]int{}
	for _, c := range s {
		n[c]++
	}
	return fmt.Sprint(n)
}

// read reads the events of a streamed response.
func read(t *testing.T, r *reader, resp *http.Response, until func(*reader) bool) (all []string) {
	t.Helper()
	defer resp.Body.Close()
	sc := bufio.NewScanner(resp.Body)
	sc.Buffer(nil, 4<<20)
	for sc.Scan() {
		data, ok := strings.CutPrefix(sc.Text(), "data: ")
		if !ok {
			continue
		}
		var e map[string]any
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if err := r.read(e); err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
		if until != nil && until(r) {
			break
		}
	}
	return all
}

// From every number, before and after compaction, a reader has the same text.
func TestStartingAfter(t *testing.T) {
	r := newRig(t)
	a := r.Begin("chat:1", "t1")
	a.Write(turn.Event{Kind: turn.KindReasoning, Data: []byte("hm")})
	a.Text("a", "é", "🟦", "", " w\xf0\x9f", "\x9f\xa6x")
	a.Write(turn.Event{Kind: turn.KindTool, Part: "c1", Name: "clock", Data: []byte(`{"a"`)}, turn.Event{Kind: turn.KindTool, Part: "c1", Data: []byte(`:1}`)})
	a.Text("b", "c")
	a.End()
	path := "/v1/responses/" + answer.ID(prefixResponse, "chat:1", "t1")
	whole := newReader()
	read(t, whole, r.Do("GET", path+"?stream=true", ""), nil)
	if whole.text() != "aé🟦 w🟦xbc" || whole.ending != "response.completed" {
		t.Fatalf("%q %s", whole.text(), whole.ending)
	}
	for _, compact := range []bool{false, true} {
		if compact {
			a.Compact()
		}
		for n := 0; n < whole.last; n++ {
			head := newReader()
			read(t, head, r.Do("GET", path+"?stream=true", ""), func(r *reader) bool { return r.last >= n })
			at := head.last
			read(t, head, r.Do("GET", fmt.Sprintf("%s?stream=true&starting_after=%d", path, at), ""), nil)
			if head.text() != whole.text() || head.ending != whole.ending || head.last != whole.last {
				t.Fatalf("compacted %v, after %d: %q, %s at %d", compact, at, head.text(), head.ending, head.last)
			}
		}
	}
	for _, bad := range []string{"x", "-1"} {
		if code, _, _ := r.Ask("GET", path+"?stream=true&starting_after="+bad, ""); code != 400 {
			t.Errorf("starting_after %s: %d", bad, code)
		}
	}
}

// A worker that begins again takes text back: a reader who saw it is told, and
// told again when it comes back with its number; others are not.
func TestTakenBack(t *testing.T) {
	r := newRig(t)
	a := r.Begin("chat:1", "t1")
	path := "/v1/responses/" + answer.ID(prefixResponse, "chat:1", "t1") + "?stream=true"
	resp := r.Do("GET", path, "")
	early := newReader()
	a.Text("wrong ")
	sc := make(chan []string, 1)
	go func() { sc <- read(t, early, resp, nil) }()
	first := newReader()
	read(t, first, r.Do("GET", path, ""), func(r *reader) bool { return r.text() != "" })
	a.Take()
	a.Write(turn.Event{Kind: turn.KindEpoch, Data: []byte(`{"epoch":2,"keep":1,"reason":"provider_retry"}`)})
	a.Text("right ", "again")
	a.End()
	<-sc
	if early.ending == "error" && early.text() != "wrong " || early.ending != "error" && early.text() != "right again" {
		t.Errorf("%q, %s", early.text(), early.ending)
	}
	read(t, first, r.Do("GET", fmt.Sprintf("%s&starting_after=%d", path, first.last), ""), nil)
	if first.ending != "error" || first.text() != "wrong " {
		t.Errorf("after what was taken back: %q, %s", first.text(), first.ending)
	}
	for _, q := range []string{"", "&starting_after=1"} {
		late := newReader()
		if q != "" {
			late.last = 1
		}
		read(t, late, r.Do("GET", path+q, ""), nil)
		if late.text() != "right again" || late.ending != "response.completed" {
			t.Errorf("%s: %q, %s", q, late.text(), late.ending)
		}
	}
	code, p, _ := r.Ask("GET", strings.TrimSuffix(path, "?stream=true"), "")
	if code != 200 || !strings.Contains(p, "right again") || strings.Contains(p, "wrong") {
		t.Errorf("%d %s", code, p)
	}
}

// What a request says becomes the prompt; what it cannot say is refused in
// OpenAI's form.
func TestRequests(t *testing.T) {
	for body, want := range map[string]turn.Prompt{
		`{"messages":[{"role":"system","content":"S"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],"temperature":1,"seed":null}`: {Text: "c", System: "S\n\nThe conversation so far:\n\nUser: a\n\nAssistant: b", Params: json.RawMessage(`{"temperature":1}`)},
		`{"input":"c","instructions":"S"}`: {Text: "c", System: "S"},
		`{"messages":[{"role":"user","content":[{"type":"text","text":"c"},{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}]}]}`: {Text: "c", Content: []turn.Content{{Type: "image", URL: "https://example.org/a.png"}}},
		`{"input":[{"role":"user","content":[{"type":"input_text","text":"c"},{"type":"input_image","image_url":"https://example.org/a.png"}]}]}`:    {Text: "c", Content: []turn.Content{{Type: "image", URL: "https://example.org/a.png"}}},
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"1"}]}`: {
			Text: "Tool call c1 returned: 1", System: "The conversation so far:\n\nUser: a\n\nAssistant called f: {}"},
	} {
		q, err := parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		p, err := q.prompt("messages", true)
		if fmt.Sprintf("%+v %s", p, p.Params) != fmt.Sprintf("%+v %s", want, want.Params) || err != nil {
			t.Errorf("%s\n%+v, %v", body, p, err)
		}
	}
	r := newRig(t)
	for _, c := range []struct {
		path, body, token string
		code              int
		has               string
	}{
		{"/v1/responses", `{`, "ann", 400, `"type":"invalid_request_error"`},
		{"/v1/responses", `{"input":7}`, "ann", 400, `"param":"input"`},
		{"/v1/responses", `{"input":"a","previous_response_id":"x"}`, "ann", 400, `"param":"previous_response_id"`},
		{"/v1/responses", `{"input":"a","conversation":"a","metadata":{"channel":"b"}}`, "ann", 400, `"param":"conversation"`},
		{"/v1/responses", `{"input":"a","previous_response_id":"` + answer.ID(prefixResponse, "c", "t9") + `"}`, "ann", 404, "no such turn"},
		{"/v1/chat/completions", `{"messages":[{"role":"assistant","content":"a"}]}`, "ann", 400, `"param":"messages"`},
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":"a"}]}`, "nobody", 403, `"type":"permission_error"`},
		{"/v1/responses/" + answer.ID(prefixResponse, "c", "t9") + "/cancel", ``, "ann", 404, "no such turn"},
		{"/v1/responses/resp_x/cancel", ``, "ann", 404, "no response"},
	} {
		code, p, _ := r.Ask("POST", c.path, c.body, "Authorization", "Bearer "+c.token)
		if code != c.code || !strings.Contains(p, c.has) || !strings.HasPrefix(p, `{"error":{`) {
			t.Errorf("%s %s: %d %s", c.path, c.body, code, p)
		}
	}
}

// Results of tools go to the calls that the log has.
func TestToolResults(t *testing.T) {
	for _, body := range []string{
		`{"input":[{"type":"function_call_output","call_id":"c1","output":"noon"}]}`,
		`{"messages":[{"role":"user","content":"a"},{"role":"tool","tool_call_id":"c1","content":"noon"}]}`,
	} {
		q, err := parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		p, err := q.prompt("input", false)
		rs, rest := turn.Results(p.Content)
		if err != nil || p.Text != "" || len(rest) > 0 || len(rs) != 1 || rs[0].Call != "c1" || string(rs[0].Output) != `"noon"` {
			t.Errorf("%s: %+v, %v", body, p, err)
		}
	}
}

// A conversation that a client names is the channel's, not the request's.
func TestNamedConversationKeepsTheLog(t *testing.T) {
	q, err := parse([]byte(`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],"metadata":{"channel":"chat:1"}}`))
	if err != nil {
		t.Fatal(err)
	}
	tr := New(nil, answertest.Auth, Options{Prefix: "web:"})
	pl, err := tr.place(q)
	if err != nil || pl.channel != "web:chat:1" || !pl.named {
		t.Fatalf("%+v, %v", pl, err)
	}
	if p, err := q.prompt("messages", !pl.named); err != nil || p.System != "" || p.Text != "c" {
		t.Errorf("%+v, %v", p, err)
	}
	fresh, err := tr.place(&request{})
	if err != nil || fresh.named || !strings.HasPrefix(fresh.channel, DefaultFresh) {
		t.Errorf("%+v, %v", fresh, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}},{"type":"file","file":{"file_data":"data:,x"}}]}]}`))
	f.Add([]byte(`{"model":"m","input":[{"type":"function_call","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":{"a":1}}],"conversation":{"id":"c"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := parse(body)
		if err != nil {
			return
		}
		conversation(q.Conversation)
		for _, whole := range []bool{false, true} {
			if p, err := q.prompt("input", whole); err == nil && p.Text == "" && len(p.Content) == 0 {
				t.Error("a prompt that asks nothing")
			}
		}
	})
}
