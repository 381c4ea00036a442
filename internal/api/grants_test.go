package api

import (
	"maps"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/karez/karez/internal/auth"
)

// verbs says which verb each route needs.
var verbs = map[string]auth.Verb{
	"POST /v1/channels/{channel}/prompts":             auth.Prompt,
	"POST /v1/channels/{channel}/cancel":              auth.Cancel,
	"PUT /v1/channels/{channel}/turns/{turn}":         auth.Manage,
	"GET /v1/channels/{channel}/turns/{turn}":         auth.Read,
	"GET /v1/channels/{channel}/turns/{turn}/events":  auth.Read,
	"POST /v1/channels/{channel}/turns/{turn}/epochs": auth.Manage,
	"POST /v1/channels/{channel}/turns/{turn}/events": auth.Manage,
	"POST /v1/channels/{channel}/turns/{turn}/cancel": auth.Cancel,
	"GET /v1/channels/{channel}/history":              auth.Read,
	"GET /v1/channels/{channel}/presence":             auth.Presence,
	"POST /v1/channels/{channel}/events":              auth.Publish,
	"POST /v1/channels/{channel}/signals":             auth.Publish,
	"GET /v1/channels/{channel}/settings":             auth.Manage,
	"PUT /v1/channels/{channel}/settings":             auth.Manage,
	"GET /v1/channels/{channel}/export":               auth.Manage,
	"DELETE /v1/channels/{channel}":                   auth.Manage,
	"GET /v1/connections":                             auth.Manage,
	"POST /v1/connections/{connection}/signals":       auth.Manage,
	"DELETE /v1/connections/{connection}":             auth.Manage,
	"POST /v1/users/{user}/signals":                   auth.Manage,
	"DELETE /v1/users/{user}/connections":             auth.Manage,
}

var example = strings.NewReplacer("{channel}", "chat:42", "{turn}", "t1", "{connection}", "n1-x", "{user}", "ada")

// No route lets in a token that lacks its verb, has it elsewhere, or is none
// (design: 8).
func TestEveryRouteAsksTheToken(t *testing.T) {
	r := newRig(t)
	for pattern := range r.api.routes() {
		verb := verbs[pattern]
		if verb == "" {
			t.Errorf("%s is new: name its verb in this test", pattern)
			continue
		}
		method, path, _ := strings.Cut(example.Replace(pattern), " ")
		others := slices.DeleteFunc(auth.Verbs(), func(v auth.Verb) bool { return v == verb })
		tokens := map[string]map[string][]auth.Verb{
			"other verbs":   {"*": others},
			"other channel": {"chat:43": {auth.All}, "chat:4": {auth.All}},
			"nothing":       {},
		}
		if !strings.Contains(pattern, "{channel}") {
			tokens["one channel"] = map[string][]auth.Verb{"chat:42": {auth.All}, "chat:*": {auth.All}}
		}
		for name, channels := range tokens {
			if status, p := r.do(r.token("app", "eve", channels), method, path, `{}`); status != 403 || code(p) != "forbidden" {
				t.Errorf("%s with a token for %s: %d %s", pattern, name, status, p)
			}
		}
		for _, token := range []string{"", "nonsense"} {
			if status, p := r.do(token, method, path, `{}`); status != 401 || code(p) != "unauthorized" {
				t.Errorf("%s with token %q: %d %s", pattern, token, status, p)
			}
		}
		if status, p := r.do(r.token("app", "eve", map[string][]auth.Verb{"*": {verb}}), method, path, `{}`); status == 401 || status == 403 {
			t.Errorf("%s with its verb: %d %s", pattern, status, p)
		}
	}
	if len(verbs) != len(r.api.routes()) {
		t.Errorf("%d routes, this test knows %d: %v", len(r.api.routes()), len(verbs), slices.Sorted(maps.Keys(verbs)))
	}
}

// Another app's token, whatever it allows, finds nothing of ours.
func TestOtherApp(t *testing.T) {
	r := newRig(t)
	q := r.start("t1")
	r.ask(200, "POST", ch+"/turns/t1/events"+q, `{"text":"secret"}`)
	other := r.token("other", "backend", nil)
	for _, route := range []string{"GET /turns/t1", "GET /turns/t1/events", "GET /export", "POST /turns/t1/epochs"} {
		method, path, _ := strings.Cut(route, " ")
		if status, p := r.do(other, method, ch+path, ""); status != 404 || code(p) != "not_found" {
			t.Errorf("%s: %d %s", route, status, p)
		}
	}
	if status, p := r.do(other, "GET", ch+"/history", ""); status != 200 || strings.Contains(string(p), "t1") {
		t.Errorf("history: %d %s", status, p)
	}
	if status, p := r.do(other, "GET", "/v1/connections", ""); status != 200 || strings.Contains(string(p), `"app"`) {
		t.Errorf("connections: %d %s", status, p)
	}
}

// Whoever speaks for another needs manage.
func TestOnBehalfOf(t *testing.T) {
	r := newRig(t)
	token := r.token("app", "ada", map[string][]auth.Verb{"chat:42": {auth.Prompt, auth.Publish, auth.Read}})
	for path, body := range map[string]string{"/prompts": `{"message":"m","text":"x","user":"bob"}`, "/events": `{"name":"x","from":"bob"}`, "/signals": `{"name":"x","from":"bob"}`} {
		if status, p := r.do(token, "POST", ch+path, body); status != 403 {
			t.Errorf("%s: %d %s", path, status, p)
		}
		if status, p := r.do(token, "POST", ch+path, strings.Replace(body, "bob", "ada", 1)); status >= 300 {
			t.Errorf("%s for herself: %d %s", path, status, p)
		}
		if status, p := r.do(r.admin(), "POST", ch+path, body); status >= 300 {
			t.Errorf("%s by a back end: %d %s", path, status, p)
		}
		if status, p := r.do(r.admin(), "POST", ch+path, strings.Replace(body, "bob", strings.Repeat("b", auth.MaxUser+1), 1)); status != 400 {
			t.Errorf("%s for a user of %d bytes: %d %s", path, auth.MaxUser+1, status, p)
		}
	}
}

// Whatever stands in a path is answered, and never with a fault of ours.
func FuzzPathNames(f *testing.F) {
	r := newRig(f)
	token := r.admin()
	for _, s := range []string{"chat:42", "", "..", "a/b", "%2e", "a b", "\x00", "\xff", "日本", strings.Repeat("x", 300), "?", "#"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, channel, turn string) {
		path := "/v1/channels/" + url.PathEscape(channel) + "/turns/" + url.PathEscape(turn)
		req := httptest.NewRequest("GET", path, nil)
		req.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		r.mux.ServeHTTP(w, req)
		if w.Code == 200 || w.Code >= 500 {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
	})
}
