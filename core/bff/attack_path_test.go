package bff

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
)

// readings returns the ways in which servers normalize a path before they act on it.
func readings(p string) (all []string) {
	decode := func(s string) string {
		if d, err := url.PathUnescape(s); err == nil {
			return d
		}
		return s
	}
	parameters := func(s string) string { // the part of a segment behind a semicolon
		parts := strings.Split(s, "/")
		for i, part := range parts {
			parts[i], _, _ = strings.Cut(part, ";")
		}
		return strings.Join(parts, "/")
	}
	slashes := func(s string) string { return strings.ReplaceAll(s, `\`, "/") }
	cut := func(s string) string { before, _, _ := strings.Cut(s, "\x00"); return before }
	four := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "%u", "%"), "%00", "%") } // %u002e, which some servers decode
	long := strings.NewReplacer("%c0%ae", ".", "%c0%af", "/", "%e0%80%ae", ".", "%c1%9c", "/").Replace        // overlong UTF-8
	all = []string{p}
	for _, read := range []func(string) string{four, long, decode, decode, parameters, slashes, cut, strings.TrimSpace} {
		for _, known := range slices.Clone(all) {
			if further := read(known); !slices.Contains(all, further) {
				all = append(all, further)
			}
		}
	}
	return all
}

// TestProxyPaths: however the server behind normalizes a path, the path stays below the target on
// the target's host, or the request is refused (S112).
func TestProxyPaths(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"proxy":[{"path":"/api","target":"https://api.example/base/v1"}]}`)
	s.issuer().signIn()
	for _, p := range texts(t, "paths.json") {
		for _, method := range []string{"GET", "POST"} {
			s.proxied = nil
			m := s.call(method, "https://app.example"+p)
			if len(s.proxied) == 0 {
				if status := m.Str("status"); status != "404" && status != "400" && status != "421" {
					t.Errorf("%s %q: %s", method, p, m.Raw)
				}
				continue
			}
			target := s.proxied[0].Str("url")
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
