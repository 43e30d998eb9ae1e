package bff

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRequest: any request gets exactly one answer, with a valid status, valid headers and no
// token; and the command gets its result. The browser is signed in, and has an attempt under way.
// The resource sends back all that it gets except the Authorization header. If echo is set, it
// redirects to its URL.
func FuzzRequest(f *testing.F) {
	for _, path := range []string{"/auth/login?return_to=%2Fx&max_age=1", "/auth/callback?state=$state&code=c&iss=https%3A%2F%2Fas.example", "/auth/callback?state=$state&error=access_denied",
		"/auth/session", "/auth/logout?return_to=%2F", "/auth/token", "/auth/backchannel_logout", "/auth/exchange", "/api/x?y=%2f", "/api/..%2fx", "//api", "/api/%", "*", ""} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "HEAD", "TRACE", ""} {
			f.Add(method, "https://app.example"+path, "x-csrf", "1", "https://app.example", "application/x-www-form-urlencoded", "logout_token=a.b.c&state=$state&code=c", 200, false)
		}
	}
	f.Add("POST", "https://app.example/auth/exchange", "authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("svc:"+strings.Repeat("s", 32))), "", "application/x-www-form-urlencoded",
		"grant_type=client_credentials&scope=read", 200, false)
	f.Add("PUT", "https://app.example/api/x", "connection", "x-csrf, cookie", "https://app.example", "a\r\nb: c", "\xff\x00", 401, false)
	f.Add("GET", "https://app.example/api/x", "x-csrf", "1", "https://app.example", "", "", 302, true)
	f.Add("GET", "https://app.example/auth/login?return_to=%2Fa%0d%0aset-cookie:a=b", "cookie", "__Host-oauth2=k0.; __Host-oauth2-=", "null", "", "", 99, false)
	f.Fuzz(func(t *testing.T, method, target, name, value, origin, contentType, body string, status int, echo bool) {
		s := quietScene(t)
		s.config = with(`{"callers":[{"client_id":"svc","secret_sha256":"` + hashOf(strings.Repeat("s", 32)) + `","grant_types":["client_credentials"],"scope":"read","audience":["x"]}]}`)
		i := s.issuer()
		i.signIn()
		q := i.login("?return_to=%2Fhome")
		target, body, value = strings.ReplaceAll(target, "$state", q.Get("state")), strings.ReplaceAll(body, "$state", q.Get("state")), strings.ReplaceAll(value, "$state", q.Get("state"))
		s.upstream = func(m msg) answer {
			headers := [][2]string{{"content-type", "text/plain"}, {"set-cookie", "a=b"}, {"x-url", m.Str("url")}, {"connection", value}, {name, value}}
			if echo {
				headers = append(headers, [2]string{"location", m.Str("url")})
			}
			return answer{status: status, headers: quoteAll(headers), body: m.Str("body") + m.Header(strings.ToLower(name))}
		}
		pairs := []string{strings.ToLower(name), value, "x-csrf", "1"}
		if origin != "" {
			pairs = append(pairs, "origin", origin)
		}
		if contentType != "" {
			pairs = append(pairs, "content-type", contentType)
		}
		for _, text := range append(pairs, method, target) {
			if !utf8.ValidString(text) {
				t.Skip() // hosts send UTF-8
			}
		}
		m := s.begin(method, target, s.headers(pairs...), s.body(body)).finish() // it fails if there is no answer, or two
		least := int64(200)
		if len(s.proxied) > 0 {
			least = 100 // this status is the resource's own
		}
		if n := m.Int("status"); n < least || n > 599 {
			t.Errorf("status in %s", m.Raw)
		}
		if len(s.proxied) > 0 && m.Header("set-cookie") != "" {
			t.Errorf("a cookie of the resource's in %s", m.Raw)
		}
		headers, _ := m.M["headers"].([]any)
		for _, h := range headers {
			// Invalid headers from a resource are refused by net/http and fetch.
			if pair := h.([]any); len(s.proxied) == 0 && strings.ContainsAny(fmt.Sprint(pair[0], pair[1]), "\r\n\x00") {
				t.Errorf("a header that is more than one: %s", m.Raw)
			}
		}
		if location, err := url.Parse(m.Header("location")); err == nil && m.Header("location") != "" && len(s.proxied) == 0 {
			switch location.Host {
			case "app.example", "other.app.example", "as.example":
			default:
				t.Errorf("sent to %s", m.Header("location"))
			}
		}
		// Services get tokens at their own endpoint, if they send their secret.
		if strings.Contains(m.Raw, "access_token") && strings.HasPrefix(value, "Basic ") {
			return
		}
		for _, secret := range []string{"access-token-", "refresh-token-", "a secret of the client's"} {
			if strings.Contains(m.Raw, secret) && !strings.Contains(target+value+body+origin+contentType+name+method, secret) {
				t.Errorf("%s in %s", secret, m.Raw)
			}
		}
	})
}

func quoteAll(pairs [][2]string) string {
	list := make([]string, len(pairs))
	for i, p := range pairs {
		list[i] = "[" + quote(p[0]) + "," + quote(p[1]) + "]"
	}
	return "[" + strings.Join(list, ",") + "]"
}
