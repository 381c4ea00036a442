package pusher

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/karez/karez/internal/transport/pusher/apps"
)

func TestRESTRefusals(t *testing.T) {
	r := newRig(t, demo())
	old := fmt.Sprint(time.Now().Add(-time.Hour).Unix())
	event := func(s string) string { return `{"name":"e","channel":"c","data":"x"` + s + `}` }
	for _, c := range []struct {
		name, method, path string
		query              url.Values
		body               string
		want               int
	}{
		{"good", "POST", "/events", nil, event(""), 200},
		{"no data", "POST", "/events", nil, `{"name":"e","channel":"c"}`, 400},
		{"data is no string", "POST", "/events", nil, `{"name":"e","channel":"c","data":{}}`, 400},
		{"no name", "POST", "/events", nil, `{"channel":"c","data":"x"}`, 400},
		{"long name", "POST", "/events", nil, `{"name":"` + strings.Repeat("e", 201) + `","channel":"c","data":"x"}`, 400},
		{"server's name", "POST", "/events", nil, `{"name":"pusher_internal:member_added","channel":"c","data":"x"}`, 400},
		{"no channel", "POST", "/events", nil, `{"name":"e","data":"x"}`, 400},
		{"bad channel", "POST", "/events", nil, `{"name":"e","channel":"a b","data":"x"}`, 400},
		{"many channels", "POST", "/events", nil, `{"name":"e","channels":["a"` + strings.Repeat(`,"a"`, 100) + `],"data":"x"}`, 400},
		{"as many as may be", "POST", "/events", nil, `{"name":"e","channels":["a"` + strings.Repeat(`,"a"`, 99) + `],"data":"x"}`, 200},
		{"encrypted and another", "POST", "/events", nil, `{"name":"e","channels":["a","private-encrypted-b"],"data":"x"}`, 400},
		{"bad socket", "POST", "/events", nil, event(`,"socket_id":"1"`), 400},
		{"bad info", "POST", "/events", nil, event(`,"info":"x"`), 400},
		{"user_count", "POST", "/events", nil, event(`,"info":"user_count"`), 400},
		{"largest", "POST", "/events", nil, `{"name":"e","channel":"c","data":"` + strings.Repeat("x", apps.DefaultMaxEvent) + `"}`, 200},
		{"too large", "POST", "/events", nil, `{"name":"e","channel":"c","data":"` + strings.Repeat("x", apps.DefaultMaxEvent+1) + `"}`, 413},
		{"far too large", "POST", "/events", nil, strings.Repeat(" ", 6<<20), 413},
		{"no JSON", "POST", "/events", nil, `{`, 400},
		{"batch", "POST", "/batch_events", nil, `{"batch":[` + event("") + `,` + event("") + `]}`, 200},
		{"large batch", "POST", "/batch_events", nil, `{"batch":[` + event("") + strings.Repeat(","+event(""), 10) + `]}`, 400},
		{"empty batch", "POST", "/batch_events", nil, `{"batch":[]}`, 400},
		{"batch without channel", "POST", "/batch_events", nil, `{"batch":[{"name":"e","data":"x"}]}`, 400},
		{"stale", "POST", "/events", url.Values{"auth_timestamp": {old}}, event(""), 401},
		{"no time", "POST", "/events", url.Values{"auth_timestamp": {"x"}}, event(""), 401},
		{"forged", "POST", "/events", url.Values{"auth_signature": {strings.Repeat("0", 64)}}, event(""), 401},
		{"other key", "POST", "/events", url.Values{"auth_key": {"x"}}, event(""), 401},
		{"other version", "POST", "/events", url.Values{"auth_version": {"2.0"}}, event(""), 401},
		{"other md5", "POST", "/events", url.Values{"body_md5": {strings.Repeat("0", 32)}}, event(""), 401},
		{"users of no presence channel", "GET", "/channels/private-x/users", nil, "", 400},
		{"user_count of no presence channel", "GET", "/channels/x", url.Values{"info": {"user_count"}}, "", 400},
		{"user_count of all", "GET", "/channels", url.Values{"info": {"user_count"}}, "", 400},
		{"cache of no cache channel", "GET", "/channels/x", url.Values{"info": {"cache"}}, "", 400},
		{"bad channel's info", "GET", "/channels/a:b", nil, "", 400},
		{"unknown route", "GET", "/nothing", nil, "", 404},
	} {
		if status, answer := r.call(c.method, c.path, c.query, c.body); status != c.want || status != 200 && answer == "" {
			t.Errorf("%s: %d %s, want %d", c.name, status, answer, c.want)
		}
	}
	if status, _ := r.plain("POST", "/apps/78/events?auth_key=demo-key", "{}"); status != 404 {
		t.Errorf("unknown app: %d", status)
	}
	off := newRig(t, demo(func(a *App) { a.Disabled = true }))
	if status, _ := off.call("POST", "/events", nil, event("")); status != 403 {
		t.Errorf("disabled app: %d", status)
	}
}

func TestRESTAnswers(t *testing.T) {
	r := newRig(t, demo())
	c := r.dial()
	c.subscribe("a;b=c,d@e.f", "")
	for _, q := range []struct {
		path  string
		query url.Values
		want  string
	}{
		{"/channels", url.Values{"filter_by_prefix": {"a;b"}}, `{"channels":{"a;b=c,d@e.f":{}}}`},
		{"/channels", url.Values{"filter_by_prefix": {"b"}}, `{"channels":{}}`},
		{"/channels/a;b=c,d@e.f", url.Values{"info": {"subscription_count"}}, `{"occupied":true,"subscription_count":1}`},
		{"/connections", nil, `{"connections":1}`},
	} {
		if status, answer := r.call("GET", q.path, q.query, ""); status != 200 || answer != q.want {
			t.Errorf("%s: %d %s, want %s", q.path, status, answer, q.want)
		}
	}
	r.trigger(`{"name":"e","channel":"cache-x","data":"v"}`)
	if status, answer := r.call("GET", "/channels/cache-x", url.Values{"info": {"cache"}}, ""); status != 200 || answer != `{"cache":{"data":"v","ttl":1800},"occupied":false}` {
		t.Errorf("%d %s", status, answer)
	}
	if status, answer := r.call("POST", "/batch_events", nil, `{"batch":[{"name":"e","channel":"a;b=c,d@e.f","data":"1","info":"subscription_count"},{"name":"e","channel":"x","data":"2"}]}`); status != 200 || answer != `{"batch":[{"subscription_count":1},{}]}` {
		t.Errorf("%d %s", status, answer)
	}
	if f := c.next("e"); f.text() != "1" {
		t.Errorf("%s", f.raw)
	}
}
