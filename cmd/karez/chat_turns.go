package main

import (
	"slices"

	"github.com/charmbracelet/x/ansi"

	"github.com/karez/karez/client"
	"github.com/karez/karez/turn"
)

// A conversation is what the terminal shows: the turns of one branch, and the
// prompts on their way to become turns. It is folded from what the client
// tells, and pure.
type conversation struct {
	turns  []*shownTurn // the branch, oldest first
	drafts []*shownTurn // sent and not accepted, oldest first
	user   string
}

// A shownTurn is a prompt and its answer.
type shownTurn struct {
	name    string // "" for a draft
	message string
	target  string // of a draft: the turn that it replaces
	prompt  string
	user    string
	answer  turn.Answer
	err     string // why it was not accepted, or cannot be followed

	lines []string // as drawn,
	drawn drawnAs  // for this
}

// drawnAs is what a drawing depends on.
type drawnAs struct {
	cells  ansi.Method
	width  int
	at     turn.Seq
	state  turn.State
	prompt string
	err    string
}

// over reports whether nothing more comes.
func (t *shownTurn) over() bool { return t.answer.State.Terminal() || t.err != "" }

// take folds in what happened.
func (c *conversation) take(ev client.Event) {
	switch ev := ev.(type) {
	case client.Page:
		c.page(ev)
	case client.Begun:
		c.begun(ev)
	case client.Delta:
		t := c.find(ev.Turn)
		if t == nil {
			return // of a branch that is not shown
		}
		if t.answer.Add(ev.Event) != nil {
			t.answer.At = ev.Event.Seq // means nothing to us
		}
		if p := t.answer.Prompt; p != nil {
			t.prompt, t.user = p.Text, p.User
		}
	case client.Ended:
		if t := c.find(ev.Turn); t != nil && !t.answer.State.Terminal() {
			t.answer.State = ev.State
		}
	case client.Broken:
		if t := c.find(ev.Turn); t != nil {
			t.err = ev.Err.Message
		}
	}
}

func (c *conversation) page(p client.Page) {
	c.turns = nil
	for _, h := range p.History.Turns {
		t := &shownTurn{name: h.Turn, answer: *p.Answers[h.Turn]}
		if h.Prompt != nil {
			t.prompt, t.message, t.user = h.Prompt.Text, h.Prompt.Message, h.Prompt.User
		}
		c.turns = append(c.turns, t)
		c.accepted(t.message)
	}
}

func (c *conversation) begun(ev client.Begun) {
	t := &shownTurn{name: ev.Turn, message: ev.Message, user: ev.User}
	if d := c.accepted(ev.Message); d != nil {
		t.prompt = d.prompt
	}
	if i := slices.IndexFunc(c.turns, func(o *shownTurn) bool { return ev.Supersedes != "" && o.name == ev.Supersedes }); i >= 0 {
		c.turns = c.turns[:i] // what came after belongs to the other branch
	}
	c.turns = append(c.turns, t)
}

// accepted takes the draft of a message away, and returns it.
func (c *conversation) accepted(message string) *shownTurn {
	i := slices.IndexFunc(c.drafts, func(d *shownTurn) bool { return d.message == message })
	if i < 0 {
		return nil
	}
	d := c.drafts[i]
	c.drafts = slices.Delete(c.drafts, i, i+1)
	return d
}

func (c *conversation) find(name string) *shownTurn {
	for i := len(c.turns) - 1; i >= 0; i-- {
		if c.turns[i].name == name {
			return c.turns[i]
		}
	}
	return nil
}

// all returns what is shown, in order: a draft that replaces a turn stands in
// its place.
func (c *conversation) all() []*shownTurn {
	out := slices.Clone(c.turns)
	for _, d := range c.drafts {
		if i := slices.IndexFunc(out, func(t *shownTurn) bool { return d.target != "" && t.name == d.target }); i >= 0 && d.err == "" {
			out = out[:i]
		}
		out = append(out, d)
	}
	return out
}

// live returns what a cancel stops: the first that is shown and not over.
func (c *conversation) live() *shownTurn {
	for _, t := range c.all() {
		if !t.over() {
			return t
		}
	}
	return nil
}

// last returns the newest turn that is over, for asking it again.
func (c *conversation) last() *shownTurn {
	if len(c.turns) == 0 || c.live() != nil {
		return nil
	}
	return c.turns[len(c.turns)-1]
}
