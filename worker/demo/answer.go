package demo

import (
	"fmt"
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
	found := ix.find(text)
	if len(found) == 0 || found[0].covers < enough {
		return ix.unknown(text) + note
	}
	return quote(found) + note
}

// quote shows the best section and names others.
func quote(found []match) string {
	best := found[0]
	var b strings.Builder
	fmt.Fprintf(&b, "The page **%s** (`docs/%s`)", best.title, best.page)
	if best.head != "" {
		fmt.Fprintf(&b, " says under “%s”", best.head)
	} else {
		b.WriteString(" begins like this")
	}
	b.WriteString(":\n\n")
	b.WriteString(excerpt(best.body))
	var also []string
	for _, m := range found[1:] {
		if len(also) == 3 || m.score < best.score/2 {
			break
		}
		if m.head != "" {
			also = append(also, fmt.Sprintf("- “%s” in `docs/%s`", m.head, m.page))
		}
	}
	if len(also) > 0 {
		b.WriteString("\n\nSee also:\n\n" + strings.Join(also, "\n"))
	}
	return b.String()
}

// excerpt returns the first blocks of a section: whole paragraphs, lists,
// tables and code, so that the Markdown stays whole.
func excerpt(body string) string {
	var b strings.Builder
	for _, block := range blocks(body) {
		if b.Len() > 0 && b.Len()+len(block) > maxQuote {
			b.WriteString("\n\n…")
			break
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(block)
	}
	return b.String()
}

// blocks cuts Markdown at empty lines outside code. A block that is too long
// is cut after a line.
func blocks(body string) []string {
	var out []string
	var b strings.Builder
	code := false
	flush := func() {
		if s := strings.TrimRight(b.String(), "\n"); s != "" {
			out = append(out, s)
		}
		b.Reset()
	}
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if strings.TrimSpace(line) == "" && !code || b.Len() > maxQuote && !code {
			flush()
		}
		if strings.TrimSpace(line) != "" || code {
			b.WriteString(line)
		}
	}
	flush()
	return out
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
