package demo

import (
	"cmp"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"unicode"
)

// A section is what stands under one heading of a page.
type section struct {
	page  string // design.md
	title string // of the page
	head  string // "" for what stands before the first heading
	body  string
	terms map[string]float64 // weight of each word
}

// An index holds all sections.
type index struct {
	sections []section
	rare     map[string]float64 // how much a word tells: less the more sections have it
}

// How much more a word counts in a heading, or in bold, than in the text.
const (
	headWeight = 6
	boldWeight = 4
)

// read makes the index of all pages.
func read(pages fs.FS) (*index, error) {
	names, err := fs.Glob(pages, "*.md")
	if err != nil {
		return nil, fmt.Errorf("list documentation: %w", err)
	}
	ix := &index{rare: make(map[string]float64)}
	for _, name := range names {
		text, err := fs.ReadFile(pages, name)
		if err != nil {
			return nil, fmt.Errorf("read documentation: %w", err)
		}
		ix.sections = append(ix.sections, split(path.Base(name), string(text))...)
	}
	for _, s := range ix.sections {
		for w := range s.terms {
			ix.rare[w]++
		}
	}
	for w, n := range ix.rare {
		ix.rare[w] = math.Log(1 + float64(len(ix.sections))/n)
	}
	return ix, nil
}

// split cuts a page at its headings, which are no headings inside a code block.
func split(page, text string) []section {
	var out []section
	var body strings.Builder
	s := section{page: page, title: strings.TrimSuffix(page, ".md")}
	flush := func() {
		s.body = strings.TrimSpace(body.String())
		body.Reset()
		if s.body != "" {
			s.terms = weigh(s)
			out = append(out, s)
		}
	}
	code := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		mark, head, ok := strings.Cut(line, " ")
		if code || !ok || strings.Trim(mark, "#") != "" || mark == "" {
			body.WriteString(line)
			continue
		}
		head = strings.TrimSpace(head)
		if mark == "#" {
			s.title = head
			continue
		}
		flush()
		s.head = head
	}
	flush()
	return out
}

// weigh counts the words of a section. The square root keeps a long section
// that says a word often from winning over the one that is about it.
func weigh(s section) map[string]float64 {
	m := make(map[string]float64)
	n := 0
	for _, w := range terms(s.body, math.MaxInt) {
		m[w]++
		n++
	}
	for w, c := range m {
		m[w] = math.Sqrt(c) / math.Sqrt(float64(20+n))
	}
	for _, w := range terms(s.head+" "+s.title, math.MaxInt) {
		m[w] += headWeight / math.Sqrt(float64(20+n))
	}
	for i, bold := range strings.Split(s.body, "**") {
		if i%2 == 1 && len(bold) < 30 { // what is bold and short is explained there
			for _, w := range terms(bold, 3) {
				m[w] += boldWeight / math.Sqrt(float64(20+n))
			}
		}
	}
	return m
}

// A match is a section and how well it fits.
type match struct {
	*section
	score  float64
	covers float64 // how much of what the prompt says is in it, from 0 to 1
}

// find returns the sections that fit a prompt, the best first, and none if the
// prompt has no word that tells anything.
func (ix *index) find(prompt string) []match {
	words := terms(prompt, maxTerms)
	unknown := math.Log(1 + float64(len(ix.sections)))
	all := 0.0
	for _, w := range words {
		all += cmp.Or(ix.rare[w], unknown)
	}
	var out []match
	for i := range ix.sections {
		m := match{section: &ix.sections[i]}
		for _, w := range words {
			if m.terms[w] > 0 {
				m.score += m.terms[w] * ix.rare[w]
				m.covers += ix.rare[w] / all
			}
		}
		if m.score *= m.covers; m.score > 0 {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b match) int { return cmp.Compare(b.score, a.score) })
	return out
}

// maxTerms bounds the words of a prompt that are looked up.
const maxTerms = 64

// terms returns the first words of a text in their plain form, without those
// that say nothing.
func terms(text string, limit int) []string {
	var out []string
	for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		w = stem(strings.ToLower(w))
		if len(w) < 2 || stop[w] {
			continue
		}
		if out = append(out, w); len(out) == limit {
			break
		}
	}
	return out
}

// stem takes the commonest English endings off a word, so that "reconnects"
// finds "reconnecting".
func stem(w string) string {
	for _, end := range []string{"ing", "ions", "ion", "ies", "ers", "er", "ed", "es", "s", "y", "e"} {
		if s, ok := strings.CutSuffix(w, end); ok && len(s) >= 3 {
			return s
		}
	}
	return w
}

// stop holds words that tell nothing here, in the form that stem gives.
var stop = func() map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(`a about an and any are as at be been but by can could did do does for from get give had has have
		how i if in into is it its karez know like make may me mean more my no not of on one only or our out please show so some
		tell than that the their them then there these they this to understand us use used using want was we were what when where
		which while who why will with work works would you your explain describe happen happens there's what's need should`) {
		m[w], m[stem(w)] = true, true
	}
	return m
}()
