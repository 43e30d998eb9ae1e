package bff

import (
	"fmt"
	"strings"
	"testing"
)

// TestScenarioHeaders: request headers of a page reach the resource if they are listed, and so do
// the headers of its answer (S37, S38).
func TestScenarioHeaders(t *testing.T) {
	s := newScene(t, "Headers pass by a list of names, both ways, with those that pass_headers adds.")
	s.config = with(`{"pass_headers":["x-tenant"]}`)
	s.issuer().signIn()
	s.upstream = func(msg) answer {
		return answer{status: 200, headers: `[["content-type","text/html"],["etag","\"1\""],["x-tenant","a"],["x-accel-redirect","/internal"],["cache-control","public, max-age=60"],["vary","Accept"]]`}
	}
	m := s.call("GET", "https://app.example/api/x", "accept", "text/plain", "x-tenant", "a", "remote-user", "admin", "connection", "close,\tif-match", "if-match", "*")
	if got := s.proxied[0].Header("accept") + s.proxied[0].Header("x-tenant") + s.proxied[0].Header("remote-user") + s.proxied[0].Header("if-match"); got != "text/plaina" {
		t.Error(s.proxied[0].Raw)
	}
	if m.Header("x-accel-redirect") != "" || m.Header("x-tenant") != "a" || m.Header("cache-control") != "private, max-age=60" || m.Header("x-content-type-options") != "nosniff" || m.Header("vary") != "Cookie, Origin, Accept" {
		t.Error(m.Raw)
	}
}

// Nobody can forge who calls: only listed headers of a page pass (S37).
func TestBackendHeadersOfRequest(t *testing.T) {
	for _, row := range []struct {
		about  string
		names  string
		passes bool
	}{
		{"those of a representation and of conditions", "accept accept-language accept-encoding accept-charset content-type content-language range if-match if-none-match if-modified-since if-unmodified-since if-range", true},
		{"those of requests that can be told apart and followed", "idempotency-key prefer traceparent tracestate x-request-id", true},
		{"one that is configured", "x-tenant", true},
		{"identities as proxies give them", "remote-user remote_user x-remote-user auth-user x-auth-request-user x-auth-request-email x-amzn-oidc-identity x-amzn-oidc-data x-ms-client-principal x-ms-client-principal-id x-goog-authenticated-user-email x-goog-iap-jwt-assertion x-authenticated-user x-authenticated-userid x-credential-identifier x-consumer-username x-webauth-user x-pomerium-claim-email x-jwt-assertion x-user x-user-id x-userinfo x-id-token x-access-token tailscale-user-login cf-access-jwt-assertion cf-access-authenticated-user-email x-vouch-user ssl-client-verify ssl-client-s-dn x-ssl-client-cert x-client-cert client-cert x-forwarded-client-cert x-forwarded-user x-forwarded-email x-forwarded-groups x-forwarded-access-token fastly-client-ip x-spiffe-id", false},
		{"places that a request came from, and was meant for", "forwarded via x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-prefix x-forwarded-port x-real-ip x-client-ip client-ip true-client-ip x-cluster-client-ip cf-connecting-ip x-originating-ip x-remote-ip x-remote-addr x-original-host x-host x-original-url x-rewrite-url x-envoy-original-path x-original-uri x-forwarded-uri x-azure-clientip", false},
		{"credentials", "authorization proxy-authorization cookie cookie2 dpop x-api-key x-csrf x-amz-security-token", false},
		{"methods in place of the method", "x-http-method-override x-http-method x-method-override", false},
		{"what frameworks take for their own", "x-middleware-subrequest x-middleware-prefetch x-nextjs-data x-invoke-path x-matched-path x-envoy-internal x-internal x-debug", false},
		{"names that a server may read as listed ones", "content_type if_match x_request_id accept_language accept-_language if-none_match x-tenant_ x_tenant accept. if-match:", false},
		{"the connection's, and what tells messages apart", "host connection keep-alive te trailer upgrade transfer-encoding content-length proxy-connection http2-settings", false},
		{"the browser's own", "origin referer sec-fetch-site sec-ch-ua user-agent access-control-request-method dnt upgrade-insecure-requests", false},
	} {
		s := quietScene(t)
		s.config = with(`{"pass_headers":["x-tenant"]}`)
		s.issuer().signIn()
		for _, name := range strings.Fields(row.names) {
			s.proxied = nil
			value := "https://app.example"
			if name == "host" {
				value = "app.example" // anything else is no host
			}
			m := s.visit("GET", "https://app.example/api/x", "x-csrf", "1", name, value)
			if m.Str("status") != "200" && name != "origin" {
				t.Fatalf("%s: %s", name, m.Raw)
			}
			got := s.proxied[0].Header(name)
			if strings.HasPrefix(got, "Bearer access-token-") {
				got = ""
			}
			if (got != "") != row.passes {
				t.Errorf("%s: %s has %q at the resource", row.about, name, got)
			}
		}
	}
}

