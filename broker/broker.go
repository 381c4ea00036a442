// Package broker is the port to where logs, jobs, signals and state live:
// memory, Redis, RabbitMQ, or a broker made of brokers. An adapter is a
// package below this one; brokertest is the contract that each of them passes,
// and the specification: a promise made in a comment here is a case there.
//
// The port has five parts. Log keeps turns and timelines. Upkeep shortens and
// deletes them. Jobs hands prompts to workers under a lease. Signals carries
// what is in no log. State holds small values with compare-and-set.
//
// What all adapters share is written once, above the port: Wait (this package)
// turns Read and Watch into a blocking read, internal/turns is the life of a
// turn (accept, queue, cancel, finish).
//
// All methods may be called concurrently. A method that talks to a server
// returns an error that wraps ErrUnavailable when the server cannot be
// reached, is loading, or is out of memory; the call may or may not have taken
// effect, and every method is written so that it can be repeated.
//
// Bytes given to a method are the caller's again when it returns, and those it
// returns are the caller's; only events are shared and never changed
// (turn.Event).
package broker

import (
	"context"
	"errors"
	"time"

	"github.com/karez/karez/turn"
)

// The errors of the port, each with what its caller does.
var (
	ErrExists      = errors.New("log exists")         // Create. Caller: it was accepted before; nothing to do
	ErrNotFound    = errors.New("log not found")      // Caller: it was never created, has expired or was deleted
	ErrFenced      = errors.New("epoch fenced")       // caller: stop, write nothing
	ErrEnded       = errors.New("log has ended")      // caller: nothing to do
	ErrGap         = errors.New("gap in the log")     // caller: see GapError
	ErrTrimmed     = errors.New("log trimmed")        // caller: start from a snapshot
	ErrAhead       = errors.New("cursor beyond log")  // caller: start over, the log lost its tail
	ErrMalformed   = errors.New("malformed entry")    // caller: end the turn with an error that says so
	ErrConflict    = errors.New("state has changed")  // caller: read again, decide again
	ErrLeaseLost   = errors.New("lease lost")         // caller: stop, write nothing
	ErrTooLarge    = errors.New("value too large")    // caller: split it or refuse it
	ErrUnavailable = errors.New("broker unavailable") // caller: wait and repeat
	ErrClosed      = errors.New("broker closed")      // caller: stop
)

// A GapError says that an append does not follow the top of its log: the log
// lost its tail (a failover), or never had it. It wraps ErrGap. Caller: Begin
// a new epoch and append again from Top+1 what it still holds.
type GapError struct {
	Top turn.Seq
}

func (e *GapError) Error() string { return "gap in the log: the top is " + utoa(uint64(e.Top)) }

// Unwrap makes errors.Is(err, ErrGap) true.
func (e *GapError) Unwrap() error { return ErrGap }

// A Log keeps logs: turns here, timelines and others alike; an ID carries its
// app and channel.
type Log interface {
	// Create begins a turn's log with evs, which get places 1, 2, … and
	// epoch 0. There is nothing to read before, and one append is atomic:
	// readers see all of evs or none. ErrExists: there is a log of this ID,
	// unchanged. ttl is how long the log is kept while nobody appends; 0
	// keeps it for ever.
	Create(ctx context.Context, id turn.ID, ttl time.Duration, evs ...turn.Event) error

	// Begin opens the next epoch of a turn and fences all earlier ones: when
	// it returns, no append under them will succeed. It returns the new
	// epoch and the top of the log, after which the new author goes on.
	// ErrEnded: a terminal event is in. ErrNotFound: never created or gone.
	Begin(ctx context.Context, id turn.ID) (turn.Epoch, turn.Seq, error)

	// Append writes evs at places first, first+1, … under epoch e and
	// returns the last place. All of evs are written or none. When it
	// returns, a reader on any node can read them. Seq, First and Epoch of
	// evs are ignored. Repeating an Append adds nothing and succeeds, also
	// when a later epoch has begun or the turn has ended meanwhile: evs are
	// there when epoch e wrote all of their places.
	//
	// first 0 means "at the end, whatever that is"; it is for epoch 0 only
	// (timelines, streams, foreign producers), and repeating it adds again.
	// Under epoch 0 a log that is no turn is created when absent; a turn
	// never is (ErrNotFound).
	//
	// ErrFenced: a later epoch has begun, and evs are not already there.
	// ErrEnded: a terminal event is in and evs are not already there. A
	// GapError: first is not top+1 and evs are not already there.
	// ErrTooLarge: see CheckEvents.
	Append(ctx context.Context, id turn.ID, e turn.Epoch, first turn.Seq, evs ...turn.Event) (turn.Seq, error)

	// Read returns events that follow place after, oldest first: at most max
	// of them, and no more than about MaxRead bytes; it does not wait. None
	// and a nil error: after is the top, or 0 and the log does not exist
	// (yet). io.EOF: after is the terminal event. ErrTrimmed: retention took
	// the event at after+1. ErrAhead: after is beyond the top; the top of a
	// log that was deleted or lost is 0. ErrMalformed: the next entry, written by a foreign producer,
	// cannot be understood.
	//
	// A compacted event whose span holds after is returned from after+1 on
	// (turn.Event.After). Events are shared: do not change them.
	Read(ctx context.Context, id turn.ID, after turn.Seq, max int) ([]turn.Event, error)

	// Watch calls wake soon after each time the log may have grown, ended,
	// been deleted or been cut, whoever did it, until stop. wake must not
	// block and may be called for nothing, and at once. After a loss of the
	// connection to the server wake is called when it is back. stop may be
	// called twice, and after Close; once it has returned, wake is not called
	// for what happens later. Watching costs no goroutine per log; a Read of
	// a watched log that was woken by an append normally costs no round trip.
	Watch(id turn.ID, wake func()) (stop func())
}

