package demo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxQuote is about how much of a section is quoted, in bytes.
const maxQuote = 1400

// A section is taken for an answer if it has so much of what the prompt says.
const enough = 0.4

const note = "\n\n---\n*This is the demo provider: no model is behind it, it looks things up in Karez's documentation. " +
	"Connect a model with `--provider openai` or `--provider anthropic`.*"

// examples are the suggestions of the page (internal/page/src/chat.tsx) and one more.
const examples = "- How does a client resume after a lost connection?\n" +
	"- What happens when a worker dies in the middle of an answer?\n" +
	"- What is an epoch?\n" +
	"- Which error codes are there?"

// answer is what the demo says to a prompt; it depends on nothing else.
func (ix *index) answer(prompt string) string {
	text := strings.TrimSpace(strings.ToValidUTF8(prompt, ""))
	if hello, ok := greeting(text); ok {
		return hello + " I am the demo of Karez and answer from its documentation. For instance, ask me:\n\n" + examples + note
	}
	switch strings.ToLower(strings.Trim(text, " ?!./")) {
	case "":
		return "Your message has no text that I could look up. Ask me something about Karez, for instance:\n\n" + examples + note
	case "help", "what can you do", "who are you", "what are you", "what is this":
		return "I look up questions in Karez's documentation, which has these pages:\n\n" + ix.contents() + "\nAsk me, for instance:\n\n" + examples + note
	case "thanks", "thank you", "thx", "ok", "okay", "great", "bye", "goodbye":
		return "You are welcome! Reload this page, or open it in a second window: the conversation is still here." + note
	}
	if said, ok := ix.meaning(text); ok {
		return said + note
	}
	words := terms(text, maxTerms)
	if others := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "karez" }); len(others) > 0 {
		words = others // every page is about Karez
	}
	found := ix.find(words)
	if len(found) == 0 || found[0].covers < enough {
		return ix.unknown(text) + note
	}
	best := found[0]
	said := best.where() + ":\n\n" + join(best.pieces, ix.focus(best.section, words, maxQuote))
	if more := also(found, best.section); more != "" {
		said += "\n\n" + more
	}
	return said + note
}

// where names a section.
func (s *section) where() string {
	if s.head == "" {
		return fmt.Sprintf("From the page “%s” (`docs/%s`)", s.title, s.page)
	}
	return fmt.Sprintf("From “%s” in `docs/%s`", s.head, s.page)
}

// also names up to three sections that fit nearly as well as the best, and
// are others than the one that was quoted.
func also(found []match, quoted *section) string {
	var out []string
	for _, m := range found {
		if len(out) == 3 || m.score < found[0].score/2 {
			break
		}
		if m.section != quoted {
			out = append(out, fmt.Sprintf("- “%s” in `docs/%s`", cmp.Or(m.head, m.title), m.page))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "See also:\n\n" + strings.Join(out, "\n")
}

// contents lists the pages.
func (ix *index) contents() string {
	var b strings.Builder
	last := ""
	for _, s := range ix.sections {
		if s.page != last {
			fmt.Fprintf(&b, "- **%s** (`docs/%s`)\n", s.title, s.page)
			last = s.page
		}
	}
	return b.String()
}

func (ix *index) unknown(text string) string {
	said := "“" + clip(text, 80) + "”"
	if foreign(text) {
		return "I found nothing about " + said + ". The documentation, and I, speak English only; a real model would answer you in your language. " +
			"For now you could ask:\n\n" + examples
	}
	return "I found nothing about " + said + " in the documentation of Karez, and I know nothing else. You could ask:\n\n" + examples
}

// greetings, each with its reply.
var greetings = map[string]string{
	"hi": "Hello!", "hello": "Hello!", "hey": "Hello!", "hi there": "Hello!", "hello there": "Hello!",
	"good morning": "Good morning!", "good evening": "Good evening!", "good afternoon": "Good afternoon!",
	"hallo": "Hallo!", "guten tag": "Guten Tag!", "servus": "Servus!", "moin": "Moin!",
	"bonjour": "Bonjour !", "salut": "Salut !", "hola": "¡Hola!", "buenos días": "¡Buenos días!",
	"ciao": "Ciao!", "olá": "Olá!", "ola": "Olá!", "hej": "Hej!", "merhaba": "Merhaba!",
	"سلام": "سلام!", "مرحبا": "مرحبا!", "привет": "Привет!", "你好": "你好！", "こんにちは": "こんにちは！", "안녕하세요": "안녕하세요!", "नमस्ते": "नमस्ते!", "test": "The test works.",
}

func greeting(text string) (string, bool) {
	if len(text) > 60 {
		return "", false
	}
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) })
	if len(words) == 0 {
		return "Hello!", text != "" // 👋
	}
	hello, ok := greetings[strings.TrimSpace(words[0])]
	return hello, ok && len(words) <= 2
}

// foreign reports whether a text is hardly in English: it has letters beyond
// ASCII.
func foreign(text string) bool {
	for _, r := range text {
		if r >= utf8.RuneSelf && unicode.IsLetter(r) {
			return true
		}
	}
	return false
}

// clip shortens a text to n characters, on one line.
func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n]) + "…"
}
