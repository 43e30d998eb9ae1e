package core

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// TestScenarioCodes: inputs that are refused change nothing, and answers for which nobody waits are
// ignored.
func TestScenarioCodes(t *testing.T) {
	s := newScene(t, "Every code of input; answers that are late, doubled, unknown or of another epoch.")
	s.open(conf)
	if len(s.rawInput(s.head()+`"command":"status","id":1,"held":true}`, link.Taken)) != 1 {
		t.Error("no result")
	}
	last := s.rec.Lines[len(s.rec.Lines)-2][2:]
	for _, row := range []struct {
		code int32
		in   string
	}{
		{link.BadEntropy, last},
		{link.Unreadable, ``}, {link.Unreadable, `[]`}, {link.Unreadable, `{`}, {link.Unreadable, strings.Repeat(`{"a":`, 33) + `1` + strings.Repeat(`}`, 33)},
		{link.Unreadable, s.head() + `"command":"status"}`},
		{link.Unreadable, s.head() + `"command":"status","id":0}`},
		{link.Unreadable, s.head() + `"command":"status","id":9007199254740992}`},
		{link.Unreadable, s.head() + `"command":7,"id":2}`},
		{link.Unreadable, s.head() + `"command":"status","id":2,"id":3}`},
		{link.Unreadable, s.head() + `"answer":"x"}`},
		{link.Unreadable, s.head() + `"answer":"x","failed":{}}`},
		{link.Unreadable, s.head() + `"answer":7,"ok":{}}`},
		{link.Unreadable, s.head() + `"neither":1}`},
		{link.Unreadable, strings.Replace(s.head(), `"now":1700000000000`, `"now":-1`, 1) + `"command":"status","id":2}`},
		{link.Unreadable, strings.Replace(s.head(), `"now":1700000000000`, `"now":9007199254740992`, 1) + `"command":"status","id":2}`},
		{link.Unreadable, strings.Replace(s.head(), `"now":1700000000000`, `"now":"x"`, 1) + `"command":"status","id":2}`},
		{link.BadEntropy, `{"now":1,"entropy":"AAAA","command":"status","id":2}`},
		{link.BadEntropy, `{"now":1,"command":"status","id":2}`},
		{link.BadEntropy, `{"now":1,"entropy":"` + strings.Repeat("A", 42) + `","command":"status","id":2}`},
		{link.BadEntropy, `{"now":1,"entropy":"` + strings.Repeat("A", 42) + `=","command":"status","id":2}`},
	} {
		if got := s.rawInput(row.in, row.code); len(got) != 0 {
			t.Errorf("%s: %v", row.in, got)
		}
	}
	if code := s.engine.Input(s.handle, make([]byte, link.MaxMessage+1)); code != link.TooLarge {
		t.Error(code)
	}
	for _, id := range []string{"", ":", "x:1", "0000000000000000:1", "0123456789abcdef:1", "\u0000"} {
		if got := s.input(fmt.Sprintf(`"answer":%s,"ok":{}`, quote(id))); len(got) != 0 {
			t.Error(got)
		}
	}
	effects := s.input(`"command":"authorize","id":5`)
	s.rawInput(s.head()+`"command":"status","id":5}`, link.Unreadable) // the id is in use
	load := effects[0]
	id := load.Str("id")
	for _, other := range []string{id + "0", id[:17] + "-" + id[17:], id[:17] + "99999999999999999999", id[:17] + "x"} {
		if got := s.input(fmt.Sprintf(`"answer":%q,"ok":{}`, other)); len(got) != 0 {
			t.Error(other, got)
		}
	}
	again := s.answer(load, `"ok":{"version":""}`)
	if got := s.answer(load, `"ok":{"version":""}`); len(got) != 0 {
		t.Error("answered twice:", got)
	}
	s.settle(again)
	// 2^31 and 2^53 in messages.
	s.now = 1 << 31
	s.ok("authorize")
	s.now = 1<<53 - 1
	s.ok("authorize")
	s.fails("client", "unknown_command", "dance")
	if r := s.ok("cancel", `"target":12345`); r.Str("ok", "cancelled") != "false" {
		t.Error(r.Raw)
	}
	handle := s.handle
	s.engine.Close(handle)
	s.rec.Lines = append(s.rec.Lines, "close")
	s.rawInput(s.head()+`"command":"status","id":9}`, link.UnknownHandle)
	s.open(conf)
	if s.handle == handle {
		t.Error("a handle was used again")
	}
	for _, h := range []int32{-1, 99, handle} {
		s.engine.Close(h)
		if s.engine.Effect(h) != nil || s.engine.Input(h, []byte(`{}`)) != link.UnknownHandle {
			t.Error("handle", h)
		}
	}
}

