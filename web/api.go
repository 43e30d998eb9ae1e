package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

const (
	apiPath    = "/api"
	notesPath  = apiPath + "/notes"
	secretPath = apiPath + "/secret"
	notesScope = "notes.read"
)

// protectedAPI is a protected resource: it accepts access tokens with the access that it requires.
type protectedAPI struct {
	server *authserver.Server
	page   string
	access authserver.Access
	notes  []note
	now    func() time.Time
}

type note struct {
	Title string `json:"title"`
	Text  string `json:"text"`
}

var (
	notes = []note{
		{"Where the token goes", "To this API and to the server that issued it. The module refuses every other address."},
		{"PKCE", "The code in the page's address was worth nothing without the verifier that this tab kept."},
		{"A key of its own", "The token came with a proof, signed with the browser's key for this one request. Without it the token is worth nothing."},
		{"Rotation", "Each refresh token is good for one use. A second use, later, ends the session."},
	}
	secrets = []note{{"Just for you", "You have shown who you are a moment ago, so you may read this."}}
)

func (a *protectedAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	a.allowOrigin(h, r.Header.Get("Origin"))
	switch r.Method {
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET")
		h.Set("Access-Control-Allow-Headers", "Authorization, DPoP")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodGet, http.MethodHead:
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		writeJSON(w, http.StatusMethodNotAllowed, map[string]string{"error": "method_not_allowed"})
		return
	}

	now := a.now()
	token, answer, ok := a.server.CheckAccess(authserver.Request{Method: r.Method, URL: r.URL.String(), Header: r.Header, Now: now}, a.access)
	if !ok {
		respond(w, answer)
		return
	}
	maps.Copy(h, answer.Header)
	left := token.IssuedAt.Add(token.ExpiresIn).Sub(now).Round(time.Second)
	writeJSON(w, http.StatusOK, struct {
		User    string `json:"user"`
		Scope   string `json:"scope"`
		GoodFor string `json:"token_good_for"`
		Notes   []note `json:"notes"`
	}{token.User, token.Scope, left.String(), a.notes})
}

// allowOrigin lets the page read the answer, with the reason of a refusal (RFC 6750 section 3) and
// the nonce for the next proof (RFC 9449 section 9).
func (a *protectedAPI) allowOrigin(h http.Header, origin string) {
	h.Add("Vary", "Origin")
	if origin != a.page {
		return
	}
	h.Set("Access-Control-Allow-Origin", a.page)
	h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce")
}

// respond sends an answer of package authserver.
func respond(w http.ResponseWriter, answer authserver.Response) {
	maps.Copy(w.Header(), answer.Header)
	w.WriteHeader(answer.Status)
	w.Write(answer.Body) // an error here is the peer's going away
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // the values here can always be encoded
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n')) // an error here is the peer's going away
}
