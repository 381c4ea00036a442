package api

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/turn"
)

// The same message is the same turn; another user's is not.
func TestPromptTwice(t *testing.T) {
	r := newRig(t)
	first := r.ask(202, "POST", ch+"/prompts", `{"message":"m-1","text":"Why?"}`)
	again := r.ask(202, "POST", ch+"/prompts", `{"message":"m-1","text":"Why?"}`)
	bob := r.ask(202, "POST", ch+"/prompts", `{"message":"m-1","text":"Why?","user":"bob"}`)
	if first["again"] != false || again["again"] != true || first["turn"] != again["turn"] || bob["turn"] == first["turn"] {
		t.Errorf("%v %v %v", first, again, bob)
	}
	a, b := r.ask(202, "POST", ch+"/prompts", `{"text":"x"}`), r.ask(202, "POST", ch+"/prompts", `{"text":"x"}`)
	if a["turn"] == b["turn"] || a["message"] == "" {
		t.Errorf("without an id: %v %v", a, b)
	}
	for body, want := range map[string]string{
		`{"message":"m"}`: "bad_request", `{`: "bad_request", `[]`: "bad_request", `{"text":"x","parent":"none"}`: "not_found", `{"text":"x","parent":"a b"}`: "bad_request",
		`{"text":"x","supersedes":"a b"}`: "bad_request", `{"text":"x","supersedes":"none"}`: "not_found", "{\"text\":\"\xff\"}": "bad_request",
		`{"text":"` + strings.Repeat("x", 300<<10) + `"}`: "too_large", `{"text":"` + strings.Repeat("x", maxBody) + `"}`: "too_large",
	} {
		if _, p := r.do(r.admin(), "POST", ch+"/prompts", body); code(p) != want {
			t.Errorf("%.60s: %s, want %s", body, p, want)
		}
	}
}

// A log is read whole, from a place, and while it grows.
func TestReadEvents(t *testing.T) {
	r := newRig(t)
	q := r.start("t1")
	events := ch + "/turns/t1/events"
	r.ask(200, "POST", events+q, `{"text":"Hel"}`+"\n"+`{"text":"lo"}`)
	_, p := r.do(r.admin(), "GET", events, "")
	if n := strings.Count(string(p), "\n"); n != 3 || !strings.Contains(string(p), `{"seq":3,"epoch":1,"kind":"text","text":"lo"}`) {
		t.Errorf("%s", p)
	}
	if _, p := r.do(r.admin(), "GET", events+"?after=2", ""); strings.Count(string(p), "\n") != 1 {
		t.Errorf("%s", p)
	}
	if _, p := r.do(r.admin(), "GET", events+"?after=99", ""); code(p) != "trimmed" {
		t.Errorf("beyond the end: %s", p)
	}
	if _, p := r.do(r.admin(), "GET", ch+"/turns/none/events", ""); code(p) != "not_found" {
		t.Errorf("%s", p)
	}

	req := must(http.NewRequest("GET", r.url+events+"?after=3&live=true", nil))
	req.Header.Set("Authorization", "Bearer "+r.admin())
	resp := must(http.DefaultClient.Do(req)) // its header comes at once
	defer resp.Body.Close()
	r.ask(200, "POST", events+"?epoch=1&first=4", `{"text":"!"}`)
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || !strings.Contains(lines.Text(), `"text":"!"`) {
		t.Fatalf("%q %v", lines.Text(), lines.Err())
	}
	r.ask(200, "POST", events+"?epoch=1&first=5", `{"kind":"end","data":{"reason":"stop"}}`)
	if !lines.Scan() || !strings.Contains(lines.Text(), `"end"`) || lines.Scan() {
		t.Fatalf("%q %v", lines.Text(), lines.Err())
	}
	got := r.ask(200, "GET", ch+"/turns/t1", "")
	if got["state"] != "completed" || got["at"] != 5.0 {
		t.Errorf("%v", got)
	}
}

// dial opens a WebSocket of a user.
func dial(r *rig, user string) *websocket.Conn {
	ws, _, err := websocket.Dial(context.Background(), r.url+"/v1/ws", &websocket.DialOptions{HTTPHeader: http.Header{
		"Authorization": {"Bearer " + r.token("app", user, map[string][]auth.Verb{"chat:42": {auth.Read}})}}})
	if err != nil {
		r.tb.Fatal(err)
	}
	r.tb.Cleanup(func() { ws.CloseNow() })
	return ws
}

