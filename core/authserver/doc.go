// Package authserver is an OAuth 2.0 authorization server without input or output of its own.
//
// [New] makes a [Server] from a [Config] and a [Store]. [Server.Handle] takes one request, with the
// time at which it came, and returns one response. The same requests, times and random bytes give
// the same responses, so a test can run a whole code or device flow without a socket, as the
// examples do. [Server.ServeHTTP] is a thin adapter for net/http.
//
// Endpoints, relative to the issuer:
//
//	/.well-known/oauth-authorization-server   metadata (RFC 8414)
//	/.well-known/openid-configuration         the same (OpenID Connect Discovery)
//	/jwks                                     keys of ID tokens (RFC 7517)
//	/authorize                                sign-in and consent pages (RFC 6749 section 3.1, RFC 9101, RFC 9207)
//	/par                                      pushed authorization requests (RFC 9126)
//	/device_authorization                     device authorization (RFC 8628 section 3.1)
//	/device                                   the page where a user enters a device's code (RFC 8628 section 3.3)
//	/token                                    authorization_code, refresh_token, client_credentials (RFC 6749,
//	                                          RFC 7636) and device_code (RFC 8628 section 3.4); where switched on,
//	                                          password, jwt-bearer (RFC 7523) and token-exchange (RFC 8693)
//	/revoke                                   revocation (RFC 7009)
//	/introspect                               introspection, for clients that authenticate (RFC 7662, RFC 9701)
//	/userinfo                                 claims of the signed-in user (RFC 6750, RFC 9449)
//	/logout                                   the end-session endpoint (OpenID Connect RP-Initiated Logout)
//	/register                                 client registration, where switched on (RFC 7591)
//	/.well-known/oauth-protected-resource     metadata of userinfo and of resources at the same origin (RFC 9728)
//
// Its rules: redirect URIs are compared exactly (a loopback port may vary for public clients),
// every authorization response names the issuer, public clients must use PKCE with S256, codes are
// used once, a refresh token is replaced at every use (Config.RotationGrace says how long the old
// one still works), and if a code, device code or refresh token is used twice, everything that was
// issued from it is revoked. A client may use only the grants in its GrantTypes. The Store gets
// only SHA-256 digests of codes, tokens and session identifiers.
//
// Clients authenticate by secret, by an assertion signed with a key or a secret, or by a
// self-signed certificate (RFC 8705), and may sign their requests. A DPoP proof (RFC 9449) at the
// token endpoint binds what is issued to its key, and one with a pushed request, or the parameter
// dpop_jkt, binds the code. A bound token is refused as a bearer token. Answers of the
// authorization endpoint come in the query, the fragment or a form, signed (JARM) or not; response
// types other than code have to be switched on. With Config.DPoPNonceInterval, Config.RequirePAR
// and the matching settings of clients, the server tests what FAPI 2.0 requires of a client.
//
// With the scope openid every flow of a user gives an ID token (OpenID Connect Core), signed with
// ES256. It lasts as long as the access token that it comes with. [Server.RotateSigningKey] changes
// the key.
//
// With Config.ClientDocuments a client needs no registration: its client_id is the URL of its
// metadata (draft-ietf-oauth-client-id-metadata-document). The server reads documents from public
// addresses only, caches them for a time, and limits their size, number and rate. Its pages show
// the host.
//
// With Config.CrossAppAccess the server is an identity provider that vouches for a client and a
// user at other authorization servers. With Config.IdentityProviders it accepts the ID-JAGs of such
// providers (draft-ietf-oauth-identity-assertion-authz-grant). An ID-JAG is for one server and one
// client that authenticates. It is valid for five minutes and can be used once.
//
// The user always confirms a device's code, even if a link filled it in. The code is looked up only
// once the user is signed in. After five wrong codes of one account, no code of that account is
// looked up for ten minutes (RFC 8628 section 5.1).
//
// A token is valid only for what the user allowed. A token for certain resources (RFC 8707) is
// refused by other resources, and only their own resource servers can introspect it
// ([Client.Resources]). Its client can exchange it (RFC 8693) only for resources of its grant, and
// a resource server only for those that its registration names ([Client.ExchangeTargets]). A token
// that was exchanged for another expires no later than that one and is revoked with it. Everything
// that was granted in a session ends with the session, also unused codes.
//
// Everything that the server stores is counted, for the client or account and for the address of
// the request ([Limits], [Request.Source]). A request above a limit is answered with 429 and
// Retry-After, and nothing that is still valid is deleted to make room. The server stores nothing
// for pages, nonces and refused requests. Wrong passwords, client secrets and user codes are
// counted in the same way: nobody can guess them, and nobody can lock an owner out. Logout tokens
// are posted to public addresses only ([PublicTransport]).
//
// The user is asked about each request, except one with prompt=none: that gets a code if the user
// has allowed the same client as much earlier in this session, with the scope openid. So a page can
// renew its session in a frame.
//
// A session ends at the end-session endpoint: at once if the client sends the ID token of this very
// session, and after a question otherwise. Its refresh tokens are revoked, except those with the
// scope offline_access, and its clients are notified by Config.BackchannelLogout and by frames.
//
// A resource server in the same process checks requests with [Server.CheckAccess], one elsewhere
// at the introspection endpoint as a client with [Client.ResourceServer].
//
// Passwords and client secrets are compared in constant time, but the configuration contains them
// in plain text: the server is for demonstrations, development and tests.
package authserver
