package core

import (
	"fmt"
	"strings"
	"testing"
)

const deadNames = `{"refresh_token_errors":[["bad_refresh_token"],["invalid_token"],["invalid_request","This request requires an active refresh_token"]]}`

// TestDeadRefreshToken: whatever the server's error for it is, a dead refresh token is not sent
// again, by any command, after a reload, or by another instance. Any other error deletes nothing
// (E34).
func TestDeadRefreshToken(t *testing.T) {
	for _, row := range []struct {
		name, config, body string
		status             int
		dead               bool
	}{
		{"invalid_grant", `{}`, `{"error":"invalid_grant"}`, 400, true},
		{"a code of the provider's in a 200", deadNames, `{"error":"bad_refresh_token","error_description":"The refresh token passed is incorrect or expired."}`, 200, true},
		{"the same in a form", deadNames, `error=bad_refresh_token&error_description=The+refresh+token+passed+is+incorrect+or+expired.`, 200, true},
		{"invalid_token", deadNames, `{"error":"invalid_token"}`, 401, true},
		{"a pair", deadNames, `{"error":"invalid_request","error_description":"This request requires an active refresh_token"}`, 401, true},
		{"a pair in a 503", deadNames, `{"error":"invalid_request","error_description":"This request requires an active refresh_token"}`, 503, true},
		{"without the member", `{}`, `{"error":"bad_refresh_token"}`, 200, false},
		{"a description that is longer", deadNames, `{"error":"invalid_request","error_description":"This request requires an active refresh_token."}`, 400, false},
		{"a description in other letters", deadNames, `{"error":"invalid_request","error_description":"this request requires an active refresh_token"}`, 400, false},
		{"no description", deadNames, `{"error":"invalid_request"}`, 400, false},
		{"the description of another code", deadNames, `{"error":"invalid_client","error_description":"This request requires an active refresh_token"}`, 401, false},
		{"another code", deadNames, `{"error":"bad_refresh_tokens"}`, 400, false},
		{"no error of the protocol's", deadNames, `{"message":"bad_refresh_token"}`, 400, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t)
			tokens := 0
			s.server = func(m msg) reply {
				if m.Form().Get("grant_type") != "refresh_token" {
					tokens++
					return jsonReply(200, fmt.Sprintf(`{"access_token":"access-%d","token_type":"Bearer","expires_in":60,"refresh_token":"refresh-%d"}`, tokens, tokens))
				}
				r := jsonReply(row.status, row.body)
				if !strings.HasPrefix(row.body, "{") {
					r.ctype = "application/x-www-form-urlencoded"
				}
				return r
			}
			s.open(with(row.config))
			s.signIn()
			s.open(with(row.config))
			other := s.handle
			s.use(s.handle - 1)
			s.sent = nil
			r := s.do("refresh")
			if got := r.Str("error", "begin_again") == "true" && r.Str("error", "retryable") == "false"; got != row.dead {
				t.Error(r.Raw)
			}
			if strings.Contains(s.store["oauth2.session"], "refresh-1") == row.dead || !strings.Contains(s.store["oauth2.session"], "access-1") {
				t.Error("stored:", s.store["oauth2.session"])
			}
			s.sent = nil
			s.now += 120_000 // the access token has expired
			s.do("refresh")
			s.do("token")
			s.do("token", `"force":true`)
			s.do("prepare", `"url":"https://api.example/v1/x"`)
			s.use(other)
			s.do("token")
			s.do("refresh")
			s.open(with(row.config))
			s.do("token")
			s.do("refresh")
			if again := len(s.sent) > 0; again == row.dead {
				t.Errorf("sent %d times", len(s.sent))
			}
			if st := s.ok("status"); (st.Str("ok", "status") == "granted") == row.dead {
				t.Error(st.Raw)
			}
		})
	}
}

// TestDeadTokenByItself: automatic refresh stops with a dead token, and begins again with a new one
// (E34).
func TestDeadTokenByItself(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	usual := s.server
	s.open(with(deadNames, `{"auto_refresh":true}`))
	s.signIn()
	s.server = func(msg) reply { return jsonReply(200, `{"error":"bad_refresh_token"}`) }
	s.sent = nil
	s.pass(24 * 3_600_000)
	s.wantSent(1)
	if st := s.ok("status"); st.Str("ok", "status") != "not_authenticated" || len(s.timers) != 0 {
		t.Error(st.Raw, s.timers)
	}
	s.server = usual
	s.signIn()
	s.sent = nil
	s.pass(3_600_000)
	if len(s.sent) == 0 {
		t.Error("no refresh after a new sign-in")
	}
}

// TestRefreshTokenErrors: invalid entries are refused (E34).
func TestRefreshTokenErrors(t *testing.T) {
	for _, bad := range []string{`"bad_refresh_token"`, `["bad_refresh_token"]`, `[[]]`, `[["a","b","c"]]`, `[[""]]`, `[["a",""]]`, `[[1]]`, `[{"error":"a"}]`, `{}`, `[["invalid_request"]]`, `[["invalid_client"]]`, `[["temporarily_unavailable"]]`} {
		s := quietScene(t)
		if r := s.open(with(`{"refresh_token_errors":` + bad + `}`)); r.Str("error", "code") != "bad_value" || r.Str("error", "field") != "refresh_token_errors" {
			t.Errorf("%s: %s", bad, r.Raw)
		}
	}
}