// hear reads until a frame holds what.
func hear(t *testing.T, ws *websocket.Conn, what string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	for {
		_, p, err := ws.Read(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		if strings.Contains(string(p), what) {
			return string(p)
		}
	}
}

// A word to one connection, to one user, and their end.
func TestPeople(t *testing.T) {
	r := newRig(t)
	ada, bob := dial(r, "ada"), dial(r, "bob")
	for _, ws := range []*websocket.Conn{ada, bob} {
		hear(t, ws, `"welcome"`)
	}
	all := r.ask(200, "GET", "/v1/connections", "")["connections"].([]any)
	mine := r.ask(200, "GET", "/v1/connections?user=ada", "")["connections"].([]any)
	if len(all) != 2 || len(mine) != 1 {
		t.Fatalf("%v %v", all, mine)
	}
	session := mine[0].(map[string]any)["session"].(string)
	if got := r.ask(200, "POST", "/v1/connections/"+session+"/signals", `{"name":"note","data":1}`); got["connections"] != 1.0 {
		t.Errorf("%v", got)
	}
	if s := hear(t, ada, `"signal"`); !strings.Contains(s, `"name":"note","data":1`) || strings.Contains(s, `"channel"`) {
		t.Errorf("%s", s)
	}
	r.ask(200, "POST", "/v1/users/bob/signals", `{"name":"note","data":2,"from":"ops"}`)
	if s := hear(t, bob, `"signal"`); !strings.Contains(s, `"data":2`) || !strings.Contains(s, `"from":"ops"`) {
		t.Errorf("%s", s)
	}
	if got := r.ask(200, "DELETE", "/v1/connections/none", ""); got["connections"] != 0.0 {
		t.Errorf("%v", got)
	}
	r.ask(200, "DELETE", "/v1/connections/"+session, "")
	hear(t, ada, `"bye"`)
	r.ask(200, "DELETE", "/v1/users/bob/connections", "")
	hear(t, bob, `"bye"`)
	if n := r.g.Sessions(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// What is published is kept up to the size of an event, a signal up to 16 KiB.
func TestPublishAndSignal(t *testing.T) {
	r := newRig(t)
	data := `"` + strings.Repeat("x", 100<<10) + `"`
	if got := r.ask(201, "POST", ch+"/events", `{"name":"big","data":`+data+`}`); got["seq"] != 1.0 {
		t.Errorf("%v", got)
	}
	for body, want := range map[string]string{`{}`: "bad_request", `{"name":"` + strings.Repeat("x", 65) + `"}`: "bad_request", `{"name":"n","data":` + strings.Repeat("[", 49) + strings.Repeat("]", 49) + `}`: "bad_request"} {
		for _, path := range []string{"/events", "/signals"} {
			if _, p := r.do(r.admin(), "POST", ch+path, body); code(p) != want {
				t.Errorf("%s %s: %s", path, body, p)
			}
		}
	}
	if _, p := r.do(r.admin(), "POST", ch+"/signals", `{"name":"big","data":`+data+`}`); code(p) != "too_large" {
		t.Errorf("%s", p)
	}
	if _, p := r.do(r.admin(), "POST", ch+"/events", `{"name":"big","data":"`+strings.Repeat("x", turn.MaxData)+`"}`); code(p) != "too_large" {
		t.Errorf("%s", p)
	}
}

// Settings hold at once; an export has all there is; a deleted channel is gone.
func TestChannel(t *testing.T) {
	r := newRig(t)
	if got := r.ask(200, "PUT", ch+"/settings", `{"policy":"reject","model":"m"}`); got["policy"] != "reject" {
		t.Errorf("%v", got)
	}
	if got := r.ask(200, "GET", ch+"/settings", ""); got["model"] != "m" {
		t.Errorf("%v", got)
	}
	if _, p := r.do(r.admin(), "PUT", ch+"/settings", `{"policy":"maybe"}`); code(p) != "bad_request" {
		t.Errorf("%s", p)
	}
	name := r.ask(202, "POST", ch+"/prompts", `{"message":"m-1","text":"Why?"}`)["turn"].(string)
	if _, p := r.do(r.admin(), "POST", ch+"/prompts", `{"message":"m-2","text":"And?"}`); code(p) != "busy" || !strings.Contains(string(p), name) {
		t.Errorf("%s", p)
	}
	r.ask(202, "POST", ch+"/cancel", `{"message":"m-1"}`)
	if got := r.ask(200, "GET", ch+"/history", ""); len(got["turns"].([]any)) != 1 {
		t.Errorf("%v", got)
	}
	_, p := r.do(r.admin(), "GET", ch+"/export", "")
	var logs []string
	for line := range strings.Lines(string(p)) {
		logs = append(logs, line[:strings.Index(line, `,"event"`)])
	}
	want := `{"log":"timeline" {"log":"` + name + `" {"log":"` + name + `" {"log":"timeline"`
	if strings.Join(logs, " ") != want {
		t.Errorf("%s\nwant %s", p, want)
	}
	r.ask(200, "DELETE", ch, "")
	if _, p := r.do(r.admin(), "GET", ch+"/export", ""); code(p) != "not_found" {
		t.Errorf("%s", p)
	}
	if _, p := r.do(r.admin(), "GET", ch+"/turns/"+name, ""); code(p) != "not_found" {
		t.Errorf("%s", p)
	}
}
