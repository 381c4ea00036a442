package demo

import (
	"cmp"
	"math"
	"slices"
)

// A match is a section and how well it fits.
type match struct {
	*section
	score  float64
	covers float64 // how much of what the prompt says is in it, from 0 to 1
}

// firstPage has the short answers to first questions: it comes before others
// that are about as good, if its heading has a word of the question.
const (
	firstPage   = "start.md"
	firstWeight = 1.3
)

// asLike is what a word of the same meaning counts.
const asLike = 0.6

// find returns the sections that fit the words of a prompt, the best first.
func (ix *index) find(words []string) []match {
	var out []match
	for i := range ix.sections {
		m := match{section: &ix.sections[i]}
		m.score, m.covers = ix.fit(words, m.terms)
		if m.page == firstPage && mentions(m.head, words) {
			m.score *= firstWeight
		}
		if m.score > 0 {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b match) int { return cmp.Compare(b.score, a.score) })
	return out
}

func mentions(head string, words []string) bool {
	return slices.ContainsFunc(terms(head, maxTerms), func(h string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return w == h || slices.Contains(like(w), h) })
	})
}

// fit says how well weighted words fit those of a prompt.
func (ix *index) fit(words []string, weights map[string]float64) (score, covers float64) {
	unknown := math.Log(1 + float64(len(ix.sections)))
	all := 0.0
	for _, w := range words {
		tells := ix.rare[w]
		if tells == 0 {
			tells = unknown
			for _, o := range like(w) {
				tells = max(min(tells, ix.rare[o]), 1)
			}
		}
		all += tells
		found, weight := 0.0, 0.0
		if weights[w] > 0 {
			found, weight = 1, weights[w]
		}
		for _, o := range like(w) {
			if weights[o] > 0 {
				found, weight = max(found, asLike), max(weight, asLike*weights[o])
			}
		}
		score += weight * tells
		covers += found * tells
	}
	if all == 0 {
		return 0, 0
	}
	return score * covers / all, covers / all
}

// focus chooses what to quote of a section, about limit bytes of it. Of items
// and rows it takes those that fit the words nearly as well as the best one,
// if any of them is about the words by itself.
func (ix *index) focus(s *section, words []string, limit int) []int {
	scores := make([]float64, len(s.pieces))
	best, sure := 0.0, 0.0
	for i, p := range s.pieces {
		if p.kind != row && p.kind != item {
			continue
		}
		m := make(map[string]float64)
		for _, w := range terms(p.table+p.text, math.MaxInt) {
			m[w] = 1
		}
		for _, name := range named(p) {
			for _, w := range terms(name, maxTerms) {
				m[w] = nameWeight
			}
		}
		score, covers := ix.fit(words, m)
		scores[i], best, sure = score, max(best, score), max(sure, covers)
	}
	var out []int
	used := 0
	for i, p := range s.pieces {
		if (p.kind == row || p.kind == item) && sure >= enough && scores[i] < closeTo*best {
			continue
		}
		if used += len(p.text); used > limit && len(out) > 0 {
			break
		}
		out = append(out, i)
	}
	return out
}

// closeTo is how much of the best piece's score others need.
const closeTo = 0.75

// upTo returns the first pieces, about limit bytes.
func upTo(all []piece, limit int) []int {
	var out []int
	used := 0
	for i, p := range all {
		if used += len(p.text); used > limit && i > 0 {
			break
		}
		out = append(out, i)
	}
	return out
}
