package demo

import (
	"fmt"
	"io/fs"
	"math"
	"path"
	"strings"
)

// A section is what stands under one heading of a page.
type section struct {
	page   string // design.md
	title  string // of the page
	head   string // "" for what stands before the first heading
	pieces []piece
	terms  map[string]float64 // weight of each word
}

// An index holds all sections.
type index struct {
	sections []section
	rare     map[string]float64 // how much a word tells: less the more sections have it
	meant    map[string][]definition
}

// How much more a word counts in a heading, in the title, or where it is
// explained, than in the text.
const (
	headWeight  = 8
	titleWeight = 3
	nameWeight  = 3
)

// read makes the index of all pages.
func read(pages fs.FS) (*index, error) {
	names, err := fs.Glob(pages, "*.md")
	if err != nil {
		return nil, fmt.Errorf("list documentation: %w", err)
	}
	ix := &index{rare: make(map[string]float64), meant: make(map[string][]definition)}
	for _, name := range names {
		text, err := fs.ReadFile(pages, name)
		if err != nil {
			return nil, fmt.Errorf("read documentation: %w", err)
		}
		ix.sections = append(ix.sections, split(path.Base(name), string(text))...)
	}
	ix.weigh()
	ix.learn()
	return ix, nil
}

// split cuts a page at its headings, which are no headings inside a code block.
func split(page, text string) []section {
	var out []section
	var body strings.Builder
	s := section{page: page, title: strings.TrimSuffix(page, ".md")}
	flush := func() {
		if s.pieces = pieces(body.String()); len(s.pieces) > 0 {
			out = append(out, s)
		}
		body.Reset()
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

// weigh gives each word of each section its weight. A word that is said often
// counts little more than one said twice, and less in a long section, which
// says many (Okapi BM25).
func (ix *index) weigh() {
	const often, long = 1.2, 0.6
	all := 0
	sizes := make([]int, len(ix.sections))
	for i := range ix.sections {
		s := &ix.sections[i]
		s.terms = make(map[string]float64)
		add := func(text string, weight float64) {
			for _, w := range terms(text, math.MaxInt) {
				s.terms[w] += weight
			}
		}
		for _, p := range s.pieces {
			words := terms(p.text, math.MaxInt)
			sizes[i] += len(words)
			for _, w := range words {
				s.terms[w]++
			}
			for _, name := range named(p) {
				add(name, nameWeight)
			}
		}
		add(s.head, headWeight)
		add(s.title, titleWeight)
		if s.head == "" {
			add(s.title, headWeight-titleWeight)
		}
		all += sizes[i]
		for w := range s.terms {
			ix.rare[w]++
		}
	}
	for i, s := range ix.sections {
		size := float64(sizes[i]*len(ix.sections)) / float64(all)
		for w, n := range s.terms {
			s.terms[w] = n * (often + 1) / (n + often*(1-long+long*size))
		}
	}
	for w, n := range ix.rare {
		ix.rare[w] = math.Log(1 + (float64(len(ix.sections))-n+0.5)/(n+0.5))
	}
}
