package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/pusher/apps"
	"github.com/karez/karez/internal/transport/pusher/occupancy"
)

// Limits of the REST API, as Pusher documents them.
const (
	maxChannels = 100 // of one event
	maxBatch    = 10  // events
)

// An event is the body of POST /events, or one of a batch.
type event struct {
	Name     string   `json:"name"`
	Data     *string  `json:"data"`
	Channel  string   `json:"channel"`
	Channels []string `json:"channels"`
	Socket   string   `json:"socket_id"`
	Info     string   `json:"info"`
}

// trigger publishes an event on its channels.
func (t *API) trigger(c *call) (any, error) {
	var e event
	if err := c.decode(&e); err != nil {
		return nil, err
	}
	if e.Channel != "" {
		e.Channels = append(e.Channels, e.Channel)
	}
	attrs, err := checkEvent(c.app, &e)
	if err != nil {
		return nil, err
	}
	if err := t.publish(c.Context(), c.app, &e); err != nil {
		return nil, err
	}
	if len(attrs) == 0 {
		return struct{}{}, nil
	}
	all := make(map[string]any, len(e.Channels))
	for _, ch := range e.Channels {
		if all[ch], err = t.attributes(c.Context(), c.app, ch, attrs); err != nil {
			return nil, err
		}
	}
	return map[string]any{"channels": all}, nil
}

// triggerBatch publishes several events, each on one channel.
func (t *API) triggerBatch(c *call) (any, error) {
	var body struct {
		Batch []event `json:"batch"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if n := len(body.Batch); n == 0 || n > maxBatch {
		return nil, refusal(http.StatusBadRequest, "a batch has 1 to %d events, this one has %d", maxBatch, n)
	}
	attrs, asked := make([][]string, len(body.Batch)), false
	for i := range body.Batch { // all of them or none
		e := &body.Batch[i]
		if e.Channel == "" || len(e.Channels) > 0 {
			return nil, refusal(http.StatusBadRequest, "event %d of the batch: give it one channel", i+1)
		}
		e.Channels = []string{e.Channel}
		var err error
		if attrs[i], err = checkEvent(c.app, e); err != nil {
			return nil, err
		}
		asked = asked || len(attrs[i]) > 0
	}
	infos := make([]any, len(body.Batch))
	for i := range body.Batch {
		e := &body.Batch[i]
		err := t.publish(c.Context(), c.app, e)
		if err == nil {
			infos[i], err = t.attributes(c.Context(), c.app, e.Channel, attrs[i])
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case asked:
		return map[string]any{"batch": infos}, nil
	case c.app.Reverb:
		return map[string]any{"batch": struct{}{}}, nil
	}
	return struct{}{}, nil
}

// checkEvent returns which attributes are asked for, or why an event is
// refused.
func checkEvent(a *apps.App, e *event) ([]string, error) {
	switch n := len(e.Channels); {
	case e.Name == "" || len(e.Name) > apps.MaxEventName:
		return nil, refusal(http.StatusBadRequest, "an event's name has 1 to %d bytes, this one has %d", apps.MaxEventName, len(e.Name))
	case strings.HasPrefix(e.Name, "pusher_internal:"):
		return nil, refusal(http.StatusBadRequest, "names that begin with pusher_internal: are the server's own")
	case e.Data == nil:
		return nil, refusal(http.StatusBadRequest, "an event needs data, a string")
	case len(*e.Data) > a.MaxEvent:
		return nil, refusal(http.StatusRequestEntityTooLarge, "an event's data has at most %d bytes, this one has %d", a.MaxEvent, len(*e.Data))
	case n == 0 || n > maxChannels:
		return nil, refusal(http.StatusBadRequest, "an event has 1 to %d channels, this one has %d", maxChannels, n)
	case e.Socket != "" && !apps.GoodSocket(e.Socket):
		return nil, refusal(http.StatusBadRequest, "socket_id %q is not two numbers and a dot", apps.Clip(e.Socket))
	case n > 1 && slices.ContainsFunc(e.Channels, apps.IsEncrypted):
		return nil, refusal(http.StatusBadRequest, "an event on an encrypted channel goes to no other: each has a key of its own")
	}
	for _, ch := range e.Channels {
		if !apps.GoodChannel(ch) {
			return nil, refusal(http.StatusBadRequest, "invalid channel name %q: it has 1 to %d letters, digits and _-=@,.;", apps.Clip(ch), apps.MaxChannel)
		}
	}
	attrs, err := info(e.Info, "user_count", "subscription_count")
	if err == nil && slices.Contains(attrs, "user_count") && !slices.ContainsFunc(e.Channels, apps.IsPresence) {
		err = refusal(http.StatusBadRequest, "user_count is for presence channels")
	}
	return attrs, err
}

// publish hands an event to the subscribers of its channels, on all nodes.
func (t *API) publish(ctx context.Context, a *apps.App, e *event) error {
	data, err := json.Marshal(*e.Data)
	if err != nil {
		return err
	}
	sig := gateway.Signal{Name: e.Name, Data: data, Server: true}
	if e.Socket != "" {
		sig.Session = apps.Except(e.Socket)
	}
	for _, ch := range e.Channels {
		if apps.IsCache(ch) {
			if err := t.occ.Keep(ctx, a, ch, occupancy.Event{Name: e.Name, Data: *e.Data}); err != nil {
				return err
			}
		}
		sig.Channel = ch
		if err := t.g.Signal(ctx, a.Tenant, sig); err != nil {
			return err
		}
	}
	return nil
}
