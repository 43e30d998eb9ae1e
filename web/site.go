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
	"strconv"
	"strings"
	"time"
)

// popupPath is where the authorization server sends a popup back to.
const popupPath = "/popup"

// contentTypes are fixed, because those of the mime package depend on the machine.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".map":  "application/json",
	".svg":  "image/svg+xml",
	".wasm": "application/wasm",
}

// asset is a file as it is served.
type asset struct {
	body              []byte
	contentType, etag string
}

// site serves the page.
type site struct {
	origin, host, policy string
	assets               map[string]asset
	docs                 http.Handler
}

// newSite makes the handler of the page's origin.
func newSite(built files, origin, issuer string, life lifetimes) (*site, error) {
	index, err := template.New("index").Parse(string(built["/index.html"]))
	if err != nil {
		return nil, fmt.Errorf("web/page/index.html: %w", err)
	}
	var page bytes.Buffer
	err = index.Execute(&page, map[string]string{"Issuer": issuer, "TokenLifetime": strconv.FormatInt(life.token.Milliseconds(), 10)})
	if err != nil {
		return nil, fmt.Errorf("web/page/index.html: %w", err)
	}
	u, err := url.Parse(origin)
	if err != nil {
		return nil, err
	}
	s := &site{origin: origin, host: u.Host, policy: contentPolicy(issuer), assets: map[string]asset{}}
	for name, body := range built {
		if name == "/index.html" {
			name, body = "/", page.Bytes()
		}
		s.assets[name] = newAsset(name, body)
	}
	return s, nil
}

func newAsset(name string, body []byte) asset {
	extension := path.Ext(name)
	if extension == "" {
		extension = ".html"
	}
	sum := sha256.Sum256(body)
	return asset{body: body, contentType: contentTypes[extension], etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
}

// contentPolicy allows what the page does and nothing else. WebAssembly needs 'wasm-unsafe-eval',
// which allows no JavaScript from text; connections go to the page's own origin and to the issuer,
// so even a script that should not be there could send a token nowhere else by them.
func contentPolicy(issuer string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self' 'wasm-unsafe-eval'",
		"style-src 'self'",
		"img-src 'self'",
		"connect-src 'self' " + issuer,
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
	}, "; ")
}

// openerPolicy keeps windows that open the page away from it, and lets it see when a person closes
// the popup. The popup's own page has none: a policy that comes with a later page of a window takes
// it for closed.
func openerPolicy(path string) string {
	if path == popupPath {
		return "unsafe-none"
	}
	return "same-origin-allow-popups"
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", s.policy)
	h.Set("Referrer-Policy", "no-referrer") // the reply's code stands in the page's URL for a moment
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", openerPolicy(r.URL.Path))
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.Host != s.host {
		// 127.0.0.1 is another origin than localhost, and not where the authorization server sends
		// people back to.
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
	// Kept, but asked for anew each time: the next start of the server may bring other bytes under
	// the same name.
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}
