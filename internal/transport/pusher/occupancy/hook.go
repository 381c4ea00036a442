package occupancy

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/transport/pusher/apps"
	"github.com/karez/karez/turn"
)

// Names of what webhooks tell.
const (
	hookOccupied = "channel_occupied"
	hookVacated  = "channel_vacated"
	hookAdded    = "member_added"
	hookRemoved  = "member_removed"
	hookClient   = "client_event"
	hookMiss     = "cache_miss"
	hookCount    = "subscription_count"
)

// Bounds of webhooks.
const (
	hookBatch = 50               // events told at once
	hookLease = 45 * time.Second // of one delivery; longer than hookWait
	hookWait  = 10 * time.Second // for one answer
	hookFor   = 5 * time.Minute  // an event is told for so long, and once at least
)

// A hookEvent is one event of a webhook's body.
type hookEvent struct {
	Name    string `json:"name"`
	Channel string `json:"channel"`
	UserID  string `json:"user_id,omitempty"`
	Event   string `json:"event,omitempty"`
	Data    string `json:"data,omitempty"`
	Socket  string `json:"socket_id,omitempty"`
	Count   *int   `json:"subscription_count,omitempty"`
}

// A hookJob is what waits in the broker to be told: it outlives the node.
type hookJob struct {
	At    int64     `json:"at"` // Unix milliseconds
	Event hookEvent `json:"event"`
}

// hooks tell back ends what happens. What they are told is a job of the broker
// first: at least once, whichever node dies.
type hooks struct {
	o      *Occupancy
	client *http.Client
}

