package pusher

import (
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// Vectors that other programs' signatures were held against.
func TestSignatureVectors(t *testing.T) {
	for text, want := range map[string]string{
		channelText("4242.1717", "private-user.9", ""):                                            "53b11dd1ecc64cf8f160b33e170f5b48f797f7b4a20df6a8181b9d695caf900d",
		channelText("4242.1717", "presence-room.1", `{"user_id":"9","user_info":{"name":"Ada"}}`): "443efae84c4078eb6fc188976bb8b2481c7f4a877a236c6bdd59a8be7e81eccf",
		userText("4242.1717", `{"id":"9"}`):                                                       "f45782c27225688775da1d5e2c80c572239ceee9ac764f89c99998c902a658bc",
	} {
		if got := sign("demo-secret", text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		a := demo()
		if !a.proves("demo-key:"+want, text) {
			t.Errorf("%s: not proven", text)
		}
		for _, bad := range []string{want, "other:" + want, "demo-key:" + want[1:], "demo-key:", "", "demo-key:" + want + "0"} {
			if a.proves(bad, text) {
				t.Errorf("%s: proven by %q", text, bad)
			}
		}
	}
}

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
		a := demo()
		return a.checkCall(&http.Request{Method: "POST", URL: &url.URL{Path: "/apps/77/events"}}, q, []byte(body), now)
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
