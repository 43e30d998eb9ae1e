package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// D40: the demo serves the documentation if it was built, and otherwise says how to build it.
func TestDocs(t *testing.T) {
	built, empty := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"build/docs/index.html":        "<title>index</title>",
		"build/docs/guides/page.html":  "<title>page</title>",
		"build/docs/assets/app.js":     "export {};",
		"build/docs/assets/inter.woff": "font",
		"build/secret.txt":             "outside",
	} {
		file := filepath.Join(built, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, root, path, kind, text string
		status                       int
	}{
		{"the index", built, "/docs/", "text/html; charset=utf-8", "index", 200},
		{"a page", built, "/docs/guides/page.html", "text/html; charset=utf-8", "page", 200},
		{"a script, whatever the machine thinks of .js", built, "/docs/assets/app.js", "text/javascript; charset=utf-8", "export", 200},
		{"no such page", built, "/docs/nothing.html", "", "not found", 404},
		{"a file outside", built, "/docs/../secret.txt", "", "", 404},
		{"not built", empty, "/docs/", "", "make docs", 404},
		{"not built, a page", empty, "/docs/guides/page.html", "", "make docs", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			site := &site{origin: "http://localhost:8080", host: "localhost:8080", docs: docs(c.root)}
			r := httptest.NewRequest(http.MethodGet, "http://localhost:8080/", nil)
			r.URL.Path = c.path
			w := httptest.NewRecorder()
			site.ServeHTTP(w, r)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.text) || strings.Contains(w.Body.String(), "outside") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if c.kind != "" && w.Header().Get("Content-Type") != c.kind {
				t.Errorf("content type %q", w.Header().Get("Content-Type"))
			}
			if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self';") {
				t.Errorf("policy %q", policy)
			}
		})
	}
}
