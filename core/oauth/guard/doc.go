// Package guard checks access tokens at a resource, as middleware of net/http. It lets requests
// with a valid token in, and answers others with a challenge that tells the client what to do. It
// is a host of the engine of kind "resource" (core/contract/README.md), which decides everything:
//
//	guard, err := guard.New(engine, guard.Config{
//		Resource:             "https://api.example/notes",
//		AuthorizationServers: []guard.Server{{Issuer: "https://login.example"}},
//	}, guard.Options{})
//	mux.Handle(guard.MetadataPath(), guard.Metadata())
//	mux.Handle("/notes", guard.Handler(guard.Need{Scope: "read"}, notes)) // guard.FromContext(r.Context()) says whose request it is
//
// Use an engine that has the kind: core/resource.Engine() natively, or the module oauth2-edge.wasm
// on wazero.
//
// # What is checked
//
// JWT access tokens are verified with the server's keys (RFC 9068), other tokens are introspected
// (RFC 7662). Checked are audience, expiry, scope, and how and when the user was authenticated (RFC
// 9470); DPoP proofs, each of which is accepted once (RFC 9449); certificates (RFC 8705). A token
// counts only in the Authorization header. All of that is checked at each request, but the
// signature of the same token only once a minute, if the server still publishes its key.
//
// # Several processes
//
// A proof must be accepted once, not once in each process: give all processes one Options.Store,
// and with Config.DPoPNonce the same Config.NonceKeys. The Store contains no secrets.
package guard
