package demo

import (
	"slices"
	"strings"
	"unicode"
)

// maxTerms bounds the words of a prompt that are looked up.
const maxTerms = 64

// terms returns the first words of a text in their plain form, without those
// that say nothing.
func terms(text string, limit int) []string {
	var out []string
	for w := range strings.FieldsFuncSeq(strings.ReplaceAll(text, "’", "'"), between) {
		w = strings.TrimSuffix(strings.Trim(strings.ToLower(w), "'"), "'s")
		if len(w) < 2 || stop[w] {
			continue
		}
		if out = append(out, stem(w)); len(out) == limit {
			break
		}
	}
	return out
}

func between(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' }

// stem takes the commonest English endings off a word, so that "reconnects"
// finds "reconnecting". What it leaves need not be a word.
func stem(w string) string {
	switch {
	case strings.HasSuffix(w, "ies") && len(w) > 4:
		w = w[:len(w)-3] + "y"
	case strings.HasSuffix(w, "s") && len(w) > 3 && !strings.ContainsAny(w[len(w)-2:len(w)-1], "sui"):
		w = w[:len(w)-1]
	}
	for _, end := range []string{"ing", "ed"} {
		if s, ok := strings.CutSuffix(w, end); ok && len(s) >= 3 && strings.ContainsAny(s, "aeiouy") {
			if n := len(s); s[n-1] == s[n-2] && !strings.ContainsAny(s[n-1:], "lsz") {
				s = s[:n-1] // stopped
			}
			return strings.TrimSuffix(s, "e")
		}
	}
	if s, ok := strings.CutSuffix(w, "ion"); ok && len(s) >= 4 && strings.ContainsAny(s[len(s)-1:], "st") {
		return s
	}
	if len(w) > 3 {
		w = strings.TrimSuffix(w, "e")
	}
	return w
}

// like returns the words that people use for the same, in their plain form.
func like(w string) []string { return synonyms[w] }

// synonyms maps a word, in its plain form, to its fellows. A group holds what
// a newcomer says beside what the documentation says.
var synonyms = func() map[string][]string {
	m := make(map[string][]string)
	for line := range strings.Lines(`
		die dies died dying dead death crash crashed kill killed fail fails gone fall falls down break breaks restart
		resume resumed reconnect continue reload refresh return
		connection network offline wifi disconnect disconnected tunnel interrupted internet
		stop cancel abort interrupt halt escape
		limit bound maximum max largest large size big longest
		redis valkey broker
		scale machine several node multiple cluster horizontally
		jwt auth authentication authenticate authorization login token secret sign
		model provider openai anthropic claude ollama gpt llm gemini vllm
		install start setup launch begin run build
		performance fast speed latency benchmark overhead bytes slow
		client sdk library javascript typescript react browser frontend
		sse eventsource fallback websocket proxy firewall
		history conversation past earlier
		producer xadd python php shell language
		webhook notify notified callback hook
		edit branch regenerate version fork
		production deploy operate operating monitor health backup
		https tls certificate encrypted encryption
		context system memory remember
		wire protocol frame
		backend http rest api endpoint
		guarantee promise rule always
		duplicate twice once exactly
		store stored kept keep saved persist retention
	`) {
		group := strings.Fields(line)
		for i, w := range group {
			group[i] = stem(w)
		}
		for _, w := range group {
			for _, o := range group {
				if o != w && !slices.Contains(m[w], o) {
					m[w] = append(m[w], o)
				}
			}
		}
	}
	return m
}()

// stop holds words that tell nothing here.
var stop = func() map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(`a about an and another any are as at be been but by can can't could did do does doesn't don't
		exist exists explain describe define for from get gets go goes going give given got had happen happened happens has have
		how i i'm if in into is isn't it its know let like made make makes many may me mean meaning means more much must my
		need needs no not of on one only or our out own please say says should show so some something tell than that the their them
		then there there's these they thing things this to too understand us use used uses using want wants was we were what
		what's when where which while who why will with work working works would you your`) {
		m[w] = true
	}
	return m
}()
