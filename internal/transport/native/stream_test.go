package native

import (
	"context"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/wire"
)

// What a stream's request must be like.
func TestStreamRequests(t *testing.T) {
	r := newRig(t, rigOptions{})
	token := r.token("ada", time.Hour, nil)
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/v1/stream", ``, 400, "not the JSON"},
		{"POST", "/v1/stream", `{"follow":[]}`, 400, "nothing to follow"},
		{"POST", "/v1/stream", `{"follow":[{"channel":""}]}`, 400, "channel name"},
		{"POST", "/v1/stream", `{"follow":[{"channel":7}]}`, 400, "not the JSON"},
		{"POST", "/v1/stream", "{\"follow\":[{\"channel\":\"\xff\"}]}", 400, "UTF-8"},
		{"POST", "/v1/stream", `{"follow":[` + strings.Repeat(`{"channel":"chat:42"},`, 300) + `{"channel":"chat:42"}]}`, 429, "256"},
		{"POST", "/v1/stream", `{"follow":[{"channel":"` + strings.Repeat("x", maxStreamBody) + `"}]}`, 413, "more than"},
		{"POST", "/v1/stream", `{"join":[{"channel":""}]}`, 400, "channel name"},
		{"GET", "/v1/stream", ``, 400, "nothing to follow"},
		{"GET", "/v1/stream?channel=chat:42&after=x", ``, 400, "not a number"},
		{"GET", "/v1/stream?channel=chat:42&from=yesterday", ``, 400, "from"},
	} {
		resp, err := r.do(context.Background(), c.method, c.path, token, c.body)
		if err != nil {
			t.Fatal(err)
		}
		p, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || !strings.Contains(string(p), c.says) {
			t.Errorf("%s %.60s %.60s: %s %s, want %d with %q", c.method, c.path, c.body, resp.Status, p, c.status, c.says)
		}
	}
}

// GET is the same for clients that cannot do more; a channel that the token
// does not allow is an error beside the ones that it does.
func TestStreamByQuery(t *testing.T) {
	r := newRig(t, rigOptions{})
	token := r.token("ada", time.Hour, nil)
	resp, err := r.do(context.Background(), "GET", "/v1/stream?channel=chat:42&channel=chat:99&from=now", token, "")
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("X-Accel-Buffering") != "no" {
		t.Fatal(resp, err)
	}
	c := newConn(t, wire.JSON)
	c.end = func() { resp.Body.Close() }
	go c.readStream(resp.Body)
	defer c.drop()
	if f := c.answer(1); f.Error != nil {
		t.Errorf("%+v", f.Error)
	}
	if f := c.answer(2); f.Error == nil || f.Error.Code != wire.CodeForbidden {
		t.Errorf("%+v", f)
	}
	c.next("log", func(f *wire.Frame) bool { return f.Type == wire.FrameLog && f.Channel == "chat:42" })
}

// A stream is a connection to be present on; who has none asks once.
func TestStreamIsPresent(t *testing.T) {
	r := newRig(t, rigOptions{})
	c := r.stream(r.token("ada", time.Hour, nil), `{"follow":[{"channel":"chat:42"}],"join":[{"channel":"chat:42","data":{"n":1}}]}`)
	defer c.drop()
	if f := c.answer(2); f.Error != nil {
		t.Fatal(f.Error)
	}
	f := c.next("presence", func(f *wire.Frame) bool { return f.Type == wire.FramePresence })
	if p := f.Presence; f.Channel != "chat:42" || !p.Full || len(p.Here) != 1 || p.Here[0].ID != "ada" || string(p.Here[0].Info) != `{"n":1}` {
		t.Errorf("%+v", p)
	}
	f, status := r.post(r.token("bob", time.Hour, nil), `{"id":7,"type":"presence","channel":"chat:42"}`)
	if status != 200 || f.ID != 7 || f.Presence == nil || len(f.Presence.Here) != 1 || f.Presence.Here[0].ID != "ada" {
		t.Errorf("%d %+v", status, f)
	}
	if f, status = r.post(r.token("bob", time.Hour, nil), `{"id":8,"type":"presence","channel":"chat:99"}`); status != 403 {
		t.Errorf("%d %+v", status, f)
	}
}

// Commands that only mean something on a connection are refused by POST.
func TestNotPostable(t *testing.T) {
	r := newRig(t, rigOptions{})
	token := r.token("ada", time.Hour, nil)
	for _, body := range []string{
		`{"id":1,"type":"hello","token":"x"}`, `{"id":1,"type":"follow","channel":"chat:42"}`, `{"id":1,"type":"unfollow","channel":"chat:42"}`,
		`{"id":1,"type":"pace","channel":"chat:42","pace":{}}`, `{"id":1,"type":"ack","n":1}`, `{"id":1,"type":"renew","token":"x"}`,
		`{"id":1,"type":"join","channel":"chat:42"}`, `{"id":1,"type":"leave","channel":"chat:42"}`,
	} {
		if f, status := r.post(token, body); status != 400 || f.ID != 1 || f.Error.Code != wire.CodeBadRequest {
			t.Errorf("%s: %d %+v", body, status, f)
		}
	}
	if n := r.g.Sessions(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// A request for a stream, in a body or a query, is refused with a reason or
// follows named channels.
func FuzzStreamRequest(f *testing.F) {
	for _, s := range []string{`{"follow":[{"channel":"chat:42","after":12,"turns":{"t1":3}}]}`, `{"follow":[{"channel":"c","from":"now"}]}`, `{"follow":null}`, `{"follow":[],"join":[{"channel":"c","state":"away"}],"presence":[{"channel":"d"}]}`, "join=a&presence=b", `[]`, "", "channel=a&after=3&channel=b", "after=-1", "channel=%ff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		check := func(cmds []wire.Command, err error) {
			if err != nil {
				if e := Explain(err); e.Code == wire.CodeInternal {
					t.Fatalf("%v", err)
				}
				return
			}
			for i, c := range cmds {
				if c.Type != wire.CmdFollow && c.Type != wire.CmdJoin && c.Type != wire.CmdPresence || c.ID != uint64(i+1) || c.Check() != nil {
					t.Fatalf("%+v", c)
				}
			}
		}
		check(bodyFollows(p, gateway.DefaultMaxFollows))
		if q, err := url.ParseQuery(string(p)); err == nil {
			check(queryFollows(q, gateway.DefaultMaxFollows))
		}
	})
}
