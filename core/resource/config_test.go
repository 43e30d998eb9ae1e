package resource

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestScenarioRefused: a configuration that makes no sense is refused, and the error names the
// member (R50).
func TestScenarioRefused(t *testing.T) {
	s := newScene(t, "what is refused of a configuration", "R50")
	for _, row := range []struct{ config, code, field string }{
		{`null`, "missing", "config"},
		{`{}`, "bad_url", "resource"},
		{with(`{"resource":"http://api.example/notes"}`), "bad_url", "resource"},
		{with(`{"resource":"notes"}`), "bad_url", "resource"},
		{with(`{"resource":"https://api.example/notes#x"}`), "bad_url", "resource"},
		{with(`{"authorization_servers":null}`), "missing", "authorization_servers"},
		{with(`{"authorization_servers":[]}`), "missing", "authorization_servers"},
		{with(`{"authorization_servers":["https://as.example"]}`), "bad_value", "authorization_servers"},
		{with(`{"authorization_servers":[{}]}`), "missing", "authorization_servers"},
		{with(`{"authorization_servers":[{"issuer":"http://as.example"}]}`), "not_https", "authorization_servers"},
		{with(`{"authorization_servers":[{"issuer":"https://as.example","redirect_uri":"https://x.example"}]}`), "unknown_member", "authorization_servers"},
		{with(`{"authorization_servers":[{"issuer":"https://as.example","introspect":"all"}]}`), "bad_value", "authorization_servers"},
		{with(`{"audience":"notes"}`), "bad_value", "audience"},
		{with(`{"audience":[""]}`), "bad_value", "audience"},
		{with(`{"algorithms":["none"]}`), "bad_value", "algorithms"},
		{with(`{"algorithms":["HS256"]}`), "bad_value", "algorithms"},
		{with(`{"algorithms":[]}`), "bad_value", "algorithms"},
		{with(`{"dpop_algorithms":["HS256"]}`), "bad_value", "dpop_algorithms"},
		{with(`{"dpop":true}`), "bad_value", "dpop"},
		{with(`{"dpop_nonce":"true"}`), "bad_value", "dpop_nonce"},
		{with(`{"nonce_keys":["` + strings.Repeat("A", 43) + `"]}`), "missing", "dpop_nonce"},
		{with(`{"dpop_nonce":true,"nonce_keys":["short"]}`), "bad_value", "nonce_keys"},
		{with(`{"nonce_ms":1}`), "bad_value", "nonce_ms"},
		{with(`{"proof_ms":3600001}`), "bad_value", "proof_ms"},
		{with(`{"clock_tolerance_ms":300001}`), "bad_value", "clock_tolerance_ms"},
		{with(`{"keys_ms":0}`), "bad_value", "keys_ms"},
		{with(`{"certificate_header":"client-cert"}`), "missing", "proxies"},
		{with(`{"proxies":["10.0.0.0/8"]}`), "missing", "proxies"},
		{with(`{"proxies":["10.0.0.0/33"],"certificate_header":"client-cert"}`), "bad_value", "proxies"},
		{with(`{"proxies":["localhost"],"certificate_header":"client-cert"}`), "bad_value", "proxies"},
		{with(`{"proxies":["10.0.0.1"],"certificate_header":"authorization"}`), "bad_value", "certificate_header"},
		{with(`{"proxies":["10.0.0.1"],"certificate_header":"Client-Cert"}`), "bad_value", "certificate_header"},
		{with(`{"origins":["https://www.example/"]}`), "bad_value", "origins"},
		{with(`{"metadata":{"resource":"https://other.example"}}`), "bad_value", "metadata"},
		{with(`{"scope":"a  b"}`), "bad_value", "scope"},
		{with(`{"acr_values":"a\"b"}`), "bad_value", "acr_values"},
		{with(`{"max_age":-1}`), "bad_value", "max_age"},
		{with(`{"name":"a.b"}`), "bad_value", "name"},
		{with(`{"audiences":["x"]}`), "unknown_member", "audiences"},
	} {
		m := s.open(row.config)
		if m.Str("error", "code") != row.code || m.Str("error", "field") != row.field {
			t.Errorf("%s: %s", row.config, m.Raw)
		}
	}
	if m := s.open(with(`{"dpop_nonce":true,"nonce_keys":["not base64, and secret"]}`)); strings.Contains(m.Raw, "secret") {
		t.Error(m.Raw)
	}
}

// TestScenarioCommands: a check can be cancelled, and other commands are unknown (R51).
func TestScenarioCommands(t *testing.T) {
	s := newScene(t, "a check that is cancelled, and a command that is none", "R51").mustOpen(conf)
	id := s.begin("check", request("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)))
	end := s.begin("cancel", fmt.Sprintf(`"target":%d`, id))
	if s.results[id].Str("error", "code") != "cancelled" || s.results[end].Str("ok", "cancelled") != "true" {
		t.Error(s.results[id].Raw, s.results[end].Raw)
	}
	s.settle()
	end = s.begin("cancel", fmt.Sprintf(`"target":%d`, id))
	if s.results[end].Str("ok", "cancelled") != "false" {
		t.Error(s.results[end].Raw)
	}
	if id = s.begin("token", ""); s.results[id].Str("error", "code") != "unknown_command" {
		t.Error(s.results[id].Raw)
	}
	s.allowed(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)))
	if len(s.sent) != 1 {
		t.Error("what the cancelled check asked for was lost")
	}
}

