package pusher

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/internal/transport/pusher/apps"
)

// two starts two nodes over one broker.
func two(t *testing.T, app App) (a, b *rig) {
	mem := membroker.New(membroker.Options{Log: quiet})
	t.Cleanup(func() {
		if err := mem.Close(); err != nil {
			t.Error(err)
		}
	})
	var shared broker.Broker = mem
	return newNode(t, shared, app), newNode(t, shared, app)
}

// sees waits until a node knows that somebody is in the room: it travels.
func (r *rig) sees(id string) {
	r.tb.Helper()
	eventually(r.tb, id, func() bool {
		ids, err := r.tr.occ.People(context.Background(), r.tr.byKey[r.app.Key], "presence-room")
		return err == nil && slices.Contains(ids, id)
	})
}

func member(id string) string {
	return fmt.Sprintf(`{"user_id":%q,"user_info":{"name":"Name of %s"}}`, id, id)
}

func TestPresenceOnTwoNodes(t *testing.T) {
	one, other := two(t, demo())
	ada := one.dial()
	if f := ada.subscribe("presence-room", member("ada")); f.text() != `{"presence":{"ids":["ada"],"hash":{"ada":{"name":"Name of ada"}},"count":1}}` {
		t.Errorf("%s", f.raw)
	}
	other.sees("ada")
	bob := other.dial()
	if f := bob.subscribe("presence-room", member("bob")); f.text() != `{"presence":{"ids":["ada","bob"],"hash":{"ada":{"name":"Name of ada"},"bob":{"name":"Name of bob"}},"count":2}}` {
		t.Errorf("%s", f.raw)
	}
	if f := ada.next(evAdded); f.text() != `{"user_id":"bob","user_info":{"name":"Name of bob"}}` || f.Channel != "presence-room" {
		t.Errorf("%s", f.raw)
	}
	bob.none(evAdded) // nobody is told of himself
	tab := other.dial()
	tab.subscribe("presence-room", member("ada")) // a second tab
	tab.send(`{"event":"client-typing","channel":"presence-room","data":{}}`)
	if f := bob.next("client-typing"); f.UserID != "ada" {
		t.Errorf("%s", f.raw)
	}
	bob.none(evAdded)
	tab.send(`{"event":"pusher:unsubscribe","data":{"channel":"presence-room"}}`)
	tab.none(evRemoved)
	bob.none(evRemoved)
	ada.send(`{"event":"pusher:unsubscribe","data":{"channel":"presence-room"}}`)
	if f := bob.next(evRemoved); f.text() != `{"user_id":"ada"}` {
		t.Errorf("%s", f.raw)
	}
}

// A user id may be a number, as Laravel's often are.
func TestNumberAsUserID(t *testing.T) {
	c := newRig(t, demo()).dial()
	if f := c.subscribe("presence-room", `{"user_id": 7}`); f.text() != `{"presence":{"ids":["7"],"hash":{"7":null},"count":1}}` {
		t.Errorf("%s", f.raw)
	}
}