// TestScenarioEveryEffect uses each kind of effect of the contract, also those of later features.
func TestScenarioEveryEffect(t *testing.T) {
	s := newScene(t, "Each kind of effect with a made-up answer, well and failed, so that no later feature changes the contract.")
	s.rawOpen(s.head() + `"kind":"contract"}`)
	for _, row := range []struct{ effect, member string }{
		{`"kind":"http","stage":"token","method":"POST","url":"https://as.example/token","headers":[["accept","application/json"]],"body":{"text":"a=b"},"redirect":"refuse","timeout_ms":30000,"max_body":524288`,
			`"ok":{"status":200,"headers":[["set-cookie","a=1"],["set-cookie","b=2"]],"body":{"base64":"/w=="}}`},
		{`"kind":"timer","ms":2592000000`, `"ok":{}`},
		{`"kind":"load","key":"oauth2.session"`, `"ok":{"value":"{\"v\":1}","version":"7"}`},
		{`"kind":"store","key":"oauth2.session","version":"7","value":"é\u0000\ud83d\ude00"`, `"ok":{"version":"8"}`},
		{`"kind":"store","key":"oauth2.session","version":"8","delete":true`, `"failed":{"kind":"conflict"}`},
		{`"kind":"lock","name":"oauth2.session","timeout_ms":60000`, `"ok":{}`},
		{`"kind":"hook","hook":"parameters","stage":"token","parameters":[["a","b"]]`, `"ok":{"parameters":[["a","c"]]}`},
		{`"kind":"hook","hook":"request","stage":"token","request":{"method":"POST","url":"https://as.example/token","headers":[],"body":{"text":""}}`, `"failed":{"kind":"internal"}`},
		{`"kind":"key","name":"dpop","alg":"ES256","create":true`, `"ok":{"jwk":{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}`},
		{`"kind":"sign","key":"dpop","alg":"ES256","input":"eyJhbGciOiJFUzI1NiJ9.e30"`, `"ok":{"signature":"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"}`},
		{`"kind":"verify","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},"input":"a.b","signature":"AA"`, `"ok":{"valid":false}`},
		{`"kind":"verify","alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},"input":"a.b","signature":"AA"`, `"failed":{"kind":"unsupported"}`},
		{`"kind":"seal","text":"secret","context":"session"`, `"ok":{"sealed":"AAAA"}`},
		{`"kind":"unseal","sealed":"AAAA","context":"session"`, `"failed":{"kind":"tampered"}`},
		{`"kind":"recall","key":"k"`, `"ok":{"text":"t"}`},
		{`"kind":"recall","key":"k"`, `"ok":{}`},
		{`"kind":"body","request":"r1","max_body":65536,"timeout_ms":30000`, `"ok":{"body":{"text":"a=b"}}`},
		{`"kind":"respond","request":"r1","status":302,"headers":[["location","/"]],"body":{"text":""}`, `"ok":{}`},
		{`"kind":"proxy","request":"r1","method":"GET","url":"https://api.example/v1","headers":[],"body":{"ref":"b1"}`, `"ok":{"status":200,"headers":[],"body":{"ref":"b2"}}`},
	} {
		id, left := s.startRaw("perform", `"effect":{`+row.effect+`}`)
		if len(left) != 1 || !strings.HasSuffix(left[0].Raw, row.effect+"}") {
			t.Fatalf("not as asked for: %v", left)
		}
		r := s.resultOf(id, s.answer(left[0], row.member))
		if !strings.HasSuffix(r.Raw, `"ok":{"answer":{`+row.member+`}}}`) {
			t.Errorf("%s: %s", row.member, r.Raw)
		}
	}
	for _, row := range [][2]string{
		{`"kind":"http","stage":"token","method":"GET","url":"https://as.example/slow","headers":[],"redirect":"refuse","timeout_ms":1,"max_body":1`, "http-cancel"},
		{`"kind":"timer","ms":9007199254740991`, "timer-cancel"},
		{`"kind":"lock","name":"x","timeout_ms":2147483648`, "unlock"},
	} {
		first, left := s.startRaw("perform", `"effect":{`+row[0]+`}`)
		_, got := s.startRaw("perform", fmt.Sprintf(`"effect":{"kind":%q,"command":%s}`, row[1], first))
		if got[0].Str("kind") != row[1] || got[0].Str("target") != left[0].Str("id") || got[1].Str("kind") != "result" {
			t.Error(got)
		}
		if late := s.answer(left[0], `"ok":{}`); len(late) != 0 {
			t.Error(late)
		}
	}
	_, got := s.startRaw("perform", `"effect":{"kind":"event","event":"status","status":"granted"}`)
	if len(got) != 2 || got[0].Str("event") != "status" {
		t.Error(got)
	}
	if _, got := s.startRaw("perform", `"effect":{"kind":"remember","key":"k","text":"t","expires_at":1}`); len(got) != 2 || got[0].Str("text") != "t" {
		t.Error(got)
	}
	s.fails("client", "unknown_command", "perform")
	s.fails("client", "unknown_command", "perform", `"effect":{"kind":"result"}`)
}

