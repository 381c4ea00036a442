package brokertest

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"pgregory.net/rapid"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// modelCases compare the adapter with a model, call by call.
var modelCases = []testCase{{"random calls", modelCase}}

// A model is a few logs, each of them a slice. It says what the adapter must
// answer; where the port leaves a choice (which of two true errors, how much
// "about" is) it takes either.
type model struct {
	t    *T
	rt   *rapid.T
	logs []*modelLog
}

type modelLog struct {
	id        turn.ID
	exists    bool
	evs       []turn.Event // place i+1 is at i
	epoch     turn.Epoch
	ended     bool
	compacted bool
	trimmed   turn.Seq
}

func (l *modelLog) top() turn.Seq { return turn.Seq(len(l.evs)) }

func modelCase(t *T) {
	n := 0
	rapid.Check(t.TB, func(rt *rapid.T) {
		n++
		app := fmt.Sprintf("%s.%d", t.app, n)
		m := &model{t: t, rt: rt}
		for _, id := range []turn.ID{
			turn.NewID(app, "chat", "t1"), turn.NewID(app, "chat", "t2"), turn.Timeline(app, "chat"),
			{App: app, Channel: "chat:x", Kind: turn.StreamLog, Name: "s"},
		} {
			m.logs = append(m.logs, &modelLog{id: id})
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create": m.create, "begin": m.begin, "append": m.append, "append more": m.append, "read": m.read,
			"info": m.info, "compact": m.compact, "trim": m.trim, "delete": m.delete,
		})
		for _, l := range m.logs {
			m.readAt(rt, l, l.trimmed, 1000)
		}
	})
}

func (m *model) pick(rt *rapid.T) *modelLog {
	return rapid.SampledFrom(m.logs).Draw(rt, "log")
}

// event is what an author under e writes at a place: the same each time.
func event(e turn.Epoch, place turn.Seq) turn.Event {
	ev := turn.Event{Kind: turn.KindText, Data: fmt.Appendf(nil, "%d.%d ", e, place)}
	switch place % 9 {
	case 3:
		ev.Kind = turn.KindReasoning
	case 4:
		ev.Kind, ev.Name, ev.Data = turn.KindData, "n", []byte("{}")
	case 5:
		ev.Attrs = map[string]string{turn.AttrTime: "1"}
	case 6, 7:
		ev.Kind, ev.Part, ev.Name = turn.KindTool, "call", "find"
	}
	return ev
}

func (m *model) create(rt *rapid.T) {
	l := m.pick(rt)
	evs := make([]turn.Event, rapid.IntRange(1, 3).Draw(rt, "events"))
	for i := range evs {
		evs[i] = event(0, turn.Seq(i+1))
	}
	err := m.t.b.Create(m.t.ctx, l.id, 0, evs...)
	if l.exists {
		m.want(rt, "create", err, broker.ErrExists)
		return
	}
	m.want(rt, "create", err, nil)
	*l = modelLog{id: l.id, exists: true}
	l.add(0, evs)
}

func (l *modelLog) add(e turn.Epoch, evs []turn.Event) {
	for _, ev := range evs {
		ev.Seq, ev.Epoch = l.top()+1, e
		l.evs = append(l.evs, ev)
		l.ended = l.ended || ev.Kind.Terminal()
	}
}

func (m *model) begin(rt *rapid.T) {
	l := m.pick(rt)
	if l.id.Kind != turn.TurnLog {
		rt.Skip("only a turn has epochs")
	}
	e, top, err := m.t.b.Begin(m.t.ctx, l.id)
	switch {
	case !l.exists:
		m.want(rt, "begin", err, broker.ErrNotFound)
	case l.ended:
		m.want(rt, "begin", err, broker.ErrEnded)
	default:
		m.want(rt, "begin", err, nil)
		l.epoch++
		if e != l.epoch || top != l.top() {
			rt.Fatalf("begin %s: epoch %d, top %d; want %d, %d", l.id, e, top, l.epoch, l.top())
		}
	}
}

