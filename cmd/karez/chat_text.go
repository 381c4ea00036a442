package main

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// printable returns s without what a terminal would obey rather than show:
// an answer may hold anything.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
			return -1 // escape sequences begin with one; the others reorder what follows
		}
		return r
	}, s)
}

// wrap breaks text into lines of at most width cells, as the terminal counts
// them, between words where it can. In place of a character wider than that
// stands an ellipsis.
func wrap(cells ansi.Method, s string, width int) []string {
	s = strings.ReplaceAll(printable(s), "\t", "    ")
	width = max(width, 1)
	var out []string
	for _, line := range strings.Split(cells.Wrap(s, width, ""), "\n") {
		if cells.StringWidth(line) > width { // Wrap may give up beside wide characters
			for _, l := range strings.Split(cells.Hardwrap(line, width, true), "\n") {
				if cells.StringWidth(l) > width {
					l = "…"
				}
				out = append(out, l)
			}
			continue
		}
		out = append(out, line)
	}
	return out
}
