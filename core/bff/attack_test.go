package bff

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// Tests for faults that a review found. Each comment states the fault.

const cookieName1 = "__Host-oauth2"

func (s *scene) logoutToken(claims string) msg {
	s.t.Helper()
	return s.post("https://app.example/auth/backchannel_logout", "logout_token="+s.logoutJWT(claims))
}

func (s *scene) logoutJWT(claims string) string {
	return jwt(fmt.Sprintf(`{"iss":"https://as.example","aud":"s6BhdRkqt3","iat":%d,"exp":%d,"events":{"http://schemas.openid.net/event/backchannel-logout":{}},%s}`, s.now/1000, s.now/1000+120, claims))
}

// keyed answers the key and sign effects, which scene does not know, until no effect is left.
func (v *visit) keyed(seen func(m msg)) msg {
	v.s.t.Helper()
	for len(v.waiting) > 0 {
		m := v.waiting[0]
		if seen != nil {
			seen(m)
		}
		switch m.Str("kind") {
		case "key":
			v.waiting = v.waiting[1:]
			v.input(fmt.Sprintf(`"answer":%q,"ok":{"jwk":{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}`, m.Str("id")))
		case "sign":
			v.waiting = v.waiting[1:]
			v.input(fmt.Sprintf(`"answer":%q,"ok":{"signature":"Z29vZA"}`, m.Str("id")))
		default:
			v.step()
		}
	}
	return v.finish()
}

// A proxy path that ends with a slash was accepted, and a request for the path without the slash
// then panicked, before anybody signed in.
func TestBackendProxyPathWithSlash(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"proxy":[{"path":"/api/","target":"https://api.example/v1"}]}`)
	s.issuer()
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("a stranger's GET /api panics: %v", r)
		}
	}()
	if h, _ := s.open(s.config); h == 0 {
		return // to refuse the configuration would do as well
	}
	s.want(s.call("GET", "https://app.example/api"), 401, "not_signed_in")
}

// If the store cannot be read for a moment, nobody is signed out: GET /session must answer 503 and
// leave the cookie.
func TestBackendSessionWhileStorageIsDown(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	s.fail = func(m msg) string {
		if m.Str("kind") == "load" {
			return "storage"
		}
		return ""
	}
	m := s.call("GET", "https://app.example/auth/session")
	s.fail = nil
	if m.Str("status") != "503" || s.jar[cookieName1] == "" {
		t.Errorf("status %s, set-cookie %q", m.Str("status"), m.Header("set-cookie"))
	}
	if m := s.call("GET", "https://app.example/auth/session"); m.Str("status") != "200" {
		t.Errorf("signed out by a hiccup of the store: %s", m.Raw)
	}
}

// The same with anonymous_status 200: the page was told "nobody", as if the store had said so.
func TestBackendSessionWhileStorageIsDownAnonymous200(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"anonymous_status":200}`)
	s.issuer().signIn()
	s.fail = func(m msg) string {
		if m.Str("kind") == "load" {
			return "timeout"
		}
		return ""
	}
	if m := s.call("GET", "https://app.example/auth/session"); m.Str("status") != "503" {
		t.Error(m.Raw)
	}
}

// A request that left with the old cookie, and whose answer comes after a new sign-in, must not
// delete the new cookie.
func TestBackendLateAnswerDropsNewCookie(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	i.signIn()
	old := s.begin("GET", "https://app.example/auth/session", s.headers("x-csrf", "1", "origin", "https://app.example")) // another tab
	i.signIn()                                                                                                           // it ends the old session
	m := old.finish()
	if s.jar[cookieName1] == "" {
		t.Fatalf("the new session's cookie is gone: %s %s", m.Str("status"), m.Header("set-cookie"))
	}
}

const callerSecret = "a secret of the caller's, of 32 characters or more"

func callers(members string) string {
	return `{"callers":[{"client_id":"svc","secret_sha256":"` + hashOf(callerSecret) + `",` + members + `}]}`
}

const (
	exchangeURL = "https://app.example/auth/exchange"
	whoSvc      = "client_id=svc&client_secret="
)