func (m *model) append(rt *rapid.T) {
	l := m.pick(rt)
	e, n := turn.Epoch(0), rapid.IntRange(1, 4).Draw(rt, "events")
	if l.id.Kind == turn.TurnLog {
		e = turn.Epoch(rapid.IntRange(max(0, int(l.epoch)-1), int(l.epoch)+1).Draw(rt, "epoch"))
	}
	first := l.top() + 1
	switch rapid.IntRange(0, 5).Draw(rt, "where") {
	case 0:
		first = turn.Seq(rapid.IntRange(1, int(l.top())+3).Draw(rt, "first"))
	case 1:
		if e == 0 {
			first = 0
		}
	}
	evs := l.evsFor(e, first, n)
	if l.id.Kind == turn.TurnLog && rapid.IntRange(0, 9).Draw(rt, "end") == 0 && !l.has(first, len(evs), e) {
		evs[len(evs)-1] = end()
	}
	last, err := m.t.b.Append(m.t.ctx, l.id, e, first, evs...)
	m.judge(rt, l, e, first, evs, last, err)
}

// evsFor is what an author of epoch e appends at first: what is there already
// if it is his, so that an append of places that are taken is a repeat.
func (l *modelLog) evsFor(e turn.Epoch, first turn.Seq, n int) []turn.Event {
	if l.has(first, n, e) {
		return slices.Clone(l.evs[first-1 : int(first)-1+n])
	}
	at := first
	if at == 0 {
		at = l.top() + 1
	}
	evs := make([]turn.Event, n)
	for i := range evs {
		evs[i] = event(e, at+turn.Seq(i))
	}
	return evs
}

// has reports whether epoch e wrote n events from first.
func (l *modelLog) has(first turn.Seq, n int, e turn.Epoch) bool {
	if first == 0 || int(first)-1+n > len(l.evs) {
		return false
	}
	for _, ev := range l.evs[first-1 : int(first)-1+n] {
		if ev.Epoch != e {
			return false
		}
	}
	return true
}

// judge says whether an append was answered as the port promises, and does the
// same to the model.
func (m *model) judge(rt *rapid.T, l *modelLog, e turn.Epoch, first turn.Seq, evs []turn.Event, last turn.Seq, err error) {
	what := fmt.Sprintf("append %d to %s under %d at %d (epoch %d, top %d, ended %t)", len(evs), l.id, e, first, l.epoch, l.top(), l.ended)
	again := l.has(first, len(evs), e)
	ok := again || l.exists || l.id.Kind != turn.TurnLog
	var may []error // the errors that are true
	if !ok {
		may = append(may, broker.ErrNotFound)
	}
	if !again && e < l.epoch {
		may = append(may, broker.ErrFenced)
	}
	if !again && l.ended || again && l.compacted {
		may = append(may, broker.ErrEnded)
	}
	if !again && first != 0 && first != l.top()+1 || again && first <= l.trimmed {
		may = append(may, broker.ErrGap)
	}
	if err != nil {
		if !again && l.exists && e > l.epoch || slices.ContainsFunc(may, func(m error) bool { return errors.Is(err, m) }) {
			m.gapTop(rt, what, l, err)
			return
		}
		rt.Fatalf("%s: %v, want one of %v", what, err, may)
	}
	want := l.top() + turn.Seq(len(evs))
	if again {
		want = first + turn.Seq(len(evs)) - 1
	}
	if !again && (len(may) > 0 || e > l.epoch) || last != want {
		rt.Fatalf("%s: place %d, want %d or an error of %v", what, last, want, may)
	}
	if !again {
		l.exists = true
		l.add(e, evs)
	}
}

