package main

import (
	"crypto/rand"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/karez/karez/client"
	"github.com/karez/karez/turn"
)

// A chatModel is the conversation in the terminal. It only changes in Update;
// what asks the server runs as a command of Bubble Tea.
type chatModel struct {
	actions actions // set once, as all of this group
	channel string
	server  string

	width, height int
	cells         ansi.Method // how the terminal counts them
	conv          conversation
	ready         bool // the conversation as it stood has come
	input         input
	status        client.Status
	notice        string // of the last key
	hint          bool   // keys are shown: an old conversation has been opened
	help          bool   // help is shown
	above         int    // lines scrolled up from the end
	quitting      bool   // Ctrl-C once more quits
	err           error  // why it ended
}

// actions ask the server. They run beside Update and return what became of it.
type actions struct {
	prompt     func(p turn.Prompt) error
	regenerate func(name, message string) error
	cancel     func(name, message string) error
	wake       func()
}

// What reaches Update beside keys.
type (
	eventMsg  struct{ client.Event }
	statusMsg client.Status
	endMsg    struct{ err error } // following has ended
	sentMsg   struct {            // a prompt was answered
		message string
		err     error
	}
	cancelMsg struct{ err error }
)

func (m *chatModel) Init() tea.Cmd { return nil }

// Update is part of tea.Model.
func (m *chatModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.ModeReportMsg:
		// As Bubble Tea's renderer decides: a terminal that knows mode 2027
		// shows a family as one emoji, any other as its members.
		if msg.Mode == ansi.ModeUnicodeCore && (msg.Value.IsSet() || msg.Value == ansi.ModeReset) {
			m.cells = ansi.GraphemeWidth
		}
	case tea.KeyPressMsg:
		return m, m.key(msg)
	case tea.PasteMsg:
		m.input.insert(msg.Content)
	case tea.MouseWheelMsg:
		if msg.Button == tea.MouseWheelUp {
			m.scroll(3)
		} else {
			m.scroll(-3)
		}
	case eventMsg:
		m.event(msg.Event)
	case statusMsg:
		m.status = client.Status(msg)
		m.conv.user = m.status.User
	case sentMsg:
		m.sent(msg)
	case cancelMsg:
		if m.notice = ""; msg.err != nil {
			m.notice = "cancel: " + reason(msg.err)
		}
		m.warn()
	case endMsg:
		m.err = msg.err
		return m, tea.Quit
	}
	return m, nil
}

func (m *chatModel) event(ev client.Event) {
	before := m.total()
	m.conv.take(ev)
	if _, ok := ev.(client.Page); ok {
		m.hint = m.hint || !m.ready && len(m.conv.turns) > 0
		m.ready = true
	}
	if m.above > 0 { // who reads further up stays there
		m.scroll(m.total() - before)
	}
}

func (m *chatModel) key(k tea.KeyPressMsg) tea.Cmd {
	pressed := k.String()
	if pressed != "ctrl+c" {
		m.notice, m.quitting = "", false
	}
	m.hint = false
	switch pressed {
	case "ctrl+c":
		return m.interrupt()
	case "esc":
		return m.cancel()
	case "ctrl+d":
		if m.input.empty() {
			return tea.Quit
		}
		m.input.delete()
	case "enter":
		return m.send()
	case "ctrl+r":
		return m.regenerate()
	case "ctrl+l":
		m.actions.wake()
	case "pgup":
		m.scroll(m.page())
	case "pgdown":
		m.scroll(-m.page())
	case "up":
		m.scroll(1)
	case "down":
		m.scroll(-1)
	default:
		m.edit(pressed, k.Text)
	}
	return nil
}

// edit changes the input.
func (m *chatModel) edit(pressed, text string) {
	in := &m.input
	switch pressed {
	case "alt+enter", "shift+enter", "ctrl+j":
		in.insert("\n")
	case "backspace", "ctrl+h":
		in.backspace()
	case "delete":
		in.delete()
	case "ctrl+w", "alt+backspace":
		in.word()
	case "ctrl+u":
		in.left = nil
	case "ctrl+k":
		in.right = nil
	case "left", "ctrl+b":
		in.move(-1)
	case "right", "ctrl+f":
		in.move(1)
	case "home", "ctrl+a":
		in.move(-len(in.left))
	case "end", "ctrl+e":
		in.move(len(in.right))
	default:
		if text != "" {
			in.insert(text)
		}
	}
}

// interrupt cancels what runs; a second time in a row it quits. The answer goes
// on unless it was cancelled.
func (m *chatModel) interrupt() tea.Cmd {
	if m.quitting {
		return tea.Quit
	}
	m.quitting = true
	cmd := m.cancel()
	if cmd == nil {
		m.input.clear()
	}
	m.warn()
	return cmd
}

// warn adds to the notice that the next Ctrl-C quits, if it does.
func (m *chatModel) warn() {
	if m.quitting {
		m.notice = strings.TrimPrefix(m.notice+" · Ctrl-C again quits", " · ")
	}
}

func (m *chatModel) cancel() tea.Cmd {
	t := m.conv.live()
	if t == nil {
		return nil
	}
	m.notice = "cancelling…"
	name, message, cancel := t.name, t.message, m.actions.cancel
	return func() tea.Msg { return cancelMsg{cancel(name, message)} }
}

func (m *chatModel) send() tea.Cmd {
	text := strings.TrimSpace(m.input.text())
	if text == "" {
		return nil
	}
	m.input.clear()
	m.above = 0
	if m.help = text == "/help"; m.help {
		return nil
	}
	p := turn.Prompt{Message: rand.Text(), Text: text}
	m.conv.drafts = append(m.conv.drafts, &shownTurn{message: p.Message, prompt: text, user: m.conv.user})
	prompt := m.actions.prompt
	return func() tea.Msg { return sentMsg{p.Message, prompt(p)} }
}

// regenerate asks the last turn again.
func (m *chatModel) regenerate() tea.Cmd {
	t := m.conv.last()
	if t == nil {
		m.notice = "nothing to ask again yet"
		return nil
	}
	m.above = 0
	d := &shownTurn{message: rand.Text(), target: t.name, prompt: t.prompt, user: m.conv.user}
	m.conv.drafts = append(m.conv.drafts, d)
	regenerate, name, message := m.actions.regenerate, t.name, d.message
	return func() tea.Msg { return sentMsg{message, regenerate(name, message)} }
}

// sent takes what became of a prompt. An accepted one comes with the timeline.
func (m *chatModel) sent(msg sentMsg) {
	if msg.err == nil {
		return
	}
	for _, d := range m.conv.drafts {
		if d.message == msg.message {
			d.err = "not sent: " + reason(msg.err)
		}
	}
}

func (m *chatModel) scroll(n int) {
	m.above = min(max(m.above+n, 0), max(m.total()-m.room(), 0))
}

// page is how far a page key scrolls.
func (m *chatModel) page() int { return max(m.room()-1, 1) }

// left returns how long a wait still takes, in whole seconds.
func left(s client.Status) int {
	return int(max(time.Until(s.Until), 0).Round(time.Second) / time.Second)
}
