// Package page serves the chat page of `karez dev`: a few files, built from
// src with esbuild and embedded, so that the binary needs nothing else. It
// knows nothing of turns; the page speaks the native protocol like any client.
//
// Read page.go for how files are served. To build the files anew:
//
//	cd internal/page && npm ci && npm run build
package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed dist
var dist embed.FS

// policy lets the page load only itself and speak only to its own server.
// There is no inline script or style in it, and it is shown in no frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

type file struct {
	body []byte
	mime string
	etag string
	// fixed: the name has a hash of the content in it, so it never changes.
	fixed bool
}

// Handler serves the page at / and its parts beside it. Other paths are 404,
// other methods than GET and HEAD 405.
func Handler() http.Handler {
	files, err := load(dist)
	if err != nil {
		panic("page: read the embedded files: " + err.Error())
	}
	return handler(files)
}

type handler map[string]file

// load reads all files of the folder, keyed by the path they are served at.
func load(from fs.FS) (map[string]file, error) {
	files := map[string]file{}
	err := fs.WalkDir(from, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		at := strings.TrimPrefix(name, "dist")
		files[at] = file{
			body: body, mime: mimeOf(name), fixed: hashed(path.Base(name)),
			etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("walk dist: %w", err)
	}
	if index, ok := files["/index.html"]; ok {
		files["/"] = index
	}
	return files, nil
}

// mimeOf does not ask the operating system for the types that matter: its
// tables differ from machine to machine.
func mimeOf(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".webmanifest":
		return "application/manifest+json"
	case ".txt":
		return "text/plain; charset=utf-8"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

// hashed tells names like app-4KX2QHZD.js, as esbuild makes them.
func hashed(base string) bool {
	stem := strings.TrimSuffix(base, path.Ext(base))
	_, hash, ok := strings.Cut(stem, "-")
	return ok && len(hash) == 8 && strings.ToUpper(hash) == hash
}

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", policy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		head.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	f, ok := h[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	head.Set("ETag", f.etag)
	head.Set("Cache-Control", "no-cache") // keep, but ask each time
	if f.fixed {
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if matches(r.Header.Get("If-None-Match"), f.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	head.Set("Content-Type", f.mime)
	head.Set("Content-Length", strconv.Itoa(len(f.body)))
	if r.Method == http.MethodGet {
		w.Write(f.body) // a reader that went away is no error
	}
}

// matches compares weakly (RFC 9110, 13.1.2).
func matches(header, etag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == etag || one == "*" {
			return true
		}
	}
	return false
}
