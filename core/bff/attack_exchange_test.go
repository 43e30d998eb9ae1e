package bff

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"

// threeCallers have a secret each. "wide" may ask for more than "narrow"; "other" may ask for the
// same as "wide".
func threeCallers() string {
	one := func(id, scope, audience string) string {
		return fmt.Sprintf(`{"client_id":%q,"secret_sha256":%q,"grant_types":[%q,"client_credentials"],"audience":%s,"scope":%q}`, id, hashOf(callerSecret+id), tokenExchange, audience, scope)
	}
	return `{"callers":[` + one("wide", "read write", `["https://a.example","https://b.example"]`) + "," + one("narrow", "read", `["https://a.example"]`) + "," + one("other", "read write", `["https://a.example","https://b.example"]`) + `]}`
}

func asCaller(id string, pairs ...string) string {
	form := url.Values{"client_id": {id}, "client_secret": {callerSecret + id}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return form.Encode()
}

func exchanging(id string, pairs ...string) string {
	return asCaller(id, append([]string{"grant_type", tokenExchange, "subject_token_type", "urn:ietf:params:oauth:token-type:access_token"}, pairs...)...)
}

func tokenOf(m msg) string {
	var answer struct {
		Token string `json:"access_token"`
	}
	json.Unmarshal([]byte(m.Str("body", "text")), &answer)
	return answer.Token
}

// TestExchangeAcrossCallers: a token that is remembered for one caller or one request is never
// given to another, however similar they look (S115).
func TestExchangeAcrossCallers(t *testing.T) {
	s := quietScene(t)
	s.config = with(threeCallers())
	s.issuer()
	given := map[string]string{}
	ask := func(what, body string) {
		t.Helper()
		m := s.post(exchangeURL, body)
		token := tokenOf(m)
		if token == "" {
			return // to refuse it is just as good
		}
		if before, known := given[token]; known {
			t.Errorf("%s gets what was for %s", what, before)
		}
		given[token] = what
	}
	for _, id := range []string{"wide", "other", "narrow"} {
		ask(id, exchanging(id, "subject_token", "S", "audience", "https://a.example", "scope", "read"))
	}
	ask("another audience", exchanging("wide", "subject_token", "S", "audience", "https://b.example", "scope", "read"))
	ask("the same as a resource", exchanging("wide", "subject_token", "S", "resource", "https://a.example", "scope", "read"))
	ask("another scope", exchanging("wide", "subject_token", "S", "audience", "https://a.example", "scope", "write"))
	ask("all scopes", exchanging("wide", "subject_token", "S", "audience", "https://a.example"))
	ask("another subject", exchanging("wide", "subject_token", "T", "audience", "https://a.example", "scope", "read"))
	ask("a subject in lower case", exchanging("wide", "subject_token", "s", "audience", "https://a.example", "scope", "read"))
	ask("a subject with a space", exchanging("wide", "subject_token", "S ", "audience", "https://a.example", "scope", "read"))
	ask("another type wanted", exchanging("wide", "subject_token", "S", "audience", "https://a.example", "scope", "read", "requested_token_type", "urn:ietf:params:oauth:token-type:jwt"))
	// Texts that are equal if names and values are joined without separators.
	const kind = "urn:ietf:params:oauth:token-type:access_token"
	for _, pair := range [][2]string{{"X", kind + "\nY"}, {"X\nsubject_token_type=" + kind, "Y"}, {"X\nsubject_token_type=" + kind + "\nY", kind}, {"X", kind + "\nsubject_token_type=Y"}, {"X\nsubject_token_type=" + kind, "Y\n"}} {
		ask(fmt.Sprintf("%q of type %q", pair[0], pair[1]), asCaller("wide", "grant_type", tokenExchange, "subject_token", pair[0], "subject_token_type", pair[1], "audience", "https://a.example", "scope", "read"))
	}
	ask("newlines at the end", exchanging("wide", "subject_token", "S\naudience=https://a.example", "audience", "https://a.example", "scope", "read"))
	for _, id := range []string{"wide", "other", "narrow"} { // the clients' own tokens are different from exchanged ones
		if token := tokenOf(s.post(exchangeURL, asCaller(id, "grant_type", "client_credentials", "audience", "https://a.example", "scope", "read"))); strings.Contains(given[token], "subject") {
			t.Errorf("%s has a user's token for its own: %s", id, given[token])
		}
	}
}

// TestExchangeWidening: scopes and audiences that a caller may not have, in every spelling (S115).
func TestExchangeWidening(t *testing.T) {
	s := quietScene(t)
	s.config = with(threeCallers())
	i := s.issuer()
	ask := func(pairs ...string) msg {
		return s.post(exchangeURL, exchanging("narrow", append([]string{"subject_token", "S"}, pairs...)...))
	}
	sound := func(what string, m msg) {
		t.Helper()
		if status := m.Str("status"); status != "200" && status != "400" {
			t.Errorf("%s: %s", what, m.Raw)
		}
		for _, sent := range s.sent {
			form := sent.Form()
			words := strings.Fields(form.Get("scope"))
			if len(form["scope"]) != 1 || len(words) == 0 || strings.Trim(form.Get("scope"), " read") != "" || slices.ContainsFunc(words, func(w string) bool { return w != "read" }) {
				t.Errorf("%s: the server is asked for scope %q", what, form["scope"])
			}
			for _, value := range slices.Concat(form["audience"], form["resource"]) {
				if value != "https://a.example" {
					t.Errorf("%s: the server is asked for a token for %q", what, value)
				}
			}
		}
		s.sent = nil
		clear(s.memory)
	}
	for _, scope := range []string{"write", "read write", "write read", "read\twrite", "read\nwrite", "read\x00write", "read,write", "read+write", "read;write", "read%20write", "read\u00a0write", " write", "read  write", "READ", "re", "readx", "*", "read *", "openid", "offline_access", "read read", " read", "read ", "", " "} {
		sound(fmt.Sprintf("scope %q", scope), ask("audience", "https://a.example", "scope", scope))
	}
	for _, audience := range []string{"https://b.example", "https://a.example https://b.example", "https://a.example,https://b.example", "https://a.example/", "HTTPS://A.EXAMPLE", "https://a.example.evil.example", "https://a.example#", "https://a.example\n", "*", "", " ", "s6BhdRkqt3"} {
		for _, name := range []string{"audience", "resource"} {
			sound(fmt.Sprintf("%s %q", name, audience), ask(name, audience))
			sound(fmt.Sprintf("%s %q behind a good one", name, audience), ask("audience", "https://a.example", name, audience))
			sound(fmt.Sprintf("%s %q before a good one", name, audience), ask(name, audience, "audience", "https://a.example"))
			sound(fmt.Sprintf("%s %q beside a good resource", name, audience), ask("resource", "https://a.example", name, audience))
		}
	}
	for _, more := range [][2]string{{"client_id", "wide"}, {"client_secret", callerSecret + "wide"}, {"grant_type", "client_credentials"}, {"scope", "write"}, {"subject_token", "T"}, {"client_assertion", "x"}, {"authorization_details", "[]"}, {"parameters", `[["scope","write"]]`}} {
		sound("twice "+more[0], ask("audience", "https://a.example", "scope", "read", more[0], more[1]))
	}
	// One caller's name with another's secret.
	for _, body := range []string{strings.Replace(exchanging("narrow", "subject_token", "S", "audience", "https://a.example"), "client_id=narrow", "client_id=wide", 1), strings.Replace(exchanging("wide", "subject_token", "S", "audience", "https://a.example"), "client_id=wide", "client_id=wide%00", 1), strings.Replace(exchanging("wide", "subject_token", "S"), "client_id=wide", "client_id=WIDE", 1)} {
		s.want(s.post(exchangeURL, body), 401, "invalid_client")
	}
	// If the server grants more than was asked, that is not handed out and not remembered.
	i.scope = "read write"
	for range 2 {
		s.want(s.post(exchangeURL, exchanging("narrow", "subject_token", "S", "audience", "https://a.example")), 400, "invalid_scope")
	}
	if len(s.memory) != 0 {
		t.Error("remembered what nobody may have")
	}
}