// startRaw sends a command and does not carry out its effects.
func (s *scene) startRaw(name, params string) (id string, effects []msg) {
	s.nextID++
	return fmt.Sprint(s.nextID), s.input(fmt.Sprintf(`"command":%q,"id":%d,%s`, name, s.nextID, params))
}

// TestScenarioConfiguration: errors in the configuration name the field.
func TestScenarioConfiguration(t *testing.T) {
	s := newScene(t, "Configuration errors name the field.", "Q4", "Q20", "Q11", "H1", "H2", "H10")
	for _, row := range []struct{ members, code, field string }{
		{`{"client_id":null}`, "missing", "client_id"},
		{`{"client_id":""}`, "missing", "client_id"},
		{`{"client_id":7}`, "bad_value", "client_id"},
		{`{"client_id":"a\u0000"}`, "bad_value", "client_id"},
		{`{"name":""}`, "missing", "name"},
		{`{"name":"é"}`, "bad_value", "name"},
		{`{"clientId":"x"}`, "unknown_member", "clientId"},
		{`{"token_endpoint":"http://as.example/token"}`, "not_https", "token_endpoint"},
		{`{"token_endpoint":"/token"}`, "bad_url", "token_endpoint"},
		{`{"token_endpoint":"https://as.example/token#x"}`, "bad_url", "token_endpoint"},
		{`{"authorization_endpoint":"https://user@as.example/"}`, "bad_url", "authorization_endpoint"},
		{`{"authorization_endpoint":"ftp://as.example/"}`, "bad_url", "authorization_endpoint"},
		{`{"issuer":"as.example"}`, "bad_url", "issuer"},
		{`{"userinfo_endpoint":"https://"}`, "bad_url", "userinfo_endpoint"},
		{`{"revocation_endpoint":"http://127.0.0.1.example/"}`, "not_https", "revocation_endpoint"},
		{`{"refresh_endpoint":"None"}`, "bad_url", "refresh_endpoint"},
		{`{"redirect_uri":"http://client.example/cb"}`, "not_https", "redirect_uri"},
		{`{"redirect_uri":"https://client.example/cb#"}`, "bad_url", "redirect_uri"},
		{`{"scope":"a  b"}`, "bad_value", "scope"},
		{`{"scope":["a"]}`, "bad_value", "scope"},
		{`{"pkce_verifier_length":42}`, "bad_value", "pkce_verifier_length"},
		{`{"pkce_verifier_length":129}`, "bad_value", "pkce_verifier_length"},
		{`{"pkce_verifier_length":"43"}`, "bad_value", "pkce_verifier_length"},
		{`{"retry_window_ms":-1}`, "bad_value", "retry_window_ms"},
		{`{"nonce":"off"}`, "bad_value", "nonce"},
		{`{"nonce":"disabled","scope":"openid"}`, "bad_value", "nonce"},
		{`{"insecure_pkce_none":"yes"}`, "bad_value", "insecure_pkce_none"},
		{`{"token_destinations":["http://api.example"]}`, "not_https", "token_destinations"},
		{`{"token_destinations":["*"]}`, "bad_url", "token_destinations"},
		{`{"token_destinations":"https://api.example"}`, "bad_value", "token_destinations"},
		{`{"token_destinations":["https://api.example/?a=b"]}`, "bad_url", "token_destinations"},
		{`{"parameters":[["state","x"]]}`, "protected_parameter", "parameters"},
		{`{"parameters":[["x"]]}`, "bad_value", "parameters"},
		{`{"parameter_hooks":["callback"]}`, "bad_value", "parameter_hooks"},
		{`{"token_endpoint_auth_method":"client_secret_basic"}`, "missing", "client_secret"},
		{`{"token_endpoint_auth_method":"magic"}`, "bad_value", "token_endpoint_auth_method"},
		{`{"revocation_endpoint_auth_method":"client_secret_post"}`, "missing", "client_secret"},
		{`{"revocation_endpoint":null,"revocation_endpoint_auth_method":"none"}`, "missing", "revocation_endpoint"},
		{`{"introspection_endpoint_auth_method":"none"}`, "missing", "introspection_endpoint"},
		{`{"introspection_endpoint":"https://as.example/introspect","introspection_endpoint_auth_method":"private_key_jwt"}`, "missing", "client_key"},
		{`{"introspection_endpoint":"https://as.example/introspect","introspection_endpoint_auth_method":"digest"}`, "bad_value", "introspection_endpoint_auth_method"},
		{`{"issuer":null,"authorization_response_iss_parameter_supported":true}`, "missing", "issuer"},
	} {
		r := s.open(with(row.members))
		if r.Str("error", "kind") != "client" || r.Str("error", "code") != row.code || r.Str("error", "field") != row.field || r.Str("error", "op") != "open" {
			t.Errorf("%s: %s", row.members, r.Raw)
		}
	}
	for _, good := range []string{`{"token_endpoint":"http://localhost:8080/token"}`, `{"token_endpoint":"http://127.0.0.1/token"}`, `{"token_endpoint":"http://[::1]:9/token"}`,
		`{"token_endpoint":"http://as.localhost/token"}`, `{"refresh_endpoint":"none"}`, `{"redirect_uri":"com.example.app:/cb"}`, `{"scope":""}`} {
		if r := s.open(with(good)); r.Raw != "" {
			t.Errorf("%s: %s", good, r.Raw)
		}
	}
	for _, in := range []string{`{}`, `"kind":"client"`, s.head() + `"kind":"server"}`, s.head() + `"kind":"client"}`, `{"now":1,"entropy":"AA","kind":"client"}`} {
		if r := s.rawOpen(in); r.Str("error", "op") != "open" {
			t.Errorf("%s: %s", in, r.Raw)
		}
	}
	s.open(conf)
	s.fails("client", "bad_value", "exchange")
	s.fails("client", "bad_value", "exchange", `"code":"c","code_verifier":"short"`)
	s.open(with(`{"authorization_endpoint":null,"token_endpoint":null,"redirect_uri":null}`))
	for _, row := range [][3]string{{"authorize", "", "authorization_endpoint"}, {"exchange", `"code":"c"`, "token_endpoint"}} {
		params := []string{}
		if row[1] != "" {
			params = append(params, row[1])
		}
		if r := s.fails("client", "missing", row[0], params...); r.Str("error", "field") != row[2] {
			t.Error(r.Raw)
		}
	}
	s.open(with(`{"redirect_uri":null}`))
	if r := s.fails("client", "missing", "authorize"); r.Str("error", "field") != "redirect_uri" {
		t.Error(r.Raw)
	}
}
