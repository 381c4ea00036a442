package aisdk

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/httpio"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// runPrefix begins the id of a run, with which the SDK's workflow transport
// comes back instead of the chat's.
const runPrefix = "wrun_"

// resume streams what runs in a chat, from the first chunk of its message. With
// startIndex the reader counts chunks and is given those from there on.
func (t *Transport) resume(w http.ResponseWriter, r *http.Request) {
	who, err := t.door.Who(r)
	if err != nil {
		t.refuse(w, err)
		return
	}
	v := view{v: declared(r, t.base)}
	index, counts, err := startIndex(r)
	if err != nil {
		t.refuse(w, err)
		return
	}
	var run bool
	if v.channel, v.turn, run = answer.ParseID(runPrefix, r.PathValue("id")); !run {
		v.channel = t.opts.Prefix + r.PathValue("id")
	}
	if err := answer.May(who, gateway.Read, v.channel); err != nil {
		t.refuse(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), commandTime)
	if run {
		_, err = t.g.Turns().Answer(ctx, turn.NewID(who.App, v.channel, v.turn))
	} else {
		v.turn, err = t.running(ctx, who, v.channel)
	}
	cancel()
	if err != nil {
		t.refuse(w, err)
		return
	}
	if v.turn == "" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	rd, err := answer.Open(t.g, who)
	if err != nil {
		t.refuse(w, err)
		return
	}
	defer rd.Close()
	if v.replay = !counts; counts {
		v.each, v.counts = true, true
		if v.skip, err = t.skip(r.Context(), w, rd, v, index); err != nil {
			t.refuse(w, err)
			return
		}
	}
	t.play(w, r, rd, v)
}

func startIndex(r *http.Request) (n int, given bool, err error) {
	s := r.URL.Query().Get("startIndex")
	if s == "" {
		return 0, false, nil
	}
	if n, err = strconv.Atoi(s); err != nil {
		return 0, true, answer.Bad("startIndex is not a number", "give how many chunks you have")
	}
	return n, true, nil
}

// skip is how many chunks a reader has. A negative index counts from the end,
// which the answer then names.
func (t *Transport) skip(ctx context.Context, w http.ResponseWriter, rd *answer.Reader, v view, index int) (int, error) {
	if index >= 0 {
		return index, nil
	}
	who := rd.Session().Who()
	a, err := t.g.Turns().Answer(ctx, turn.NewID(who.App, v.channel, v.turn))
	if err != nil {
		return 0, err
	}
	sub, err := answer.Open(t.g, who)
	if err != nil {
		return 0, err
	}
	defer sub.Close()
	if err := sub.Follow(ctx, v.channel, v.turn, 0); err != nil {
		return 0, err
	}
	m, n := newMapper(v.v, v.turn), 0
	_, err = sub.Through(ctx, a.At, func(evs []turn.Event) {
		for i := range evs {
			n += len(m.add(&evs[i]))
		}
	})
	if err != nil {
		return 0, err
	}
	w.Header().Set("X-Workflow-Stream-Tail-Index", strconv.Itoa(n-1))
	return max(n+index, 0), nil
}

// running is the turn that a chat's readers see: the oldest that has not ended;
// those behind it wait. "": none.
func (t *Transport) running(ctx context.Context, who gateway.Identity, channel string) (string, error) {
	live, err := t.live(ctx, who, channel)
	if err != nil || len(live) == 0 {
		return "", err
	}
	return live[0].name, nil
}

// A going is a turn that has not ended.
type going struct {
	name   string
	prompt *turn.Prompt
}

// live returns the turns of a channel that have not ended. The channel's record
// has one for a moment longer than its log runs.
func (t *Transport) live(ctx context.Context, who gateway.Identity, channel string) ([]going, error) {
	names, err := t.g.Turns().Live(ctx, who.App, channel)
	if err != nil {
		return nil, err
	}
	var out []going
	for _, name := range names {
		a, err := t.g.Turns().Answer(ctx, turn.NewID(who.App, channel, name))
		if errors.Is(err, turns.ErrNoTurn) {
			continue // not there yet
		}
		if err != nil {
			return nil, err
		}
		if !a.State.Terminal() {
			out = append(out, going{name, a.Prompt})
		}
	}
	return out, nil
}

// A stopRequest is the body of a stop, which may be empty. A client that names
// what it means to stop does not stop what came after.
type stopRequest struct {
	MessageID string `json:"messageId"` // the assistant's message
	RunID     string `json:"runId"`
}

// stop cancels what runs in a chat.
func (t *Transport) stop(w http.ResponseWriter, r *http.Request) {
	who, err := t.door.Who(r)
	if err != nil {
		t.refuse(w, err)
		return
	}
	var q stopRequest
	body, err := httpio.ReadBody(w, r, 64<<10)
	if err != nil {
		t.refuse(w, err)
		return
	}
	if len(body) > 0 && json.Unmarshal(body, &q) != nil {
		t.refuse(w, answer.Bad("the body is not the JSON of a stop", `send {"messageId":"…"}, or nothing`))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), commandTime)
	defer cancel()
	name, err := t.cancel(ctx, who, r.PathValue("id"), q)
	if err != nil {
		t.refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	out := map[string]any{"stopped": name != ""}
	if name != "" {
		out["messageId"] = name
	}
	_ = json.NewEncoder(w).Encode(out) // the client may be gone
}

// cancel stops what q names if it runs, else what runs.
func (t *Transport) cancel(ctx context.Context, who gateway.Identity, id string, q stopRequest) (string, error) {
	channel, name, run := answer.ParseID(runPrefix, id)
	if !run {
		channel = t.opts.Prefix + id
	}
	if q.RunID != "" {
		ch, n, ok := answer.ParseID(runPrefix, q.RunID)
		if !ok || run && n != name || !run && ch != channel {
			return "", answer.Bad("runId is not one of this chat", "send that of the header x-workflow-run-id")
		}
		name = n
	}
	if err := answer.May(who, gateway.Cancel, channel); err != nil {
		return "", err
	}
	live, err := t.live(ctx, who, channel)
	if err != nil {
		return "", err
	}
	for _, l := range live {
		if message, _ := messageOf(l.name, l.prompt); name != "" && name != l.name || q.MessageID != "" && q.MessageID != message {
			continue // it means an older one
		}
		return l.name, t.g.Turns().Cancel(ctx, turn.NewID(who.App, channel, l.name), who.User)
	}
	return "", nil
}
