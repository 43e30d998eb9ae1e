package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// D18: the exported pages find each other by relative addresses, bring their policy, and hold
// nothing of a server.
func TestExport(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "pages")
	if err := export(folder); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"app.js", "server.js", "proof-worker.js", "style.css", "oauth2.wasm", "oauth2-edge.wasm", "transcripts.json", "hosts.json"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	for name, connect := range map[string]string{"index.html": "connect-src &#39;self&#39;;", "server.html": "connect-src &#39;self&#39; https: http://localhost:*"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		page := string(text)
		for _, absent := range []string{`href="/`, `src="/`, "{{", "frame-ancestors", "127.0.0.1:80", "docs/"} {
			if strings.Contains(page, absent) {
				t.Errorf("%s has %q", name, absent)
			}
		}
		if !strings.Contains(page, connect) {
			t.Errorf("%s has no policy with %q", name, connect)
		}
	}
	for _, name := range []string{"popup.js", "tab.js", "popup", "tab"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
			t.Errorf("%s is nothing without the server", name)
		}
	}
}
