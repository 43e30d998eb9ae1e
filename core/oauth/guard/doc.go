// Package guard is the check at the resource, as middleware of net/http: it lets a request in whose
// access token is good, and answers every other with the challenge that helps its client. It
// carries out the effects of the engine of kind "resource" (core/contract/README.md), which decides
// everything:
//
//	guard, err := guard.New(engine, guard.Config{
//		Resource:             "https://api.example/notes",
//		AuthorizationServers: []guard.Server{{Issuer: "https://login.example"}},
//	}, guard.Options{})
//	mux.Handle(guard.MetadataPath(), guard.Metadata())
//	mux.Handle("/notes", guard.Handler(guard.Need{Scope: "read"}, notes)) // guard.FromContext(r.Context()) says whose request it is
//
// The engine is one that knows the kind: core/resource.Engine() natively, or the module
// oauth2-edge.wasm on wazero.
//
// # What is checked
//
// JWT access tokens by the server's keys (RFC 9068), others by introspection (RFC 7662), each for
// its audience, time, scope, and for how and when the user was authenticated (RFC 9470); DPoP
// proofs, each once (RFC 9449); certificates (RFC 8705). A token counts in the Authorization header
// only.
//
// # Several processes
//
// A proof must not be good once in each process: give all of them one Options.Store, and with
// Config.DPoPNonce the same Config.NonceKeys. What is in the Store is no secret.
package guard
