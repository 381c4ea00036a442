package apps

import (
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	list, err := Read([]byte(`{"apps":[{"id":"1","key":"k","secret":"s","reverb":true,"webhooks":[{"url":"https://x/y"}]},{"id":"a","key":"l","secret":"s","app":"chat"}]}`))
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	for i := range list {
		if err := list[i].Check(); err != nil {
			t.Error(err)
		}
	}
	if a := list[0]; a.Tenant != "1" || !a.Reverb || a.MaxEvent != DefaultMaxEvent || a.AcceptClientEventsFrom != FromMembers || a.ActivityTimeout != DefaultActivity {
		t.Errorf("%+v", a)
	}
	if list[1].Tenant != "chat" {
		t.Errorf("%+v", list[1])
	}
	for _, bad := range []string{"", "{}", `{"apps":[]}`, `{"apps":[{"id":1}]}`} {
		if _, err := Read([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	if a, err := Parse("1:k:s"); err != nil || a.ID != "1" || a.Key != "k" || a.Secret != "s" {
		t.Errorf("%+v %v", a, err)
	}
	for _, bad := range []string{"", "1", "1:k", "1:k:", ":k:s", "1:k:s:x"} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for name, a := range map[string]App{
		"no secret":     {ID: "1", Key: "k"},
		"slash":         {ID: "1/2", Key: "k", Secret: "s"},
		"tenant":        {ID: "ü", Key: "k", Secret: "s"},
		"client events": {ID: "1", Key: "k", Secret: "s", AcceptClientEventsFrom: "some"},
		"small events":  {ID: "1", Key: "k", Secret: "s", MaxEvent: 10},
		"large events":  {ID: "1", Key: "k", Secret: "s", MaxEvent: MaxMaxEvent + 1},
		"timeout":       {ID: "1", Key: "k", Secret: "s", ActivityTimeout: -1},
		"webhook":       {ID: "1", Key: "k", Secret: "s", Webhooks: []Webhook{{URL: "ftp://x"}}},
	} {
		if err := a.Check(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestNames(t *testing.T) {
	for _, ch := range []string{"a", "private-a_b=@,.;-9", "#server-to-user-x y", strings.Repeat("x", MaxChannel)} {
		if !GoodChannel(ch) {
			t.Errorf("%q is refused", ch)
		}
	}
	for _, ch := range []string{"", "#a", "#user-9", "#server-to-user-", "a b", "a:b", "ü", strings.Repeat("x", MaxChannel+1)} {
		if GoodChannel(ch) {
			t.Errorf("%q is taken", ch)
		}
	}
	a := App{Public: []string{"news", "live-*"}}
	for ch, want := range map[string]bool{"news": true, "newsletter": false, "live-1": true, "private-x": false, "live": false} {
		if a.IsOpen(ch) != want {
			t.Errorf("%s: %v", ch, !want)
		}
	}
	if a.Public = []string{"*"}; a.IsOpen("private-x") || a.IsOpen("presence-x") || a.IsOpen("#user-x") || !a.IsOpen("x") {
		t.Error("a pattern opens what needs a proof")
	}
	for s, want := range map[string]bool{"1.2": true, "1": false, ".2": false, "1.": false, "1.2.3": false, "a.b": false, "": false} {
		if GoodSocket(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}
