package test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A view is what one person sees of a channel, over as many connections as it
// takes. It is written from docs/protocol.md alone, and notes whatever it is
// not promised: an event twice, out of order, or of a log it was not told of.
type view struct {
	addrs   []string
	token   string
	codec   wire.Codec
	channel string
	rnd     *rand.Rand

	mu      sync.Mutex // guards all below
	after   turn.Seq   // on the timeline
	answers map[string]*turn.Answer
	ended   map[string]bool
	shown   map[string][]shown
	epochs  map[string]turn.Epoch // the last one that was announced
	conns   int
	wrong   []string
}

// shown is what stood on the screen after one event.
type shown struct {
	at   turn.Seq
	text string
}

func newView(s *system, ch string, codec wire.Codec, seed uint64) *view {
	return &view{
		addrs: s.addrs, token: s.token, codec: codec, channel: ch, rnd: rand.New(rand.NewPCG(seed, 1)),
		answers: map[string]*turn.Answer{}, ended: map[string]bool{}, shown: map[string][]shown{}, epochs: map[string]turn.Epoch{},
	}
}

// watch looks on until ctx ends, and comes back whenever it is cut off.
func (v *view) watch(ctx context.Context) {
	stop := func() bool { return ctx.Err() != nil }
	for !stop() {
		r, err := connect(ctx, v.addrs[v.rnd.IntN(len(v.addrs))], v.token, v.codec, 0)
		if err == nil {
			end := context.AfterFunc(ctx, func() { r.nc.Close() })
			_ = v.follow(r) // cut off: come back
			end()
			r.nc.Close()
		}
		select { // nobody answers: ask again soon
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// follow takes frames until the connection ends. Whatever ends it that may not
// happen is noted.
func (v *view) follow(r *reader) error {
	v.mu.Lock()
	cmd := &wire.Command{ID: 1, Type: wire.CmdFollow, Channel: v.channel, After: v.after, Turns: map[string]turn.Seq{}}
	for name, a := range v.answers {
		if !v.ended[name] {
			cmd.Turns[name] = a.At
		}
	}
	v.conns++
	v.mu.Unlock()
	if err := r.send(cmd); err != nil {
		return err
	}
	logs := map[uint32]string{}
	for {
		if err := r.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		p, err := r.next()
		if err != nil {
			return err
		}
		f, err := v.codec.DecodeFrame(p)
		if err != nil {
			v.fault("a frame that cannot be read: %v", err)
			return err
		}
		if err := v.frame(f, logs); err != nil {
			return err
		}
	}
}

func (v *view) frame(f *wire.Frame, logs map[uint32]string) error {
	switch f.Type {
	case wire.FrameLog:
		logs[f.N] = f.Turn
		v.opened(f.Turn, f.Seq)
	case wire.FrameEvent:
		name, ok := logs[f.N]
		if !ok {
			v.fault("an event for number %d, which stands for nothing", f.N)
			return nil
		}
		v.event(name, *f.Event)
	case wire.FrameClosed:
		v.closed(logs[f.N], f)
		delete(logs, f.N)
	case wire.FrameReset:
		v.fault("%q was reset at %d: %v", logs[f.N], f.Seq, f.Error)
		delete(logs, f.N)
	case wire.FrameBye:
		return io.EOF
	case wire.FrameError:
		if f.Error.RetryIn == 0 { // else the broker is away: come back
			v.fault("refused: %v", f.Error)
		}
		return f.Error
	}
	return nil
}

func (v *view) opened(name string, at turn.Seq) {
	v.mu.Lock()
	defer v.mu.Unlock()
	have := v.after
	if name != "" {
		if v.answers[name] == nil {
			v.answers[name] = new(turn.Answer)
		}
		have = v.answers[name].At
	}
	if at != have {
		v.wrong = append(v.wrong, fmt.Sprintf("%q opened after %d, and %d is shown", name, at, have))
	}
}

func (v *view) event(name string, ev turn.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if name == "" {
		if ev.Seq <= v.after {
			v.wrong = append(v.wrong, fmt.Sprintf("timeline event %d after %d", ev.Seq, v.after))
		}
		v.after = ev.Seq
		var b channel.Begun
		if ev.Kind == channel.KindTurn && json.Unmarshal(ev.Data, &b) == nil && v.answers[b.Turn] == nil {
			v.answers[b.Turn] = new(turn.Answer)
		}
		return
	}
	a := v.answers[name]
	if ev.Seq <= a.At {
		v.wrong = append(v.wrong, fmt.Sprintf("%s: event %d after %d", name, ev.Seq, a.At))
	}
	ev.First = a.At + 1
	if err := a.Add(ev); err != nil {
		v.wrong = append(v.wrong, fmt.Sprintf("%s: %v", name, err))
	}
	v.shown[name] = append(v.shown[name], shown{a.At, a.Text()})
	var es turn.EpochStart
	if ev.Kind == turn.KindEpoch && json.Unmarshal(ev.Data, &es) == nil {
		v.epochs[name] = es.Epoch
	}
}

func (v *view) closed(name string, f *wire.Frame) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch a := v.answers[name]; {
	case name == "":
		v.wrong = append(v.wrong, "the timeline was closed")
	case f.Error != nil:
		v.wrong = append(v.wrong, fmt.Sprintf("%s was closed: %v", name, f.Error))
	case a == nil || !a.State.Terminal():
		v.wrong = append(v.wrong, fmt.Sprintf("%s was closed before its end", name))
	default:
		v.ended[name] = true
	}
}

func (v *view) fault(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
}

func (v *view) has(name string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ended[name]
}

// texts reports whether text of epoch e, or a later one, is shown.
func (v *view) texts(name string, e turn.Epoch) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	a := v.answers[name]
	return a != nil && a.Text() != "" && v.epochs[name] >= e
}

// check holds what was shown of a turn against its log: at each moment it was
// the fold of a prefix (design: 1).
func (v *view) check(tb testing.TB, b broker.Broker, name string) turn.Answer {
	tb.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, w := range v.wrong {
		tb.Errorf("%s, %s: %s", v.channel, v.codec.Subprotocol(), w)
	}
	v.wrong = nil
	var log turn.Answer
	id := turn.NewID("app", v.channel, name)
	for _, s := range v.shown[name] {
		if err := foldTo(&log, b, id, s.at); err != nil {
			tb.Errorf("%s at %d: %v", id, s.at, err)
			return log
		}
		if log.Text() != s.text {
			tb.Errorf("%s at %d: %d bytes were shown that are not the log's %d", id, s.at, len(s.text), len(log.Text()))
			return log
		}
	}
	if !log.State.Terminal() {
		tb.Errorf("%s: the viewer was shown it through %d, no end", id, log.At)
	}
	return log
}

// foldTo folds the log into a through place at, cutting what was compacted.
func foldTo(a *turn.Answer, b broker.Broker, id turn.ID, at turn.Seq) error {
	for a.At < at {
		evs, err := b.Read(context.Background(), id, a.At, 1)
		if err != nil {
			return err
		}
		if len(evs) == 0 {
			return fmt.Errorf("the log ends at %d", a.At)
		}
		ev := evs[0]
		if ev.Seq > at {
			rest, _, err := ev.After(at)
			if err != nil {
				return err
			}
			ev.Data, ev.Seq = ev.Data[:len(ev.Data)-len(rest.Data)], at
		}
		if err := a.Add(ev); err != nil {
			return err
		}
	}
	return nil
}
