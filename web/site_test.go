package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	testPage   = "http://localhost:8080"
	testIssuer = "http://127.0.0.1:8081"
)

var testLife = lifetimes{token: time.Minute, session: time.Hour, deviceCode: time.Minute, fresh: time.Minute}

func testSite(t *testing.T) *site {
	t.Helper()
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	built, err := build(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := built.render(facts{ServerPage: "server", Issuer: testIssuer, TokenLifetime: "60000"}); err != nil {
		t.Fatal(err)
	}
	s, err := newSite(built, compress(root, built), testPage, testIssuer)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(h http.Handler, url string, header ...string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSiteServesEachFileAsWhatItIs(t *testing.T) {
	s := testSite(t)
	for path, contentType := range map[string]string{
		"/":                    "text/html; charset=utf-8",
		"/?code=any&state=any": "text/html; charset=utf-8",
		"/popup?code=any":      "text/html; charset=utf-8",
		"/app.js":              "text/javascript; charset=utf-8",
		"/popup.js":            "text/javascript; charset=utf-8",
		"/app.js.map":          "application/json",
		"/style.css":           "text/css; charset=utf-8",
		"/icon.svg":            "image/svg+xml",
		"/oauth2.wasm":         "application/wasm",
	} {
		t.Run(path, func(t *testing.T) {
			r := get(s, testPage+path)
			if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != contentType {
				t.Fatalf("status %d, type %q", r.StatusCode, r.Header.Get("Content-Type"))
			}
			if r.Header.Get("Cache-Control") != "no-cache" || r.Header.Get("ETag") == "" {
				t.Fatalf("Cache-Control %q, ETag %q", r.Header.Get("Cache-Control"), r.Header.Get("ETag"))
			}
			again := get(s, testPage+path, "If-None-Match", r.Header.Get("ETag"))
			if again.StatusCode != http.StatusNotModified || body(t, again) != "" {
				t.Fatalf("asked again, status %d", again.StatusCode)
			}
		})
	}
}

func TestSiteServesTheCommittedModule(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile(filepath.Join(root, "wasm/oauth2.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	if body(t, get(testSite(t), testPage+"/oauth2.wasm")) != string(module) {
		t.Fatal("other bytes than wasm/oauth2.wasm")
	}
}

func TestSiteHeaders(t *testing.T) {
	s := testSite(t)
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; " +
			"connect-src 'self' http://127.0.0.1:8081; worker-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"Cross-Origin-Opener-Policy":   "same-origin-allow-popups",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Access-Control-Allow-Origin":  "",
	}
	for _, path := range []string{"/", "/oauth2.wasm", "/nothing", popupPath} {
		r := get(s, testPage+path)
		if path == popupPath {
			want["Cross-Origin-Opener-Policy"] = "unsafe-none"
		}
		for name, value := range want {
			if got := r.Header.Get(name); got != value {
				t.Errorf("%s: %s: %q, want %q", path, name, got, value)
			}
		}
	}
}

func TestPageHoldsNothingThatThePolicyForbids(t *testing.T) {
	s := testSite(t)
	page := body(t, get(s, testPage+"/"))
	for _, inline := range []string{"<style", " style=", " onclick=", "<script>", "{{"} {
		if strings.Contains(page, inline) || strings.Contains(body(t, get(s, testPage+popupPath)), inline) {
			t.Errorf("a page has %q", inline)
		}
	}
	if !strings.Contains(page, `data-issuer="`+testIssuer+`"`) || !strings.Contains(page, `data-token-lifetime="60000"`) {
		t.Error("the page does not name its server")
	}
}

// D3: the module is served compressed, each coding with its own tag, and uncompressed to clients
// that accept no coding.
func TestSiteCompresses(t *testing.T) {
	s := testSite(t)
	whole := body(t, get(s, testPage+"/oauth2.wasm"))
	for _, row := range []struct{ accept, coding string }{
		{"gzip, deflate", "gzip"}, {"gzip;q=0", ""}, {"", ""}, {"identity", ""}, {"br", "br"}, {"gzip, br;q=0.5", "br"},
	} {
		t.Run(row.accept, func(t *testing.T) {
			if row.coding == "br" {
				if _, err := exec.LookPath("node"); err != nil {
					t.Fatal("needs Node, which has brotli")
				}
			}
			r := get(s, testPage+"/oauth2.wasm", "Accept-Encoding", row.accept)
			if got := r.Header.Get("Content-Encoding"); got != row.coding || r.Header.Get("Vary") != "Accept-Encoding" {
				t.Fatalf("%q, vary %q", got, r.Header.Get("Vary"))
			}
			sent := body(t, r)
			if row.coding == "" && sent != whole || row.coding != "" && len(sent) > len(whole)/2 {
				t.Fatal(len(sent))
			}
			if row.coding != "gzip" {
				return
			}
			unpacked, err := gzip.NewReader(strings.NewReader(sent))
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(unpacked); err != nil || string(b) != whole {
				t.Fatal("other bytes", err)
			}
		})
	}
}

func TestSiteRefuses(t *testing.T) {
	s := testSite(t)
	t.Run("an unknown path", func(t *testing.T) {
		if r := get(s, testPage+"/../go.mod"); r.StatusCode != http.StatusNotFound {
			t.Fatal(r.StatusCode)
		}
	})
	t.Run("another method", func(t *testing.T) {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, testPage+"/", nil))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Fatal(w.Code, w.Header())
		}
	})
	t.Run("another host, and names its own", func(t *testing.T) {
		r := get(s, "http://127.0.0.1:8080/?code=any")
		if r.StatusCode != http.StatusFound || r.Header.Get("Location") != testPage+"/" {
			t.Fatal(r.StatusCode, r.Header)
		}
	})
}

