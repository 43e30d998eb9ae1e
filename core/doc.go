// Package core is the OAuth 2 client as a state machine without I/O: inputs in, effects out, both UTF-8 JSON as core/contract/README.md describes them. It reads no
// clock, draws no randomness, opens no socket and starts no goroutine; a host does that, package core/oauth for Go programs.
//
// A client is made of owners, each with a state of its own: wire (requests and their proofs), issuer (the server's metadata and keys), session (the tokens, kept and made new),
// attempts, deviceFlow, desk (the commands that wait). Each knows only those before it. What goes on after an effect is a run: a struct whose methods are the steps.
//
// One file is one concern: authorize.go is RFC 6749 section 4.1.1, callback.go 4.1.2, code.go 4.1.3, grants.go 4.4, token.go section 5, refresh.go section 6, discard.go and revoke.go RFC 7009,
// pkce.go RFC 7636, clientauth.go section 2.3 and authmethod.go which methods there are, resource.go RFC 6750, device.go RFC 8628 sections 3.1 to 3.3 and polling.go 3.4 and 3.5,
// discovery.go RFC 8414 and OpenID Connect Discovery, jwks.go RFC 7517, idtoken.go OpenID Connect Core sections 3.1.3.7 and 12.2, userinfo.go 5.3, par.go RFC 9126, jar.go RFC 9101, dpop.go RFC 9449,
// exchange.go RFC 8693, introspect.go RFC 7662, register.go RFC 7591 and RFC 9728, logout.go OpenID Connect's logouts, expiry.go and retry.go what nobody has to ask for. request.go,
// response.go and hooks.go are what a request is made of, store.go, sessiontext.go, keep.go and look.go how a session is kept, granted.go its status, commands.go and open.go the ways in. engine.go is the boundary.
//
// What knows nothing of a client is below, in packages under internal: jose (RFC 7515, RFC 7517, RFC 7518); link, a handle's end of the boundary; uri (RFC 3986), form and words; json, sha256, sha512 and base64url. Each imports only
// what comes behind it here.
package core
