package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Bounds of jobs.
const (
	// foreignLease is how long a worker that consumes with plain XREADGROUP
	// may be idle with a job before another gets it; docs/producers.md says
	// how it stays in possession.
	foreignLease = time.Minute
	forgetWorker = time.Hour
	adoptEvery   = 5 * time.Second
	blockAtMost  = 5 * time.Second
)

func queueKeys(queue string) []string {
	return []string{jobsKey(queue), leasesKey(queue), wakeKey(queue)}
}

// Add is part of broker.Jobs.
func (b *Broker) Add(ctx context.Context, queue string, job broker.Job) error {
	if len(job.Payload) > broker.MaxPayload {
		return fmt.Errorf("add job: payload of %d bytes: %w", len(job.Payload), broker.ErrTooLarge)
	}
	if b.ctx.Err() != nil {
		return broker.ErrClosed
	}
	cmd := b.c.B().Xadd().Key(jobsKey(queue)).Id("*").FieldValue().
		FieldValue("app", job.ID.App).FieldValue("channel", job.ID.Channel).
		FieldValue("kind", string(job.ID.Kind)).FieldValue("name", job.ID.Name).
		FieldValue("payload", string(job.Payload))
	if err := b.wrap(ctx, b.c.Do(ctx, cmd.Build()).Error()); err != nil {
		return fmt.Errorf("add job %s: %w", job.ID, err)
	}
	return nil
}

// Take is part of broker.Jobs. A script leases the job; only the wait for one
// blocks, on a connection of its own, and consumes nothing.
func (b *Broker) Take(ctx context.Context, queue, worker string, lease time.Duration) (broker.Job, error) {
	ctx, cancel := b.bound(ctx)
	defer cancel()
	keys := queueKeys(queue)
	for {
		if err := ctx.Err(); err != nil {
			return broker.Job{}, b.wrap(ctx, err)
		}
		if err := b.adopt(ctx, queue, time.Now()); err != nil {
			return broker.Job{}, fmt.Errorf("take from %s: %w", queue, err)
		}
		r, err := b.run(ctx, takeScript, keys, []string{worker, millis(lease)})
		switch {
		case err != nil && (errors.Is(err, broker.ErrClosed) || ctx.Err() != nil):
			return broker.Job{}, err
		case err != nil:
			return broker.Job{}, fmt.Errorf("take from %s: %w", queue, err)
		case len(r) < 3:
			return broker.Job{}, errReply
		}
		if text(r, 0) == "" {
			if err := b.await(ctx, keys, r); err != nil {
				return broker.Job{}, err
			}
			continue
		}
		job, err := parseJob(r, worker, lease)
		if err == nil {
			return job, nil
		}
		b.log.Warn("drop job that cannot be understood", "queue", queue, "entry", job.Entry, "err", err)
		if err := b.Done(ctx, queue, job); err != nil {
			return broker.Job{}, err
		}
	}
}

// await waits until there may be a job: one was added or given back, or a
// lease ends.
func (b *Broker) await(ctx context.Context, keys []string, r []rueidis.RedisMessage) error {
	block := blockAtMost
	if left, err := r[1].AsInt64(); err == nil && left >= 0 {
		block = min(block, max(time.Duration(left), 1)*time.Millisecond)
	}
	bounded, cancel := context.WithTimeout(ctx, block+callTime)
	defer cancel()
	cmd := b.c.B().Xread().Count(1).Block(block.Milliseconds()).Streams().Key(keys[0], keys[2]).Id(text(r, 2), text(r, 3)).Build()
	err := b.c.Do(bounded, cmd).Error()
	if err == nil || rueidis.IsRedisNil(err) {
		return nil
	}
	return b.wrap(ctx, err)
}

// adopt looks now and then for jobs of foreign workers that died.
func (b *Broker) adopt(ctx context.Context, queue string, now time.Time) error {
	b.adopted.Lock()
	due := now.Sub(b.adoptions[queue]) >= adoptEvery
	if due {
		b.adoptions[queue] = now
	}
	b.adopted.Unlock()
	if !due {
		return nil
	}
	args := []string{millis(foreignLease), millis(forgetWorker)}
	err := adoptScript.Exec(ctx, b.c, queueKeys(queue)[:2], args).Error()
	return b.wrap(ctx, err)
}

// parseJob takes apart what take.lua answered. A token names the delivery:
// lease, how many times handed out, entry, worker.
func parseJob(r []rueidis.RedisMessage, worker string, lease time.Duration) (broker.Job, error) {
	tries := whole(r, 1)
	job := broker.Job{Entry: text(r, 0), Tries: int(tries)}
	job.Token = strings.Join([]string{millis(lease), utoa(tries), job.Entry, worker}, "/")
	fields, err := r[2].AsStrMap()
	if err != nil {
		return job, err
	}
	kind := turn.LogKind(fields["kind"])
	if kind == "" {
		kind = turn.TurnLog
	}
	job.ID = turn.ID{App: fields["app"], Channel: fields["channel"], Kind: kind, Name: fields["name"]}
	job.Payload = []byte(fields["payload"])
	return job, job.ID.Check()
}

// Extend is part of broker.Jobs.
func (b *Broker) Extend(ctx context.Context, queue string, job broker.Job) error {
	held, err := b.hold(ctx, "extend", queue, job)
	if err == nil && !held {
		return broker.ErrLeaseLost
	}
	return err
}

// Done is part of broker.Jobs.
func (b *Broker) Done(ctx context.Context, queue string, job broker.Job) error {
	_, err := b.hold(ctx, "done", queue, job)
	return err
}

// Release is part of broker.Jobs.
func (b *Broker) Release(ctx context.Context, queue string, job broker.Job) error {
	_, err := b.hold(ctx, "release", queue, job)
	return err
}

func (b *Broker) hold(ctx context.Context, what, queue string, job broker.Job) (bool, error) {
	if b.ctx.Err() != nil {
		return false, broker.ErrClosed
	}
	part := strings.SplitN(job.Token, "/", 4)
	if len(part) != 4 || part[2] != job.Entry {
		return false, nil // not a delivery of this entry
	}
	n, err := holdScript.Exec(ctx, b.c, queueKeys(queue), []string{what, job.Entry, part[3], part[1], part[0]}).AsInt64()
	if err = b.wrap(ctx, err); err != nil {
		return false, fmt.Errorf("%s job %s: %w", what, job.Entry, err)
	}
	return n == 1, nil
}

// Stats is part of broker.Jobs.
func (b *Broker) Stats(ctx context.Context, queue string) (broker.QueueStats, error) {
	r, err := b.run(ctx, statsScript, queueKeys(queue)[:2], nil)
	if err != nil {
		return broker.QueueStats{}, fmt.Errorf("look at queue %s: %w", queue, err)
	}
	us := func(i int) time.Duration { return time.Duration(whole(r, i)) * time.Microsecond }
	return broker.QueueStats{Waiting: int(whole(r, 0)), Leased: int(whole(r, 1)), Oldest: us(2), Expired: us(3), Alive: int(whole(r, 4))}, nil
}