// A caller that may not ask for any scope got all scopes of the client by leaving scope out.
func TestBackendCredentialsWithoutScope(t *testing.T) {
	s := quietScene(t)
	s.config = with(callers(`"grant_types":["client_credentials"],"scope":"report"`))
	s.issuer()
	s.post(exchangeURL, whoSvc+escape(callerSecret)+"&grant_type=client_credentials&scope=report")
	m := s.post(exchangeURL, whoSvc+escape(callerSecret)+"&grant_type=client_credentials")
	for _, sent := range s.sent {
		if sc := sent.Form().Get("scope"); sc != "report" {
			t.Errorf("asked the server for scope %q in the caller's name; answer %s", sc, m.Str("body", "text"))
		}
	}
}

// In a token exchange without scope the server chooses the scopes; they were handed out unchecked.
func TestBackendExchangeGivesMoreScopeThanAllowed(t *testing.T) {
	s := quietScene(t)
	s.config = with(callers(`"grant_types":["urn:ietf:params:oauth:grant-type:token-exchange"],"audience":["d"],"scope":"read"`))
	s.issuer()
	serve := s.server
	s.server = func(m msg) answer {
		if m.Form().Get("scope") == "" {
			return jsonAnswer(200, `{"access_token":"big-token","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":300,"scope":"read admin"}`)
		}
		return serve(m)
	}
	m := s.post(exchangeURL, whoSvc+escape(callerSecret)+"&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=x&subject_token_type=y&audience=d")
	if strings.Contains(m.Str("body", "text"), "admin") {
		t.Error(m.Str("body", "text"))
	}
}

// Stored client credentials: after the session's longest time the record was written with the old
// created_at, so it was expired at once, for ever.
func TestBackendCredentialsKeptAfterSessionSpan(t *testing.T) {
	s := quietScene(t)
	s.config = with(callers(`"grant_types":["client_credentials"],"scope":"read"`))
	s.issuer()
	ask := func() { s.post(exchangeURL, whoSvc+escape(callerSecret)+"&grant_type=client_credentials&scope=read") }
	ask()
	s.now += 13 * 3_600_000
	ask()
	for key, e := range s.expires {
		if strings.HasSuffix(key, ".session") && e <= s.now {
			t.Errorf("%s was stored just now with an expires_at %d s in the past", key, (s.now-e)/1000)
		}
	}
	n := len(s.sent)
	ask()
	ask()
	if len(s.sent) != n {
		t.Errorf("%d further token requests in the same moment", len(s.sent)-n)
	}
}

// If a session could not be stored, the browser must not get a cookie for it.
func TestBackendCallbackNotPersisted(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	q := i.login("")
	s.fail = func(m msg) string {
		if m.Str("kind") == "store" && strings.HasSuffix(m.Str("key"), ".session") {
			return "storage"
		}
		return ""
	}
	m := s.visit("GET", callback(q))
	s.fail = nil
	revoked := false
	for _, r := range s.sent {
		revoked = revoked || strings.HasSuffix(r.Str("url"), "/revoke")
	}
	if m.Str("status") == "303" && s.jar[cookieName1] != "" {
		t.Errorf("%s to %s with a cookie; GET /session then says %s; tokens revoked: %t", m.Str("status"), m.Header("location"), s.call("GET", "https://app.example/auth/session").Str("status"), revoked)
	}
}

// The session is stored and listed, but its cookie cannot be sealed: nobody can use the session,
// and its tokens stayed valid.
func TestBackendCallbackNotSealed(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	q := i.login("")
	s.fail = func(m msg) string {
		if m.Str("kind") == "seal" && m.Str("context") == "oauth2 session" {
			return "internal"
		}
		return ""
	}
	s.want(s.visit("GET", callback(q)), 503, "temporarily_unavailable")
	for key := range s.store {
		if strings.HasSuffix(key, ".session") {
			t.Error("an orphan stays in the store, its tokens not revoked:", key)
		}
	}
}

