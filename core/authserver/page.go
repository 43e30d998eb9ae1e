package authserver

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"strconv"
	"time"
)

//go:embed pages
var pageFiles embed.FS

var (
	pageTemplates = template.Must(template.ParseFS(pageFiles, "pages/*.html"))
	pageStyle     = mustRead("pages/base.css") + mustRead("pages/style.css")
	pageStyleHash = hashSource(pageStyle)
)

func mustRead(name string) string {
	b, err := pageFiles.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func hashSource(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// page is what the templates show. Every page uses part of it.
type page struct {
	Title       string
	Issuer      string // the issuer's host
	Style       template.CSS
	Client      string
	Host        string // the host of a client_id that is a URL
	OnDevice    bool   // the answer goes to the user's own device
	Action      string
	Interaction string
	Alert       string
	Hint        string
	Username    string
	Password    string
	Name        string
	Scopes      []Scope
	Resources   []string
	Details     string
	ReturnTo    string
	UserCode    string
	ErrorCode   string
	Fields      []formField
	Script      template.JS
	Frames      []string
	Link        template.URL

	// formAction is the CSP source of the form's target; empty means this server.
	formAction string
	// frameSources are the CSP sources of the frames, separated by spaces.
	frameSources string
}

// errorPage shows the user an error that must not be sent to the address in the request.
func (s *Server) errorPage(err error) Response { return s.errorPageFor("", err) }

// errorPageFor is errorPage with a link to the home page of the client that sent the user.
func (s *Server) errorPageFor(clientID string, err error) Response {
	e := asProtocolError(err)
	alert := e.description
	if e.retryAfter > 0 {
		alert = "That was too often. Please try again in " + inMinutes(e.retryAfter) + "."
	}
	shown := page{Title: "Sign-in stopped", Alert: alert, ErrorCode: e.code}
	if client, err := s.cfg.Store.Client(clientID); err == nil && client.URI != "" {
		shown.Link, shown.ReturnTo = template.URL(client.URI), client.displayName() // checked when it was registered
	}
	resp := s.page("error", e.status, shown)
	e.sayWhen(resp)
	return resp
}

// inMinutes writes a duration for people, rounded up to minutes.
func inMinutes(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Minute-1)/time.Minute), 10) + " min"
}

func (s *Server) page(name string, status int, p page) Response {
	p.Issuer = s.issuer.Host
	p.Style = template.CSS(pageStyle) // our own file, nothing from a request
	var body bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&body, name+".html", p); err != nil {
		return asProtocolError(err).response()
	}
	h := newHeader("text/html; charset=utf-8")
	csp := "default-src 'none'; style-src " + pageStyleHash + "; base-uri 'none'; frame-ancestors 'none'"
	// Chromium checks every redirect after a form against form-action. The password goes only to
	// this server. But the forms for consent and for signing out end at the client: at a
	// private-use scheme, an IPv6 address that no source expression can name, or further redirects
	// of the client's own. So those forms have no form-action.
	if name != "consent" && name != "signout" {
		csp += "; form-action " + cmp.Or(p.formAction, "'self'")
	}
	if p.frameSources != "" {
		csp += "; frame-src " + p.frameSources
	}
	if p.Script != "" {
		csp += "; script-src " + hashSource(string(p.Script))
	}
	h.Set("Content-Security-Policy", csp)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	return Response{Status: status, Header: h, Body: body.Bytes()}
}

type formField struct{ Name, Value string }
