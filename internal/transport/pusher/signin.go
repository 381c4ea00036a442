package pusher

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/pusher/apps"
)

// maxWatched is how many users one may watch.
const maxWatched = 100

// A user is who has signed in on a connection.
type user struct {
	ID        string          `json:"id"`
	Info      json.RawMessage `json:"user_info"`
	Watchlist []string        `json:"watchlist"`
}

// signin takes the auth server's word for who is behind the connection. The
// user is online from here on, and hears who of the watchlist is.
func (c *conn) signin(ctx context.Context, data json.RawMessage) {
	var d struct {
		Auth string `json:"auth"`
		User string `json:"user_data"`
	}
	if decodeData(data, &d) != nil {
		c.complain(codeGeneric, "Invalid message format")
		return
	}
	var u user
	if !c.app.Proves(d.Auth, apps.UserText(c.id, d.User)) {
		c.refuse(codeForbidden, "Connection not authorized: the signature of user_data is invalid")
		return
	}
	if json.Unmarshal([]byte(d.User), &u) != nil || u.ID == "" || len(u.ID) > maxUser {
		c.refuse(codeForbidden, fmt.Sprintf("Connection not authorized: user_data has no id of 1 to %d bytes", maxUser))
		return
	}
	if err := c.session.Renew(gateway.Identity{App: c.app.Tenant, User: u.ID, Grants: c.grants}); err != nil {
		c.complain(codeForbidden, "Signed in as another user already")
		return
	}
	cut := len(u.Watchlist) > maxWatched
	if cut {
		u.Watchlist = u.Watchlist[:maxWatched]
	}
	c.mu.Lock()
	c.user = &u
	c.mu.Unlock()
	c.tell(appendEvent(nil, evSigninDone, "", `{"user_data":`+quote(d.User)+`}`, ""))
	if cut {
		c.complain(codeWatchlist, fmt.Sprintf("The watchlist was cut to %d users", maxWatched))
	}
	if err := c.online(ctx, &u); err != nil {
		r, _ := find(err)
		c.complain(r.code, explain(err))
	}
}

// maxUser bounds a user's id, in bytes.
const maxUser = 128

// online shows the user to those who watch, and watches for the user. Users
// meet on channels that nobody can name, so that being online is presence, and
// holds across nodes and their deaths.
func (c *conn) online(ctx context.Context, u *user) error {
	own := apps.HiddenUser + u.ID
	c.grants.prove(own)
	if err := c.session.JoinAs(ctx, own, gateway.Member{ID: u.ID}); err != nil {
		return err
	}
	for _, id := range u.Watchlist {
		if id == u.ID || id == "" || len(id) > maxUser {
			continue
		}
		c.grants.prove(apps.HiddenUser + id)
		if err := c.session.Watch(ctx, apps.HiddenUser+id); err != nil {
			return err
		}
	}
	return nil
}

// watched tells whether a user of the watchlist is online.
func (c *conn) watched(id string, p *gateway.Roster) error {
	if u := c.signedIn(); u == nil || u.ID == id {
		return nil
	}
	name := "offline"
	switch {
	case len(p.Here) > 0 || len(p.Joined) > 0:
		name = "online"
	case !p.Full && len(p.Left) == 0:
		return nil
	}
	data := `{"events":[{"name":"` + name + `","user_ids":[` + quote(id) + `]}]}`
	return c.out.try(appendEvent(nil, evWatchlist, "", data, ""))
}
