package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/karez/karez/internal/auth"
)

// The programs of tokens.md make tokens that a server takes, and that allow
// what the page says.
func TestTokensOfOtherLanguages(t *testing.T) {
	page, err := Pages.ReadFile("tokens.md")
	if err != nil {
		t.Fatal(err)
	}
	const secret = "0123456789abcdef0123456789abcdef"
	key, err := auth.Secret([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	verify, err := auth.New(auth.Options{Keys: []auth.Key{key}})
	if err != nil {
		t.Fatal(err)
	}
	for lang, run := range map[string][]string{"js": {"node", "token.mjs"}, "python": {"python3", "token.py"}, "php": {"php", "token.php"}} {
		m := regexp.MustCompile("(?s)```" + lang + "\n(.*?)```").FindSubmatch(page)
		if m == nil {
			t.Errorf("tokens.md has no program in %s", lang)
			continue
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, run[1]), m[1], 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(run[0], run[1])
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "KAREZ_JWT_SECRET="+secret)
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("%s: %v", lang, err)
			continue
		}
		g, err := verify.Verify(strings.TrimSpace(string(out)))
		if err != nil {
			t.Errorf("%s: %v", lang, err)
			continue
		}
		if g.User != "ada" || !g.May(auth.Cancel, "app", "chat:42") || g.May(auth.Publish, "app", "chat:42") || g.May(auth.Read, "app", "chat:43") {
			t.Errorf("%s: %+v", lang, g)
		}
	}
}

// The table of verbs is whole.
func TestTokensNamesTheVerbs(t *testing.T) {
	page, err := Pages.ReadFile("tokens.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range append(auth.Verbs(), auth.All) {
		if !strings.Contains(string(page), "\n| `"+v+"` | ") {
			t.Errorf("tokens.md does not say what %q allows", v)
		}
	}
}