// JARM: the state is inside the signed response, so the attempt's cookie was never found.
func TestBackendJARM(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"client":{"parameters":[["response_mode","query.jwt"]]}}`)
	i := s.issuer()
	if h, _ := s.open(s.config); h == 0 {
		return // to refuse it would do as well
	}
	q := i.login("")
	response := jwt(fmt.Sprintf(`{"iss":"https://as.example","aud":"s6BhdRkqt3","exp":%d,"code":"SplxlOBeZQQYbYS6WxSbIA","state":%q}`, s.now/1000+60, q.Get("state")))
	if m := s.visit("GET", "https://app.example/auth/callback?response="+response); m.Str("status") != "303" {
		t.Errorf("no sign-in can succeed: %s", m.Raw)
	}
}

// form_post.jwt is posted from another site, as form_post is, and browsers do not send a
// SameSite=Lax cookie with such a post.
func TestBackendFormPostJWT(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"client":{"parameters":[["response_mode","form_post.jwt"]]}}`)
	s.issuer()
	if h, _ := s.open(s.config); h == 0 {
		return
	}
	if m := s.visit("GET", "https://app.example/auth/login"); !strings.Contains(m.Header("set-cookie"), "SameSite=None") {
		t.Error(m.Header("set-cookie"))
	}
}

// The page must not see any token, not even the ID token.
func TestBackendLogoutShowsIDToken(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	q := i.login("")
	idToken := jwt(fmt.Sprintf(`{"iss":"https://as.example","sub":"jane","aud":"s6BhdRkqt3","exp":%d,"iat":%d,"nonce":%q,"sid":%q}`, s.now/1000+300, s.now/1000, i.nonce, i.sid))
	s.visit("GET", callback(q))
	m := s.call("POST", "https://app.example/auth/logout")
	if strings.Contains(m.Str("body", "text"), idToken) {
		t.Error("the whole signed ID token is in a body that any script of the page can read")
	}
}

// A browser does not send a SameSite=Strict cookie with the navigation that comes from the
// authorization server's site, so the previous session was not ended.
func TestBackendSecondSignInInARealBrowser(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	i.signIn()
	first := s.jar[cookieName1]
	q := i.login("") // a link on our own page: here the browser sends the cookie
	delete(s.jar, cookieName1)
	s.visit("GET", callback(q))
	if s.jar[cookieName1] == "" || s.jar[cookieName1] == first {
		t.Fatal(s.jar)
	}
	s.jar = map[string]string{cookieName1: first}
	if m := s.call("GET", "https://app.example/api/x"); m.Str("status") != "401" {
		t.Errorf("the first session still works: %s, token %s", m.Str("status"), s.proxied[0].Header("authorization"))
	}
}

// A logout token that arrived between the token response and the listing ended nothing, and the
// session that it meant began all the same.
func TestBackendLogoutDuringCallback(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	q := i.login("")
	v := s.begin("GET", callback(q), s.headers())
	for len(v.waiting) > 0 {
		m := v.waiting[0]
		if m.Str("kind") == "load" && strings.Contains(m.Str("key"), ".sub.") {
			break // the session is stored, and its listing begins
		}
		v.step()
	}
	if len(v.waiting) == 0 {
		t.Fatal("no listing")
	}
	jar := s.jar
	s.jar = map[string]string{}
	s.want(s.logoutToken(`"sub":"jane","sid":"sid-1","jti":"a"`), 200, "")
	s.jar = jar
	v.finish()
	if m := s.call("GET", "https://app.example/auth/session"); m.Str("status") == "200" {
		t.Errorf("signed in, though the server was told (200) that this sid is over: %s", m.Str("body", "text"))
	}
}

// A logout token names sub and sid, but the ID token had no sid: nothing was ended, and the server
// was told that the logout succeeded.
func TestBackendLogoutBySidWhereIDTokenHadNone(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	i.sid = ""
	i.signIn()
	jar := s.jar
	s.jar = map[string]string{}
	s.want(s.logoutToken(`"sub":"jane","sid":"s1","jti":"a"`), 200, "")
	s.jar = jar
	if m := s.call("GET", "https://app.example/auth/session"); m.Str("status") == "200" {
		t.Error(m.Str("body", "text"))
	}
}

// A hundred sign-ins hid an older session from "sign out everywhere", because ended ones counted.
func TestBackendLogoutAfterManySignIns(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	i.signIn()
	first := s.jar
	s.jar = map[string]string{}
	for range 100 {
		i.signIn() // each ends the previous one, as it is the same browser
	}
	s.jar = map[string]string{}
	s.want(s.logoutToken(`"sub":"jane","jti":"a"`), 200, "")
	s.jar = first
	if m := s.call("GET", "https://app.example/auth/session"); m.Str("status") == "200" {
		t.Error("still signed in:", m.Str("body", "text"))
	}
}

