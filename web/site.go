package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// popupPath is the path to which the authorization server sends a popup back.
const popupPath = "/popup"

// contentTypes are fixed, because those of the mime package depend on the machine.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".map":  "application/json",
	".json": "application/json",
	".svg":  "image/svg+xml",
	".wasm": "application/wasm",
}

// asset is a served file.
type asset struct {
	body              []byte
	contentType, etag string
	compressed        encodings
}

// site serves the page.
type site struct {
	origin, host, policy, framePolicy string
	assets                            map[string]asset
	docs                              http.Handler
}

// facts are what the pages are told of the servers. Exported pages have no servers, and say so.
type facts struct {
	Issuer, TokenLifetime, Phone string
	// ServerPage is where serverPath's page is, as seen from the others.
	ServerPage string
	// Policies are by page: of pages whose server sends none.
	Policies map[string]string
}

// shown is what a page's template gets.
type shown struct {
	facts
	Policy string
}

// render puts the facts into the pages that show them.
func (built files) render(f facts) error {
	for _, name := range []string{"/", serverPath} {
		template, err := template.New(name).Parse(string(built[name]))
		var page bytes.Buffer
		if err == nil {
			err = template.Execute(&page, shown{f, f.Policies[name]})
		}
		if err != nil {
			return fmt.Errorf("web/page: %w", err)
		}
		built[name] = page.Bytes()
	}
	return nil
}

// newSite makes the handler of the page's origin.
func newSite(built files, compressed map[string]encodings, origin, issuer string) (*site, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return nil, err
	}
	s := &site{origin: origin, host: u.Host, policy: contentPolicy(issuer, "'none'"), framePolicy: contentPolicy(issuer, "'self'"), assets: map[string]asset{}}
	for name, body := range built {
		s.assets[name] = newAsset(name, body, compressed[name])
	}
	return s, nil
}

func newAsset(name string, body []byte, compressed encodings) asset {
	extension := path.Ext(name)
	if extension == "" {
		extension = ".html"
	}
	sum := sha256.Sum256(body)
	return asset{body: body, compressed: compressed, contentType: contentTypes[extension], etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
}

// contentPolicy allows only what the page does. WebAssembly needs 'wasm-unsafe-eval',
// which allows no JavaScript from text; connections go to the page's own origin and to the issuer,
// so even an injected script could not send a token anywhere else with them.
func contentPolicy(issuer, ancestors string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self' 'wasm-unsafe-eval'",
		"style-src 'self'",
		"img-src 'self'",
		strings.TrimSpace("connect-src 'self' " + issuer),
		"worker-src 'self'",
		"frame-src 'self'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors " + ancestors,
	}, "; ")
}

// openerPolicy isolates the page from windows that open it, and lets it see when a user closes the
// popup. The popup's own page has no policy: if a later page of a window has one, the window looks
// closed.
func openerPolicy(path string) string {
	if path == popupPath {
		return "unsafe-none"
	}
	return "same-origin-allow-popups"
}

// tabPath is the page that plays another tab, in a frame of the first page.
const tabPath = "/tab"

func (s *site) policyOf(path string) string {
	switch path {
	case tabPath:
		return s.framePolicy
	case serverPath:
		return serverPolicy
	}
	return s.policy
}

// serverPath is the page that signs in at the visitor's own server.
const serverPath = "/server"

// serverPolicy allows connections to any server, since nobody knows before which one it will be. No
// token of the first page is in reach of this one: it keeps its own in memory.
var serverPolicy = contentPolicy(anyServer, "'none'")

const anyServer = "https: http://localhost:* http://127.0.0.1:*"

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", s.policyOf(r.URL.Path))
	h.Set("Referrer-Policy", "no-referrer") // the reply's code is in the page's URL for a moment
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", openerPolicy(r.URL.Path))
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.Host != s.host {
		// 127.0.0.1 is another origin than localhost, and the authorization server does not send
		// users back to it.
		h.Set("Cache-Control", "no-store")
		http.Redirect(w, r, s.origin+"/", http.StatusFound)
		return
	}
	if strings.HasPrefix(r.URL.Path, docsPath) && s.docs != nil {
		s.docs.ServeHTTP(w, r)
		return
	}
	if r.URL.Path == qrPath && r.Method == http.MethodGet {
		serveQR(w, r)
		return
	}
	a, found := s.assets[r.URL.Path]
	if !found {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Type", a.contentType)
	// Cached, but revalidated each time, because the server may have other bytes under the same
	// name after its next start.
	h.Set("Cache-Control", "no-cache")
	h.Add("Vary", "Accept-Encoding")
	body, etag := a.body, a.etag
	if e, ok := a.compressed.accepted(r); ok && r.Header.Get("Range") == "" {
		h.Set("Content-Encoding", e.name)
		body, etag = e.body, `"`+strings.Trim(a.etag, `"`)+"."+e.name+`"`
	}
	h.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
