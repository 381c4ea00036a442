package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Bounds of one batch: what a provider may be ahead of the log. When it is
// full the provider waits.
const (
	maxBatch      = 256
	maxBatchBytes = 512 << 10
)

// errSilent ends the wait for a provider that says nothing.
var errSilent = errors.New("the provider is silent")

// An inbox holds what a provider has said and the log does not have yet. Its
// methods are given the provider's context.
type inbox struct {
	come  chan struct{} // wakes take
	space chan struct{} // wakes put

	mu     sync.Mutex // guards the rest
	evs    []turn.Event
	bytes  int
	over   bool
	reason string
	err    error
}

func newInbox() *inbox {
	return &inbox{come: make(chan struct{}, 1), space: make(chan struct{}, 1)}
}

// put adds an event, and waits while there is no room. It fails when the turn
// is over.
func (in *inbox) put(ctx context.Context, ev turn.Event) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		in.mu.Lock()
		room := len(in.evs) == 0 || len(in.evs) < maxBatch && in.bytes+len(ev.Data) <= maxBatchBytes
		if room {
			in.evs, in.bytes = append(in.evs, ev), in.bytes+len(ev.Data)
		}
		in.mu.Unlock()
		if room {
			wake(in.come)
			return nil
		}
		select {
		case <-in.space:
		case <-ctx.Done():
		}
	}
}

// end notes how the provider ended. What it says after it was stopped does not
// count.
func (in *inbox) end(ctx context.Context, reason string, err error) {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	in.mu.Lock()
	in.over, in.reason, in.err = true, reason, err
	in.mu.Unlock()
	wake(in.come)
}

// take returns all there is, waiting for the first event. When there is no
// more it returns io.EOF, the provider's error, or why the provider was
// stopped; errSilent when nothing came for so long.
func (in *inbox) take(ctx context.Context, patience time.Duration) ([]turn.Event, error) {
	var late <-chan time.Time
	for stopped := false; ; {
		in.mu.Lock()
		evs, over, err := in.evs, in.over, in.err
		in.evs, in.bytes = nil, 0
		in.mu.Unlock()
		switch {
		case len(evs) > 0:
			wake(in.space)
			return evs, nil
		case over && err != nil:
			return nil, err
		case over:
			return nil, io.EOF
		case stopped:
			return nil, context.Cause(ctx)
		case late == nil:
			late = time.After(patience)
		}
		select {
		case <-in.come:
		case <-ctx.Done():
			stopped = true
		case <-late:
			return nil, errSilent
		}
	}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pieces makes of what a provider emits events that a log takes. It is used by
// the provider's goroutine.
type pieces struct {
	in     *inbox
	id     turn.ID
	stop   context.CancelCauseFunc
	left   int // bytes that the answer may still have
	timed  bool
	parts  int                // that the answer has
	opened map[[2]string]bool // of these, by kind and id, those that may go on
}

// had counts the parts that an answer has already.
func (p *pieces) had(parts []turn.Part) {
	p.parts, p.opened = len(parts), make(map[[2]string]bool)
	for _, part := range parts {
		if part.Kind.Mergeable() {
			p.opened[[2]string{string(part.Kind), part.ID}] = true
		}
	}
}

// put is the provider's emit. What a provider may not emit stops it.
func (p *pieces) put(ctx context.Context, ev turn.Event) error {
	if !p.timed && ev.Kind != turn.KindUsage {
		ev.Attrs, p.timed = stamped(ev.Attrs), true
	}
	if err := p.check(ev); err != nil {
		p.stop(err)
		return err
	}
	if p.left -= max(len(ev.Data), 1); p.left < 0 {
		err := &failed{turn.Failure{Code: turn.CodeTooLong, Message: "the answer is longer than this server allows"}}
		p.stop(err)
		return err
	}
	for len(ev.Data) > turn.MaxData {
		head := ev
		head.Data = ev.Data[:cut(ev.Data, ev.Kind)]
		if err := p.in.put(ctx, head); err != nil {
			return err
		}
		ev.Data, ev.Name, ev.Attrs = ev.Data[len(head.Data):], "", nil
	}
	return p.in.put(ctx, ev)
}

// check refuses what only the worker may write, what no reader could fold, and
// what no log takes.
func (p *pieces) check(ev turn.Event) error {
	whole := ev
	if ev.Kind.Mergeable() {
		whole.Data = nil // put splits it
	}
	var why string
	switch k := ev.Kind; {
	case k == "" || k.Terminal() || k == turn.KindPrompt || k == turn.KindEpoch:
		why = fmt.Sprintf("the provider emitted an event of kind %q", brief(string(k)))
	case ev.Check() != nil:
		why = fmt.Sprintf("the provider emitted a %s that cannot be read", k)
	case broker.CheckEvents(p.id, []turn.Event{whole}) != nil:
		why = fmt.Sprintf("the provider emitted a %s that is too large: %d bytes, %d attributes", brief(string(k)), ev.Size(), len(ev.Attrs))
	case !p.room(ev):
		why = fmt.Sprintf("the provider emitted more than %d parts", turn.MaxParts)
	default:
		return nil
	}
	return &failed{turn.Failure{Code: turn.CodeProviderBroken, Message: why}}
}

// room reports whether the answer may have the part that ev belongs to.
func (p *pieces) room(ev turn.Event) bool {
	if ev.Kind == turn.KindUsage {
		return true
	}
	if ev.Kind.Mergeable() {
		key := [2]string{string(ev.Kind), ev.Part}
		if p.opened[key] {
			return true
		}
		p.opened[key] = true
	}
	p.parts++
	return p.parts <= turn.MaxParts
}

// maxBrief bounds what a provider says about an end, in bytes.
const maxBrief = 4 << 10

// brief is s cut to maxBrief between characters.
func brief(s string) string {
	if len(s) <= maxBrief {
		return s
	}
	return strings.ToValidUTF8(s[:maxBrief], "") + "…"
}

// cut is where to cut data that is too long: text only between characters
// (design: 9).
func cut(data []byte, k turn.Kind) int {
	n := turn.MaxData
	for back := 0; k.Textual() && back < utf8.UTFMax && n > 0 && !utf8.RuneStart(data[n]); back++ {
		n--
	}
	return n
}

// stamped returns attrs with the present time.
func stamped(attrs map[string]string) map[string]string {
	attrs = maps.Clone(attrs)
	if attrs == nil {
		attrs = make(map[string]string, 1)
	}
	attrs[turn.AttrTime] = strconv.FormatInt(time.Now().UnixMilli(), 10)
	return attrs
}

// size is how long an answer is, in bytes.
func size(parts []turn.Part) int {
	n := 0
	for i := range parts {
		n += len(parts[i].Data)
	}
	return n
}

func clone(parts []turn.Part) []turn.Part {
	out := make([]turn.Part, len(parts))
	for i, p := range parts {
		p.Data = bytes.Clone(p.Data)
		out[i] = p
	}
	return out
}
