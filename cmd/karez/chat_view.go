package main

import (
	"encoding/json"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/karez/karez/client"
	"github.com/karez/karez/turn"
)

// Only the sixteen colours of the terminal's own theme: they are readable on
// its background.
var (
	askStyle   = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Cyan)
	quietStyle = lipgloss.NewStyle().Faint(true)
	wrongStyle = lipgloss.NewStyle().Foreground(lipgloss.Red)
	awayStyle  = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
)

// maxInputRows bounds the rows of the input that are shown.
const maxInputRows = 5

// View is part of tea.Model.
func (m *chatModel) View() tea.View {
	v := tea.NewView("")
	v.AltScreen, v.MouseMode, v.WindowTitle = true, tea.MouseModeCellMotion, "karez "+m.channel
	if m.width < 1 || m.height < 1 {
		return v
	}
	rows, x, y := m.inputRows()
	lines := m.window(m.room())
	lines = append(lines, m.statusLine())
	lines = append(lines, rows...)
	if len(lines) > m.height {
		lines = lines[len(lines)-m.height:]
	}
	v.Content = strings.Join(lines, "\n")
	v.Cursor = tea.NewCursor(min(x, m.width-1), max(len(lines)-len(rows)+y, 0))
	return v
}

// room is how many lines of the conversation fit.
func (m *chatModel) room() int {
	rows, _, _ := m.inputRows()
	return max(m.height-len(rows)-1, 0)
}

// keys are the ones that everybody needs.
const keys = "Enter sends, Esc stops an answer, Ctrl-R asks again, Ctrl-D quits, /help says more"

// help is what /help says.
const help = `Enter sends; Alt-Enter or Ctrl-J begins a new line.
Esc stops the answer that is being written, Ctrl-C too; twice it quits.
Ctrl-R asks the last question again.
Up, Down, PgUp, PgDn and the wheel scroll. Ctrl-L tries to connect now.
Ctrl-D quits. An answer that is being written goes on, and karez chat shows it again.
karez chat -n begins a new conversation, karez chat -c NAME goes to that one.`

// all returns the lines of the conversation, and of help behind it.
func (m *chatModel) all() []string {
	var all []string
	for _, t := range m.conv.all() {
		all = append(all, t.draw(m.cells, m.width)...)
	}
	said := ""
	switch {
	case m.help:
		said = help
	case len(all) == 0 && m.ready:
		said = "Ask something. " + keys + "."
	}
	if said != "" {
		for _, l := range wrap(m.cells, said, m.width) {
			all = append(all, quietStyle.Render(l))
		}
	}
	return all
}

// total is how many lines there are.
func (m *chatModel) total() int { return len(m.all()) }

// farewell is what stays in the terminal: the last turn, as far as it came.
func (m *chatModel) farewell() string {
	all := m.conv.all()
	if len(all) == 0 || m.width < 1 {
		return ""
	}
	last := all[len(all)-1]
	text := strings.TrimRight(strings.Join(last.draw(m.cells, m.width), "\n"), "\n") + "\n"
	if last.name != "" && !last.over() {
		text += quietStyle.Render("(the answer goes on: karez chat -c "+m.channel+" shows it)") + "\n"
	}
	return text
}

// window returns the n lines that are in view.
func (m *chatModel) window(n int) []string {
	all := m.all()
	end := max(len(all)-min(m.above, max(len(all)-n, 0)), 0)
	out := append([]string(nil), all[max(end-n, 0):end]...)
	for len(out) < n {
		out = append(out, "")
	}
	return out
}

// inputRows returns the rows of the input that are shown, and the cursor.
func (m *chatModel) inputRows() (rows []string, x, y int) {
	mark := "> "
	if m.width < 6 {
		mark = ""
	}
	rows, x, y = m.input.draw(m.cells, max(m.width-len(mark), 1))
	for i := range rows {
		if i == 0 {
			rows[i] = askStyle.Render(mark) + rows[i]
		} else {
			rows[i] = strings.Repeat(" ", len(mark)) + rows[i]
		}
	}
	most := max(min(maxInputRows, m.height-2), 1)
	first := max(min(y-most+1, len(rows)-most), 0)
	if y < first {
		first = y
	}
	return rows[first:min(first+most, len(rows))], x + len(mark), y - first
}

// statusLine says where the connection and the answer stand.
func (m *chatModel) statusLine() string {
	style, text := quietStyle, m.channel
	live := m.conv.live()
	switch s := m.status; {
	case s.State == client.Waiting:
		style, text = awayStyle, "reconnecting"
		if n := left(s); n > 0 {
			text += fmt.Sprintf(" in %d s", n)
		}
		if s.Err != nil {
			text += ": " + s.Err.Message
		}
	case s.State != client.Open:
		style, text = awayStyle, "connecting to "+m.server
	case live != nil && live.name == "":
		text = "sending · Esc stops"
	case live != nil && live.answer.State == turn.Waiting:
		text = "waiting for a decision · Esc stops"
	case live != nil && len(live.answer.Parts) == 0:
		text = "waiting for the answer · Esc stops"
	case live != nil:
		text = "answering · Esc stops"
	case m.hint:
		text += " · " + keys
	case s.Transport == client.SSE:
		text += " · over SSE"
	}
	if m.above > 0 {
		text += fmt.Sprintf(" · %d lines below", m.above)
	}
	if m.notice != "" {
		text = m.notice
	}
	return style.Render(m.cells.Truncate(printable(text), m.width, "…"))
}

// draw returns the lines of one turn.
func (t *shownTurn) draw(cells ansi.Method, width int) []string {
	as := drawnAs{cells, width, t.answer.At, t.answer.State, t.prompt, t.err}
	if t.lines != nil && t.drawn == as {
		return t.lines
	}
	var out []string
	add := func(style lipgloss.Style, s string) {
		for _, l := range wrap(cells, s, width) {
			out = append(out, style.Render(l))
		}
	}
	add(askStyle, "> "+t.prompt)
	for _, p := range t.answer.Parts {
		style, s := part(p)
		if s = strings.Trim(s, "\n"); s != "" {
			add(style, s)
		}
	}
	switch e := client.Failure(t.name, &t.answer); {
	case t.err != "":
		add(wrongStyle, t.err)
	case e != nil && e.Code == client.CodeCancelled:
		add(quietStyle, "(cancelled)")
	case e != nil:
		add(wrongStyle, e.Message+" · Ctrl-R asks again")
	}
	out = append(out, "")
	t.lines, t.drawn = out, as
	return out
}

// part says how one part of an answer is shown; "" for not at all.
func part(p turn.Part) (lipgloss.Style, string) {
	switch p.Kind {
	case turn.KindText:
		return lipgloss.NewStyle(), string(p.Data)
	case turn.KindReasoning:
		return quietStyle, string(p.Data)
	case turn.KindTool:
		return quietStyle, "[" + p.Name + " " + string(p.Data) + "]"
	case turn.KindToolError:
		return wrongStyle, "[" + string(p.Data) + "]"
	case turn.KindFile, turn.KindSource:
		var f struct{ URL, Title, Name string }
		if json.Unmarshal(p.Data, &f) != nil || f.URL == "" {
			return quietStyle, "[" + string(p.Kind) + " " + p.Media + "]"
		}
		return quietStyle, "[" + strings.TrimSpace(f.Title+f.Name+" "+f.URL) + "]"
	case turn.KindAudio:
		return quietStyle, fmt.Sprintf("[%s, %d bytes]", p.Media, len(p.Data))
	}
	return quietStyle, ""
}