func TestCountsOnTwoNodes(t *testing.T) {
	one, other := two(t, demo(func(a *App) { a.SubscriptionCount = true }))
	a, b := one.dial(), other.dial()
	a.subscribe("news", "")
	if f := a.next(evCount); f.text() != `{"subscription_count":1}` {
		t.Errorf("%s", f.raw)
	}
	b.subscribe("news", "")
	if f := a.next(evCount); f.text() != `{"subscription_count":2}` {
		t.Errorf("%s", f.raw)
	}
	b.next(evCount)
	b.subscribe("presence-room", member("bob"))
	a.subscribe("presence-room", member("ada"))
	for _, r := range []*rig{one, other} {
		for _, c := range []struct {
			path  string
			query url.Values
			want  string
		}{
			{"/channels/news", url.Values{"info": {"subscription_count"}}, `{"occupied":true,"subscription_count":2}`},
			{"/channels/none", nil, `{"occupied":false}`},
			{"/channels/presence-room", url.Values{"info": {"user_count"}}, `{"occupied":true,"user_count":2}`},
			{"/channels/presence-room", url.Values{"info": {"subscription_count"}}, `{"occupied":true,"subscription_count":2}`},
			{"/channels/presence-room/users", nil, `{"users":[{"id":"ada"},{"id":"bob"}]}`},
			{"/channels", nil, `{"channels":{"news":{},"presence-room":{}}}`},
			{"/channels", url.Values{"filter_by_prefix": {"presence-"}, "info": {"user_count"}}, `{"channels":{"presence-room":{"user_count":2}}}`},
		} {
			eventually(t, c.path, func() bool { // the other node's counts travel
				status, answer := r.call("GET", c.path, c.query, "")
				return status == 200 && answer == c.want
			})
		}
	}
	status, answer := one.call("POST", "/events", nil, `{"name":"e","channels":["news","presence-room"],"data":"x","info":"user_count,subscription_count"}`)
	if want := `{"channels":{"news":{"subscription_count":2},"presence-room":{"subscription_count":2,"user_count":2}}}`; status != 200 || answer != want {
		t.Errorf("%d %s", status, answer)
	}
	b.drop()
	if f := a.next(evCount); f.text() != `{"subscription_count":1}` {
		t.Errorf("%s", f.raw)
	}
}

func TestSigninWatchlistAndTerminate(t *testing.T) {
	one, other := two(t, demo())
	ada := one.dial()
	ada.signin(`{"id":"ada","watchlist":["bob","carl"]}`)
	if f := ada.next(evSigninDone); f.text() != `{"user_data":"{\"id\":\"ada\",\"watchlist\":[\"bob\",\"carl\"]}"}` {
		t.Errorf("%s", f.raw)
	}
	for _, id := range []string{"bob", "carl"} {
		if f := ada.next(evWatchlist); !strings.HasPrefix(f.text(), `{"events":[{"name":"offline","user_ids":["`) {
			t.Errorf("%s: %s", id, f.raw)
		}
	}
	bob := other.dial()
	bob.signin(`{"id":"bob"}`)
	bob.next(evSigninDone)
	if f := ada.next(evWatchlist); f.text() != `{"events":[{"name":"online","user_ids":["bob"]}]}` {
		t.Errorf("%s", f.raw)
	}
	bob.subscribe("#server-to-user-bob", "")
	one.trigger(`{"name":"hello","channel":"#server-to-user-bob","data":"{}"}`)
	bob.next("hello")
	// A signed in user is a member without channel_data.
	bob.send(`{"event":"pusher:subscribe","data":{"channel":"presence-room","auth":"demo-key:%s"}}`, apps.Sign("demo-secret", bob.id+":presence-room"))
	if f := bob.next(evSubscribed); !strings.Contains(f.text(), `"ids":["bob"]`) {
		t.Errorf("%s", f.raw)
	}
	if status, answer := one.call("POST", "/users/bob/terminate_connections", nil, "{}"); status != 200 || answer != "{}" {
		t.Errorf("%d %s", status, answer)
	}
	if code := bob.goneWith(); code != codeForbidden {
		t.Errorf("closed with %d", code)
	}
	ada.none(evError)

	eve := one.dial()
	eve.send(`{"event":"pusher:signin","data":{"auth":"demo-key:00","user_data":"{\"id\":\"ada\"}"}}`)
	if code := eve.goneWith(); code != codeForbidden {
		t.Errorf("closed with %d", code)
	}
	long := one.dial()
	long.signin(`{"id":"long","watchlist":[` + strings.TrimSuffix(strings.Repeat(`"x",`, 101), ",") + `]}`)
	long.next(evSigninDone)
	if f := long.next(evError); !strings.Contains(f.raw, `"code":4302`) {
		t.Errorf("%s", f.raw)
	}
}
