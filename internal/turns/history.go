package turns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
)

// Bounds of a page of history, in turns.
const (
	DefaultPage = 50
	MaxPage     = 200
)

// A Past is a page of a conversation.
type Past struct {
	After turn.Seq // the timeline's top when it was read: follow from here
	More  turn.Seq // place of the oldest turn of the page if there are older ones, else 0
	Leaf  string
	Turns []PastTurn // oldest first
}

// A PastTurn is one turn of a page.
type PastTurn struct {
	Name     string
	Place    turn.Seq // on the timeline
	Branches []string
	Answer   turn.Answer
}

// History reads a page of at most limit turns of the conversation that goes
// through turn leaf ("": the newest), those before place before of the
// timeline (0: the newest). Turns whose logs retention took, or that cannot be
// understood, are left out.
func (t *Turns) History(ctx context.Context, app, ch, leaf string, before turn.Seq, limit int) (Past, error) {
	if limit <= 0 {
		limit = DefaultPage
	}
	limit = min(limit, MaxPage)
	tree, top, err := t.tree(ctx, app, ch)
	past := Past{After: top}
	if err != nil {
		return past, err
	}
	if leaf == "" {
		leaf = tree.Leaf()
	} else if tree.Turn(leaf) == nil {
		return past, fmt.Errorf("%w: %s", ErrNoTurn, leaf)
	}
	past.Leaf = tree.Follow(leaf)
	path := tree.Path(past.Leaf)
	if before > 0 {
		path = slices.DeleteFunc(path, func(n *channel.Node) bool { return n.Place >= uint64(before) })
	}
	if cut := len(path) - limit; cut > 0 {
		path = path[cut:]
		past.More = turn.Seq(path[0].Place)
	}
	for _, n := range path {
		a, err := t.Answer(ctx, turn.NewID(app, ch, n.Turn))
		if unreadable(err) {
			continue
		}
		if err != nil {
			return past, err
		}
		a.Prompt = placed(a.Prompt, n)
		past.Turns = append(past.Turns, PastTurn{Name: n.Turn, Place: turn.Seq(n.Place), Branches: tree.Branches(n.Turn), Answer: a})
	}
	return past, nil
}

// tree folds a whole timeline, of which Options.Timeline bounds the length.
func (t *Turns) tree(ctx context.Context, app, ch string) (*channel.Tree, turn.Seq, error) {
	tree := new(channel.Tree)
	_, top, err := t.timeline(ctx, turn.Timeline(app, ch), 0, func(ev turn.Event) { grow(tree, ev) })
	if err != nil {
		return nil, 0, err
	}
	return tree, top, nil
}

// tail reads what a timeline has behind the leaf, for a turn that follows it.
func (t *Turns) tail(ctx context.Context, id turn.ID, p payload) (tail channel.Tail, err error) {
	if !p.Follow {
		return tail, nil
	}
	r, err := t.record(ctx, id.App, id.Channel)
	if err != nil {
		return tail, err
	}
	from, top, err := t.timeline(ctx, turn.Timeline(id.App, id.Channel), turn.Seq(r.At), func(ev turn.Event) {
		var b channel.Begun
		if ev.Kind == channel.KindTurn && json.Unmarshal(ev.Data, &b) == nil && turn.CheckName(b.Turn) == nil {
			tail.Turns = append(tail.Turns, channel.Placed{Turn: b.Turn, Place: uint64(ev.Seq)})
		}
	})
	tail.From, tail.Top = uint64(from), uint64(top)
	return tail, err
}

// timeline gives each the events of a timeline behind after, as far back as
// there are any: those behind from, up to top.
func (t *Turns) timeline(ctx context.Context, id turn.ID, after turn.Seq, each func(turn.Event)) (from, top turn.Seq, err error) {
	from, top = after, after
	for {
		evs, err := t.b.Read(ctx, id, top, 4096)
		if errors.Is(err, broker.ErrAhead) && top == after {
			from, top = 0, 0 // it was lost, and is written anew
			continue
		}
		if errors.Is(err, broker.ErrTrimmed) {
			if top, err = t.oldest(ctx, id, top); err == nil {
				from = top
				continue
			}
		}
		if err != nil && err != io.EOF {
			return from, top, fmt.Errorf("read %s: %w", id, err)
		}
		if len(evs) == 0 {
			return from, top, nil
		}
		for _, ev := range evs {
			top = ev.Seq
			each(ev)
		}
	}
}

