package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

const (
	notesPath  = "/api/notes"
	notesScope = "notes.read"
)

// notesAPI is a protected resource: it answers to an access token with the scope notes.read.
type notesAPI struct {
	server       *authserver.Server
	issuer, page string
	now          func() time.Time
}

type note struct {
	Title string `json:"title"`
	Text  string `json:"text"`
}

var notes = []note{
	{"Where the token goes", "To this API and to the server that issued it. The module refuses every other address."},
	{"PKCE", "The code in the page's address was worth nothing without the verifier that this tab kept."},
	{"Rotation", "Each refresh token is good for one use. A second use, later, ends the session."},
}

func (a *notesAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	a.allowOrigin(h, r.Header.Get("Origin"))
	switch r.Method {
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET")
		h.Set("Access-Control-Allow-Headers", "Authorization")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodGet, http.MethodHead:
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		writeJSON(w, http.StatusMethodNotAllowed, map[string]string{"error": "method_not_allowed"})
		return
	}

	value, sent := bearer(r.Header)
	if !sent {
		// RFC 6750 section 3.1: no error code for a request without authentication.
		a.challenge(w, http.StatusUnauthorized, "")
		return
	}
	now := a.now()
	token, ok := a.server.Authenticate(now, value)
	if !ok {
		a.challenge(w, http.StatusUnauthorized, "invalid_token")
		return
	}
	if !token.HasScope(notesScope) {
		a.challenge(w, http.StatusForbidden, "insufficient_scope")
		return
	}
	left := token.IssuedAt.Add(token.ExpiresIn).Sub(now).Round(time.Second)
	writeJSON(w, http.StatusOK, struct {
		User    string `json:"user"`
		Scope   string `json:"scope"`
		GoodFor string `json:"token_good_for"`
		Notes   []note `json:"notes"`
	}{token.User, token.Scope, left.String(), notes})
}

func (a *notesAPI) allowOrigin(h http.Header, origin string) {
	h.Add("Vary", "Origin")
	if origin != a.page {
		return
	}
	h.Set("Access-Control-Allow-Origin", a.page)
	h.Set("Access-Control-Expose-Headers", "WWW-Authenticate")
}

// challenge refuses as RFC 6750 section 3 says.
func (a *notesAPI) challenge(w http.ResponseWriter, status int, code string) {
	value := `Bearer realm="` + a.issuer + `"`
	body := map[string]string{"error": "unauthorized"}
	if code != "" {
		value += `, error="` + code + `"`
		body["error"] = code
	}
	if code == "insufficient_scope" {
		value += `, scope="` + notesScope + `"`
	}
	w.Header().Set("WWW-Authenticate", value)
	writeJSON(w, status, body)
}

// bearer is the token of an Authorization header (RFC 6750 section 2.1), the only place where it is looked for.
func bearer(h http.Header) (token string, sent bool) {
	scheme, token, found := strings.Cut(h.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(token), true
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // nothing that comes here can fail
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n')) // an error here is the peer's going away
}
