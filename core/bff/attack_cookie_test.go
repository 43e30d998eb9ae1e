package bff

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
)

// TestCookieTricks: whatever another site, a subdomain or a program beside the browser puts into a
// Cookie header, nobody acts as another user (S113). "mine" is the attacker's own valid session: a
// user who is taken for the attacker would write into the attacker's account.
func TestCookieTricks(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	i.signIn()
	mine := s.jar[cookieName1]
	s.jar = map[string]string{}
	q := i.login("")
	var attemptName, attempt string
	for attemptName, attempt = range s.jar {
	}
	s.jar = map[string]string{}
	for name, cookie := range map[string]string{
		"prefix in lower case":            "__host-oauth2=" + mine,
		"prefix in upper case":            "__HOST-OAUTH2=" + mine,
		"name in another case":            "__Host-OAuth2=" + mine,
		"the other prefix":                "__Secure-oauth2=" + mine,
		"no prefix":                       "oauth2=" + mine,
		"no name":                         "=__Host-oauth2=" + mine,
		"a name in a value":               "a=__Host-oauth2=" + mine,
		"a name in quotes":                `"__Host-oauth2"=` + mine,
		"a value in quotes":               `__Host-oauth2="` + mine + `"`,
		"a comma for a semicolon":         "a=b, __Host-oauth2=" + mine,
		"a Unicode space in front":        "\u00a0__Host-oauth2=" + mine,
		"a longer name":                   "__Host-oauth2x=" + mine,
		"a path behind":                   "__Host-oauth2=" + mine + "/",
		"an attribute for a value":        "__Host-oauth2=; Path=/; value=" + mine,
		"an attempt for a session":        "__Host-oauth2=" + attempt,
		"twice, the first is none":        "__Host-oauth2=x; __Host-oauth2=" + mine,
		"twice, the first is empty":       "__Host-oauth2=; __Host-oauth2=" + mine,
		"twice, the first is an attempt":  "__Host-oauth2=" + attempt + "; __Host-oauth2=" + mine,
		"8,000 characters":                "__Host-oauth2=" + strings.Repeat("A", 8000),
		"8,000 characters, then a good":   "__Host-oauth2=" + strings.Repeat("A", 8000) + "; __Host-oauth2=" + mine,
		"sealed by another key":           "__Host-oauth2=lost" + mine[2:],
		"the version in front is changed": "__Host-oauth2=k1." + mine[3:] + "A",
		"cut":                             "__Host-oauth2=" + mine[:len(mine)/2],
		"with a dot more":                 "__Host-oauth2=" + mine + ".x",
		"under an attempt's name":         attemptName + "=" + mine,
		"nothing":                         "",
		"nothing but separators":          ";;;===;;;",
	} {
		if m := s.begin("GET", "https://app.example/auth/session", `"headers":[["x-csrf","1"],["cookie",`+quote(cookie)+`]]`).finish(); m.Str("status") != "401" && name != "a semicolon" {
			t.Errorf("%s: %s", name, m.Raw)
		}
	}
	// A sealed text of one kind does not pass as another kind: a session is not an attempt,
	// whatever its cookie is called.
	callbackWith := func(cookie string) msg {
		return s.begin("GET", callback(q), `"headers":[["cookie",`+quote(cookie)+`]]`).finish()
	}
	for name, cookie := range map[string]string{
		"a session for an attempt":      attemptName + "=" + mine,
		"an attempt of another client":  "__Host-other" + strings.TrimPrefix(attemptName, "__Host-oauth2") + "=" + attempt,
		"the prefix in lower case":      strings.ToLower(attemptName) + "=" + attempt + "x",
		"an attempt under no state":     "__Host-oauth2.=" + attempt,
		"an attempt as the session":     "__Host-oauth2=" + attempt,
		"twice, the first is a session": attemptName + "=" + mine + "; " + attemptName + "=" + attempt,
	} {
		s.want(callbackWith(cookie), 400, "unknown_attempt")
		if len(s.sent) > 2 { // the requests for keys and for the code of the sign-in above
			t.Fatal(name, "asks the server")
		}
	}
	if m := callbackWith(attemptName + "=" + attempt); m.Header("location") != "https://app.example/" {
		t.Error("the right one:", m.Raw)
	}
}