// The use of a logout token must be recorded, or the token can be used a second time.
func TestBackendJTIStoreFails(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	token := s.logoutJWT(`"sub":"jane","jti":"a"`)
	s.fail = func(m msg) string {
		if m.Str("kind") == "store" && strings.Contains(m.Str("key"), ".jti.") {
			return "storage"
		}
		return ""
	}
	first := s.post("https://app.example/auth/backchannel_logout", "logout_token="+token)
	s.fail = nil
	s.now += 1000 // sessions that began in the same second as a logout count as ended by it
	i.signIn()
	if first.Str("status") != "200" {
		return
	}
	second := s.begin("POST", "https://app.example/auth/backchannel_logout", `"headers":[["content-type","application/x-www-form-urlencoded"]]`, s.body("logout_token="+token)).finish()
	if m := s.call("GET", "https://app.example/auth/session"); m.Str("status") != "200" {
		t.Errorf("a replayed token (%s) ended a session of after its first use", second.Str("status"))
	}
}

// Logout tokens with invented keys must not cause requests to the authorization server (core's
// jwksLimit). Here each one caused a request, whoever sent it.
func TestBackendForgedLogoutTokensFetchKeys(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"client":{"discovery":true,"authorization_endpoint":null,"token_endpoint":null,"revocation_endpoint":null,"end_session_endpoint":null,"jwks_uri":null}}`)
	i := s.issuer()
	serve := s.server
	s.server = func(m msg) answer {
		if strings.Contains(m.Str("url"), ".well-known") {
			return jsonAnswer(200, `{"issuer":"https://as.example","authorization_endpoint":"https://as.example/authorize","token_endpoint":"https://as.example/token","revocation_endpoint":"https://as.example/revoke","end_session_endpoint":"https://as.example/end","jwks_uri":"https://as.example/jwks"}`)
		}
		return serve(m)
	}
	i.signIn()
	s.sent = nil
	forged := strings.Replace(s.logoutJWT(`"sub":"jane","jti":"a"`), ".Z29vZA", ".YmFk", 1)
	for range 10 {
		s.want(s.post("https://app.example/auth/backchannel_logout", "logout_token="+forged), 400, "bad_signature")
	}
	if len(s.sent) > 1 {
		t.Errorf("%d requests to the authorization server for ten forged tokens within one moment", len(s.sent))
	}
}

// DPoP: each GET /login, from anybody, made a key that was never deleted.
func TestBackendLoginMakesKeys(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"client":{"dpop":true}}`)
	s.issuer()
	keys := map[string]bool{}
	note := func(m msg) {
		if m.Str("kind") == "key" {
			keys[m.Str("name")] = true
			if m.M["delete"] == true {
				delete(keys, m.Str("name"))
			}
		}
	}
	for range 20 {
		s.jar = map[string]string{}
		s.begin("GET", "https://app.example/auth/login", s.headers()).keyed(note)
	}
	s.now += 86_400_000
	s.begin("GET", "https://app.example/auth/login", s.headers()).keyed(note)
	if len(keys) > 5 {
		t.Errorf("%d keys are held for browsers that never came back", len(keys))
	}
}