// TestGiants: what anybody can send is limited in size, and the work for it is linear (R52).
func TestGiants(t *testing.T) {
	const most = 900 << 10
	long := strings.Repeat("x", most)
	many := strings.Repeat("a.", most/2)
	for name, headers := range map[string][]string{
		"a token":                {"authorization", "Bearer " + long},
		"a token of dots":        {"authorization", "Bearer " + many},
		"a scheme":               {"authorization", long},
		"white space":            {"authorization", "Bearer " + strings.Repeat(" ", most)},
		"equals signs":           {"authorization", "Bearer " + strings.Repeat("=", most)},
		"a proof":                {"authorization", "DPoP " + boundToken(), "dpop", many},
		"a certificate":          {"authorization", "Bearer " + token(`{"cnf":{"x5t#S256":"x"}}`), "client-cert", strings.Repeat("%41", most/3)},
		"a name":                 {long, "x"},
		"nested claims":          {"authorization", "Bearer " + jwt(tokenHeader, strings.Repeat(`{"a":`, 3000)+"1"+strings.Repeat("}", 3000))},
		"a list of audiences":    {"authorization", "Bearer " + jwt(tokenHeader, change(tokenClaims, `{"aud":["`+strings.Repeat(`x","`, 2000)+`x"]}`))},
		"a list of scopes":       {"authorization", "Bearer " + token(`{"scope":"`+strings.Repeat("a ", 5000)+`"}`)},
		"a name of two thousand": {"authorization", "Bearer " + token(`{"`+strings.Repeat("n", 2000)+`":1}`)},
	} {
		t.Run(name, func(t *testing.T) {
			s := quietScene(t).mustOpen(with(`{"scope":"read","certificate_header":"client-cert","proxies":["10.0.0.1"]}`))
			began := time.Now()
			m := s.check("GET", "/notes", `"peer":"10.0.0.1"`, headers...)
			if name != "a name of two thousand" && m.Str("ok", "allowed") != "false" {
				t.Error(m.Raw[:min(len(m.Raw), 300)])
			}
			if len(m.Raw) > 8<<10 {
				t.Errorf("an answer of %d bytes", len(m.Raw))
			}
			if took := time.Since(began); took > 20*time.Second { // work that is not linear takes minutes
				t.Error(took)
			}
		})
	}
	s := quietScene(t).mustOpen(conf)
	var headers []string
	for n := range 800 {
		headers = append(headers, fmt.Sprint("x-", n), "y")
	}
	s.allowed(s.check("GET", "/notes?"+many, "", append(headers, "authorization", "Bearer "+token(`{}`))...))
}

// FuzzCheck: for any request there is one verdict, no token is accepted that was not verified, and
// no header contains a line end.
func FuzzCheck(f *testing.F) {
	at := boundToken()
	f.Add("GET", "/notes", "Bearer "+token(`{}`), "", "", "10.0.0.1")
	f.Add("GET", "/notes", "DPoP "+at, proof(at, `{}`, `{}`), "", "")
	f.Add("POST", "https://api.example/notes?access_token=x", "bearer \r\n", "a.b.c", ":AAAA:", "::1")
	f.Add("GET", "/notes", "Bearer opaque-1", "", "%2", "10.0.0.1")
	f.Add("GET", "%", "Bearer eyJ.e30.", "..", "-----BEGIN CERTIFICATE-----", "x")
	f.Fuzz(func(t *testing.T, method, url, authorization, proof, certificate, peer string) {
		s := quietScene(t).mustOpen(with(`{"certificate_header":"client-cert","proxies":["10.0.0.1"],"scope":"read",` + opaque[1:]))
		s.server = func(m msg) string {
			if strings.Contains(m.Str("url"), "introspect") {
				return answer(200, `{"active":false}`)
			}
			return publish(m)
		}
		headers := []string{"authorization", authorization, "client-cert", certificate}
		if proof != "" {
			headers = append(headers, "dpop", proof)
		}
		m := s.check(method, url, `"peer":`+quote(peer), headers...)
		if m.Str("ok", "allowed") == "true" && (s.signed == 0 || !strings.Contains(authorization, ".Z29vZA")) {
			t.Errorf("let in without a signature: %s", m.Raw)
		}
		for _, name := range []string{"www-authenticate", "dpop-nonce"} {
			if strings.ContainsAny(m.Header(name), "\r\n\x00") {
				t.Error(m.Raw)
			}
		}
	})
}
