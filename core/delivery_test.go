package core

import (
	"strings"
	"testing"
)

// TestScenarioDeliveryGoesOn (E138): an instance dies in the middle of a callback; the next one
// gets the same command and finishes it.
func TestScenarioDeliveryGoesOn(t *testing.T) {
	s := newScene(t, "A reply whose instance dies before the attempt is marked, before the token request is answered, before the session is stored, or after it: the next instance gets the same delivery and finishes the sign-in. Another delivery of the reply sends nothing.",
		"E138")
	s.tokenServer()
	server := s.server
	for _, died := range []string{"before the mark", "before the answer", "before the session", "after it"} {
		s.open(conf)
		reply := callbackURL(s.authorize(), "code=SplxlOBeZQQYbYS6WxSbIA")
		mine := reply + `,"delivery":"one"`
		s.sent = nil
		marked := false
		switch died {
		case "before the mark":
			s.input(`"command":"callback","id":900,` + mine)
		case "after it":
			s.ok("callback", mine)
		default:
			marked = true
			s.server = nil
			_, left := s.start("callback", mine)
			s.server = server
			if died == "before the session" {
				s.answer(left[0], server(left[0]).member())
			}
		}
		s.open(conf)
		for _, other := range []string{"", `,"delivery":"two"`} {
			if marked {
				s.fails("callback_not_verified", "already_used", "callback", reply+other)
			}
		}
		before := len(s.sent)
		if r := s.ok("callback", mine); r.Str("ok", "status") != "granted" || r.Str("ok", "handled_elsewhere") != "" {
			t.Error(died, r.Raw)
		}
		if died == "after it" {
			s.wantSent(before)
		} else if s.wantSent(before + 1); marked && s.sent[0].Form().Encode() != s.sent[before].Form().Encode() {
			t.Error(died, "the token request differs from the first one:", s.sent)
		}
		s.ok("log_out")
	}
	long := `,"delivery":"` + strings.Repeat("d", maxDelivery+1) + `"`
	s.fails("client", "bad_value", "callback", callbackURL(s.authorize(), "code=c")+long)
}

// TestScenarioDeliveryGoesOnOpenID (E138): the same with an ID token. The next instance has not
// read the server's keys, and checks the nonce of the attempt all the same.
func TestScenarioDeliveryGoesOnOpenID(t *testing.T) {
	s := newScene(t, "The next instance goes on with a delivery: it reads the server's keys first, and refuses an ID token with another nonce than that of the attempt.", "E138", "Q12")
	i := s.issuer()
	for _, nonce := range []any{"", `"another"`} {
		s.open(with(oidcConf), `"session":""`)
		u := s.authorize()
		s.lastNonce = u.Query().Get("nonce")
		mine := callbackURL(u, "code=SplxlOBeZQQYbYS6WxSbIA") + `,"delivery":"one"`
		i.claims = map[string]any{}
		if nonce != "" {
			i.claims["nonce"] = nonce
		}
		s.server = nil
		_, left := s.start("callback", mine)
		s.settle(s.answer(left[0], i.serve(left[0]).member())) // the keys; the code is under way
		s.server = i.serve
		s.open(with(oidcConf))
		if nonce == "" {
			if r := s.ok("callback", mine); r.Str("ok", "claims", "sub") != "248289761001" {
				t.Error(r.Raw)
			}
			s.ok("log_out")
		} else {
			s.fails("id_token_not_verified", "wrong_claim", "callback", mine)
		}
	}
}