func (m *model) gapTop(rt *rapid.T, what string, l *modelLog, err error) {
	var g *broker.GapError
	if errors.As(err, &g) && g.Top != l.top() {
		rt.Fatalf("%s: the gap's top is %d", what, g.Top)
	}
}

func (m *model) read(rt *rapid.T) {
	l := m.pick(rt)
	after := turn.Seq(rapid.IntRange(0, int(l.top())+2).Draw(rt, "after"))
	m.readAt(rt, l, after, rapid.IntRange(1, 6).Draw(rt, "max"))
}

func (m *model) readAt(rt *rapid.T, l *modelLog, after turn.Seq, max int) {
	evs, err := m.t.b.Read(m.t.ctx, l.id, after, max)
	what := fmt.Sprintf("read %s after %d", l.id, after)
	switch {
	case after > l.top():
		m.want(rt, what, err, broker.ErrAhead)
		return
	case after < l.trimmed:
		m.want(rt, what, err, broker.ErrTrimmed)
		return
	case after == l.top() && l.ended:
		m.want(rt, what, err, io.EOF)
		return
	}
	m.want(rt, what, err, nil)
	at := after
	for i := range evs {
		if evs[i].Start() != at+1 {
			rt.Fatalf("%s: %d follows %d", what, evs[i].Start(), at)
		}
		at = evs[i].Seq
	}
	if n := min(max, int(l.top()-after)); len(evs) != n && !l.compacted || n > 0 && len(evs) == 0 || len(evs) > max || at > l.top() {
		rt.Fatalf("%s, at most %d: %d events to %d, the top is %d", what, max, len(evs), at, l.top())
	}
	if got, want := content(turn.Merge(evs)), content(turn.Merge(l.evs[after:at])); got != want {
		rt.Fatalf("%s:\n%swant:\n%s", what, got, want)
	}
}

func (m *model) info(rt *rapid.T) {
	l := m.pick(rt)
	i, err := m.t.b.Info(m.t.ctx, l.id)
	if !l.exists {
		m.want(rt, "info", err, broker.ErrNotFound)
		return
	}
	m.want(rt, "info", err, nil)
	if want := (broker.Info{Top: l.top(), Epoch: l.epoch, Ended: l.ended}); i != want {
		rt.Fatalf("info of %s: %+v, want %+v", l.id, i, want)
	}
}

func (m *model) compact(rt *rapid.T) {
	l := m.pick(rt)
	if !l.exists || l.id.Kind != turn.TurnLog {
		rt.Skip("nothing to compact")
	}
	m.want(rt, "compact", m.t.b.Compact(m.t.ctx, l.id, 0), nil)
	l.compacted = l.ended
}

// trim learns from the adapter where exactly it cut.
func (m *model) trim(rt *rapid.T) {
	l := m.pick(rt)
	if l.id.Kind == turn.TurnLog {
		rt.Skip("a turn is not trimmed")
	}
	keep := turn.Seq(rapid.IntRange(0, 10).Draw(rt, "keep"))
	m.want(rt, "trim", m.t.b.Trim(m.t.ctx, l.id, int(keep)), nil)
	for l.trimmed < l.top() {
		_, err := m.t.b.Read(m.t.ctx, l.id, l.trimmed, 1)
		if err == nil {
			return
		}
		m.want(rt, "read of what is cut", err, broker.ErrTrimmed)
		if l.trimmed++; l.trimmed+keep > l.top() {
			rt.Fatalf("trim %s to %d: cut at %d of %d", l.id, keep, l.trimmed, l.top())
		}
	}
}

func (m *model) delete(rt *rapid.T) {
	l := m.pick(rt)
	m.want(rt, "delete", m.t.b.Delete(m.t.ctx, l.id), nil)
	*l = modelLog{id: l.id}
}

func (m *model) want(rt *rapid.T, what string, err, want error) {
	rt.Helper()
	if !errors.Is(err, want) {
		rt.Fatalf("%s: got error %v, want %v", what, err, want)
	}
}