// grow adds one timeline event to a tree; custom events and broken entries of
// foreign writers are no part of the conversation.
func grow(tree *channel.Tree, ev turn.Event) {
	switch ev.Kind {
	case channel.KindTurn:
		var b channel.Begun
		if json.Unmarshal(ev.Data, &b) == nil {
			tree.Begin(uint64(ev.Seq), b)
		}
	case channel.KindTurnEnd:
		var e channel.Ended
		if json.Unmarshal(ev.Data, &e) == nil {
			tree.End(e)
		}
	}
}

// Oldest returns the place after which a timeline can be read. It returns
// broker.ErrNotFound when there is none.
func (t *Turns) Oldest(ctx context.Context, id turn.ID) (turn.Seq, error) {
	_, err := t.b.Read(ctx, id, 0, 1)
	if errors.Is(err, broker.ErrTrimmed) {
		return t.oldest(ctx, id, 0)
	}
	if err == nil {
		_, err = t.b.Info(ctx, id)
	}
	return 0, err
}

// oldest finds the last place that retention took, by bisection: Read tells
// only whether a place is still there.
func (t *Turns) oldest(ctx context.Context, id turn.ID, from turn.Seq) (turn.Seq, error) {
	info, err := t.b.Info(ctx, id)
	if err != nil {
		return 0, err
	}
	lo, hi := from, info.Top // lo is trimmed, hi is readable (the top reads as empty)
	for hi-lo > 1 {
		mid := lo + (hi-lo)/2
		_, err := t.b.Read(ctx, id, mid, 1)
		switch {
		case errors.Is(err, broker.ErrTrimmed):
			lo = mid
		case err != nil && err != io.EOF:
			return 0, err
		default:
			hi = mid
		}
	}
	return hi, nil
}

// placed is a turn's prompt with its place in the conversation as the timeline
// has it: a foreign turn's log may not say it, or have no prompt.
func placed(p *turn.Prompt, n *channel.Node) *turn.Prompt {
	if p != nil && p.Parent == n.Parent || p == nil && n.Parent == "" {
		return p
	}
	if p == nil {
		return &turn.Prompt{Message: n.Message, User: n.User, Parent: n.Parent, Supersedes: n.Supersedes}
	}
	c := *p
	c.Parent = n.Parent
	return &c
}

// parent returns the turn that name follows, or "".
func parent(tree *channel.Tree, name string) string {
	if n := tree.Turn(name); n != nil {
		return n.Parent
	}
	return ""
}

// Path reads the conversation that ends with turn name, oldest first, at most
// limit turns, by following parents; it is what a model is shown. Only where a
// turn's own log does not name its parent the timeline is asked.
func (t *Turns) Path(ctx context.Context, app, ch, name string, limit int) ([]turn.Answer, error) {
	var out []turn.Answer
	var tree *channel.Tree
	for steps := 0; name != "" && len(out) < limit && steps < 2*limit; steps++ {
		a, err := t.Answer(ctx, turn.NewID(app, ch, name))
		if err != nil && !unreadable(err) {
			return nil, err
		}
		if err == nil {
			out = append(out, a)
		}
		if a.Prompt != nil && a.Prompt.Parent != "" {
			name = a.Prompt.Parent
			continue
		}
		if tree == nil {
			if tree, _, err = t.tree(ctx, app, ch); err != nil {
				return nil, err
			}
		}
		name = parent(tree, name)
	}
	slices.Reverse(out)
	return out, nil
}

func unreadable(err error) bool {
	return errors.Is(err, ErrNoTurn) || errors.Is(err, broker.ErrTrimmed) || errors.Is(err, broker.ErrMalformed)
}