// DPoP: the user refused. The attempt ended, but its key stayed.
func TestBackendDeniedSignInKeepsKey(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"client":{"dpop":true}}`)
	s.issuer()
	keys := map[string]bool{}
	note := func(m msg) {
		if m.Str("kind") == "key" {
			keys[m.Str("name")] = true
			if m.M["delete"] == true {
				delete(keys, m.Str("name"))
			}
		}
	}
	m := s.begin("GET", "https://app.example/auth/login", s.headers()).keyed(note)
	u, _ := url.Parse(m.Header("location"))
	s.begin("GET", "https://app.example/auth/callback?error=access_denied&state="+u.Query().Get("state"), s.headers()).keyed(note)
	if len(keys) != 0 {
		t.Error(keys)
	}
}

// DPoP: the nonce was not remembered, so a resource that wants one refused every first request. A
// streamed body cannot be sent again, so it never arrived.
func TestBackendNonceIsForgotten(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"client":{"dpop":true}}`)
	i := s.issuer()
	serve := s.server
	s.server = func(m msg) answer {
		a := serve(m)
		a.body = strings.Replace(a.body, `"Bearer"`, `"DPoP"`, 1)
		return a
	}
	m := s.begin("GET", "https://app.example/auth/login", s.headers()).keyed(nil)
	u, _ := url.Parse(m.Header("location"))
	i.nonce = u.Query().Get("nonce")
	if m := s.begin("GET", callback(u.Query()), s.headers()).keyed(nil); m.Header("location") != "https://app.example/" {
		t.Fatal(m.Raw)
	}
	s.upstream = func(m msg) answer {
		proof := strings.Split(m.Header("dpop"), ".")
		if len(proof) == 3 && strings.Contains(unb64(proof[1]), `"nonce":"n1"`) {
			return answer{status: 200, headers: `[["dpop-nonce","n1"]]`, body: "in"}
		}
		return answer{status: 401, headers: `[["www-authenticate","DPoP error=\"use_dpop_nonce\""],["dpop-nonce","n1"]]`}
	}
	page := s.headers("x-csrf", "1", "origin", "https://app.example")
	if m := s.begin("GET", "https://app.example/api/x", page).keyed(nil); m.Str("status") != "200" {
		t.Fatal(m.Raw)
	}
	n := len(s.proxied)
	if s.begin("GET", "https://app.example/api/x", page).keyed(nil); len(s.proxied) != n+1 {
		t.Errorf("%d requests where the nonce is known", len(s.proxied)-n)
	}
	for range 3 {
		if m = s.begin("PUT", "https://app.example/api/x", page, `"body":{"ref":"b1"}`).keyed(nil); m.Str("status") == "200" {
			return
		}
	}
	t.Errorf("an upload is refused however often it is sent: %s", m.Str("status"))
}

// Tomcat, Jetty and servers built on them read "/..;/" as "/../", so the path left the target.
func TestBackendDotDotSemicolon(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	for _, path := range []string{"/api/..;/admin", "/api/..;a=b/admin", "/api/x/..;"} {
		m := s.call("GET", "https://app.example"+path)
		if m.Str("status") != "404" {
			t.Errorf("%s went to %s", path, s.proxied[len(s.proxied)-1].Str("url"))
		}
	}
}

// Browsers send older cookies first (RFC 6265 section 5.4): to make room, the newest attempt was
// deleted and the stale ones stayed.
func TestBackendDropsTheNewestAttempt(t *testing.T) {
	s := quietScene(t)
	s.issuer()
	var order []string // in which they were created
	login := func() string {
		t.Helper()
		var list []string
		for _, n := range order {
			if v, ok := s.jar[n]; ok {
				list = append(list, n+"="+v)
			}
		}
		m := s.begin("GET", "https://app.example/auth/login", `"headers":[["cookie",`+quote(strings.Join(list, "; "))+`]]`).finish()
		for _, c := range strings.Split(m.Header("set-cookie"), "|") {
			if name, _, _ := strings.Cut(c, "="); !strings.Contains(c, "Max-Age=0") {
				order = append(order, name)
			}
		}
		return order[len(order)-1]
	}
	oldest := login()
	for range 3 {
		login() // abandoned
		s.now += 60_000
	}
	mine := login() // the user's current tab
	login()         // and one that is opened beside it
	if _, there := s.jar[mine]; !there {
		_, still := s.jar[oldest]
		t.Errorf("the attempt of a moment ago is dropped, the oldest stays: %t", still)
	}
}

