package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/wire"
)

// What no route takes is answered in JSON, as everything under /v1/.
func TestUnknownRoutes(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		method, path, code, allow string
		status                    int
	}{
		{"GET", "/v1/nothing", "not_found", "", 404},
		{"POST", "/v1/channels/chat:42/nothing", "not_found", "", 404},
		{"PATCH", "/v1/", "not_found", "", 404},
		{"PUT", "/v1/command", "bad_request", "POST", 405},
		{"GET", "/v1/channels/chat:42/prompts", "bad_request", "POST", 405},
		{"DELETE", "/v1/channels/chat:42/turns/t1", "bad_request", "GET, PUT", 405},
		{"PATCH", "/v1/channels/chat:42/settings", "bad_request", "GET, PUT", 405},
	} {
		resp := must(http.DefaultClient.Do(must(http.NewRequest(c.method, r.url+c.path, nil))))
		var body errorBody
		err := json.NewDecoder(resp.Body).Decode(&body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || body.Error == nil || body.Error.Code != c.code || resp.Header.Get("Allow") != c.allow || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %d %+v %q %v", c.method, c.path, resp.StatusCode, body.Error, resp.Header.Get("Allow"), err)
		}
	}
}

// A live answer is a connection as any other: it is listed, and whoever kicks
// its user ends it, with a line that says so.
func TestLiveAnswerIsASession(t *testing.T) {
	r := newRig(t)
	r.start("t1")
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	req := must(http.NewRequestWithContext(ctx, "GET", r.url+ch+"/turns/t1/events?live=true", nil))
	req.Header.Set("Authorization", "Bearer "+r.token("app", "ann", map[string][]auth.Verb{"chat:42": {auth.Read}}))
	resp := must(http.DefaultClient.Do(req))
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || !strings.Contains(lines.Text(), `"prompt"`) || r.g.Sessions() != 1 {
		t.Fatalf("%s, %d sessions", lines.Bytes(), r.g.Sessions())
	}
	if n, err := r.g.Kick(ctx, gateway.Target{App: "app", User: "ann"}, time.Second); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	var last []byte
	for lines.Scan() {
		last = bytes.Clone(lines.Bytes())
	}
	if code(last) != wire.CodeForbidden {
		t.Errorf("it ended with %s", last)
	}
}
