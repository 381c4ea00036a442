package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// Pauses between two tries of a delivery.
const (
	firstPause = time.Second
	mostPause  = time.Minute
)

// deliver tells the webhook of one turn, until it was heard, its time is over,
// or ctx ends. Its job outlives this worker: the next one goes on.
func (w *Worker) deliver(ctx context.Context, job broker.Job) {
	log := w.log.With("turn", job.ID.String())
	held, lose := context.WithCancelCause(ctx)
	var tending sync.WaitGroup
	tending.Go(func() { w.keep(held, lose, turns.Webhooks, job, webhookLease) })
	err := w.tell(held, job, log)
	lost := context.Cause(held)
	lose(nil)
	tending.Wait()
	switch {
	case err != nil && errors.Is(lost, broker.ErrLeaseLost):
		return
	case err != nil && lost != nil:
		err = w.release(ctx, turns.Webhooks, job)
	default:
		if err != nil {
			log.Error("webhook given up", "err", err)
		}
		err = w.done(ctx, turns.Webhooks, job)
	}
	if err != nil {
		log.Warn("webhook will be delivered again", "err", err)
	}
}

// keep renews a lease until ctx ends.
func (w *Worker) keep(ctx context.Context, lose context.CancelCauseFunc, queue string, job broker.Job, lease time.Duration) {
	beat := time.NewTicker(lease / 3)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			if err := w.b.Extend(ctx, queue, job); errors.Is(err, broker.ErrLeaseLost) {
				lose(err)
				return
			}
		}
	}
}

// tell posts until the receiver answers with a status of success.
func (w *Worker) tell(ctx context.Context, job broker.Job, log *slog.Logger) error {
	body, added, err := w.finished(ctx, job)
	if err != nil || body == nil {
		return err
	}
	deadline := time.UnixMilli(added).Add(w.opts.Webhook.For)
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		err := w.post(ctx, deliveryID(job.ID), body)
		if err == nil || ctx.Err() != nil {
			return err
		}
		wait := pause/2 + rand.N(pause/2)
		if time.Now().Add(wait).After(deadline) {
			return err
		}
		log.Debug("webhook failed", "err", err, "again_in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// finished reads what is told of a turn, and when it was to be told. The body
// is nil when the turn is gone.
func (w *Worker) finished(ctx context.Context, job broker.Job) (body []byte, added int64, err error) {
	if added, err = strconv.ParseInt(string(job.Payload), 10, 64); err != nil {
		return nil, 0, fmt.Errorf("read webhook job: %w", err)
	}
	var a turn.Answer
	at := added
	err = broker.Retry(ctx, func(ctx context.Context) (err error) {
		if a, err = w.turns.Answer(ctx, job.ID); err != nil {
			return err
		}
		last, err := w.b.Read(ctx, job.ID, a.At-1, 1)
		if err == nil && len(last) > 0 {
			if ms, err := strconv.ParseInt(last[0].Attrs[turn.AttrTime], 10, 64); err == nil {
				at = ms
			}
		}
		return err
	})
	if errors.Is(err, turns.ErrNoTurn) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	body, err = json.Marshal(finished(job.ID, a, at))
	return body, added, err
}

// post makes one try, also when ctx ends: what is under way may be heard. Its
// error never holds the URL, which may carry a secret.
func (w *Worker) post(ctx context.Context, delivery string, body []byte) error {
	h := &w.opts.Webhook
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.Wait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the webhook's URL is not valid")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "karez-webhook/1")
	req.Header.Set("Karez-Delivery", delivery)
	if h.Secret != "" {
		req.Header.Set("Karez-Signature", Sign(h.Secret, time.Now().Unix(), body))
	}
	res, err := h.Client.Do(req)
	if ue := (*url.Error)(nil); errors.As(err, &ue) {
		err = ue.Err
	}
	if err != nil {
		return fmt.Errorf("post webhook: %w", err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("post webhook: status %d", res.StatusCode)
	}
	return nil
}
