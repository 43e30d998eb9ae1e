package guard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/guard"
	"github.com/oauth2-wasm/oauth2-wasm/core/resource"
)

// An API whose readers need one scope and whose writers another.
func Example() {
	g, err := guard.New(resource.Engine(), guard.Config{
		Resource:             "https://api.example/notes",
		AuthorizationServers: []guard.Server{{Issuer: "https://login.example"}},
		DPoPAlgorithms:       []oauth.Algorithm{oauth.ES256},
	}, guard.Options{
		OnRefused: func(r *http.Request, why guard.Reason) { fmt.Println(r.URL.Path, why.Code) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()
	notes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := guard.FromContext(r.Context())
		fmt.Fprintln(w, "notes of", token.Subject, "for", token.ClientID)
	})
	mux := http.NewServeMux()
	mux.Handle("GET "+g.MetadataPath(), g.Metadata())
	mux.Handle("GET /notes", g.Handler(guard.Need{Scope: "read"}, notes))
	mux.Handle("POST /notes", g.Handler(guard.Need{Scope: "write"}, notes))

	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest("GET", "/notes", nil))
	fmt.Println(answer.Code)
	for _, challenge := range answer.Header().Values("WWW-Authenticate") {
		fmt.Println(challenge)
	}
	// Output:
	// /notes missing_token
	// 401
	// Bearer scope="read", resource_metadata="https://api.example/.well-known/oauth-protected-resource/notes"
	// DPoP scope="read", algs="ES256", resource_metadata="https://api.example/.well-known/oauth-protected-resource/notes"
}
