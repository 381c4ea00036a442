package main

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/rivo/uniseg"
)

// An input is the line that is being written. Its cursor moves by what a
// person sees as one character.
type input struct {
	left, right []string // grapheme clusters on both sides of the cursor
}

// maxInput bounds what is written or pasted, in bytes; the server takes less.
const maxInput = 250 << 10

func (in *input) text() string { return strings.Join(in.left, "") + strings.Join(in.right, "") }

func (in *input) empty() bool { return len(in.left)+len(in.right) == 0 }

func (in *input) clear() { in.left, in.right = nil, nil }

// insert puts text at the cursor.
func (in *input) insert(s string) {
	s = printable(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"))
	before := strings.Join(in.left, "")
	if len(before)+len(s)+len(strings.Join(in.right, "")) > maxInput {
		return
	}
	in.left = clusters(before + s) // a combining mark joins what stands before it
}

func (in *input) backspace() {
	if n := len(in.left); n > 0 {
		in.left = in.left[:n-1]
	}
}

func (in *input) delete() {
	if len(in.right) > 0 {
		in.right = in.right[1:]
	}
}

// word removes the word before the cursor.
func (in *input) word() {
	for len(in.left) > 0 && strings.TrimSpace(in.left[len(in.left)-1]) == "" {
		in.backspace()
	}
	for len(in.left) > 0 && strings.TrimSpace(in.left[len(in.left)-1]) != "" {
		in.backspace()
	}
}

// move moves the cursor by n characters.
func (in *input) move(n int) {
	all := append(append([]string(nil), in.left...), in.right...)
	at := min(max(len(in.left)+n, 0), len(all))
	in.left, in.right = all[:at:at], all[at:]
}

// draw returns the lines of the input at a width, and where the cursor is.
func (in *input) draw(cells ansi.Method, width int) (lines []string, x, y int) {
	var line strings.Builder
	n := 0
	next := func() {
		lines = append(lines, line.String())
		line.Reset()
		n = 0
	}
	put := func(g string) {
		if g == "\n" {
			next()
			return
		}
		if g == "\t" {
			g = "    "
		}
		w := cells.StringWidth(g)
		if n+w > width && n > 0 {
			next()
		}
		line.WriteString(g)
		n += w
	}
	for _, g := range in.left {
		put(g)
	}
	if n >= width { // the cursor needs a cell
		next()
	}
	x, y = n, len(lines)
	for _, g := range in.right {
		put(g)
	}
	return append(lines, line.String()), x, y
}

func clusters(s string) []string {
	var out []string
	for g := uniseg.NewGraphemes(s); g.Next(); {
		out = append(out, g.Str())
	}
	return out
}
