package page

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

// What the page names is served, with its type, and may be kept for ever
// because its name changes with it.
func TestPageAndItsParts(t *testing.T) {
	res, html := get(t, "GET", "/")
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/html; charset=utf-8" || res.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("GET /: %s, %v", res.Status, res.Header)
	}
	types := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	seen := 0
	for _, m := range regexp.MustCompile(`(?:src|href)="(/[^"]+(\.[a-z]+))"`).FindAllStringSubmatch(html, -1) {
		res, body := get(t, "GET", m[1])
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != types[m[2]] || body == "" {
			t.Errorf("GET %s: %s, %s, %d bytes", m[1], res.Status, res.Header.Get("Content-Type"), len(body))
		}
		if fixed := strings.Contains(res.Header.Get("Cache-Control"), "immutable"); fixed != strings.Contains(m[1], "-") {
			t.Errorf("GET %s: Cache-Control %q", m[1], res.Header.Get("Cache-Control"))
		}
		seen++
	}
	if seen != 3 {
		t.Errorf("the page names %d files; want script, style and icon", seen)
	}
}

// A strict policy is only kept if the page has nothing inline and nothing from
// elsewhere.
func TestPolicyFitsThePage(t *testing.T) {
	res, html := get(t, "GET", "/")
	csp := res.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("policy %q lacks %q", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q is unsafe", csp)
	}
	for _, bad := range []string{"<style", "style=", "onload=", "onclick=", "//cdn", `src="http`, `href="http`} {
		if strings.Contains(html, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	if strings.Count(html, "<script") != strings.Count(html, "></script>") {
		t.Error("the page has an inline script")
	}
	if res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("types may be guessed")
	}
}

func TestUnchangedFilesAreNotSentAgain(t *testing.T) {
	res, _ := get(t, "GET", "/")
	tag := res.Header.Get("ETag")
	for _, asked := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		if res, body := get(t, "GET", "/", "If-None-Match", asked); res.StatusCode != 304 || body != "" {
			t.Errorf("If-None-Match %s: %s, %d bytes", asked, res.Status, len(body))
		}
	}
	if res, _ := get(t, "GET", "/", "If-None-Match", `"x"`); res.StatusCode != 200 {
		t.Errorf("another tag: %s", res.Status)
	}
	if other, _ := get(t, "GET", "/favicon.svg"); other.Header.Get("ETag") == tag {
		t.Error("two files have one tag")
	}
}

func TestHeadMissingAndOtherMethods(t *testing.T) {
	whole, html := get(t, "GET", "/")
	res, body := get(t, "HEAD", "/")
	if res.StatusCode != 200 || body != "" || res.Header.Get("Content-Length") != whole.Header.Get("Content-Length") || len(html) == 0 {
		t.Errorf("HEAD /: %s, %d bytes, length %s", res.Status, len(body), res.Header.Get("Content-Length"))
	}
	for _, path := range []string{"/none", "/dist/index.html", "/../page.go", "/app.js", "/v1/none"} {
		if res, _ := get(t, "GET", path); res.StatusCode != 404 {
			t.Errorf("GET %s: %s, want 404", path, res.Status)
		}
	}
	if res, _ := get(t, "POST", "/"); res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST /: %s, Allow %q", res.Status, res.Header.Get("Allow"))
	}
}

func TestHashedNames(t *testing.T) {
	for name, want := range map[string]bool{
		"app-RCNYIKSC.js": true, "style-TDXU7M2T.css": true, "index.html": false, "favicon.svg": false, "app-main.js": false, "app-abcdefgh.js": false,
	} {
		if hashed(name) != want {
			t.Errorf("hashed(%q) = %v", name, !want)
		}
	}
}

// Whoever reads is told in a sentence why an answer failed: each code that a
// turn may end with has one.
func TestEveryFailureHasASentence(t *testing.T) {
	codes, err := os.ReadFile("../../turn/payload.go")
	if err != nil {
		t.Fatal(err)
	}
	texts, err := os.ReadFile("src/errors.ts")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`\tCode\w+ += "(\w+)"`).FindAllStringSubmatch(string(codes), -1)
	if len(found) < 10 {
		t.Fatalf("%d codes in turn/payload.go", len(found))
	}
	for _, m := range found {
		if m[1] != "internal" && !strings.Contains(string(texts), "\n  "+m[1]+": \"") {
			t.Errorf("src/errors.ts has no sentence for %s", m[1])
		}
	}
}