func newHooks(o *Occupancy, client *http.Client) *hooks {
	h := &hooks{o: o, client: client}
	if h.client == nil {
		h.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return h
}

// start begins the delivery of every webhook.
func (h *hooks) start() {
	for _, a := range h.o.apps {
		for i := range a.Webhooks {
			h.o.wg.Go(func() { h.run(a, &a.Webhooks[i]) })
		}
	}
}

// queue is one webhook's own, so that a receiver that is down holds up no
// other.
func queue(a *apps.App, w *apps.Webhook) string {
	sum := sha256.Sum256([]byte(a.ID + "\x00" + w.URL + "\x00" + w.Prefix + "\x00" + strings.Join(w.Events, ",")))
	return "pusher-hook-" + a.Tenant + "-" + hex.EncodeToString(sum[:8])
}

func wants(w *apps.Webhook, e *hookEvent) bool {
	return strings.HasPrefix(e.Channel, w.Prefix) && (w.Events == nil || slices.Contains(w.Events, e.Name))
}

// wanted reports whether anybody would hear of an event.
func wanted(a *apps.App, e *hookEvent) bool {
	return slices.ContainsFunc(a.Webhooks, func(w apps.Webhook) bool { return wants(&w, e) })
}

// add puts events into the queues of those who want them.
func (h *hooks) add(ctx context.Context, a *apps.App, events ...hookEvent) {
	if err := h.put(ctx, a, events...); err != nil && h.o.ctx.Err() == nil {
		h.o.log.Error("queue webhook", "app", a.ID, "err", err)
	}
}

func (h *hooks) put(ctx context.Context, a *apps.App, events ...hookEvent) error {
	now := time.Now().UnixMilli()
	for i := range events {
		for j := range a.Webhooks {
			w := &a.Webhooks[j]
			if !wants(w, &events[i]) {
				continue
			}
			job := broker.Job{ID: turn.NewID(a.Tenant, events[i].Channel, "hook-"+rand.Text()), Payload: mustJSON(hookJob{now, events[i]})}
			err := broker.Retry(ctx, func(ctx context.Context) error { return h.o.b.Add(ctx, queue(a, w), job) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// ClientEvent tells webhooks of an event that a client sent. user is the
// sender's id on a presence channel.
func (r *Occupancy) ClientEvent(a *apps.App, ch, event, data, socket, user string) {
	e := hookEvent{Name: hookClient, Channel: ch, Event: event, Data: data, Socket: socket, UserID: user}
	if wanted(a, &e) {
		r.hooks.add(r.ctx, a, e)
	}
}

// CacheMiss tells webhooks that a subscriber found nothing.
func (r *Occupancy) CacheMiss(ctx context.Context, a *apps.App, ch string) {
	r.hooks.add(ctx, a, hookEvent{Name: hookMiss, Channel: ch})
}

// run delivers one webhook's events until the transport ends.
func (h *hooks) run(a *apps.App, w *apps.Webhook) {
	for h.o.ctx.Err() == nil {
		jobs, err := h.take(h.o.ctx, queue(a, w))
		if err == nil {
			err = h.deliver(a, w, jobs)
		}
		if err != nil && h.o.ctx.Err() == nil {
			h.o.log.Warn("deliver webhook", "app", a.ID, "err", err)
			pause(h.o.ctx, time.Second)
		}
	}
}

// take waits for an event, and takes what waits behind it.
func (h *hooks) take(ctx context.Context, queue string) ([]broker.Job, error) {
	b := h.o.b
	job, err := b.Take(ctx, queue, h.o.g.Node(), hookLease)
	if err != nil {
		return nil, err
	}
	jobs := []broker.Job{job}
	stats, err := b.Stats(ctx, queue)
	if err != nil {
		return jobs, nil // one is better than none
	}
	for range min(stats.Waiting, hookBatch-1) {
		soon, cancel := context.WithTimeout(ctx, time.Second)
		job, err := b.Take(soon, queue, h.o.g.Node(), hookLease)
		cancel()
		if err != nil {
			break // another node was faster
		}
		jobs = append(jobs, job)
	}
	return jobs, nil
}

// deliver tells jobs' events until they are heard or too old.
func (h *hooks) deliver(a *apps.App, w *apps.Webhook, jobs []broker.Job) error {
	events, oldest := make([]hookEvent, 0, len(jobs)), int64(0)
	for _, j := range jobs {
		var hj hookJob
		if json.Unmarshal(j.Payload, &hj) != nil {
			continue // not ours
		}
		events = append(events, hj.Event)
		if oldest == 0 || hj.At < oldest {
			oldest = hj.At
		}
	}
	for wait := time.Second; len(events) > 0; wait = min(2*wait, time.Minute) {
		err := h.post(a, w, oldest, events)
		if err == nil {
			break
		}
		if h.o.ctx.Err() != nil {
			return h.release(queue(a, w), jobs)
		}
		if time.Since(time.UnixMilli(oldest)) > hookFor {
			h.o.log.Error("give up webhook", "app", a.ID, "events", len(events), "err", err)
			break
		}
		h.o.log.Warn("webhook not heard", "app", a.ID, "events", len(events), "err", err)
		if err := h.rest(queue(a, w), jobs, wait); err != nil {
			return err
		}
	}
	for _, j := range jobs {
		err := broker.Retry(h.o.ctx, func(ctx context.Context) error { return h.o.b.Done(ctx, queue(a, w), j) })
		if err != nil {
			return err
		}
	}
	return nil
}

// rest pauses between two tries and keeps the leases meanwhile.
func (h *hooks) rest(queue string, jobs []broker.Job, wait time.Duration) error {
	for {
		step := min(wait, hookLease/3)
		if !pause(h.o.ctx, step) {
			return h.release(queue, jobs)
		}
		for _, j := range jobs {
			if err := h.o.b.Extend(h.o.ctx, queue, j); err != nil {
				return err // another node has it, or will
			}
		}
		if wait -= step; wait <= 0 {
			return nil
		}
	}
}

// release gives jobs to another node, at once.
func (h *hooks) release(queue string, jobs []broker.Job) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(h.o.ctx), flushTime)
	defer cancel()
	for _, j := range jobs {
		if err := h.o.b.Release(ctx, queue, j); err != nil {
			return err
		}
	}
	return h.o.ctx.Err()
}

// post sends one signed request.
func (h *hooks) post(a *apps.App, w *apps.Webhook, at int64, events []hookEvent) error {
	body := mustJSON(struct {
		At     int64       `json:"time_ms"`
		Events []hookEvent `json:"events"`
	}{at, events})
	ctx, cancel := context.WithTimeout(h.o.ctx, hookWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "karez-pusher-webhook")
	req.Header.Set("X-Pusher-Key", a.Key)
	req.Header.Set("X-Pusher-Signature", apps.Sign(a.Secret, string(body)))
	resp, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // so that the connection is used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("the receiver answered %s", resp.Status)
	}
	return nil
}

// pause waits, and reports whether it waited to the end.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
