package demo

import (
	"context"
	"fmt"
	"os"
	"slices"
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
		"How does a client resume after a lost connection?": {"`docs/start.md`", "its cursor"},
		"What is an epoch?":              {"`docs/design.md`", "**epoch**"},
		"Which error codes are there?":   {"“Errors” in `docs/protocol.md`", "| `bad_frame` |", "| `trimmed` |"},
		"how do I cancel a turn":         {"`cancel`"},
		"what are the limits":            {"From the page “Limits” (`docs/limits.md`)"},
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

// What people ask first, and the page that must answer, with words of the
// answer. A question that begins with ! is answered by a definition.
var first = []struct{ ask, page, says string }{
	{"How does a client resume after a lost connection?", "start.md", "follows from its cursors"},
	{"What happens when a worker dies in the middle of an answer?", "start.md", "another worker takes the turn over"},
	{"What happens when a worker crashes?", "start.md", "another worker takes the turn over"},
	{"What happens if I kill the server?", "start.md", "its clients connect to another one"},
	{"What happens if Redis goes down?", "start.md", "wait and try again"},
	{"!What is an epoch?", "design.md", "which try wrote an event"},
	{"Which error codes are there?", "protocol.md", "| `slow_down` |"},
	{"!What is a worker?", "design.md", "who answers prompts"},
	{"!what are workers", "design.md", "who answers prompts"},
	{"!What is the lease?", "design.md", "a worker's right to a turn"},
	{"!What’s a cursor?", "design.md", "**cursor**: a session's place in one log"},
	{"!cursor", "design.md", "**cursor**: a session's place in one log"},
	{"!what is a turn", "design.md", "one prompt and its answer"},
	{"!What does `trimmed` mean?", "protocol.md", "follow from a snapshot"},
	{"What is Karez?", "start.md", "to the people who wait for them"},
	{"how do I run with redis?", "start.md", "karez serve"},
	{"How do I run it on several machines?", "start.md", "karez work"},
	{"can it scale horizontally", "start.md", "Start more of either"},
	{"How do I install it?", "start.md", "go build"},
	{"How do I connect my own model?", "start.md", "--base-url"},
	{"Can I use Ollama?", "providers.md", "llama3.2"},
	{"Does the answer go on if I close the tab?", "start.md", "when you close the tab"},
	{"How do I stop an answer?", "start.md", "the stop button"},
	{"How do I write a client in another language?", "start.md", "all that is needed"},
	{"Can I write tokens from Python?", "producers.md", "XADD"},
	{"How do webhooks work?", "webhooks.md", "--webhook-url"},
	{"How large can a prompt be?", "limits.md", "252 KiB"},
	{"Does it work without WebSocket?", "start.md", "server-sent events"},
	{"How long are conversations kept?", "start.md", "30 days"},
	{"Who can see my conversation?", "start.md", "Nobody sees"},
}

func TestFirstQuestions(t *testing.T) {
	p := provider(t)
	for _, q := range first {
		ask, defined := strings.CutPrefix(q.ask, "!")
		got := p.index.answer(ask)
		said, _, _ := strings.Cut(got, "See also:")
		if at := strings.Index(said, "`docs/"); at < 0 || !strings.HasPrefix(said[at:], "`docs/"+q.page+"`") || !strings.Contains(said, q.says) {
			t.Errorf("%s: want %q of %s in:\n%s", ask, q.says, q.page, got)
		}
		if _, is := p.index.meaning(ask); is != defined {
			t.Errorf("%s: taken for the meaning of a word: %v", ask, is)
		}
		if defined && strings.Count(said, "\n| ") > 2 { // a head and a row
			t.Errorf("%s: a whole table:\n%s", ask, said)
		}
	}
}

// Every question that the demo or the page suggests is one of those above.
func TestKnowsWhatIsSuggested(t *testing.T) {
	src, err := os.ReadFile("../../internal/page/src/chat.tsx")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(src), "const suggestions = [")
	list, _, _ = strings.Cut(list, "]")
	var asked []string
	for i, s := range strings.Split(list, `"`) {
		if i%2 == 1 {
			asked = append(asked, s)
		}
	}
	if len(asked) < 3 {
		t.Fatalf("the page suggests %q", asked)
	}
	for line := range strings.Lines(examples) {
		asked = append(asked, strings.TrimSpace(strings.TrimPrefix(line, "- ")))
	}
	for _, q := range asked {
		known := false
		for _, f := range first {
			known = known || strings.TrimPrefix(f.ask, "!") == q
		}
		if !known {
			t.Errorf("%q is suggested and its answer not tested", q)
		}
	}
}

// The pages are wrapped for editors; a quote is not.
func TestQuotesAreUnwrapped(t *testing.T) {
	got := pieces("One\ntwo.\n\n- a\n  b\n\n      code\n- c\n\nd\n\n    sh\n    sh\n\n| h |\n|---|\n| r |\n> q\n> r\n```\na\n\nb\n```\n1. x\ny")
	want := []piece{
		{paragraph, "One two.", ""}, {item, "- a b\n\n      code", ""}, {item, "- c", ""}, {paragraph, "d", ""}, {code, "```sh\nsh\nsh\n```", ""},
		{row, "| r |", "| h |\n|---|"}, {paragraph, "> q r", ""}, {code, "```\na\n\nb\n```", ""}, {item, "1. x y", ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%#v", got)
	}
	if all := join(got, []int{0, 1, 2, 5, 8}); all != "One two.\n\n- a b\n\n      code\n- c\n\n…\n\n| h |\n|---|\n| r |\n\n…\n\n1. x y" {
		t.Errorf("%q", all)
	}
}

func TestStem(t *testing.T) {
	for _, same := range [][]string{
		{"reconnect", "reconnects", "reconnecting", "reconnected"}, {"worker", "workers"}, {"stop", "stopped", "stopping"},
		{"cache", "caching", "cached"}, {"query", "queries"}, {"die", "dies"}, {"connect", "connection", "connections"}, {"class"}, {"redis"},
	} {
		for _, w := range same {
			if stem(w) != stem(same[0]) || len(stem(w)) < 2 {
				t.Errorf("stem(%q) = %q, stem(%q) = %q", w, stem(w), same[0], stem(same[0]))
			}
		}
	}
}

// Whatever is asked, the answer is short, valid and whole.
func FuzzAnswer(f *testing.F) {
	for _, q := range first {
		f.Add(q.ask)
	}
	p := provider(f)
	f.Fuzz(func(t *testing.T, prompt string) {
		got := p.index.answer(prompt)
		if !utf8.ValidString(got) || len(got) > 8000 || strings.Count(got, "```")%2 != 0 && !strings.Contains(prompt, "```") {
			t.Errorf("%q: %q", prompt, got)
		}
	})
}

func FuzzPieces(f *testing.F) {
	f.Add("a\n\n- b\n  c\n\n| d |\n|-|\n| e |\n```\nf")
	f.Fuzz(func(t *testing.T, body string) {
		all := pieces(body)
		join(all, upTo(all, maxQuote))
		for _, p := range all {
			if p.text == "" {
				t.Errorf("%q: an empty piece", body)
			}
			named(p)
		}
	})
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
