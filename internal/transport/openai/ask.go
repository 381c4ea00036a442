package openai

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/httpio"
)

// A place is where a request's turn stands.
type place struct {
	channel string
	turn    string
	parent  string
	named   bool // the client named the channel: the log has the conversation
}

// read takes the body of a request.
func (t *Transport) read(w http.ResponseWriter, r *http.Request) (*request, error) {
	body, err := httpio.ReadBody(w, r, t.opts.MaxBody)
	if err != nil {
		return nil, err
	}
	return parse(body)
}

// place finds the channel that a request is about.
func (t *Transport) place(q *request) (place, error) {
	var named []place
	if ch := q.Metadata["channel"]; ch != "" {
		named = append(named, place{channel: t.opts.Prefix + ch})
	}
	if c := conversation(q.Conversation); c != "" {
		named = append(named, place{channel: t.opts.Prefix + c})
	}
	if q.Previous != "" {
		ch, name, ok := parseID(q.Previous)
		if !ok {
			return place{}, wrong("previous_response_id", "no response has this id", "send one that a response came with")
		}
		named = append(named, place{channel: ch, parent: name})
	}
	if len(named) == 0 {
		return place{channel: t.opts.Fresh + rand.Text()}, nil
	}
	p := named[len(named)-1]
	for _, o := range named {
		if o.channel != p.channel {
			return place{}, wrong("conversation", "the request names two conversations", "name one of metadata.channel, conversation, previous_response_id")
		}
	}
	p.named = true
	return p, nil
}

func conversation(raw json.RawMessage) string {
	var id string
	if json.Unmarshal(raw, &id) == nil {
		return id
	}
	var o struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(raw, &o) // else there is none
	return o.ID
}

func parseID(id string) (channel, name string, ok bool) {
	if channel, name, ok = answer.ParseID(prefixResponse, id); ok {
		return channel, name, true
	}
	return answer.ParseID(prefixBackground, id)
}

// ask makes a turn of a request. param is the field that holds the messages.
func (t *Transport) ask(ctx context.Context, s *gateway.Session, r *http.Request, q *request, param string) (place, error) {
	p, err := t.place(q)
	if err != nil {
		return p, err
	}
	prompt, err := q.prompt(param, !p.named)
	if err != nil {
		return p, err
	}
	prompt.Parent = p.parent
	if q.Model != t.opts.Model {
		prompt.Model = q.Model
	}
	prompt.Message = r.Header.Get("Idempotency-Key")
	if len(prompt.Message) > 128 {
		return p, answer.Bad("the Idempotency-Key has more than 128 bytes", "use a shorter one")
	}
	if prompt.Message == "" {
		prompt.Message = rand.Text()
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	p.turn, err = s.Prompt(ctx, p.channel, prompt, answer.Trace(r))
	return p, err
}
