// Package backend is a backend for a frontend as an http.Handler (RFC 10017 section 6.1). A browser
// signs in at an authorization server and gets a cookie; the tokens stay on the server. The page
// calls APIs through this handler, which adds the token. It is a host of the engine of kind "bff"
// (core/contract/README.md), which decides everything:
//
//	handler, err := backend.New(engine, config, backend.Options{Ring: ring, Store: store})
//	mux.Handle("/auth/", handler) // the endpoints: Config.Base is "https://app.example/auth"
//	mux.Handle("/api/", handler)  // Config.Proxy leads this to "https://api.example/v1"
//
// Use an engine that has the kind: core/bff.Engine() natively, or the module oauth2-edge.wasm on
// wazero.
//
// # What a page does
//
// To sign in, it sends the browser to /auth/login?return_to=/inbox. With the header x-csrf it calls
// GET /auth/session to learn who is signed in, posts to /auth/logout, and calls /api/… without a
// token. Cookies are Secure: over http, browsers accept them only on localhost.
//
// # Behind another server
//
// The handler compares the Host header with Config.Base, so a server in front has to pass it on
// unchanged. The handler does not check that the browser used https, and ignores X-Forwarded
// headers. Send only the handler's own paths here: it answers others with 404. Bodies are read only
// after all other checks, with limits of their own; the body of a refused request is not read. The
// http.Server bounds what comes before: set ReadHeaderTimeout and MaxHeaderBytes. Its ReadTimeout
// and WriteTimeout would also end streams.
//
// # What is where
//
// Sessions are in the Store, sealed by the Ring; a cookie contains the sealed name of one. The
// Store without the Ring contains no usable token. Several processes can serve the same sessions if
// they share Ring, Store and Locker: one of them refreshes, the others use the result. If the
// browser goes away, its request goes on, because others may wait for its refresh.
//
// # Health and stopping
//
// GET Base/ready answers 200 where the Store can be read and written, under any host name. To stop,
// call Handler.Shutdown, after which it answers 503, beside http.Server.Shutdown: the one waits for
// the work, the other for the answers.
package backend
