package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/karez/karez/client"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

func names(ms []wire.Member) string {
	var out []string
	for _, m := range ms {
		out = append(out, strings.TrimSuffix(m.ID+"="+m.State, "="))
	}
	return strings.Join(out, " ")
}

// A reader is told who is there over both roads, also after the node was
// replaced, and what an agent does meanwhile.
func TestPresent(t *testing.T) {
	for _, road := range []client.Transport{client.WebSocket, client.SSE} {
		t.Run(string(road), func(t *testing.T) {
			release := make(chan struct{})
			w := newWorld(t, func(ctx context.Context, w *world, id turn.ID) {
				a := w.author(ctx, id)
				a.put(ctx, turn.KindText, "", "Hello")
				select {
				case <-release:
				case <-ctx.Done():
				}
				a.end(ctx)
			})
			ctx, cancel := context.WithTimeout(context.Background(), patient)
			defer cancel()
			c := w.dial(client.Options{Transport: road})
			ch := c.Channel(channel)
			var seen []string
			restarted := false
			for p, err := range ch.Present(ctx, client.PresenceOptions{State: "busy", Info: map[string]string{"name": "Ada"}}) {
				if err != nil {
					t.Fatal(err)
				}
				now := names(p.Members)
				seen = append(seen, now)
				switch {
				case len(seen) == 1:
					if now != "ada=busy" || string(p.Members[0].Info) != `{"name":"Ada"}` || len(p.Joined) != 1 {
						t.Fatalf("%+v", p)
					}
					for _, err := range ch.Present(ctx, client.PresenceOptions{Watch: true}) {
						if e := (*wire.Error)(nil); !errors.As(err, &e) || e.Code != client.CodeFollowed {
							t.Errorf("a second time: %v", err)
						}
					}
					if _, err := ch.Prompt(ctx, turn.Prompt{Text: "hi"}); err != nil {
						t.Fatal(err)
					}
				case now == "agent=streaming ada=busy" && !restarted:
					restarted = true
					w.down()
					w.up()
					close(release)
				case now == "ada=busy" && restarted:
					return // the turn has ended on the new node
				}
			}
			t.Fatalf("ended after %q", seen)
		})
	}
}

func TestPresenceIsRefused(t *testing.T) {
	w := newWorld(t, essay(1, 1))
	c := w.dial(client.Options{})
	for _, err := range c.Channel("secret").Present(context.Background(), client.PresenceOptions{}) {
		if e := (*wire.Error)(nil); !errors.As(err, &e) || e.Code != wire.CodeForbidden {
			t.Errorf("%v", err)
		}
	}
}