// Headers that Connection names belong to the connection, whatever white space and case it uses
// (RFC 9110 sections 5.6.1, 7.6.1) (S37).
func TestBackendConnectionNames(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	for _, value := range []string{"traceparent", "close, traceparent", "close,traceparent", "close,\ttraceparent", "\ttraceparent\t", "TRACEparent , close", ",,traceparent,,", " traceparent", "keep-alive ,\t TracePARENT"} {
		s.proxied = nil
		s.call("GET", "https://app.example/api/x", "connection", value, "traceparent", "*", "accept", "text/plain")
		if p := s.proxied[0]; p.Header("traceparent") != "" || p.Header("accept") != "text/plain" {
			t.Errorf("%q: %s", value, p.Raw)
		}
		s.upstream = func(msg) answer {
			return answer{status: 200, headers: quoteAll([][2]string{{"connection", value}, {"traceparent", "*"}, {"etag", "1"}})}
		}
		if m := s.call("GET", "https://app.example/api/x"); m.Header("traceparent") != "" || m.Header("etag") != "1" || m.Header("connection") != "" {
			t.Errorf("%q: %s", value, m.Raw)
		}
	}
}

// An answer keeps the headers that we set: no sniffing, no shared cache. Headers that caches,
// accelerators and browsers would obey do not pass (S38).
func TestBackendHeadersOfAnswer(t *testing.T) {
	for _, row := range []struct {
		about  string
		names  string
		passes bool
	}{
		{"those of a representation", "content-type content-language content-disposition content-encoding content-range content-location etag last-modified expires date accept-ranges", true},
		{"those that a page reads", "location link allow retry-after preference-applied accept-patch deprecation sunset x-request-id x-total-count ratelimit ratelimit-policy x-ratelimit-remaining server-timing traceresponse", true},
		{"one that is configured", "x-tenant", true},
		{"cookies and logins", "set-cookie set-cookie2 www-authenticate proxy-authenticate authentication-info dpop-nonce authorization", false},
		{"accelerators", "x-accel-redirect x-accel-buffering x-accel-expires x-accel-charset x-accel-limit-rate x-sendfile x-sendfile-type x-lighttpd-send-file x-reproxy-url x-litespeed-cache-control x-lsadc-cache-control x-litespeed-location", false},
		{"caches for many", "surrogate-control surrogate-key cdn-cache-control cloudflare-cdn-cache-control vercel-cdn-cache-control netlify-cdn-cache-control edge-control edge-cache-tag cache-tag x-cache x-cache-tags x-varnish x-drupal-cache-tags fastly-debug age pragma warning", false},
		{"what frameworks take for their own", "x-middleware-rewrite x-middleware-next x-middleware-set-cookie x-nextjs-rewrite x-nextjs-cache x-powered-by server", false},
		{"what changes the page, or the browser", "refresh content-security-policy content-security-policy-report-only x-frame-options clear-site-data strict-transport-security public-key-pins alt-svc service-worker-allowed sourcemap x-sourcemap nel report-to reporting-endpoints x-xss-protection x-dns-prefetch-control permissions-policy cross-origin-resource-policy cross-origin-opener-policy origin-agent-cluster supports-loading-mode speculation-rules timing-allow-origin no-vary-search document-policy referrer-policy accept_ch critical-ch p3p x-permitted-cross-domain-policies", false},
		{"another's word on who may read it", "access-control-allow-origin access-control-allow-credentials access-control-expose-headers access-control-max-age", false},
		{"the connection's", "connection keep-alive transfer-encoding content-length trailer upgrade te proxy-connection", false},
	} {
		s := quietScene(t)
		s.config = with(`{"pass_headers":["x-tenant"]}`)
		s.issuer().signIn()
		for _, name := range strings.Fields(row.names) {
			s.upstream = func(msg) answer { return answer{status: 200, headers: quoteAll([][2]string{{name, "theirs"}})} }
			m := s.visit("GET", "https://app.example/api/x", "x-csrf", "1")
			if (m.Header(name) != "") != row.passes {
				t.Errorf("%s: %s is %q at the page", row.about, name, m.Header(name))
			}
			if m.Header("x-content-type-options") != "nosniff" || m.Header("cache-control") != "no-store" {
				t.Errorf("%s: %s", name, m.Raw)
			}
		}
	}
}

