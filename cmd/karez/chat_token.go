package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/karez/karez/client"
	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/wire"
)

// chatVerbs is what a person who chats needs.
var chatVerbs = []auth.Verb{"read", "prompt", "cancel", "publish", "presence"}

// token returns where the client gets its tokens: the one given, one minted
// here, or one of a development server.
func (c *chatCmd) token(mem *memory) func(context.Context) (string, error) {
	switch {
	case c.Token != "":
		return client.Static(c.Token)
	case c.JWTSecret != "":
		return func(context.Context) (string, error) { return c.mint() }
	}
	return func(ctx context.Context) (string, error) { return fetchDevToken(ctx, c.URL, mem) }
}

func (c *chatCmd) mint() (string, error) {
	key, err := auth.Secret([]byte(c.JWTSecret))
	if err != nil {
		return "", final(err.Error(), "")
	}
	now := time.Now()
	return auth.Mint(key, auth.Claims{
		User: c.User, App: c.App, Channels: map[string][]auth.Verb{auth.EveryChannel: chatVerbs},
		IssuedAt: now, Expires: now.Add(15 * time.Minute),
	})
}

// devCookie names a person to a development server.
const devCookie = "karez_dev_user"

// fetchDevToken asks a development server for a token, as its page does.
func fetchDevToken(ctx context.Context, base string, mem *memory) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(base, "/")+"/v1/dev/token", nil)
	if err != nil {
		return "", final(err.Error(), "")
	}
	if user := mem.user(); user != "" {
		req.AddCookie(&http.Cookie{Name: devCookie, Value: user})
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", unreachable(base, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return "", err
	}
	if res.StatusCode == http.StatusNotFound {
		return "", final(base+" gives no tokens", "give --token or --jwt-secret; only karez dev hands them out")
	}
	var got struct{ Token, User string }
	if res.StatusCode != http.StatusOK || json.Unmarshal(body, &got) != nil || got.Token == "" {
		return "", fmt.Errorf("get a token from %s: HTTP %d", base, res.StatusCode)
	}
	mem.remember(func(m *memory) { m.User = got.User })
	return got.Token, nil
}

// unreachable says what became of an attempt to reach the server, and what
// helps.
func unreachable(base string, err error) *wire.Error {
	if e := (*wire.Error)(nil); errors.As(err, &e) && e.Hint != "" {
		return e // said here already
	}
	if ue := (*url.Error)(nil); errors.As(err, &ue) {
		err = ue.Err
	}
	e := &wire.Error{Code: client.CodeConnect, Message: "no server at " + base, Hint: "start one with karez dev, or give --url"}
	text := err.Error()
	if we := (*wire.Error)(nil); errors.As(err, &we) {
		text = we.Message
	}
	refused := errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(text, "connection refused")
	switch {
	case refused:
	case errors.Is(err, io.EOF) || strings.HasSuffix(text, "EOF") || strings.Contains(text, "malformed HTTP"):
		e.Message, e.Hint = "what listens at "+base+" is no Karez server", "give the address of one with --url"
	default:
		e.Message = "no server at " + base + ": " + text
	}
	return e
}

// final is an error after which the client does not try again.
func final(message, hint string) *wire.Error {
	return &wire.Error{Code: wire.CodeUnauthorized, Message: message, Hint: hint}
}

// A memory is what is remembered of one server between two runs: the last
// conversation, and whom a development server takes us for.
type memory struct {
	Channel string `json:"channel,omitempty"`
	User    string `json:"user,omitempty"`

	mu   sync.Mutex // guards the two above
	file string     // "": nothing is kept
	url  string
}

// openMemory reads what is remembered. With an error, the memory is empty and
// keeps nothing.
func openMemory(url string) (*memory, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return &memory{}, err
	}
	m := &memory{file: filepath.Join(dir, "karez", "chat.json"), url: url}
	all, err := m.load()
	if err != nil {
		return &memory{}, err
	}
	if old := all[url]; old != nil {
		m.Channel, m.User = old.Channel, old.User
	}
	return m, nil
}

func (m *memory) load() (map[string]*memory, error) {
	all := map[string]*memory{}
	p, err := os.ReadFile(m.file)
	if os.IsNotExist(err) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(p, &all); err != nil {
		return nil, fmt.Errorf("read %s: %w", m.file, err)
	}
	return all, nil
}

func (m *memory) user() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.User
}

// remember changes what is remembered and keeps it, if it can.
func (m *memory) remember(change func(*memory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.Channel + "\n" + m.User
	change(m)
	if m.file == "" || before == m.Channel+"\n"+m.User {
		return
	}
	all, err := m.load() // another run may have written meanwhile
	if err != nil {
		return
	}
	all[m.url] = m
	p, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return
	}
	if os.MkdirAll(filepath.Dir(m.file), 0o700) != nil {
		return
	}
	next := fmt.Sprintf("%s.%d", m.file, os.Getpid())
	if os.WriteFile(next, append(p, '\n'), 0o600) == nil {
		_ = os.Rename(next, m.file) // remembering is a convenience
	}
}
