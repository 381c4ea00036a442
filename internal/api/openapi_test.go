package api

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/karez/karez/wire"
)

// Every route is described and every description has its route.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	r := newRig(t)
	s := readSpec(t)
	described := map[string]bool{}
	for path, ops := range s.Paths {
		for method := range ops {
			pattern := strings.ToUpper(method) + " " + path
			described[pattern] = true
			req := httptest.NewRequest(strings.ToUpper(method), example.Replace(path), nil)
			if _, got := r.mux.Handler(req); got != pattern {
				t.Errorf("%s is described; the server has %q there", pattern, got)
			}
		}
	}
	for pattern := range r.api.routes() {
		if !described[pattern] {
			t.Errorf("%s is not described", pattern)
		}
	}
	for _, pattern := range []string{"GET /v1/ws", "POST /v1/stream", "GET /v1/stream", "POST /v1/command", "GET /livez", "GET /readyz", "GET /v1/openapi.json"} {
		if !described[pattern] {
			t.Errorf("%s is not described", pattern)
		}
	}
}

// Names in a path are its parameters, and references lead somewhere.
func TestOpenAPIIsSound(t *testing.T) {
	s := readSpec(t)
	name := regexp.MustCompile(`\{(\w+)\}`)
	for path, ops := range s.Paths {
		for method, op := range ops {
			var in []string
			for _, p := range op.Parameters {
				if p.Ref != "" {
					ref := s.Components.Parameters[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
					p.Name, p.In = ref.Name, ref.In
				}
				if p.In == "path" {
					in = append(in, p.Name)
				}
			}
			var want []string
			for _, m := range name.FindAllStringSubmatch(path, -1) {
				want = append(want, m[1])
			}
			if !slices.Equal(in, want) {
				t.Errorf("%s %s has the parameters %v", method, path, in)
			}
			for status, resp := range op.Responses {
				if resp.Ref != "" && s.Components.Responses[strings.TrimPrefix(resp.Ref, "#/components/responses/")].Content == nil {
					t.Errorf("%s %s: %s leads nowhere", method, path, resp.Ref)
				}
				if _, err := strconv.Atoi(status); err != nil {
					t.Errorf("%s %s: status %s", method, path, status)
				}
			}
		}
	}
	if got, want := s.Components.Schemas["Error"].Properties["code"].Enum, wire.Codes(); !slices.Equal(got, want) {
		t.Errorf("the codes are\n%v, those of wire\n%v", got, want)
	}
}

// A walk through every route: what is asked and answered is as described.
func TestAnswersAreAsDescribed(t *testing.T) {
	r := newRig(t)
	s := readSpec(t)
	walked := map[string]bool{}
	r.seen = func(x exchange) {
		_, pattern := r.mux.Handler(x.req)
		walked[pattern] = true
		s.checkExchange(t, pattern, x)
	}
	r.ask(202, "POST", ch+"/prompts", `{"message":"m-1","text":"Why?","content":[{"type":"image","url":"https://x.example/a.png","media_type":"image/png","name":"a"}],"model":"m","params":{"temperature":0.5},"system":"Be brief."}`)
	r.ask(202, "POST", ch+"/cancel", `{"message":"m-1","user":"ada"}`)
	q := r.start("t1")
	r.ask(200, "PUT", ch+"/turns/t1", `{"text":"Why?"}`)
	r.ask(200, "POST", ch+"/turns/t1/events"+q, strings.Join([]string{
		`{"text":"a"}`, `{"kind":"tool","part":"c1","name":"add","text":"{}"}`, `{"kind":"tool_output","part":"c1","data":{"n":1}}`,
		`{"kind":"audio","part":"a1","media":"audio/pcm","bytes":"AAE="}`, `{"kind":"usage","data":{"input_tokens":1,"output_tokens":2,"model":"m"}}`, `{"text":"b","attrs":{"x":"y"}}`,
	}, "\n"))
	r.ask(409, "POST", ch+"/turns/t1/events?epoch=1&first=99", `{"text":"x"}`)
	r.ask(400, "POST", ch+"/turns/t1/events?epoch=1&first=8", "{\"text\":\"c\"}\n{")
	r.ask(200, "GET", ch+"/turns/t1", "")
	r.ask(202, "POST", ch+"/turns/t1/cancel", "")
	r.ask(200, "GET", ch+"/turns/t1", "")
	r.ask(200, "GET", ch+"/turns/t1/events", "")
	r.ask(404, "GET", ch+"/turns/t2", "")
	r.ask(200, "GET", ch+"/history?limit=1", "")
	r.ask(200, "GET", ch+"/presence", "")
	r.ask(201, "POST", ch+"/events", `{"name":"pinned","data":{"a":[1]},"from":"ops"}`)
	r.ask(202, "POST", ch+"/signals", `{"name":"typing"}`)
	r.ask(200, "PUT", ch+"/settings", `{"policy":"reject","system":"x","model":"m","params":{"top_p":1},"history_messages":-1,"history_tokens":5,"max_queue":3,"retention_hours":2}`)
	r.ask(200, "GET", ch+"/settings", "")
	dialed := dial(r, "ada")
	hear(t, dialed, `"welcome"`)
	r.ask(200, "GET", "/v1/connections", "")
	r.ask(200, "POST", "/v1/users/ada/signals", `{"name":"x"}`)
	r.ask(200, "POST", "/v1/connections/none/signals", `{"name":"x"}`)
	r.ask(200, "DELETE", "/v1/connections/none", "")
	r.ask(200, "DELETE", "/v1/users/ada/connections", "")
	r.ask(200, "GET", ch+"/export", "")
	r.ask(200, "DELETE", ch, "")
	r.ask(200, "GET", "/v1/openapi.json", "")
	r.ask(200, "POST", "/v1/command", `{"id":1,"type":"prompt","channel":"chat:42","prompt":{"message":"m","text":"x"}}`)
	r.ask(200, "POST", "/v1/command", `{"type":"history","channel":"chat:42","limit":5}`)
	r.ask(200, "POST", "/v1/command", `{"type":"presence","channel":"chat:42"}`)
	r.ask(400, "POST", "/v1/command", `{"type":"prompt","channel":"chat:42"}`)
	r.ask(400, "POST", "/v1/stream", `{"follow":[]}`)
	r.ask(400, "GET", "/v1/stream?channel=", "")
	for _, path := range []string{"/livez", "/readyz"} {
		if status, p := r.do("", "GET", path, ""); status != 200 || string(p) != "ok\n" {
			t.Errorf("%s: %d %s", path, status, p)
		}
	}
	for path, ops := range s.Paths {
		for method := range ops {
			if pattern := strings.ToUpper(method) + " " + path; !walked[pattern] && pattern != "GET /v1/ws" {
				t.Errorf("nobody walked %s", pattern)
			}
		}
	}
}

// checkExchange checks a request that was let in, and any answer.
func (s *spec) checkExchange(t *testing.T, pattern string, x exchange) {
	t.Helper()
	method, path, _ := strings.Cut(pattern, " ")
	op, ok := s.Paths[path][strings.ToLower(method)]
	if !ok {
		t.Errorf("%s is not described", pattern)
		return
	}
	resp, ok := op.Responses[strconv.Itoa(x.status)]
	if !ok {
		t.Errorf("%s answers %d, which is not described", pattern, x.status)
	}
	content := resp.Content
	if resp.Ref != "" {
		content = s.Components.Responses[strings.TrimPrefix(resp.Ref, "#/components/responses/")].Content
	}
	for name := range x.req.URL.Query() {
		known := false
		for _, p := range op.Parameters {
			known = known || p.In == "query" && p.Name == name
		}
		if !known {
			t.Errorf("%s: the query's %s is not described", pattern, name)
		}
	}
	if len(content) > 0 {
		kind, _, _ := mime.ParseMediaType(x.header.Get("Content-Type"))
		s.checkBody(t, pattern+" answers", content, kind, x.answered)
	}
	if len(x.body) > 0 && x.status < 300 && op.RequestBody == nil {
		t.Errorf("%s takes no body", pattern)
	} else if len(x.body) > 0 && x.status < 300 {
		kind := "application/json"
		if op.RequestBody.Content[kind].Schema == nil {
			kind = "application/x-ndjson"
		}
		s.checkBody(t, pattern+" is sent", op.RequestBody.Content, kind, x.body)
	}
}

func (s *spec) checkBody(t *testing.T, what string, content map[string]media, kind string, p []byte) {
	t.Helper()
	m, ok := content[kind]
	if !ok {
		t.Errorf("%s %q: the type is not described", what, kind)
		return
	}
	dec := json.NewDecoder(bytes.NewReader(p))
	for n := 0; dec.More(); n++ {
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Errorf("%s %q: %v", what, p, err)
			return
		}
		if err := s.check(m.Schema, v, "body"); err != nil {
			t.Errorf("%s %s: %v", what, p, err)
		}
		if n > 0 && kind == "application/json" {
			t.Errorf("%s %s: more than one value", what, p)
		}
	}
}

// What is served is the file.
func TestOpenAPIIsServed(t *testing.T) {
	r := newRig(t)
	status, p := r.do("", "GET", "/v1/openapi.json", "")
	if status != http.StatusOK || !json.Valid(p) || !strings.Contains(string(p), `"openapi": "3.1.0"`) {
		t.Errorf("%d %.100s", status, p)
	}
}
