package redirect

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
	"time"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

var (
	pageTemplate = template.Must(template.New("page").Parse(pageHTML))
	pagePolicy   = policy()
)

// policy allows the page its one style sheet and nothing else: no script, no frame around it, no
// request.
func policy() string {
	sum := sha256.Sum256([]byte(pageCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func protect(h http.Header) {
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the page's own URL contains the code
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Connection", "close")
}

func (l *Listener) showOutcome(w http.ResponseWriter, v verdict) {
	p := struct {
		CSS               template.CSS
		Failed            bool
		Title, Text, Note string
	}{CSS: template.CSS(pageCSS), Title: "Signed in", Text: l.opts.Done}
	status := http.StatusOK
	if v.err != nil {
		status = http.StatusBadRequest
		p.Failed, p.Title, p.Text, p.Note = true, "Sign-in failed", l.opts.Failed, shown(v.err)
	}
	if v.waiting {
		p.Title, p.Text = "Reply refused", "The program still waits for the reply to its own sign-in. Anybody may have sent this one; nobody has verified what it says:"
	}
	switch {
	case p.Text != "":
	case p.Failed:
		p.Text = "You can close this window and try again."
	default:
		p.Text = "You can close this window."
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		refuse(w, http.StatusInternalServerError)
		return
	}
	protect(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	c := http.NewResponseController(w)
	c.SetWriteDeadline(time.Now().Add(pageTimeout))
	w.WriteHeader(status)
	w.Write(b.Bytes())
	c.Flush() // the caller of Finish may then end the process
}

func refuse(w http.ResponseWriter, status int) {
	protect(w.Header())
	http.Error(w, http.StatusText(status), status)
}
