package rest

import (
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/karez/karez/internal/transport/pusher/apps"
)

func demo(t testing.TB) *apps.App {
	a := &apps.App{ID: "77", Key: "demo-key", Secret: "demo-secret"}
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	return a
}

// A vector that other programs' signatures were held against.
func TestRESTSignatureVector(t *testing.T) {
	const body = `{"name":"tok","channels":["private-user.9"],"data":"{\"d\":\"hi\"}"}`
	sum := md5.Sum([]byte(body))
	if got := hex.EncodeToString(sum[:]); got != "afe0e7f47919912c09bc7fc1534d5500" {
		t.Fatal(got)
	}
	good := "auth_key=demo-key&auth_timestamp=1790000000&auth_version=1.0&body_md5=afe0e7f47919912c09bc7fc1534d5500&auth_signature=7d9f4629e82a41f4e5a405df0c38e25363681e704184f1e18855818c86718b93"
	now := time.Unix(1790000000, 0)
	check := func(query, body string, now time.Time) error {
		q, err := parseQuery(query)
		if err != nil {
			return err
		}
		return checkCall(demo(t), &http.Request{Method: "POST", URL: &url.URL{Path: "/apps/77/events"}}, q, []byte(body), now)
	}
	for _, at := range []time.Time{now, now.Add(600 * time.Second), now.Add(-600 * time.Second)} {
		if err := check(good, body, at); err != nil {
			t.Errorf("at %v: %v", at.Unix(), err)
		}
	}
	for name, err := range map[string]error{
		"too old":      check(good, body, now.Add(601*time.Second)),
		"too new":      check(good, body, now.Add(-601*time.Second)),
		"other body":   check(good, body+" ", now),
		"other key":    check("x=1&"+good, body, now),
		"given twice":  check("auth_key=demo-key&"+good, body, now),
		"no signature": check(good[:len(good)-80], body, now),
		"nothing":      check("", body, now),
	} {
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// FuzzREST: whatever the query and body, a request is refused without a panic
// unless its signature is right.
func FuzzREST(f *testing.F) {
	f.Add("auth_key=demo-key&auth_timestamp=1&auth_version=1.0", "{}")
	f.Add("a=%zz&a=b;c", "")
	f.Add("info[]=1&info[]=2&=&&", `{"name":"e","channels":["a"],"data":"x"}`)
	f.Fuzz(func(t *testing.T, query, body string) {
		q, err := parseQuery(query)
		if err == nil {
			if text := signedQuery(q); strings.Contains(text, "\nauth_signature") {
				t.Error(text)
			}
		}
		a := demo(t)
		c := &call{app: a, body: []byte(body)}
		var e event
		if c.decode(&e) == nil {
			if _, err := checkEvent(a, &e); err == nil && (e.Name == "" || e.Data == nil || len(*e.Data) > a.MaxEvent || len(e.Channels) == 0) {
				t.Errorf("%s was taken", body)
			}
		}
	})
}
