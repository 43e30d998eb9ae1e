// Package backend is a backend for a frontend as an http.Handler (RFC 10017 section 6.1): a browser
// signs in at an authorization server and gets a cookie, the tokens stay here, and requests of the
// page go through this handler to the resources, with the token. It carries out the effects of the
// engine of kind "bff" (core/contract/README.md), which decides everything:
//
//	handler, err := backend.New(engine, config, backend.Options{Ring: ring, Store: store})
//	mux.Handle("/auth/", handler) // the endpoints: Config.Base is "https://app.example/auth"
//	mux.Handle("/api/", handler)  // Config.Proxy leads this to "https://api.example/v1"
//
// The engine is one that knows the kind: core/bff.Engine() natively, or the module oauth2-edge.wasm
// on wazero.
//
// # What a page does
//
// It sends the browser to /auth/login?return_to=/inbox, and with the header x-csrf, asks GET
// /auth/session who is signed in, posts to /auth/logout, and calls /api/… as if it had the token.
// Cookies are Secure: on http, browsers take them on localhost only.
//
// # Behind another server
//
// What the browser asked for is judged by the Host header against Config.Base, so a server in front
// has to pass that on as it is; whether the browser came by https is not asked, and no X-Forwarded
// header is looked at. Only the handler's own paths need to lead here: all others are answered 404.
// Bodies are read when their request may be answered, with limits of their own, and one that nobody
// wants is not waited for. Limits for what comes before, ReadHeaderTimeout and MaxHeaderBytes, are
// those of the http.Server; its ReadTimeout and WriteTimeout end streams too.
//
// # What is where
//
// Sessions are in the Store, sealed by the Ring; cookies hold a sealed name of one. Whoever has the
// Store without the Ring has no token. Several processes can serve the same sessions with the same
// Ring and a Store and a Locker that they share: one of them refreshes, the others take what it
// got. A request that has begun is not ended by a browser that goes away, because a refresh may
// hang on it; http.Server.Shutdown waits for the answers.
package backend
