package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

const (
	grantExchange    = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantCredentials = "client_credentials"
	grantCode        = "authorization_code"
	// leastLife is the remaining life, in ms, that a remembered token needs to be given out.
	leastLife = 30_000
	// longestMemory is how long an exchanged token is remembered, in ms. For the same time it is
	// known which subject tokens have ended.
	longestMemory = 3_600_000
)

// A caller is a service that may use the exchange, and what it may ask for.
type caller struct {
	id, secretHash, scope        string
	grants, audiences, redirects []string
}

// readCaller reads one; ok is false for what is none.
func readCaller(v json.Value) (k caller, ok bool) {
	k = caller{id: v.Get("client_id").Str(), secretHash: v.Get("secret_sha256").Str(), scope: v.Get("scope").Str()}
	texts := func(name string, list *[]string) bool {
		return v.Get(name).Kind() == json.None || each(v.Get(name), func(v json.Value) bool {
			*list = append(*list, v.Str())
			return v.Str() != ""
		})
	}
	ok = texts("grant_types", &k.grants) && texts("audience", &k.audiences) && texts("redirect_uris", &k.redirects)
	for _, g := range k.grants {
		ok = ok && (g == grantExchange || g == grantCredentials || g == grantCode)
	}
	return k, ok && k.id != "" && len(k.secretHash) == 43 && len(k.grants) > 0 && k.scope != ""
}
