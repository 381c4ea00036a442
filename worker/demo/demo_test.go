package demo

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

var (
	_ worker.Provider  = (*Provider)(nil)
	_ worker.Continuer = (*Provider)(nil)
)

func request(text string, sofar ...turn.Part) worker.Request {
	return worker.Request{Messages: []worker.Message{{Role: "user", Text: text}}, Sofar: sofar}
}

func provider(tb testing.TB) *Provider {
	tb.Helper()
	p, err := New()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestAnswers(t *testing.T) {
	p := provider(t)
	for prompt, want := range map[string][]string{
		"hi":            {"Hello!", "For instance"},
		"Hello, Karez!": {"Hello!"},
		"👋":             {"Hello!"},
		"Bonjour":       {"Bonjour !"},
		"سلام":          {"سلام!"},
		"help":          {"`docs/protocol.md`", "`docs/design.md`"},
		"What are you?": {"`docs/protocol.md`"},
		"thank you!":    {"welcome"},
		"":              {"no text"},
		" \n\t ":        {"no text"},
		"How does a client resume after a lost connection?": {"`docs/protocol.md`", "Staying connected"},
		"What is an epoch?":              {"`docs/design.md`", "**epoch**"},
		"Which error codes are there?":   {"“Errors”"},
		"how do I cancel a turn":         {"`cancel`"},
		"what are the limits":            {"“Limits”"},
		"write me a poem about cats":     {"nothing about “write me a poem about cats”"},
		"Wie ist das Wetter in München?": {"English only"},
		"今天天气怎么样":                        {"English only"},
		strings.Repeat("blah ", 50_000):  {"I found nothing"},
		"\xff\xfe":                       {"no text"},
	} {
		got := p.index.answer(prompt)
		for _, w := range append(want, "demo provider") {
			if !strings.Contains(got, w) {
				t.Errorf("%.40q: no %q in %q", prompt, w, got)
			}
		}
		if !utf8.ValidString(got) || len(got) > 6000 {
			t.Errorf("%.40q: %d bytes, valid: %v", prompt, len(got), utf8.ValidString(got))
		}
		if strings.Count(got, "\n```")%2 != 0 {
			t.Errorf("%.40q: a code block is left open in %q", prompt, got)
		}
	}
}

// Every question that the demo suggests has an answer in the documentation.
func TestKnowsWhatItSuggests(t *testing.T) {
	p := provider(t)
	for line := range strings.Lines(examples) {
		q := strings.TrimSpace(strings.TrimPrefix(line, "- "))
		if got := p.index.answer(q); !strings.HasPrefix(got, "The page **") {
			t.Errorf("%s: %q", q, got)
		}
	}
}

// The pieces make up the answer at a pace that a person can follow, and it
// goes on wherever it broke off.
func TestStreamsAtAHumanPace(t *testing.T) {
	p := provider(t)
	synctest.Test(t, func(t *testing.T) {
		const q = "What is an epoch?"
		want := p.index.answer(q)
		began := time.Now()
		var words []string
		reason, err := p.Stream(context.Background(), request(q), func(ev turn.Event) error {
			words = append(words, string(ev.Data))
			return nil
		})
		if err != nil || reason != turn.ReasonStop || strings.Join(words, "") != want {
			t.Fatalf("%s, %v, %q", reason, err, words)
		}
		if perSecond := float64(len(words)) / time.Since(began).Seconds(); perSecond < 30 || perSecond > 60 {
			t.Errorf("%.0f words a second", perSecond)
		}
		said := ""
		for _, w := range words[:min(len(words), 40)] {
			part := turn.Part{Kind: turn.KindText, Data: []byte(said)}
			rest, ok := p.rest(request(q, part))
			if !ok || said+rest != want || !p.CanContinue(request(q, part)) {
				t.Fatalf("after %q: %v, %q", said, ok, rest)
			}
			said += w
		}
		if p.CanContinue(request(q, turn.Part{Kind: turn.KindText, Data: []byte("something else")})) {
			t.Error("it would go on with an answer that is not its own")
		}
	})
}

func ExampleProvider() {
	p, err := New()
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	n := 0
	_, err = p.Stream(ctx, worker.Request{Messages: []worker.Message{{Role: "user", Text: "hello"}}}, func(ev turn.Event) error {
		fmt.Printf("%q\n", ev.Data)
		if n++; n == 3 {
			stop() // the reader cancelled
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// "Hello! "
	// "I "
	// "am "
	// context canceled
}
