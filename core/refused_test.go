package core

import "testing"

// TestScenarioRefusedParameters: E92.
func TestScenarioRefusedParameters(t *testing.T) {
	s := newScene(t, "What a command refuses of its parameters comes with what was expected and what came; a text that is none is not lost in silence.", "E92", "E52")
	s.open(conf)
	for _, row := range []struct{ command, params, code, field, expected, came string }{
		{"authorize", `"max_age":"60"`, "bad_value", "max_age", "whole seconds, from 0", "60"},
		{"authorize", `"prompt":["login"]`, "bad_value", "prompt", "a text", "an array"},
		{"authorize", `"claims":"{}"`, "bad_value", "claims", "an object", "{}"},
		{"authorize", `"authorization_details":{}`, "bad_value", "authorization_details", "an array", "an object"},
		{"authorize", `"prompt":"login","parameters":[["prompt","none"]]`, "bad_value", "prompt", "once", "among parameters, too"},
		{"authorize", `"parameters":{"a":"b"}`, "bad_value", "parameters", "[[name, value], …]", ""},
		{"authorize", `"parameters":[["state","x"]]`, "protected_parameter", "parameters", "", "state"},
		{"authorize", `"app_state":"Zoë"`, "bad_value", "app_state", "printable ASCII, 2,048 characters at the most", ""},
		{"authorize", `"app_state":{"page":7}`, "bad_value", "app_state", "a text", "an object"},
		{"authorize", `"scope":["read","write"]`, "bad_value", "scope", "a text", "an array"},
		{"authorize", `"redirect_uri":7`, "bad_value", "redirect_uri", "a text", "7"},
		{"prepare", `"url":"https://api.example/v2?secret=x"`, "resource_not_allowed", "url", "a URL under one of token_destinations", "https://api.example/v2"},
		{"answered", `"url":"http://api.example/v1","status":401,"sent":"Bearer a"`, "resource_not_allowed", "url", "a URL under one of token_destinations", "http://api.example/v1"},
		{"set_token", `"token":{"access_token":"a","token_type":"Bearer","expires_in":1700003600}`, "bad_value", "expires_in", "a life in seconds", "1700003600"},
	} {
		r := s.fails("client", row.code, row.command, row.params)
		if r.Str("error", "field") != row.field || r.Str("error", "expected") != row.expected || r.Str("error", "came") != row.came {
			t.Errorf("%s %s: %s", row.command, row.params, r.Raw)
		}
	}
	// The members that allow URLs are read before the URLs, wherever they are.
	for _, row := range [][3]string{
		{`["http://keycloak/"]`, "bad_url", "http://keycloak/"}, {`["http://keycloak:80"]`, "bad_url", "http://keycloak:80"}, {`["*"]`, "bad_url", "*"}, {`"http://keycloak"`, "bad_value", "http://keycloak"},
	} {
		r := s.open(`{"client_id":"c","issuer":"http://keycloak/realm","discovery":true,"insecure_http_origins":` + row[0] + `}`)
		if r.Str("error", "field") != "insecure_http_origins" || r.Str("error", "code") != row[1] || r.Str("error", "came") != row[2] {
			t.Error(r.Raw)
		}
	}
}

// TestScenarioRepliesToBeTold: E94.
func TestScenarioRepliesToBeTold(t *testing.T) {
	s := newScene(t, "A reply that came to the redirect URI and cannot be read, or with one slash for two, is an error that says so and not somebody else's page.", "E94", "E7")
	for _, row := range []struct{ registered, url, matches, code string }{
		{"https://client.example/cb", "https://client.example/cb?error=access_denied&error_description=100%&state=", "true", "unreadable"},
		{"https://client.example/cb", "https://client.example/cb?error=access_denied&error_description=no;never&state=", "true", "unreadable"},
		{"https://client.example/cb", "https://client.example/cb?code=%zz&state=", "true", "unreadable"},
		{"https://client.example/cb", "https://client.example/other?code=%zz&state=", "false", "unreadable"},
		{"https://client.example/cb", "https://client.example/cb?discount=5%&state=", "false", "unreadable"},
		{"https://client.example//cb", "https://client.example/cb?code=a&state=", "true", "wrong_redirect_uri"},
		{"https://client.example/a/cb", "https://client.example/a//cb//?code=a&state=", "true", "wrong_redirect_uri"},
		{"com.example.app:/cb", "com.example.app://cb?code=a&state=", "true", "wrong_redirect_uri"},
		{"https://client.example/a/cb", "https://client.example/acb?code=a&state=", "false", "wrong_redirect_uri"},
	} {
		s.open(with(`{"redirect_uri":` + quote(row.registered) + `}`))
		url := `"url":` + quote(row.url+authorizeURL(s).Query().Get("state"))
		if r := s.ok("matches", url); r.Str("ok", "matches") != row.matches {
			t.Errorf("%s: %s", row.url, r.Raw)
		}
		if r := s.fails("callback_not_verified", row.code, "callback", url); r.Str("error", "expected") == "" {
			t.Error(r.Raw)
		}
	}
}