// MaxRead bounds the bytes that one Read returns, unless a single event is
// larger.
const MaxRead = 512 << 10

// Info is what is known of a log without reading it.
type Info struct {
	Top   turn.Seq
	Epoch turn.Epoch
	Ended bool
}

// Upkeep bounds what logs cost.
type Upkeep interface {
	// Info returns ErrNotFound for a log that does not exist.
	Info(ctx context.Context, id turn.ID) (Info, error)

	// Compact replaces the entries of an ended turn by few that fold to the
	// same answer and keep their span (turn.Compact), atomically for
	// readers, and keeps the log for ttl from now (0: for ever). A turn that
	// has not ended is left alone, with a nil error.
	Compact(ctx context.Context, id turn.ID, ttl time.Duration) error

	// Trim removes the oldest events of a timeline or stream so that about
	// keep are left; a Read before them answers ErrTrimmed.
	Trim(ctx context.Context, id turn.ID, keep int) error

	// Delete removes a log; readers that watch it are woken. It is no error
	// if there is none.
	Delete(ctx context.Context, id turn.ID) error

	// DeleteChannel removes all logs and state of a channel.
	DeleteChannel(ctx context.Context, app, channel string) error
}

// A Job asks for one turn. It is small: the prompt itself is in it only so
// that a worker can finish accepting a prompt whose gateway died half-way.
type Job struct {
	ID      turn.ID
	Payload []byte // see internal/turns; at most MaxPayload bytes

	// Set by Take.
	Entry string // names this entry of the queue: the same each time it is handed out, different for the same job added twice
	Token string // names this delivery; opaque
	Tries int    // how many times this job was handed out, this time included
}

// MaxPayload is the largest payload of a job, signal or state value, in bytes.
const MaxPayload = 1 << 20

// Jobs hands each job to one worker at a time. A job that was added is handed
// out until Done is called for it; one whose worker does not Extend its lease
// in time is handed out again.
type Jobs interface {
	// Add appends a job to a queue. The same job may be added twice.
	Add(ctx context.Context, queue string, job Job) error

	// Take waits for a job and leases it for lease to the caller, who is
	// named worker. Jobs whose lease ran out go first. It returns ctx's
	// error when ctx ends.
	Take(ctx context.Context, queue, worker string, lease time.Duration) (Job, error)

	// Extend renews the lease to its full length from now. ErrLeaseLost:
	// another worker has the job, or it is done.
	Extend(ctx context.Context, queue string, job Job) error

	// Done removes the job. It is no error if another worker has it or it
	// is gone.
	Done(ctx context.Context, queue string, job Job) error

	// Release ends the lease at once, so that another worker may take the
	// job without waiting. It is no error if the lease was lost.
	Release(ctx context.Context, queue string, job Job) error

	// Stats describes a queue, for operators and for those who mind orphans.
	Stats(ctx context.Context, queue string) (QueueStats, error)
}

// QueueStats describes a queue of jobs.
type QueueStats struct {
	Waiting int           // not handed out
	Leased  int           // with a worker, or with one that died
	Alive   int           // of these, whose lease has not run out
	Oldest  time.Duration // how long the oldest waiting job has waited
	Expired time.Duration // how long ago the longest-expired lease ran out; 0: none has
}

// A Topic names where signals go. A topic of a channel names it, so that it
// can be sharded with it; a topic of a node or user has no Channel.
type Topic struct {
	App     string
	Channel string
	Name    string
}

// Signals carries what is in no log: typing, control, node to node. Delivery
// is at most once, in order per publisher, to whoever subscribes at that
// moment.
type Signals interface {
	Publish(ctx context.Context, t Topic, data []byte) error
	// Subscribe calls fn, which must not block, for every signal published
	// after it returned, until stop. A subscription outlives losses of the
	// connection; signals published meanwhile are lost.
	Subscribe(ctx context.Context, t Topic, fn func(data []byte)) (stop func(), err error)
}

// A Key names one value of State. A key of a channel lives with its logs.
type Key struct {
	App     string
	Channel string
	Name    string
}

// A Rev is the revision of a value; every Set gives one that this value never
// had, also after a delete. 0 is the revision of a value that is absent.
type Rev uint64

// State holds small values that several processes change.
type State interface {
	// Get returns a nil value and Rev 0 when there is none.
	Get(ctx context.Context, k Key) ([]byte, Rev, error)
	// Set replaces the value if its revision is still rev, else returns
	// ErrConflict and changes nothing. A nil val deletes. ttl 0 keeps it for
	// ever. It returns the new revision (0 after a delete).
	Set(ctx context.Context, k Key, val []byte, rev Rev, ttl time.Duration) (Rev, error)
}

// A Broker is all of the port.
type Broker interface {
	Log
	Upkeep
	Jobs
	Signals
	State
	// Ping makes a round trip to the server.
	Ping(ctx context.Context) error
	// Close ends all watches, waking each once more, and waits for what the
	// broker started. Later calls, and those that wait, return ErrClosed.
	// Closing twice is no error.
	Close() error
}
