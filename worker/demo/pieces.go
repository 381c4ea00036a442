package demo

import (
	"regexp"
	"strings"
)

// A piece is the least that can be quoted of a section: a paragraph, an item
// of a list, a row of a table, a block of code. Its text is Markdown on one
// line, for the pages are wrapped for editors; only code keeps its lines.
type piece struct {
	kind  kind
	text  string
	table string // of a row: the table's head and rule
}

type kind int

const (
	paragraph kind = iota
	item
	row
	code
)

var marker = regexp.MustCompile(`^(?:[-*+]|\d{1,9}[.)]) `)

// pieces cuts the body of a section.
func pieces(body string) []piece {
	var out []piece
	lines := strings.Split(body, "\n")
	for i := 0; i < len(lines); {
		from := i
		switch line := lines[i]; {
		case strings.TrimSpace(line) == "":
			i++
		case strings.HasPrefix(line, "```"):
			for i++; i < len(lines) && !strings.HasPrefix(lines[i], "```"); i++ {
			}
			i = min(i+1, len(lines))
			out = append(out, piece{kind: code, text: strings.Join(lines[from:i], "\n")})
		case strings.HasPrefix(line, "    "):
			for i < len(lines) && (strings.HasPrefix(lines[i], "    ") || strings.TrimSpace(lines[i]) == "") {
				lines[i] = strings.TrimPrefix(lines[i], "    ")
				i++
			}
			text := strings.TrimRight(strings.Join(lines[from:i], "\n"), "\n ")
			out = append(out, piece{kind: code, text: "```sh\n" + text + "\n```"})
		case strings.HasPrefix(line, "|") && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|"):
			head := lines[i] + "\n" + lines[i+1]
			for i += 2; i < len(lines) && strings.HasPrefix(lines[i], "|"); i++ {
				out = append(out, piece{kind: row, text: lines[i], table: head})
			}
		case marker.MatchString(line):
			i = endOfItem(lines, i)
			out = append(out, piece{kind: item, text: unwrap(lines[from:i])})
		default:
			for i++; i < len(lines) && !begins(lines[i]); i++ {
			}
			out = append(out, piece{kind: paragraph, text: unwrap(lines[from:i])})
		}
	}
	return out
}

func begins(line string) bool {
	return strings.TrimSpace(line) == "" || strings.HasPrefix(line, "```") || strings.HasPrefix(line, "|") || marker.MatchString(line)
}

// endOfItem returns the line after the item that begins in line i. What is
// indented below it belongs to it.
func endOfItem(lines []string, i int) int {
	end := i + 1
	for n := end; n < len(lines); n++ {
		blank, inside := strings.TrimSpace(lines[n]) == "", strings.HasPrefix(lines[n], "  ")
		if blank {
			continue
		}
		if !inside && (n > end || begins(lines[n])) {
			break
		}
		end = n + 1
	}
	return end
}

// unwrap joins lines up to the first that is empty or code; those stay.
func unwrap(lines []string) string {
	n := 0
	for n < len(lines) && strings.TrimSpace(lines[n]) != "" && !strings.HasPrefix(strings.TrimSpace(lines[n]), "```") {
		n++
	}
	var b strings.Builder
	for i, line := range lines[:n] {
		if i > 0 {
			b.WriteByte(' ')
			line = strings.TrimPrefix(line, "> ")
		}
		b.WriteString(strings.TrimSpace(line))
	}
	for _, line := range lines[n:] {
		b.WriteString("\n" + line)
	}
	return b.String()
}

// join writes pieces one below the other, with … where some are left out
// between them (their places say so).
func join(all []piece, places []int) string {
	var b strings.Builder
	for n, i := range places {
		p := all[i]
		if n == 0 {
			if p.kind == row {
				b.WriteString(p.table + "\n")
			}
			b.WriteString(p.text)
			continue
		}
		last := all[places[n-1]]
		switch near := i == places[n-1]+1; {
		case p.kind == row && last.kind == row && last.table == p.table:
			b.WriteString("\n" + p.text)
			continue
		case p.kind == item && last.kind == item:
			b.WriteString("\n" + p.text)
			continue
		case !near:
			b.WriteString("\n\n…\n\n")
		default:
			b.WriteString("\n\n")
		}
		if p.kind == row {
			b.WriteString(p.table + "\n")
		}
		b.WriteString(p.text)
	}
	return b.String()
}

// cells returns the cells of a table's row, or of its head.
func cells(row string) []string {
	row, _, _ = strings.Cut(row, "\n") // of a table's head
	row = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(row), "|"), "|")
	out := strings.Split(strings.ReplaceAll(row, `\|`, "\x00"), "|")
	for i, c := range out {
		out[i] = strings.TrimSpace(strings.ReplaceAll(c, "\x00", `\|`))
	}
	return out
}
