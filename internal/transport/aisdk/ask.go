package aisdk

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/httpio"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// post takes a prompt and answers with its turn's stream.
func (t *Transport) post(w http.ResponseWriter, r *http.Request) {
	who, err := t.door.Who(r)
	if err != nil {
		t.refuse(w, err)
		return
	}
	body, err := httpio.ReadBody(w, r, t.opts.MaxBody)
	if err != nil {
		t.refuse(w, err)
		return
	}
	q, err := parse(body)
	if err != nil {
		t.refuse(w, err)
		return
	}
	rd, err := answer.Open(t.g, who)
	if err != nil {
		t.refuse(w, err)
		return
	}
	defer rd.Close()
	a := ask{t: t, s: rd.Session(), q: q, channel: t.channel(r, q), key: r.Header.Get("Idempotency-Key"), trace: answer.Trace(r)}
	name, err := a.do(r.Context())
	if err != nil {
		t.refuse(w, err)
		return
	}
	w.Header().Set("X-Workflow-Run-Id", answer.ID(runPrefix, a.channel, name))
	t.play(w, r, rd, view{channel: a.channel, turn: name, v: declared(r, t.base), each: true})
}

// channel is the conversation that a request is about. A client that sends no
// id, such as the SDK's workflow transport, has one named by its first message.
func (t *Transport) channel(r *http.Request, q *request) string {
	id := q.ID
	if id == "" {
		id = r.URL.Query().Get("id")
	}
	if id == "" && q.first != "" {
		id = "chat-" + digest([]byte(q.first))
	}
	if id == "" {
		id = "chat-" + rand.Text()
	}
	return t.opts.Prefix + id
}

// An ask is a request on its way to become a turn.
type ask struct {
	t       *Transport
	s       *gateway.Session
	q       *request
	channel string
	key     string // Idempotency-Key, or ""
	trace   string
}

// do carries out the request and returns the name of its turn.
func (a *ask) do(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	switch {
	case a.q.Trigger == regenerate:
		return a.regenerate(ctx)
	case a.q.last.Role == "assistant":
		return a.goOn(ctx)
	case a.q.last.Role == "user" || a.q.last.Role == "":
		return a.prompt(ctx)
	}
	return "", answer.Bad("the last message is of the role "+clip(a.q.last.Role), "a user's is answered, an assistant's goes on")
}

// prompt asks what the last message says. With messageId the client has
// changed a message that it sent before: the answer stands in place of the old.
func (a *ask) prompt(ctx context.Context) (string, error) {
	p, err := a.q.prompt()
	if err != nil {
		return "", err
	}
	a.dress(&p)
	if a.q.MessageID != "" && a.q.MessageID == p.Message {
		if old := a.named(p.Message); a.exists(ctx, old) {
			p.Supersedes = old
		}
		p.Message = a.edited()
	}
	if p.Message == "" {
		p.Message = a.unique()
	}
	return a.s.Prompt(ctx, a.channel, p, a.trace)
}

// edited is the id of a changed message: the same change is the same turn.
func (a *ask) edited() string {
	p, err := json.Marshal(a.q.last.Parts)
	if err != nil {
		return a.unique()
	}
	return "edit:" + digest([]byte(a.q.last.ID)) + ":" + digest(p)
}

// unique is the id of a message that has none.
func (a *ask) unique() string {
	if a.key != "" && len(a.key) <= maxMessageID {
		return a.key
	}
	return rand.Text()
}

// dress takes from the body what an option names.
func (a *ask) dress(p *turn.Prompt) {
	o := a.t.opts
	_ = json.Unmarshal(a.q.extra[o.Model], &p.Model) // no string: none
	_ = json.Unmarshal(a.q.extra[o.System], &p.System)
	params := make(map[string]json.RawMessage)
	for _, k := range o.Params {
		if v := a.q.extra[k]; len(v) > 0 {
			params[k] = v
		}
	}
	if len(params) > 0 {
		if raw, err := json.Marshal(params); err == nil {
			p.Params = raw
		}
	}
}

// regenerate asks again what the last message asked.
func (a *ask) regenerate(ctx context.Context) (string, error) {
	for _, name := range []string{a.q.MessageID, a.named(a.edited()), a.named(a.q.last.ID)} {
		if a.exists(ctx, name) {
			return a.s.Regenerate(ctx, a.channel, name, a.unique(), a.trace)
		}
	}
	if a.q.last.Role != "user" {
		return "", answer.Missing("the message to regenerate is of no turn that is kept here")
	}
	p, err := a.q.prompt() // asked elsewhere, or no longer kept
	if err != nil {
		return "", err
	}
	a.dress(&p)
	p.Message = a.unique()
	return a.s.Prompt(ctx, a.channel, p, a.trace)
}

// named is the turn of a message of ours.
func (a *ask) named(message string) string {
	who := a.s.Who()
	return turn.NameFor(who.App, a.channel, who.User, message)
}

func (a *ask) exists(ctx context.Context, name string) bool {
	if turn.CheckName(name) != nil {
		return false
	}
	who := a.s.Who()
	if answer.May(who, gateway.Prompt, a.channel) != nil {
		return false // the prompt will be refused
	}
	_, err := a.t.g.Turns().Answer(ctx, turn.NewID(who.App, a.channel, name))
	return err == nil
}

// rounds is how many turns back the calls are looked for that results answer.
const rounds = 20

// goOn takes what the client did with tools: a turn that goes on with the
// answer, in the same message.
func (a *ask) goOn(ctx context.Context) (string, error) {
	root := a.q.last.ID
	if turn.CheckName(root) != nil {
		return "", answer.Missing("the assistant's message " + clip(root) + " is of no turn that is kept here")
	}
	past, err := a.s.History(ctx, a.channel, root, 0, rounds)
	if errors.Is(err, turns.ErrNoTurn) {
		return "", answer.Missing("the assistant's message " + clip(root) + " is of no turn that is kept here")
	}
	if err != nil {
		return "", err
	}
	var answers []turn.Answer
	last := ""
	for _, p := range past.Turns {
		answers = append(answers, p.Answer)
		if m, ok := messageOf(p.Name, p.Answer.Prompt); ok && m == root {
			last = p.Name
		}
	}
	rs := fresh(a.q.tools(), answers)
	if len(rs) == 0 && last != "" {
		return last, nil // sent again
	}
	if len(rs) == 0 {
		return "", answer.Bad("the last message is an assistant's and answers no tool call", "send a user's message, or the output of a tool")
	}
	p := turn.Prompt{Message: onID(root, rs), Parent: past.Leaf}
	for _, r := range rs {
		p.Content = append(p.Content, r.Content())
	}
	a.dress(&p)
	return a.s.Prompt(ctx, a.channel, p, a.trace)
}