// Two clients on one origin, "app" and "app-admin": the sign-in of one took the other's session
// cookie for an attempt.
func TestBackendNamesThatBeginAlike(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"client":{"name":"app"}}`)
	s.issuer()
	for n := range 5 {
		s.jar[fmt.Sprintf("__Host-app-aaaaaaaaaaa%d", n)] = "x"
	}
	s.jar["__Host-app-admin"] = "the session of another client"
	s.visit("GET", "https://app.example/auth/login")
	if s.jar["__Host-app-admin"] == "" {
		t.Error("another client's session cookie is dropped")
	}
}

// Browsers ignore a cookie of more than 4096 octets. A user who wanted to return to a long URL
// could never sign in, and was told that another browser had begun the sign-in.
func TestBackendLongReturnTo(t *testing.T) {
	s := quietScene(t)
	s.issuer()
	m := s.begin("GET", "https://app.example/auth/login?return_to=%2Fsearch%3Fq%3D"+strings.Repeat("a", 3600), s.headers()).finish0()
	if n := len(m.Header("set-cookie")); m.Str("status") == "303" && n > 4096 {
		t.Errorf("303 with a cookie of %d octets", n)
	}
}

// finish0 is finish without the check of cookies.
func (v *visit) finish0() msg {
	for v.step() {
	}
	return *v.respond
}

// TRACE and CONNECT are not requests of a page, and a server that answers TRACE sends the token
// back.
func TestBackendTrace(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	s.upstream = func(m msg) answer {
		return answer{status: 200, headers: `[["content-type","message/http"]]`, body: "TRACE /v1/x HTTP/1.1\r\nauthorization: " + m.Header("authorization")}
	}
	for _, method := range []string{"TRACE", "TRACK", "CONNECT"} {
		if m := s.call(method, "https://app.example/api/x"); strings.Contains(m.Str("body", "text"), "access-token") {
			t.Errorf("%s: %s", method, m.Str("body", "text"))
		}
	}
}

// A header that browsers send by themselves protects nothing, so the configuration is refused.
func TestBackendHeaderThatBrowsersSend(t *testing.T) {
	s := quietScene(t)
	for _, name := range []string{"accept", "accept-language", "user-agent", "cookie", "host", "content-type", "referer", "origin", "sec-fetch-site", "upgrade-insecure-requests"} {
		if h, _ := s.open(with(`{"header":"` + name + `"}`)); h != 0 {
			t.Errorf("header %q is accepted", name)
		}
	}
}

// RFC 10017 section 6.1.3.1: the BFF MUST act as a confidential client.
func TestBackendPublicClient(t *testing.T) {
	s := quietScene(t)
	for _, client := range []string{`{"client_secret":null}`, `{"client_secret":""}`, `{"token_endpoint_auth_method":"none"}`} {
		if h, _ := s.open(with(`{"client":` + client + `}`)); h != 0 {
			t.Errorf("%s is accepted", client)
		}
	}
}

// A target that the client's own resources do not cover answered 400 to every request. Opening
// should report it.
func TestBackendResourcesWithoutTarget(t *testing.T) {
	s := quietScene(t)
	for _, c := range []string{`{"client":{"token_destinations":["https://else.example/"]}}`, `{"proxy":[{"path":"/api","target":"https://api.example/v1/../v2"}]}`} {
		if h, _ := s.open(with(c)); h != 0 {
			t.Errorf("%s is accepted", c)
		}
	}
}

// An answer must have Vary, or the browser's cache uses one variant in place of the other.
func TestBackendVary(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	s.upstream = func(msg) answer {
		return answer{status: 200, headers: `[["cache-control","private, max-age=600"],["vary","Accept, Accept-Language"]]`, body: "x"}
	}
	if m := s.call("GET", "https://app.example/api/x"); !strings.Contains(m.Header("vary"), "Accept-Language") {
		t.Errorf("cache-control %q, vary %q", m.Header("cache-control"), m.Header("vary"))
	}
}

// A 1xx status is not a final answer, and hosts cannot send it as one.
func TestBackendInterim(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	for _, status := range []int{100, 101, 103} {
		s.upstream = func(msg) answer { return answer{status: status} }
		if m := s.call("GET", "https://app.example/api/x"); m.Str("status") != "502" {
			t.Errorf("%d became %s", status, m.Str("status"))
		}
	}
}

// Characters that fetch() sends unescaped in a query (WHATWG URL escapes none of these there) are
// the API's concern.
func TestBackendQueriesOfPages(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	for _, query := range []string{"?filter={a:1}", "?ids=1|2", "?a=1;b=2", "?like=100%", "?x=a^b", "?x=`a`"} {
		if m := s.call("GET", "https://app.example/api/x"+query); m.Str("status") != "200" {
			t.Errorf("%s: %s %s", query, m.Str("status"), m.Str("body", "text"))
		}
	}
}

// A page that routes by fragment could not be returned to.
func TestBackendReturnToFragment(t *testing.T) {
	s := quietScene(t)
	s.issuer()
	if m := s.visit("GET", "https://app.example/auth/login?return_to=%2F%23%2Finbox"); m.Str("status") != "303" {
		t.Errorf("%s %s", m.Str("status"), m.Str("body", "text"))
	}
}

// invalid_grant ends the session. Here only the cookie was deleted, and whoever still had a copy of
// the cookie was signed in.
func TestBackendInvalidGrantEndsTheSession(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"idle_ms":86400000}`)
	i := s.issuer()
	i.signIn()
	cookie := s.jar[cookieName1]
	i.error = "invalid_grant"
	s.now += 3_600_001
	s.want(s.call("GET", "https://app.example/api/x"), 401, "not_signed_in")
	s.jar[cookieName1] = cookie // another tab's request that was under way, or a copied cookie
	if m := s.call("GET", "https://app.example/auth/session"); m.Str("status") != "401" {
		t.Errorf("%s %s", m.Str("status"), m.Str("body", "text"))
	}
}

