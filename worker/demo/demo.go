// Package demo is the provider that needs no model and no key: it answers from
// Karez's own documentation, word by word, at the pace of a model. It looks up
// the sections that share most with the prompt; it understands nothing, and
// says so.
//
// Read demo.go, then pages.go and pieces.go (what the pages consist of), find.go
// and words.go (how a section is found), define.go (what a word means) and
// answer.go (what is said).
package demo

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/karez/karez/docs"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

// Pace of the answer: a pause before the first word, then one a word. About 40
// words a second, which is a quick model's speed; a long word takes longer.
const (
	thinking = 200 * time.Millisecond
	perWord  = 18 * time.Millisecond
	perByte  = time.Millisecond
)

// A Provider answers from the documentation. It is a worker.Continuer: the
// same prompt has the same answer in every process of one version.
type Provider struct {
	index *index // set once
}

// New returns the demo provider.
func New() (*Provider, error) {
	ix, err := read(docs.Pages)
	if err != nil {
		return nil, err
	}
	return &Provider{ix}, nil
}

// Name returns "demo".
func (p *Provider) Name() string { return "demo" }

// CanContinue implements worker.Continuer: yes, if what is there is the
// beginning of what would be said.
func (p *Provider) CanContinue(req worker.Request) bool {
	_, ok := p.rest(req)
	return ok
}

// Stream implements worker.Provider.
func (p *Provider) Stream(ctx context.Context, req worker.Request, emit func(turn.Event) error) (string, error) {
	text, _ := p.rest(req)
	wait := thinking
	for text != "" {
		var w string
		w, text = word(text)
		if err := pause(ctx, wait); err != nil {
			return "", err
		}
		if err := emit(turn.Event{Kind: turn.KindText, Data: []byte(w)}); err != nil {
			return "", err
		}
		wait = perWord + time.Duration(min(len(w), 20))*perByte
	}
	return turn.ReasonStop, nil
}

// rest is what is left to say after req.Sofar.
func (p *Provider) rest(req worker.Request) (text string, ok bool) {
	prompt := ""
	if n := len(req.Messages); n > 0 {
		prompt = req.Messages[n-1].Text
	}
	text = p.index.answer(prompt)
	var b strings.Builder
	for _, part := range req.Sofar {
		if part.Kind != turn.KindText {
			return text, false
		}
		b.Write(part.Data)
	}
	rest, ok := strings.CutPrefix(text, b.String())
	if !ok {
		return text, false
	}
	return rest, true
}

// word cuts the first word off text, with the white space behind it.
func word(text string) (w, rest string) {
	inside := false
	for i, r := range text {
		switch space := unicode.IsSpace(r); {
		case !space && inside:
			return text[:i], text[i:]
		case space && i > 0:
			inside = true
		}
	}
	return text, ""
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
