package worker

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/karez/karez/turn"
)

// Bounds of webhooks. They have a queue and slots of their own, so that a
// receiver that is down holds no turn up.
const (
	webhooksAtOnce = 32
	webhookLease   = 30 * time.Second
)

// A Webhook is told of every turn that has ended. docs/webhooks.md is its
// contract.
type Webhook struct {
	URL    string        // "": nobody is told
	Secret string        // signs what is sent; "": not signed
	For    time.Duration // a delivery is tried for so long; 0: 5 min
	Wait   time.Duration // for one answer; 0: 10 s
	Client *http.Client  // nil: one that follows no redirects
}

func (h Webhook) withDefaults() Webhook {
	h.For = or(h.For, 5*time.Minute)
	h.Wait = or(h.Wait, 10*time.Second)
	if h.Client == nil {
		h.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return h
}

// A Finished is the body of the webhook.
type Finished struct {
	Type    string          `json:"type"` // turn.finished
	App     string          `json:"app"`
	Channel string          `json:"channel"`
	Turn    string          `json:"turn"`
	Message string          `json:"message,omitempty"`
	User    string          `json:"user,omitempty"`
	State   turn.State      `json:"state"`
	Text    string          `json:"text"`
	Parts   []FinishedPart  `json:"parts,omitempty"` // what is not text
	Usage   *turn.Usage     `json:"usage,omitempty"`
	Outcome json.RawMessage `json:"outcome,omitempty"`
	At      int64           `json:"at"` // Unix milliseconds
}

// A FinishedPart is a part of an answer that is not text. Sound and files are
// named, not sent: read them over the HTTP API.
type FinishedPart struct {
	Kind  turn.Kind       `json:"kind"`
	Part  string          `json:"part,omitempty"`
	Name  string          `json:"name,omitempty"`
	Media string          `json:"media,omitempty"`
	Text  string          `json:"text,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
	Bytes int             `json:"bytes,omitempty"`
}

// finished makes the body of what is in a turn's log.
func finished(id turn.ID, a turn.Answer, at int64) Finished {
	f := Finished{
		Type: "turn.finished", App: id.App, Channel: id.Channel, Turn: id.Name, State: a.State,
		Text: a.Text(), Usage: a.Usage, Outcome: a.Outcome, At: at,
	}
	if a.Prompt != nil {
		f.Message, f.User = a.Prompt.Message, a.Prompt.User
	}
	for _, p := range a.Parts {
		if p.Kind == turn.KindText || p.Kind == turn.KindStep {
			continue
		}
		part := FinishedPart{Kind: p.Kind, Part: p.ID, Name: p.Name, Media: p.Media}
		switch {
		case p.Kind == turn.KindAudio || p.Media != "":
			part.Bytes = len(p.Data)
		case p.Kind.Textual() || p.Kind == turn.KindToolError || !json.Valid(p.Data):
			part.Text = string(p.Data)
		default:
			part.Data = p.Data
		}
		f.Parts = append(f.Parts, part)
	}
	return f
}

// Sign returns the value of the header Karez-Signature for a body sent at a
// Unix time: the time, and the HMAC-SHA256 of "time.body" in hexadecimal. A
// receiver computes the same to know that the body is ours.
func Sign(secret string, unix int64, body []byte) string {
	t := strconv.FormatInt(unix, 10)
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(t + "."))
	m.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(m.Sum(nil))
}

// deliveryID names the delivery of one turn: it is the same each time the turn
// is told of, by whichever worker.
func deliveryID(id turn.ID) string {
	sum := sha256.Sum256([]byte(id.App + "\x00" + id.Channel + "\x00" + id.Name))
	return "d" + hex.EncodeToString(sum[:12])
}
