package bff

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
)

// proxyPaths would get out of a target's path, or to another host, as one server or another reads them.
var proxyPaths = []string{
	"/api/../admin", "/api/x/../../admin", "/api/..", "/api/.", "/api/./../admin", "/api/...", "/api/x/..",
	"/api/%2e%2e/admin", "/api/%2E%2e/admin", "/api/.%2e/admin", "/api/%2e./admin", "/api/%2e", "/api/x/%2e%2e",
	"/api/%252e%252e/admin", "/api/%25%32%65%25%32%65/admin", "/api/..%252fadmin", "/api/%u002e%u002e/admin",
	"/api/..%2fadmin", "/api/..%2Fadmin", "/api/%2e%2e%2fadmin", "/api/x%2f..%2f..%2fadmin", "/api%2f..%2fadmin", "/api/%2fadmin",
	"/api/..\\admin", "/api/..%5cadmin", "/api\\..\\admin", "/api/%5c..%5cadmin", "/api/x\\..\\..\\admin",
	"/api/..;/admin", "/api/..;a=b/admin", "/api/..%3b/admin", "/api/x;/../admin", "/api;/../admin", "/api/;/../../admin", "/api/.;/admin", "/api/%2e%2e;/admin",
	"//api/x", "/api//../admin", "/api///admin", "//evil.example/api/x", "/./api/../admin", "/api/..//admin",
	"/api/..%00/admin", "/api/%00", "/api/x%00.json", "/api/..%09/admin", "/api/..%20/admin", "/api/..%0d%0a/admin", "/api/..\t/admin", "/api/x y", "/api/..%ff/admin", "/api/%c0%ae%c0%ae/admin", "/api/..%c0%afadmin", "/api/%e0%80%ae./admin",
	"/apix", "/api.", "/API/x", "/%61pi/../admin", "/api@evil.example/x", "/api:80/x", "/api?/../admin", "/api#/../admin", "/api/x?/../../admin", "/api/@evil.example/", "/api/https://evil.example/", "/api/http:%2f%2fevil.example",
}

// readings are the ways in which servers read a path before they act on it.
func readings(p string) (all []string) {
	decode := func(s string) string {
		if d, err := url.PathUnescape(s); err == nil {
			return d
		}
		return s
	}
	parameters := func(s string) string { // what stands behind a semicolon in a segment
		parts := strings.Split(s, "/")
		for i, part := range parts {
			parts[i], _, _ = strings.Cut(part, ";")
		}
		return strings.Join(parts, "/")
	}
	slashes := func(s string) string { return strings.ReplaceAll(s, `\`, "/") }
	cut := func(s string) string { before, _, _ := strings.Cut(s, "\x00"); return before }
	all = []string{p}
	for _, read := range []func(string) string{decode, decode, parameters, slashes, cut, strings.TrimSpace} {
		for _, known := range slices.Clone(all) {
			if further := read(known); !slices.Contains(all, further) {
				all = append(all, further)
			}
		}
	}
	return all
}

// TestProxyPaths: whatever a server behind makes of a path, it stays below the target, on the target's host, or is refused (S112).
func TestProxyPaths(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"proxy":[{"path":"/api","target":"https://api.example/base/v1"}]}`)
	s.issuer().signIn()
	for _, p := range proxyPaths {
		for _, method := range []string{"GET", "POST"} {
			s.proxied = nil
			m := s.call(method, "https://app.example"+p)
			if len(s.proxied) == 0 {
				if status := m.str("status"); status != "404" && status != "400" && status != "421" {
					t.Errorf("%s %q: %s", method, p, m.raw)
				}
				continue
			}
			target := s.proxied[0].str("url")
			bare, _ := cutQuery(target)
			rest, below := strings.CutPrefix(bare, "https://api.example")
			for _, reading := range readings(rest) {
				if clean := path.Clean(reading); !below || clean != "/base/v1" && !strings.HasPrefix(clean, "/base/v1/") || strings.ContainsAny(bare, "\\\r\n\t \x00#") {
					t.Errorf("%s %q goes to %q, which is %q to some", method, p, target, clean)
				}
			}
		}
	}
}