// Whatever a resource says to caches, the answer is for its user alone (RFC 9111 section 5.2.2)
// (S38).
func TestBackendCacheControl(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	for _, row := range []struct{ about, said, want string }{
		{"nothing", "", "private"},
		{"for many", "public", "private"},
		{"for many, with a time", "public, max-age=60", "private, max-age=60"},
		{"for many, in other letters", "PUBLIC,Max-Age=60", "private, max-age=60"},
		{"a time for caches of many", "s-maxage=600, max-age=1", "private, max-age=1"},
		{"private", "private", "private"},
		{"some fields are private", `private="set-cookie, x", max-age=5`, "private, max-age=5"},
		{"some fields are to be asked for", `no-cache="set-cookie"`, "private, no-cache"},
		{"not kept", "public, no-store, max-age=60", "no-store"},
		{"white space", " max-age=60\t,\tmust-revalidate ", "private, max-age=60, must-revalidate"},
		{"twice", "max-age=0, max-age=600", "private, max-age=0"},
		{"no number", "max-age=forever", "no-store"},
		{"no number at all", "max-age", "no-store"},
		{"a text", `max-age="60"`, "no-store"},
		{"less than none", "max-age=-1", "no-store"},
		{"more than a number", "max-age=99999999999999999999", "no-store"},
		{"for a while", "max-age=1, stale-while-revalidate=2, stale-if-error=3, immutable", "private, max-age=1, stale-while-revalidate=2, stale-if-error=3, immutable"},
		{"what nobody knows", "x=1, surrogate-control=1, public", "private"},
		{"one in the text of another", `x="a, public, y=", public`, "private"},
	} {
		s.upstream = func(msg) answer {
			return answer{status: 200, headers: quoteAll([][2]string{{"cache-control", row.said}})}
		}
		if got := s.call("GET", "https://app.example/api/x").Header("cache-control"); got != row.want {
			t.Errorf("%s: %q became %q", row.about, row.said, got)
		}
	}
	s.upstream = func(msg) answer {
		return answer{status: 200, headers: quoteAll([][2]string{{"cache-control", "public"}, {"cache-control", "max-age=5"}})}
	}
	if got := s.call("GET", "https://app.example/api/x").Header("cache-control"); got != "private, max-age=5" {
		t.Errorf("in two headers: %q", got)
	}
}

// No configuration can let headers pass that say who calls, or that we set. The error names the
// member (S39).
func TestBackendPassHeaders(t *testing.T) {
	refused := "authorization cookie dpop host origin forwarded via x-forwarded-for x-forwarded-host x-real-ip true-client-ip proxy-authorization sec-fetch-site cf-connecting-ip connection upgrade te trailer keep-alive transfer-encoding content-length expect " +
		"remote-user x-auth-request-user x-amzn-oidc-data x-ms-client-principal x-goog-authenticated-user-id x-http-method-override x-method-override x-original-url x-rewrite-url x-middleware-subrequest " +
		"set-cookie www-authenticate access-control-allow-origin cache-control cdn-cache-control surrogate-control x-accel-redirect x-sendfile x-content-type-options refresh clear-site-data vary X-Tenant x_tenant x.tenant x:tenant é"
	for _, name := range append(strings.Fields(refused), "", "x tenant", "x\ttenant", "x\r\ny", strings.Repeat("x", 65)) {
		s := quietScene(t)
		h, r := s.open(with(`{"pass_headers":["x-tenant",` + quote(name) + `]}`))
		if h != 0 || r.Str("error", "code") != "bad_value" || r.Str("error", "field") != "pass_headers" {
			t.Errorf("%q: %s", name, r.Raw)
		}
	}
	for _, members := range []string{`{"pass_headers":"x-tenant"}`, `{"pass_headers":[1]}`, `{"pass_headers":{}}`} {
		if h, r := quietScene(t).open(with(members)); h != 0 || r.Str("error", "field") != "pass_headers" {
			t.Errorf("%s: %s", members, r.Raw)
		}
	}
	if h, r := quietScene(t).open(with(`{"pass_headers":["x-tenant","content-encoding","last-event-id"]}`)); h == 0 {
		t.Error(r.Raw)
	}
}

