package wasm_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// edgeEngine runs the edge module, which has the kind bff.
func edgeEngine(t testing.TB) oauth.Engine {
	t.Helper()
	e, err := wasm.NewEdge(t.Context(), wasm.EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Shutdown)
	return e
}

// TestEdgeTranscripts: the module's output equals that of the native engine, byte for byte, for
// kinds bff and resource and for all other kinds.
func TestEdgeTranscripts(t *testing.T) {
	tally := oauthtest.RunTranscripts(t, "../core/contract/bff", edgeEngine)
	if tally.Total < 10 {
		t.Errorf("%d transcripts", tally.Total)
	}
	report(t, oauthtest.Report{BFF: &oauthtest.Second{SHA256: wasm.EdgeSHA256(), Tally: tally}})
	tally = oauthtest.RunTranscripts(t, "../core/contract/resource", edgeEngine)
	if tally.Total < 10 {
		t.Errorf("%d transcripts", tally.Total)
	}
	report(t, oauthtest.Report{Resource: &oauthtest.Second{SHA256: wasm.EdgeSHA256(), Tally: tally}})
	if all := oauthtest.RunTranscripts(t, "../core/contract/client", edgeEngine); all.Total < 10 {
		t.Errorf("%d transcripts", all.Total)
	}
}

// TestEdgeHandler: the handler of core/oauth/backend with the module: sign-ins begin, and a page
// without a session gets 401.
func TestEdgeHandler(t *testing.T) {
	ring, err := backend.ReadRing(backend.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	h, err := backend.New(edgeEngine(t), backend.Config{
		Client: oauth.Config{Issuer: "https://as.example", ClientID: "c", ClientSecret: "s", AuthorizationEndpoint: "https://as.example/authorize", TokenEndpoint: "https://as.example/token", Scope: "notes"},
		Base:   "https://app.example/auth",
	}, backend.Options{Ring: ring})
	if err != nil {
		t.Fatal(err)
	}
	for range 300 { // sessions open and close, and so do the instances that hold them
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "https://app.example/auth/login?return_to=%2Fhome", nil))
		if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "https://as.example/authorize?") || !strings.HasPrefix(w.Header().Get("Set-Cookie"), "__Host-oauth2") {
			t.Fatal(w.Code, w.Header(), w.Body)
		}
	}
	r := httptest.NewRequest("GET", "https://app.example/auth/session", nil)
	r.Header.Set("X-CSRF", "1")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 401 || !strings.Contains(w.Body.String(), "not_signed_in") {
		t.Error(w.Code, w.Body)
	}
}
