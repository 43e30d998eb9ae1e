package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// neverPass are headers that no configuration lets through: they say who calls, from where or for
// what host, or they belong to one connection, or we set them.
const neverPass = "authorization authentication-info www-authenticate dpop dpop-nonce cookie cookie2 set-cookie set-cookie2 host origin referer forwarded via true-client-ip client-ip remote-user " +
	"connection content-length expect keep-alive te trailer transfer-encoding upgrade http2-settings cache-control vary x-content-type-options refresh clear-site-data alt-svc strict-transport-security"

// mayPass reports whether a configuration may name this header.
func mayPass(name string) bool {
	for _, prefix := range [...]string{"proxy-", "sec-", "access-control-", "cf-", "x-forwarded-", "x-real-ip", "x-original-", "x-rewrite-", "x-http-method", "x-method-override", "x-auth-request-",
		"x-amzn-oidc-", "x-ms-client-principal", "x-goog-authenticated-user-", "x-middleware-", "x-accel-", "x-sendfile", "surrogate-"} {
		if words.Prefixed(name, prefix) {
			return false
		}
	}
	return plainName(name) && len(name) <= 64 && !words.Has(neverPass, name) && !words.Suffixed(name, "-cache-control")
}

// plainName reports whether s is a header's name in lower case without "_": servers that hand
// headers to programs as variables do not distinguish "_" and "-" (RFC 3875 section 4.1.18).
func plainName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return s != ""
}

// cut returns the part of a list from a position to the next separator, without the white space
// around it, and the position after it.
func cut(list string, from int, separator byte) (part string, next int) {
	to := from
	for to < len(list) && list[to] != separator {
		to++
	}
	return trim(list[from:to]), to + 1
}

// trim removes spaces and tabs (RFC 9110 section 5.6.3).
func trim(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