// many returns n headers.
func many(n int, name func(i int) string) (pairs []string) {
	for i := range n {
		pairs = append(pairs, name(i), "1")
	}
	return pairs
}

// More headers than any browser or server sends are refused before anything else is read, in both
// directions. So are too many names in Connection (S30).
func TestBackendManyHeaders(t *testing.T) {
	names := func(i int) string { return fmt.Sprint("x-", i) }
	s := quietScene(t)
	s.issuer().signIn()
	s.touched = 0
	for _, row := range []struct {
		about   string
		headers []string
		status  int
		body    string
	}{
		{"6,000 names", many(6000, names), 431, "too_many_headers"},
		{"16,000 names", many(16000, names), 431, "too_many_headers"},
		{"one name 6,000 times", many(6000, func(int) string { return "accept" }), 431, "too_many_headers"},
		{"Connection 6,000 times", many(6000, func(int) string { return "connection" }), 431, "too_many_headers"},
		{"201, with the three that are there", many(198, names), 431, "too_many_headers"},
		{"Connection names 20,000", []string{"connection", strings.Repeat("a,", 20_000)}, 431, "too_many_headers"},
	} {
		m := s.call("GET", "https://app.example/api/x", row.headers...)
		s.want(m, row.status, row.body)
		if len(s.proxied) != 0 || s.touched != 0 {
			t.Errorf("%s: %d requests, %d storage operations", row.about, len(s.proxied), s.touched)
		}
	}
	s.want(s.call("GET", "https://app.example/api/x", many(197, names)...), 200, "hello")
	for _, row := range []struct {
		about   string
		headers []string
		status  int
	}{
		{"6,000 names", many(6000, names), 502},
		{"201", many(201, names), 502},
		{"Connection names 20,000", []string{"connection", strings.Repeat("a,", 20_000)}, 502},
		{"200", many(200, names), 200},
	} {
		var pairs [][2]string
		for i := 0; i < len(row.headers); i += 2 {
			pairs = append(pairs, [2]string{row.headers[i], row.headers[i+1]})
		}
		s.upstream = func(msg) answer { return answer{status: 200, headers: quoteAll(pairs)} }
		if m := s.call("GET", "https://app.example/api/x"); m.Str("status") != fmt.Sprint(row.status) || row.status == 502 && !strings.Contains(m.Raw, "upstream_too_large") {
			t.Errorf("%s: %.200s", row.about, m.Raw)
		}
	}
}

// URLs, queries, preflights and Cookie headers have limits (S42).
func TestBackendLongRequests(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	s.want(s.call("GET", "https://app.example/api/"+strings.Repeat("x", 20_000)), 414, "uri_too_long")
	s.want(s.call("GET", "https://app.example/api/x?"+strings.Repeat("a&", 10_000)), 414, "uri_too_long")
	s.want(s.call("GET", "https://app.example/auth/session?"+strings.Repeat("a&", 5_000)), 400, "bad_query")
	s.want(s.call("GET", "https://app.example/api/x?"+strings.Repeat("a&", 5_000)), 200, "hello") // the resource decides
	wanted := strings.Repeat("x-a,", 5_000)
	if m := s.visit("OPTIONS", "https://app.example/api/x", "origin", "https://app.example", "access-control-request-headers", wanted); m.Header("access-control-allow-headers") != "" {
		t.Error(len(m.Raw), "bytes for a preflight")
	}
	// Hundreds of other cookies, and more attempts than we ever set: the session is still found,
	// and no more attempts are deleted than a browser may hold.
	session := s.jar[cookieName1]
	all := strings.Repeat("theirs=1; ", 500) + strings.Repeat("__Host-oauth2.AAAAAAAAAAAA=1; ", 2000) + "__Host-oauth2=" + session
	s.jar = map[string]string{}
	s.want(s.call("GET", "https://app.example/auth/session", "cookie", all), 200, "jane")
	if m := s.visit("GET", "https://app.example/auth/login", "cookie", all); m.Str("status") != "303" || len(m.Raw) > 4096 {
		t.Error(m.Str("status"), len(m.Raw), "bytes for a login")
	}
}