// A refresh whose outcome is never known: the answer was 502 for ever, and only a new sign-in
// helps.
func TestBackendOutcomeUnknown(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"idle_ms":86400000,"client":{"retry_window_ms":0}}`)
	i := s.issuer()
	i.signIn()
	s.now += 3_600_001
	serve := s.server
	s.server = func(m msg) answer { return answer{failed: "timeout"} }
	s.call("GET", "https://app.example/api/x")
	s.server = serve
	s.now += 600_000
	if m := s.call("GET", "https://app.example/api/x"); m.Str("status") != "401" {
		t.Errorf("%s %s", m.Str("status"), m.Str("body", "text"))
	}
}

// One parameter that is not UTF-8 made us ignore all others, also those that ask for a fresh
// sign-in.
func TestBackendLoginWithBadUTF8(t *testing.T) {
	s := quietScene(t)
	s.issuer()
	m := s.visit("GET", "https://app.example/auth/login?prompt=login&max_age=0&login_hint=%ff")
	if m.Str("status") == "303" && !strings.Contains(m.Header("location"), "max_age=0") {
		t.Error(m.Header("location"))
	}
}

// Headers that make servers use another path or method than the one that was checked.
func TestBackendRewriteHeaders(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	s.call("GET", "https://app.example/api/x", "x-original-url", "/admin", "x-rewrite-url", "/admin", "x-http-method-override", "DELETE")
	for _, name := range []string{"x-original-url", "x-rewrite-url"} {
		if s.proxied[0].Header(name) != "" {
			t.Errorf("%s went on", name)
		}
	}
}

// The store fails twice and then works: the session was deleted unread, and its tokens were not
// revoked, though the answer was 200.
func TestBackendLogoutUnread(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	s.sent = nil
	n := 0
	s.fail = func(m msg) string {
		if m.Str("kind") == "load" && strings.HasSuffix(m.Str("key"), ".session") {
			if n++; n <= 2 {
				return "storage"
			}
		}
		return ""
	}
	m := s.call("POST", "https://app.example/auth/logout")
	if m.Str("status") == "200" && len(s.sent) == 0 {
		t.Errorf("%s, and nothing was revoked", m.Str("body", "text"))
	}
}

// RFC 9110 section 11.1: the name of a scheme is case-insensitive.
func TestBackendBasicLowerCase(t *testing.T) {
	s := quietScene(t)
	s.config = with(callers(`"grant_types":["client_credentials"],"scope":"read"`))
	s.issuer()
	s.want(s.post(exchangeURL, "grant_type=client_credentials&scope=read", "authorization", "basic "+b64std("svc:"+escape(callerSecret))), 200, "access-token")
}

// A second resource was ignored silently.
func TestBackendSecondResource(t *testing.T) {
	s := quietScene(t)
	s.config = with(callers(`"grant_types":["urn:ietf:params:oauth:grant-type:token-exchange"],"audience":["https://a.example","https://b.example"],"scope":"read"`))
	s.issuer()
	m := s.post(exchangeURL, whoSvc+escape(callerSecret)+"&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=x&subject_token_type=y&resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example")
	if m.Str("status") == "200" && len(s.sent[0].Form()["resource"]) != 2 {
		t.Error("asked for both, got a token for", s.sent[0].Form()["resource"])
	}
}

func unb64(s string) string {
	b, _ := base64.RawURLEncoding.DecodeString(s)
	return string(b)
}