// TestSessionFixation: a session, an attempt or an id that somebody puts into a browser before its
// user signs in never becomes that user's session (S114).
func TestSessionFixation(t *testing.T) {
	planted := func(t *testing.T, plant func(s *scene, i *issuer) map[string]string) {
		s := quietScene(t)
		i := s.issuer()
		jar := plant(s, i)
		s.jar = maps.Clone(jar)
		s.now += 1000
		i.signIn()
		victim := s.jar[cookieName1]
		for name, value := range jar {
			if value == victim {
				t.Error("the victim has what was planted")
			}
			s.jar = map[string]string{name: value}
			if m := s.call("GET", "https://app.example/api/x"); m.Str("status") == "200" {
				if token := s.proxied[len(s.proxied)-1].Header("authorization"); token == fmt.Sprintf("Bearer access-token-%d", i.n) {
					t.Errorf("%s reads with the victim's token", name)
				}
			}
		}
		s.jar = map[string]string{cookieName1: victim}
		s.want(s.call("GET", "https://app.example/auth/session"), 200, "jane")
	}
	t.Run("the attacker's session", func(t *testing.T) {
		planted(t, func(s *scene, i *issuer) map[string]string { i.signIn(); return maps.Clone(s.jar) })
	})
	t.Run("a session that was signed out", func(t *testing.T) {
		planted(t, func(s *scene, i *issuer) map[string]string {
			i.signIn()
			jar := maps.Clone(s.jar)
			s.call("POST", "https://app.example/auth/logout")
			return jar
		})
	})
	t.Run("attempts of the attacker's", func(t *testing.T) {
		planted(t, func(s *scene, i *issuer) map[string]string { i.login(""); i.login(""); return maps.Clone(s.jar) })
	})
	t.Run("what is sealed by nobody", func(t *testing.T) {
		planted(t, func(*scene, *issuer) map[string]string {
			return map[string]string{cookieName1: "k0.AAAA", "__Host-oauth2.AAAAAAAAAAAA": "k0.AAAA"}
		})
	})
	t.Run("parameters of a login", func(t *testing.T) {
		s := quietScene(t)
		i := s.issuer()
		for _, query := range []string{"state=fixed", "nonce=fixed", "code_verifier=fixed", "code_challenge=fixed", "session=fixed", "id=fixed", "redirect_uri=https%3A%2F%2Fevil.example", "client_id=evil", "scope=admin", "response_type=token", "response_mode=fragment", "insecure_state=fixed",
			"request=x", "request_uri=https%3A%2F%2Fevil.example", "resource=https%3A%2F%2Fevil.example", "claims=%7B%7D", "authorization_details=%5B%5D", "id_token_hint=x", "parameters=%5B%5B%22state%22%2C%22fixed%22%5D%5D"} {
			m := s.visit("GET", "https://app.example/auth/login?"+query)
			name, value, _ := strings.Cut(query, "=")
			value, _ = url.QueryUnescape(value)
			if u, err := url.Parse(m.Header("location")); err != nil || m.Str("status") == "303" && u.Query().Get(name) == value {
				t.Errorf("%s goes on to the server: %s", query, m.Header("location"))
			}
			if u, _ := url.Parse(m.Header("location")); m.Str("status") == "303" && (u.Query().Get("redirect_uri") != "https://app.example/auth/callback" || u.Query().Get("client_id") != "s6BhdRkqt3" || u.Query().Get("scope") != "openid read" || u.Query().Get("code_challenge_method") != "S256") {
				t.Errorf("%s changes the request: %s", query, m.Header("location"))
			}
		}
		_ = i
	})
}
