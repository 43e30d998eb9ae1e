package core

import (
	"crypto"
	"crypto/elliptic"
	"crypto/sha512"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

const oidcConf = `{"scope":"openid read","jwks_uri":"https://as.example/jwks"}`

// A testIssuer issues ID tokens.
type testIssuer struct {
	s      *scene
	key    crypto.Signer
	alg    string
	header string
	keys   []string       // published
	claims map[string]any // changes of the normal claims; nil removes one
	mangle func(jwt string) string
	asked  int // number of requests for the keys
	n      int
	info   string
}

func (s *scene) issuer() *testIssuer {
	i := &testIssuer{s: s, key: rsaKey, alg: "RS256", header: `"kid":"1"`, keys: []string{jwk(rsaKey, `"kid":"1","use":"sig","alg":"RS256"`)}}
	s.server = i.serve
	return i
}

func (i *testIssuer) serve(m msg) reply {
	switch url := m.Str("url"); {
	case strings.HasSuffix(url, "/jwks"):
		i.asked++
		return jsonReply(200, `{"keys":[`+strings.Join(i.keys, ",")+`]}`)
	case strings.HasSuffix(url, "/userinfo"):
		return jsonReply(200, i.info)
	case !strings.HasSuffix(url, "/token"):
		return reply{status: 200}
	}
	i.n++
	return jsonReply(200, fmt.Sprintf(`{"access_token":"access-%d","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-%d","id_token":%q}`, i.n, i.n, i.token()))
}

// token returns an ID token with the current settings.
func (i *testIssuer) token() string {
	claims := []string{}
	now := i.s.now / 1000
	for _, c := range [][2]string{{"iss", `"https://as.example"`}, {"sub", `"248289761001"`}, {"aud", `"s6BhdRkqt3"`}, {"exp", fmt.Sprint(now + 300)}, {"iat", fmt.Sprint(now)}, {"nonce", quote(i.nonce())}} {
		if v, changed := i.claims[c[0]]; changed {
			if v == nil {
				continue
			}
			c[1] = fmt.Sprint(v)
		}
		claims = append(claims, fmt.Sprintf("%q:%s", c[0], c[1]))
	}
	for _, name := range []string{"azp", "nbf", "auth_time", "at_hash", "c_hash", "acr", "sid", "tid", "events"} {
		if v, ok := i.claims[name]; ok {
			claims = append(claims, fmt.Sprintf("%q:%v", name, v))
		}
	}
	t := jwt(i.key, i.alg, i.header, "{"+strings.Join(claims, ",")+"}")
	if i.mangle != nil {
		t = i.mangle(t)
	}
	return t
}

// nonce is the nonce of the attempt that was stored last.
func (i *testIssuer) nonce() string {
	if i.s.lastNonce != "" {
		return i.s.lastNonce
	}
	text := i.s.store["oauth2.pending"]
	if n := strings.LastIndex(text, `"nonce":"`); n >= 0 {
		return text[n+9 : n+9+43]
	}
	return i.s.lastNonce
}

// callback begins a sign-in and answers it.
func (s *scene) callback(params ...string) msg {
	s.t.Helper()
	u := authorizeURL(s, params...)
	s.lastNonce = u.Query().Get("nonce")
	return s.do("callback", callbackURL(u, "code=SplxlOBeZQQYbYS6WxSbIA"))
}

func leftHalf(s string) string {
	d := sha512.Sum512([]byte(s))
	return b64(d[:32])
}

// TestScenarioIDToken: each row has the name of the OpenID Foundation's client test module with the
// same expectation, if there is one. It shows X7.
func TestScenarioIDToken(t *testing.T) {
	s := newScene(t, "ID tokens are verified before anything of the answer is used: signature, algorithm, key, and every claim; what fails leaves nobody signed in and stores nothing.", "Q12", "Q38", "X7", "X2")
	p256, p384, p521, ed := ecKey(elliptic.P256(), "1"), ecKey(elliptic.P384(), "2"), ecKey(elliptic.P521(), "3"), edKey("4")
	other := ecKey(elliptic.P256(), "other")
	claim := func(name string, v any) func(*testIssuer) {
		return func(i *testIssuer) { i.claims = map[string]any{name: v} }
	}
	signed := func(key crypto.Signer, alg, more string) func(*testIssuer) {
		return func(i *testIssuer) { i.key, i.alg, i.header, i.keys = key, alg, "", []string{jwk(key, more)} }
	}
	for _, row := range []struct {
		name, want string
		change     func(*testIssuer)
	}{
		{"oidcc-client-test", "", func(*testIssuer) {}},
		{"oidcc-client-test-idtoken-sig-rs256", "", func(*testIssuer) {}},
		{"es256", "", signed(p256, "ES256", "")},
		{"es384", "", signed(p384, "ES384", "")},
		{"es512", "", signed(p521, "ES512", "")},
		{"eddsa", "", signed(ed, "EdDSA", "")},
		{"rs512", "", signed(rsaKey, "RS512", "")},
		{"oidcc-client-test-idtoken-sig-none", "alg_not_allowed", func(i *testIssuer) {
			i.mangle = func(t string) string {
				return b64([]byte(`{"alg":"none"}`)) + "." + strings.Split(t, ".")[1] + "."
			}
		}},
		{"HMAC with the public key as secret", "alg_not_allowed", func(i *testIssuer) {
			i.mangle = func(t string) string {
				return b64([]byte(`{"alg":"HS256","kid":"1"}`)) + "." + strings.Join(strings.Split(t, ".")[1:], ".")
			}
		}},
		{"oidcc-client-test-invalid-sig-rs256", "bad_signature", func(i *testIssuer) {
			i.mangle = func(t string) string {
				return t[:strings.LastIndex(t, ".")+1] + "A" + t[strings.LastIndex(t, ".")+2:]
			}
		}},
		{"oidcc-client-test-invalid-sig-es256", "bad_signature", func(i *testIssuer) {
			signed(p256, "ES256", "")(i)
			i.key = other
		}},
		{"claims changed after signing", "bad_signature", func(i *testIssuer) {
			i.mangle = func(t string) string {
				part := strings.Split(t, ".")
				return part[0] + "." + b64([]byte(strings.Replace(string(unb64(part[1])), "248289761001", "248289761002", 1))) + "." + part[2]
			}
		}},
		{"embedded key", "bad_signature", func(i *testIssuer) {
			signed(p256, "ES256", `"kid":"1"`)(i)
			i.key, i.header = other, `"kid":"1","jwk":`+jwk(other, "")
		}},
		{"oidcc-client-test-kid-absent-single-jwks", "", func(i *testIssuer) { i.header = "" }},
		{"oidcc-client-test-kid-absent-multiple-jwks", "ambiguous_key", func(i *testIssuer) {
			i.header = ""
			i.keys = append(i.keys, strings.Replace(jwk(rsaKey, `"kid":"2"`), `"n":"o`, `"n":"p`, 1))
		}},
		{"kid absent, keys of several types", "", func(i *testIssuer) {
			i.header = ""
			i.keys = append(i.keys, jwk(p256, ""), jwk(ed, ""), jwk(rsaKey, `"use":"enc"`), jwk(rsaKey, `"alg":"PS256"`))
		}},
		{"kid unknown", "unknown_key", func(i *testIssuer) { i.header = `"kid":"9"` }},
		{"a key for encryption", "unknown_key", signed(rsaKey, "RS256", `"use":"enc"`)},
		{"a key for another algorithm", "unknown_key", signed(rsaKey, "RS256", `"alg":"RS512"`)},
		{"a key of another type", "unknown_key", func(i *testIssuer) { i.keys = []string{jwk(p256, `"kid":"1"`)} }},
		{"unparseable key in the set", "", func(i *testIssuer) {
			i.keys = append([]string{`{"kty":"EC"}`, `7`, `null`, `{"kty":"RSA","n":1}`, `[]`}, i.keys...)
		}},
		{"no key", "unknown_key", func(i *testIssuer) { i.keys = nil }},
		{"oidcc-client-test-invalid-iss", "wrong_claim iss", claim("iss", `"https://as.example/"`)},
		{"missing iss", "missing_claim iss", claim("iss", nil)},
		{"oidcc-client-test-missing-sub", "missing_claim sub", claim("sub", nil)},
		{"sub empty", "missing_claim sub", claim("sub", `""`)},
		{"oidcc-client-test-invalid-aud", "wrong_claim aud", claim("aud", `"another"`)},
		{"oidcc-client-test-missing-aud", "missing_claim aud", claim("aud", nil)},
		{"aud as an array of one", "", claim("aud", `["s6BhdRkqt3"]`)},
		{"aud as an array without us", "wrong_claim aud", claim("aud", `["a","b"]`)},
		{"aud empty", "wrong_claim aud", claim("aud", `[]`)},
		{"aud of several without azp, not trusted", "wrong_claim aud", claim("aud", `["s6BhdRkqt3","b"]`)},
		{"aud of several with azp", "", func(i *testIssuer) {
			i.claims = map[string]any{"aud": `["b","s6BhdRkqt3"]`, "azp": `"s6BhdRkqt3"`}
		}},
		{"azp of another", "wrong_claim azp", claim("azp", `"b"`)},
		{"oidcc-client-test-missing-iat", "missing_claim iat", claim("iat", nil)},
		{"iat a week in the past", "wrong_claim iat", claim("iat", s.now/1000-7*86400)},
		{"iat in the future", "wrong_claim iat", claim("iat", s.now/1000+301)},
		{"iat in the future, within the tolerance", "", claim("iat", s.now/1000+300)},
		{"missing exp", "missing_claim exp", claim("exp", nil)},
		{"expired", "wrong_claim exp", claim("exp", s.now/1000-300)},
		{"expired within the tolerance", "", claim("exp", s.now/1000-299)},
		{"exp beyond what counts", "wrong_claim exp", claim("exp", "9223372036854775807")},
		{"exp negative", "wrong_claim exp", claim("exp", "-1")},
		{"nbf in the future", "wrong_claim nbf", claim("nbf", s.now/1000+301)},
		{"nbf in the future, within the tolerance", "", claim("nbf", s.now/1000+300)},
		{"oidcc-client-test-nonce-invalid", "wrong_claim nonce", claim("nonce", `"wrong"`)},
		{"nonce missing", "wrong_claim nonce", claim("nonce", nil)},
		{"at_hash right", "", func(i *testIssuer) {
			signed(ed, "EdDSA", "")(i)
			i.claims = map[string]any{"at_hash": quote(leftHalf(fmt.Sprintf("access-%d", i.n+1)))}
		}},
		{"oidcc-client-test-invalid-athash", "wrong_claim at_hash", claim("at_hash", `"77QmUPtjPfzWtF2AnpK9RQ"`)},
		{"c_hash right", "", func(i *testIssuer) {
			signed(ed, "EdDSA", "")(i)
			i.claims = map[string]any{"c_hash": quote(leftHalf("SplxlOBeZQQYbYS6WxSbIA"))}
		}},
		{"oidcc-client-test-invalid-chash", "wrong_claim c_hash", claim("c_hash", `"77QmUPtjPfzWtF2AnpK9RQ"`)},
		{"critical member", "malformed", func(i *testIssuer) { i.header = `"crit":["exp"],"exp":1` }},
		{"unencoded payload", "malformed", func(i *testIssuer) { i.header = `"b64":false` }},
		{"two parts", "malformed", func(i *testIssuer) { i.mangle = func(t string) string { return t[:strings.LastIndex(t, ".")] } }},
		{"four parts", "malformed", func(i *testIssuer) { i.mangle = func(t string) string { return t + ".x" } }},
		{"padding", "malformed", func(i *testIssuer) { i.mangle = func(t string) string { return strings.Replace(t, ".", "=.", 1) } }},
		{"claims twice", "malformed", func(i *testIssuer) { i.claims = map[string]any{"sub": `"a","sub":"b"`} }},
		{"an array of claims", "malformed", func(i *testIssuer) {
			i.mangle = func(t string) string { p := strings.Split(t, "."); return p[0] + "." + b64([]byte("[]")) + "." + p[2] }
		}},
		{"no JWT", "malformed", func(i *testIssuer) { i.mangle = func(string) string { return "x" } }},
	} {
		s.store, s.version, s.sent = map[string]string{}, map[string]int{}, nil
		i := s.issuer()
		row.change(i)
		s.open(with(oidcConf))
		s.eventNames()
		r := s.callback()
		got := strings.TrimSpace(r.Str("error", "code") + " " + r.Str("error", "field"))
		if got != row.want || row.want != "" && r.Str("error", "kind") != "id_token_not_verified" {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
		signedIn := strings.Contains(s.store["oauth2.session"], "access-")
		if names := s.eventNames(); signedIn != (row.want == "") || strings.Contains(names, "granted") != signedIn {
			t.Errorf("%s: events %s, stored %s", row.name, names, s.store["oauth2.session"])
		}
		if row.want == "" && r.Str("ok", "claims", "sub") != "248289761001" {
			t.Errorf("%s: no claims in %s", row.name, r.Raw)
		}
		for _, m := range s.sent {
			if m.Str("stage") == "jwks" && (m.Str("method") != "GET" || m.Header("authorization") != "") {
				t.Error(m.Raw)
			}
		}
	}
}

// TestScenarioSilentKeys: a request with prompt=none is answered at once, so the keys for the
// answer are fetched meanwhile (Q44).
func TestScenarioSilentKeys(t *testing.T) {
	s := newScene(t, "With prompt=none the keys are fetched while the server answers: once, after the URL is there; the callback waits for them, and asks again if they could not be fetched. The code is never sent without them.", "Q12", "Q44")
	i := s.issuer()
	s.open(with(oidcConf))
	const silently = `"prompt":"none"`
	keys := func(effects []msg) (found []msg) {
		for _, m := range effects {
			if m.Str("stage") == "jwks" {
				found = append(found, m)
			}
		}
		return found
	}
	begin := func() (callback string, keys msg) {
		t.Helper()
		s.server = nil
		id, left := s.start("authorize", silently)
		u, _ := url.Parse(s.resultOf(id, left).Str("ok", "url"))
		if len(left) != 2 || left[0].Str("kind") != "result" || left[1].Str("stage") != "jwks" {
			t.Fatal("not the result and then a request for the keys:", left)
		}
		s.lastNonce = u.Query().Get("nonce")
		return callbackURL(u, "code=SplxlOBeZQQYbYS6WxSbIA"), left[1]
	}

	// The answer is there before the keys, which are then out of reach: the code is not spent.
	answer, asked := begin()
	s.server = i.serve
	id, left := s.start("callback", answer)
	if len(left) != 0 || i.asked != 0 || i.n != 0 {
		t.Error("the callback does not wait for the keys:", left)
	}
	if r := s.resultOf(id, s.settle(s.answer(asked, `"failed":{"kind":"network"}`))); r.Str("error", "code") != "network" || i.n != 0 {
		t.Error("without keys:", r.Raw, i.n)
	}
	if s.ok("callback", answer); i.asked != 1 || i.n != 1 {
		t.Error("asked again:", i.asked, i.n)
	}

	// Keys that are known are not fetched.
	if s.callback(silently); i.asked != 1 || i.n != 2 {
		t.Error(i.asked, i.n)
	}

	// Keys that were fetched meanwhile are used; those of another request are fetched at its
	// callback.
	s.now += 86_400_001
	answer, asked = begin()
	s.server = i.serve
	s.settle(s.answer(asked, i.serve(asked).member()))
	if s.ok("callback", answer); i.asked != 2 || i.n != 3 {
		t.Error(i.asked, i.n)
	}
	s.now += 86_400_001
	s.server = nil
	if _, left := s.start("authorize"); len(keys(left)) != 0 {
		t.Error("the user may take their time:", left)
	}

	// Nothing is fetched for a request that ended, or that has no ID token in its answer.
	if _, left := s.start("authorize", silently, `"scope":"read"`); len(keys(left)) != 0 {
		t.Error("no ID token:", left)
	}
	s.broken = 9
	if _, left := s.start("authorize", silently); len(keys(left)) != 0 {
		t.Error("no attempt:", left)
	}
}

// TestScenarioKeys: the key set is cached, rotates, and is not fetched for every invented kid.
func TestScenarioKeys(t *testing.T) {
	s := newScene(t, "Keys are fetched before the code is spent and then kept; an unknown kid asks again, but not more often than once a minute; keys out of reach at sign-in cost nothing.", "Q12", "X7")
	i := s.issuer()
	s.open(with(oidcConf))
	broken := func(m msg) reply {
		if m.Str("stage") == "jwks" {
			return reply{failed: "network"}
		}
		return i.serve(m)
	}
	s.server = broken
	if r := s.callback(); r.Str("error", "code") != "network" || i.n != 0 {
		t.Error("the code was sent without keys:", r.Raw)
	}
	s.server = i.serve
	s.callback()
	s.callback()
	if i.asked != 1 || i.n != 2 {
		t.Error(i.asked, i.n)
	}
	// oidcc-client-test-signing-key-rotation
	s.now += 60_000
	second := ecKey(elliptic.P256(), "second")
	i.key, i.alg, i.header, i.keys = second, "ES256", `"kid":"2"`, []string{jwk(second, `"kid":"2"`)}
	if r := s.callback(); r.M["ok"] == nil || i.asked != 2 {
		t.Error("rotation:", r.Raw, i.asked)
	}
	i.header = `"kid":"made-up"`
	for range 3 {
		if r := s.callback(); r.Str("error", "code") != "unknown_key" {
			t.Error(r.Raw)
		}
	}
	if i.asked != 2 {
		t.Errorf("%d requests for the keys", i.asked)
	}
	s.now += 60_000
	s.callback()
	if i.asked != 3 {
		t.Errorf("%d requests for the keys", i.asked)
	}
	// A key set that is invalid, or too large.
	s.now += 60_000
	for _, row := range []struct{ body, code string }{
		{`{"keys":{}}`, "bad_key_set"}, {`{}`, "bad_key_set"}, {`[]`, "not_object"}, {`{"keys":[` + strings.Repeat(`{"kty":"RSA","kid":"k","n":"x","e":"y","use":"sig"},`, 9_999) + `{}]}`, "bad_json"},
	} {
		s.now += 60_000
		s.server = func(m msg) reply {
			if m.Str("stage") == "jwks" {
				return jsonReply(200, row.body)
			}
			return i.serve(m)
		}
		if r := s.callback(); r.Str("error", "code") != row.code {
			t.Error(row.code, r.Raw)
		}
	}
	// The host cannot verify.
	s.server = i.serve
	i.header = `"kid":"2"`
	s.noVerify = true
	if r := s.callback(); r.Str("error", "code") != "unsupported" || r.Str("error", "kind") != "client" {
		t.Error(r.Raw)
	}
}

// TestScenarioIDTokenRefresh: continuity, and what may be missing.
func TestScenarioIDTokenRefresh(t *testing.T) {
	s := newScene(t, "A refresh may bring no ID token; one that it brings is verified and goes on with issuer, subject and sign-in time; one that fails leaves the successor and the old token.", "Q12", "X3", "X9")
	i := s.issuer()
	s.open(with(oidcConf))
	i.claims = map[string]any{"auth_time": s.now / 1000}
	if r := s.callback(); r.Str("ok", "claims", "sub") != "248289761001" {
		t.Fatal(r.Raw)
	}
	authTime := i.claims["auth_time"]
	s.now += 1_000_000
	for _, row := range []struct {
		name, want string
		claims     map[string]any
	}{
		{"oidcc-client-test-refresh-token", "", map[string]any{"auth_time": authTime}},
		{"nonce of another", "wrong_claim nonce", map[string]any{"nonce": `"x"`}},
		{"oidcc-client-test-refresh-token-invalid-sub", "wrong_claim sub", map[string]any{"sub": `"another"`, "nonce": nil}},
		{"oidcc-client-test-refresh-token-invalid-issuer", "wrong_claim iss", map[string]any{"iss": `"https://evil.example"`, "nonce": nil}},
		{"auth_time of another sign-in", "wrong_claim auth_time", map[string]any{"auth_time": 1, "nonce": nil}},
		{"no nonce", "", map[string]any{"auth_time": authTime, "nonce": nil}},
		{"no auth_time", "", map[string]any{"nonce": nil}},
	} {
		i.claims = row.claims
		before := s.ok("status").Str("ok", "id_token")
		r := s.do("refresh")
		if got := strings.TrimSpace(r.Str("error", "code") + " " + r.Str("error", "field")); got != row.want {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
		st := s.ok("status")
		if !strings.Contains(s.store["oauth2.session"], fmt.Sprintf("refresh-%d", i.n)) || st.Str("ok", "status") != "granted" || st.Str("ok", "claims", "sub") != "248289761001" {
			t.Errorf("%s: %s %s", row.name, st.Raw, s.store["oauth2.session"])
		}
		if row.want != "" && st.Str("ok", "id_token") != before {
			t.Errorf("%s: the ID token changed", row.name)
		}
	}
	s.server = func(m msg) reply {
		return jsonReply(200, `{"access_token":"bare","token_type":"Bearer","refresh_token":"next"}`)
	}
	s.ok("refresh")
	if r := s.ok("status"); r.Str("ok", "claims", "sub") != "248289761001" || r.Str("ok", "id_token") == "" {
		t.Error(r.Raw)
	}
	// Claims are restored from the store and from bytes. userinfo must be about the same user
	// (oidcc-client-test-userinfo-invalid-sub).
	bytes := s.ok("export").Str("ok", "session")
	s.open(with(oidcConf))
	if r := s.ok("status"); r.Str("ok", "claims", "sub") != "248289761001" {
		t.Error(r.Raw)
	}
	s.open(with(oidcConf), `"session":`+quote(bytes))
	if r := s.ok("status"); r.Str("ok", "claims", "sub") != "248289761001" {
		t.Error(r.Raw)
	}
	s.server = i.serve
	i.info = `{"sub":"248289761001","email":"j@example.com"}`
	s.ok("userinfo")
	s.ok("profile")
	for _, info := range []string{`{"sub":"another"}`, `{"email":"j@example.com"}`} {
		i.info = info
		if r := s.fails("id_token_not_verified", "wrong_claim", "userinfo"); r.Str("error", "field") != "sub" {
			t.Error(r.Raw)
		}
	}
	// New keys cannot be fetched during a refresh: the tokens are kept, and so is what is known of
	// the user.
	other := ecKey(elliptic.P256(), "third")
	i.key, i.alg, i.header, i.claims = other, "ES256", `"kid":"3"`, map[string]any{"nonce": nil}
	s.now += 100_000
	s.server = func(m msg) reply {
		if m.Str("stage") == "jwks" {
			return reply{failed: "network"}
		}
		return i.serve(m)
	}
	s.ok("refresh")
	if r := s.ok("status"); r.Str("ok", "claims", "sub") != "248289761001" || !strings.Contains(s.store["oauth2.session"], fmt.Sprintf("refresh-%d", i.n)) {
		t.Error(r.Raw)
	}
}

// TestScenarioMaxAge: auth_time with max_age; allowed algorithms; brought tokens.
func TestScenarioMaxAge(t *testing.T) {
	s := newScene(t, "max_age makes auth_time required and judged; the algorithms allowed can be narrowed; a token that the application brings is verified too, whatever its age.", "Q12")
	i := s.issuer()
	s.open(with(oidcConf))
	for _, row := range []struct {
		maxAge, want string
		authTime     any
	}{{"300", "missing_claim auth_time", nil}, {"300", "", s.now/1000 - 309}, {"300", "wrong_claim auth_time", s.now/1000 - 311}, {"0", "", s.now / 1000}} {
		i.claims = nil
		if row.authTime != nil {
			i.claims = map[string]any{"auth_time": row.authTime}
		}
		r := s.callback(`"parameters":[["max_age","` + row.maxAge + `"]]`)
		if got := strings.TrimSpace(r.Str("error", "code") + " " + r.Str("error", "field")); got != row.want {
			t.Errorf("%s: %s", row.maxAge, r.Raw)
		}
	}
	s.fails("client", "bad_value", "authorize", `"parameters":[["max_age","-1"]]`)
	s.fails("client", "bad_value", "authorize", `"parameters":[["max_age","soon"]]`)

	i.claims = map[string]any{"iat": s.now/1000 - 30*86400, "nonce": `"old"`}
	bring := fmt.Sprintf(`"token":{"access_token":"mine","token_type":"Bearer","id_token":%q}`, i.token())
	if r := s.ok("set_token", bring); r.Str("ok", "claims", "nonce") != "old" {
		t.Error(r.Raw)
	}
	i.claims["sub"] = nil
	s.fails("id_token_not_verified", "missing_claim", "set_token", fmt.Sprintf(`"token":{"access_token":"mine","token_type":"Bearer","id_token":%q}`, i.token()))

	s.open(with(`{"scope":"openid","jwks_uri":"https://as.example/jwks","id_token_signed_response_alg":["ES256","EdDSA"]}`))
	i.claims = nil
	if r := s.callback(); r.Str("error", "code") != "alg_not_allowed" {
		t.Error(r.Raw)
	}
	for _, row := range []struct{ config, code, field string }{
		{`{"id_token_signed_response_alg":["none"]}`, "bad_value", "id_token_signed_response_alg"},
		{`{"id_token_signed_response_alg":["HS256"]}`, "bad_value", "id_token_signed_response_alg"},
		{`{"id_token_signed_response_alg":["RS256 ES256"]}`, "bad_value", "id_token_signed_response_alg"},
		{`{"scope":"openid"}`, "missing", "jwks_uri"},
		{`{"jwks_uri":"https://as.example/jwks","issuer":null}`, "missing", "issuer"},
		{`{"jwks_uri":"http://as.example/jwks"}`, "not_https", "jwks_uri"},
	} {
		if r := s.open(with(row.config)); r.Str("error", "code") != row.code || r.Str("error", "field") != row.field {
			t.Error(row.config, r.Raw)
		}
	}
	// Without keys an ID token that nobody requested is not stored. With the option for it, it is
	// stored as text, and gives no claims.
	i = s.issuer()
	s.open(with(`{"name":"plain"}`))
	if r := s.callback(); r.M["ok"] == nil || r.Str("ok", "id_token") != "" || r.Str("ok", "claims") != "" {
		t.Error(r.Raw)
	}
	s.open(with(`{"name":"unverified","scope":"openid","insecure_id_token_unverified":true}`))
	i.mangle = func(t string) string { return t + "x" }
	if r := s.callback(); r.Str("ok", "id_token") == "" || r.Str("ok", "claims") != "" {
		t.Error(r.Raw)
	}
}

// TestScenarioDiscovery: OpenID Connect Discovery and RFC 8414.
func TestScenarioDiscovery(t *testing.T) {
	s := newScene(t, "Endpoints by discovery: the exact issuer, what is given by hand wins, cached for a day and read again in the background; RFC 8414's place where OpenID's is not found.", "Q12", "Q4")
	const meta = `{"issuer":"https://as.example/t","authorization_endpoint":"https://as.example/t/authorize","token_endpoint":"https://as.example/t/token","jwks_uri":"https://as.example/t/jwks","userinfo_endpoint":"https://as.example/t/userinfo","token_endpoint_auth_methods_supported":["client_secret_post"],"authorization_response_iss_parameter_supported":true}`
	const conf = `{"issuer":"https://as.example/t","client_id":"s6BhdRkqt3","client_secret":"s","redirect_uri":"https://client.example/cb","scope":"openid","discovery":true}`
	document, oauthOnly, broken := meta, false, false
	i := s.issuer()
	s.server = func(m msg) reply {
		switch url := m.Str("url"); {
		case broken && m.Str("stage") == "discovery":
			return reply{failed: "unsent"}
		case url == "https://as.example/t/.well-known/openid-configuration" && !oauthOnly, url == "https://as.example/.well-known/oauth-authorization-server/t" && oauthOnly:
			return jsonReply(200, document)
		case m.Str("stage") == "discovery":
			return reply{status: 404, ctype: "text/html", body: "not found"}
		}
		return i.serve(m)
	}
	i.claims = map[string]any{"iss": `"https://as.example/t"`}
	s.open(conf)
	s.wantSent(0)
	u := authorizeURL(s)
	if u.Host+u.Path != "as.example/t/authorize" {
		t.Error(u)
	}
	s.fails("callback_not_verified", "missing_iss", "callback", callbackURL(u, "code=x"))
	s.sent = nil
	s.lastNonce = u.Query().Get("nonce")
	s.ok("callback", callbackURL(u, "iss=https%3A%2F%2Fas.example%2Ft&code=SplxlOBeZQQYbYS6WxSbIA"))
	if len(s.sent) != 2 || s.sent[0].Str("stage") != "jwks" || s.sent[1].Form().Get("client_secret") != "s" {
		t.Error(s.sent)
	}
	// Another page, an hour later: neither is fetched again. Two days later the old ones are used
	// while the new ones are being fetched.
	s.sent = nil
	s.now += 3_600_000
	s.open(conf)
	authorizeURL(s)
	s.wantSent(0)
	s.now += 2 * 86_400_000
	s.server, document = nil, strings.Replace(meta, "/t/authorize", "/t/new", 1)
	id, left := s.start("authorize")
	if len(left) != 2 || !strings.Contains(s.resultOf(id, left).Str("ok", "url"), "/t/authorize?") {
		t.Fatal(left)
	}
	s.server = i.serve
	http := left[0]
	if http.Str("kind") != "http" {
		http = left[1]
	}
	s.settle(s.answer(http, jsonReply(200, document).member()))
	if u := authorizeURL(s); u.Path != "/t/new" {
		t.Error(u)
	}

	fresh := func(config string) {
		s.store, s.version, s.sent = map[string]string{}, map[string]int{}, nil
		s.open(config)
	}
	full := func(m msg) reply {
		switch url := m.Str("url"); {
		case broken:
			return reply{failed: "unsent"}
		case strings.HasSuffix(url, "/openid-configuration") && !oauthOnly, strings.Contains(url, "/.well-known/oauth-authorization-server") && oauthOnly:
			return jsonReply(200, document)
		case m.Str("stage") == "discovery":
			return reply{status: 404}
		}
		return i.serve(m)
	}
	s.server = full
	// RFC 8414 section 3.1.
	oauthOnly, document = true, meta
	fresh(conf)
	authorizeURL(s)
	if s.sent[1].Str("url") != "https://as.example/.well-known/oauth-authorization-server/t" {
		t.Error(s.sent)
	}
	oauthOnly = false
	// Endpoints that are configured.
	fresh(strings.Replace(conf, `"discovery":true`, `"discovery":true,"authorization_endpoint":"https://mine.example/a"`, 1))
	if u := authorizeURL(s); u.Host != "mine.example" {
		t.Error(u)
	}
	for _, row := range []struct{ name, code, field, document string }{
		{"oidcc-client-test-discovery-issuer-mismatch", "wrong_issuer", "", strings.Replace(meta, `as.example/t"`, `as.example/t/"`, 1)},
		{"no issuer", "wrong_issuer", "", strings.Replace(meta, `"issuer"`, `"x"`, 1)},
		{"endpoint over http", "bad_metadata", "authorization_endpoint", strings.Replace(meta, "https://as.example/t/authorize", "http://as.example/t/authorize", 1)},
		{"endpoint that is none", "bad_metadata", "jwks_uri", strings.Replace(meta, "https://as.example/t/jwks", "javascript:x", 1)},
		{"no keys, and openid", "bad_metadata", "jwks_uri", strings.Replace(meta, `"jwks_uri"`, `"x"`, 1)},
		{"a member twice", "bad_json", "", strings.Replace(meta, `{`, `{"issuer":"https://as.example/t",`, 1)},
	} {
		document = row.document
		fresh(conf)
		r := s.do("authorize")
		if r.Str("error", "code") != row.code || r.Str("error", "field") != row.field || r.Str("error", "kind") != "server" {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
	}
	// The server cannot be reached: a clear error, and it is found later. What is stored works
	// meanwhile, and a sign-out always does.
	broken = true
	fresh(conf)
	s.fails("network", "unsent", "authorize")
	if r := s.ok("log_out"); r.Str("ok", "revoked") != "false" {
		t.Error(r.Raw)
	}
	broken, document = false, meta
	authorizeURL(s)
	if r := s.open(`{"client_id":"x","discovery":true}`); r.Str("error", "field") != "issuer" {
		t.Error(r.Raw)
	}

	// Microsoft's issuer for all tenants.
	const template = `https://login.example/{tenantid}/v2.0`
	document = strings.ReplaceAll(strings.Replace(meta, "https://as.example/t", template, 1), "https://as.example/t/", "https://login.example/common/")
	i.claims = map[string]any{"iss": `"https://login.example/72f988bf/v2.0"`, "tid": `"72f988bf"`}
	ms := `{"issuer":"https://login.example/common/v2.0","issuer_template":"` + template + `","client_id":"s6BhdRkqt3","redirect_uri":"https://client.example/cb","scope":"openid","discovery":true}`
	fresh(ms)
	u = authorizeURL(s)
	s.lastNonce = u.Query().Get("nonce")
	if r := s.do("callback", callbackURL(u, "iss=https%3A%2F%2Flogin.example%2F72f988bf%2Fv2.0&code=SplxlOBeZQQYbYS6WxSbIA")); r.Str("ok", "claims", "tid") != "72f988bf" {
		t.Error(r.Raw)
	}
}
