// Package core is an OAuth 2 client as a state machine without I/O: inputs in, effects out, both
// UTF-8 JSON (core/contract/README.md). It reads no clock, has no source of randomness, opens no
// socket and starts no goroutine. A host does that: package core/oauth for Go programs.
//
// A client consists of owners. Each has its own state, and is a package that imports only those
// above it in this list:
//
//	internal/link     inputs, effects, answers, entropy, alarms, faults
//	internal/config   the configuration
//	internal/wire     requests, hooks, client authentication, proofs, answers
//	internal/store    what is kept, and the one way to change it
//	internal/issuer   the server's metadata, its keys, and what they verify
//	internal/session  the tokens: kept, made new, ended
//	internal/mcp      from a resource to a client for it
//	core              the flows, a file each; the commands; the Engine
//
// Work that continues after an effect is a run: a struct whose methods are the steps in their
// order. To see how a refresh works, read internal/session/refresh.go from top to bottom.
//
// Files are named after their subject: authorize.go is RFC 6749 section 4.1.1, callback.go 4.1.2,
// code.go 4.1.3, grants.go 4.4 and RFC 7523, session/token.go section 5, session/refresh.go section
// 6, revoke.go RFC 7009, pkce.go RFC 7636, wire/clientauth.go section 2.3 and config/authmethod.go
// which methods there are, resource.go RFC 6750, device.go RFC 8628 sections 3.1 to 3.3 and
// polling.go 3.4 and 3.5, issuer/discovery.go RFC 8414 and OpenID Connect Discovery, issuer/jwks.go
// RFC 7517, issuer/idtoken.go OpenID Connect Core sections 3.1.3.7 and 12.2, userinfo.go 5.3,
// par.go RFC 9126, jar.go RFC 9101, wire/dpop.go RFC 9449, exchange.go RFC 8693, introspect.go RFC
// 7662, register.go RFC 7591, resourcemetadata.go RFC 9728, jarm.go signed responses (JARM),
// wire/assertion.go RFC 7523 section 2.2, backchannel.go back-channel logout, logout.go OpenID
// Connect's logouts, crossapp.go ID-JAG, and internal/mcp the authorization of MCP: discover.go RFC
// 9728 and RFC 8414, identify.go RFC 7591 and client ID metadata documents, decide.go scopes and
// what is next, bounds.go how often.
//
// Below them are packages that know of no client: jose (RFC 7515, RFC 7517, RFC 7518), uri (RFC
// 3986), address (which are public), form and words; json, sha256, sha2 and base64url.
//
// The build tag page leaves out what pages never use: the files with !page, most of which are one
// RFC each. Files that end in _page.go replace them.
package core
