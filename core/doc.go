// Package core is the OAuth 2 client as a state machine without I/O: inputs in, effects out, both UTF-8 JSON as core/testdata/README.md describes them. It reads no
// clock, draws no randomness, opens no socket and starts no goroutine; a host does that, package core/drive for Go programs.
//
// One file is one concern: authorize.go is RFC 6749 section 4.1.1, callback.go 4.1.2, token.go section 5, refresh.go section 6, revoke.go RFC 7009, pkce.go RFC 7636,
// clientauth.go section 2.3, resource.go RFC 6750. engine.go and link.go are the boundary.
package core
