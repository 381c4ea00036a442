package demo

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A definition is where a page says what a word means.
type definition struct {
	from *section
	text string
	rank int // the lower the better
}

// Where a definition stands, the best first.
const (
	inGlossary = iota // | **word** | what it is |
	inSentence        // A *word* is …
	inItem            // - **Word.** …
	inTable           // | `word` | … |
)

// mark is a word in bold, italics or code at the beginning.
var (
	mark     = regexp.MustCompile("^(?:An? |The )?(?:\\*\\*`?([^*`]{2,40})`?\\*\\*|\\*([^*]{2,40})\\*|`([^`]{2,40})`)")
	marked   = regexp.MustCompile("\\*\\*([^*`]{2,40})\\*\\*|`([^`]{2,40})`")
	sentence = regexp.MustCompile(`[.!?] (?:[A-Z*])`)
)

// named returns the words that a piece explains.
func named(p piece) []string {
	var out []string
	switch p.kind {
	case row:
		for _, m := range marked.FindAllStringSubmatch(cells(p.text)[0], 6) {
			out = append(out, m[1]+m[2])
		}
	case item, paragraph:
		if m := mark.FindStringSubmatch(p.text[len(marker.FindString(p.text)):]); m != nil {
			out = append(out, m[1]+m[2]+m[3])
		}
	}
	return out
}

// learn finds the definitions of all sections.
func (ix *index) learn() {
	for i := range ix.sections {
		s := &ix.sections[i]
		for _, p := range s.pieces {
			switch p.kind {
			case row:
				rank := inTable
				if cells(p.table)[0] == "word" {
					rank = inGlossary
				}
				for _, name := range named(p) {
					ix.define(name, definition{s, rowText(p, rank), rank})
				}
				for _, m := range marked.FindAllStringSubmatch(strings.Join(cells(p.text)[1:], " "), 6) {
					if m[1] != "" && rank == inGlossary {
						ix.define(m[1], definition{s, rowText(p, rank), rank})
					}
				}
			case item:
				for _, name := range named(p) {
					ix.define(name, definition{s, marker.ReplaceAllString(p.text, ""), inItem})
				}
			case paragraph:
				for _, said := range sentences(p.text) {
					if m := mark.FindStringSubmatch(said); m != nil && m[3] == "" && strings.HasPrefix(said[len(m[0]):], " ") {
						ix.define(m[1]+m[2], definition{s, said, inSentence})
					}
				}
			}
		}
	}
	for _, ds := range ix.meant {
		slices.SortStableFunc(ds, func(a, b definition) int { return cmp.Compare(a.rank, b.rank) })
	}
}

func (ix *index) define(name string, d definition) {
	if key := strings.Join(terms(name, maxTerms), " "); key != "" {
		ix.meant[key] = append(ix.meant[key], d)
	}
}

// rowText is a row by itself: as a sentence if it stands in a glossary, else
// as a table of one row.
func rowText(p piece, rank int) string {
	if c := cells(p.text); rank == inGlossary && len(c) == 2 {
		return c[0] + ": " + c[1]
	}
	return p.table + "\n" + p.text
}

func sentences(text string) []string {
	var out []string
	for {
		at := sentence.FindStringIndex(text)
		if at == nil {
			return append(out, text)
		}
		out = append(out, text[:at[0]+1])
		text = text[at[0]+2:]
	}
}

// wanted matches questions for the meaning of a word, and a word alone.
var wanted = regexp.MustCompile(`(?i)^(?:(?:and )?(?:what|who)(?:['’]?s| is| are) (?:(?:a|an|the) )?(.{1,60})|what (?:does|do) (?:(?:a|an|the) )?(.{1,60}) mean|(?:define|explain|meaning of)(?: the| a| an)? (.{1,60})|([\w-]+(?: [\w-]+)?))$`)

// short is how many bytes are quoted beside a definition, and only if the
// definitions are not longer themselves.
const short = 500

// general are the pages that may be quoted beside a definition; the others
// speak of one protocol, or of one part.
var general = []string{firstPage, "design.md", "protocol.md"}

// meaning answers the question what a word means, if this is one and a page
// says so.
func (ix *index) meaning(prompt string) (string, bool) {
	m := wanted.FindStringSubmatch(strings.Trim(prompt, " ?!.\"“”"))
	if m == nil {
		return "", false
	}
	words := terms(m[1]+m[2]+m[3]+m[4], maxTerms)
	found := ix.meant[strings.Join(words, " ")]
	if len(found) == 0 {
		return "", false
	}
	var b strings.Builder
	var said []string
	for _, d := range found {
		if len(said) > 0 && (d.rank == inTable || len(said) == 2 || slices.Contains(said, d.text)) {
			continue
		}
		said = append(said, d.text)
		fmt.Fprintf(&b, "%s\n\n*%s*\n\n", d.text, d.from.where())
	}
	more := ix.find(words)
	if i := slices.IndexFunc(more, func(m match) bool {
		return slices.Contains(general, m.page) && slices.Contains(terms(m.head, maxTerms), words[0]) && !slices.ContainsFunc(found, func(d definition) bool { return d.from == m.section })
	}); i >= 0 && i < 5 && b.Len() < short {
		s := more[i].section
		fmt.Fprintf(&b, "“%s” in `docs/%s` begins with:\n\n%s\n\n", s.head, s.page, join(s.pieces, upTo(s.pieces, short)))
		more = slices.Delete(more, i, i+1)
	}
	b.WriteString(also(more, found[0].from))
	return strings.TrimRight(b.String(), "\n"), true
}