func TestBuildShowsWhatIsWrong(t *testing.T) {
	root := t.TempDir()
	for path, text := range map[string]string{
		"web/page/index.html": "", "web/page/popup.html": "", "web/page/tab.html": "", "web/page/style.css": "", baseStyle: "", "web/page/icon.svg": "", "wasm/oauth2.wasm": "", "wasm/oauth2-edge.wasm": "",
		"web/src/main.ts": "import './gone.js';", "web/src/popup.ts": "", "web/src/tab.ts": "", "web/src/server.ts": "", "web/page/server.html": "", "web/src/proof-worker.ts": "",
	} {
		file := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := build(root)
	if err == nil || !strings.Contains(err.Error(), "main.ts:1:7") || !strings.Contains(err.Error(), "gone.js") {
		t.Fatalf("the error names neither file nor line: %v", err)
	}
}

// TestQR: the picture encodes the text, and the markup does not contain the text.
func TestQR(t *testing.T) {
	for _, row := range []struct {
		name, text string
		status     int
	}{
		{"an address", "http://127.0.0.1:8081/device?user_code=ABCD-EFGH", http.StatusOK},
		{"markup", `"><script>`, http.StatusOK},
		{"too long", strings.Repeat("x", 5000), http.StatusBadRequest},
	} {
		w := httptest.NewRecorder()
		serveQR(w, httptest.NewRequest(http.MethodGet, qrPath+"?text="+url.QueryEscape(row.text), nil))
		if w.Code != row.status || strings.Contains(w.Body.String(), "script") || row.status == http.StatusOK && !strings.HasPrefix(w.Body.String(), "<svg ") {
			t.Errorf("%s: %d %.80s", row.name, w.Code, w.Body.String())
		}
	}
}

// TestPagesShareAStyle: what all pages have in common is written once. The edge page is served from
// its folder as it is, so it has a copy.
func TestPagesShareAStyle(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	shared, err := os.ReadFile(filepath.Join(root, baseStyle))
	if err != nil {
		t.Fatal(err)
	}
	if copied, err := os.ReadFile(filepath.Join(root, "edge/page/base.css")); err != nil || !bytes.Equal(copied, shared) {
		t.Errorf("edge/page/base.css is another: cp %s edge/page/base.css (%v)", baseStyle, err)
	}
	if !strings.HasPrefix(body(t, get(testSite(t), testPage+"/style.css")), string(shared)) {
		t.Error("the demo's style does not begin with it")
	}
}
