// Package authserver is an OAuth 2.0 authorization server without input or output of its own.
//
// [New] makes a [Server] from a [Config] and a [Store]. [Server.Handle] takes one request, with the
// time it came at, and returns one response: the same requests, times and random bytes give the same
// responses, so a whole code flow can be driven in a test without a socket, as the example does.
// [Server.ServeHTTP] is a thin adapter for net/http.
//
// Endpoints, relative to the issuer:
//
//	/.well-known/oauth-authorization-server   metadata (RFC 8414)
//	/authorize                                sign-in and consent pages (RFC 6749 section 3.1, RFC 9207)
//	/token                                    authorization_code and refresh_token (RFC 6749, RFC 7636)
//	/revoke                                   revocation (RFC 7009)
//	/userinfo                                 claims of the signed-in user (RFC 6750)
//
// What it holds to: redirect URIs compare exactly (a loopback port may vary for public clients), every
// authorization response names the issuer, public clients must use PKCE with S256, codes are used once,
// a refresh token is replaced at every use, and a code or refresh token that comes twice revokes all
// that was issued from it. Codes, tokens and session identifiers reach the Store only as SHA-256 digests.
//
// A resource server in the same process checks access tokens with [Server.Authenticate].
//
// Passwords and client secrets are compared in constant time but configured in the clear, and nothing
// slows down guessing: the server is made for demonstrations, development and tests.
package authserver
