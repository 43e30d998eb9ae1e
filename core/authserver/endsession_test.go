package authserver_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// told is a logout token that was sent.
type told struct{ uri, token string }

// logoutBench is a server whose clients are notified when a session ends.
func logoutBench(t *testing.T) (*bench, *[]told) {
	sent := &[]told{}
	return newBench(t, func(c *authserver.Config) {
		c.BackchannelLogout = func(uri, token string) { *sent = append(*sent, told{uri, token}) }
	}), sent
}

// signedIn goes through the code flow with the scope; if it is empty, with the client's whole
// scope.
func (b *bench) signedIn(client, scope string) reply {
	b.t.Helper()
	return b.post("/token", exchange(client, b.code(with(request(client), "scope", scope)))).must(b.t)
}

func (b *bench) isSignedIn() bool {
	b.t.Helper()
	return !shows(b.visit("GET", "/authorize?"+request("spa").Encode(), nil), "login")
}

// A4: OpenID Connect RP-Initiated Logout, with the ID token of this session as hint: the user is
// not asked, and returns to the client.
func TestA4Logout(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		t.Run(method, func(t *testing.T) {
			b, sent := logoutBench(t)
			first := b.signedIn("told", "openid")
			again := b.signedIn("told", "openid")
			b.now = b.now.Add(time.Hour) // an expired ID token also counts
			query := url.Values{"id_token_hint": {first.IDToken}, "post_logout_redirect_uri": {"https://told.example/bye?a=b"}, "state": {"s&t"}}
			var resp authserver.Response
			if method == "GET" {
				resp = b.visit("GET", "/logout?"+query.Encode(), nil)
			} else {
				resp = b.visit("GET", location(t, b.visit("POST", "/logout", query)).String(), nil)
			}
			if to := resp.Header.Get("Location"); to != "https://told.example/bye?a=b&state=s%26t" {
				t.Errorf("%d to %q", resp.Status, to)
			}
			if b.isSignedIn() {
				t.Error("still signed in")
			}
			b.refresh("told", again.Refresh).refused(t, 400, "invalid_grant")
			if len(*sent) != 1 {
				t.Fatalf("%d logout tokens for one client", len(*sent))
			}
		})
	}
}

// A4: OpenID Connect Back-Channel Logout section 2.4.
func TestA4LogoutToken(t *testing.T) {
	b, sent := logoutBench(t)
	r := b.signedIn("told", "openid")
	id := b.claims(r.IDToken)
	b.visit("GET", "/logout?id_token_hint="+r.IDToken, nil)
	if len(*sent) != 1 || (*sent)[0].uri != "https://told.example/back" {
		t.Fatalf("%v", *sent)
	}
	claims := b.claims((*sent)[0].token)
	events, _ := claims["events"].(map[string]any)
	if claims["iss"] != issuer || claims["sub"] != "u-1" || claims["aud"] != "told" || claims["sid"] != id["sid"] || id["sid"] == nil ||
		claims["iat"] != float64(b.now.Unix()) || claims["exp"] != float64(b.now.Unix()+120) || claims["jti"] == nil || claims["nonce"] != nil ||
		len(events) != 1 || events["http://schemas.openid.net/event/backchannel-logout"] == nil {
		t.Errorf("%v", claims)
	}
	if strings.Contains(b.cookie, id["sid"].(string)) {
		t.Error("sid is the cookie")
	}
}

// A4: a client with front-channel logout is notified by a frame, with iss and sid. The page
// continues by itself, or by a link.
func TestA4FrontChannelLogout(t *testing.T) {
	b, sent := logoutBench(t)
	r := b.signedIn("framed", "")
	b.signedIn("told", "openid")
	query := url.Values{"id_token_hint": {r.IDToken}, "post_logout_redirect_uri": {"https://framed.example/bye"}}
	resp := b.visit("GET", "/logout?"+query.Encode(), nil)
	sid, _ := b.claims(r.IDToken)["sid"].(string)
	body := string(resp.Body)
	frame := `src="https://framed.example/front?a=b&amp;iss=` + url.QueryEscape(issuer) + "&amp;sid=" + sid + `"`
	if resp.Status != 200 || sid == "" || !strings.Contains(body, frame) ||
		!strings.Contains(body, `href="https://framed.example/bye"`) || !strings.Contains(body, "location.replace") {
		t.Errorf("%d %s\n%s", resp.Status, frame, body[strings.Index(body, "<main>"):])
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "; frame-src https://framed.example;") || !strings.Contains(csp, "; script-src 'sha256-") {
		t.Error(csp)
	}
	if len(*sent) != 1 {
		t.Errorf("%d told by the back channel", len(*sent))
	}
}

// A4, A7: without a hint of this session the user is asked. An address that is not the client's is
// an error, and the user is not redirected.
func TestA7LogoutAsks(t *testing.T) {
	other := newBench(t)
	strangers := other.signedIn("told", "openid").IDToken // from another server
	for _, row := range []struct {
		name  string
		query func(own string) url.Values
		back  string // where the user goes after saying yes
	}{
		{"nothing", func(string) url.Values { return nil }, ""},
		{"client and address", func(string) url.Values {
			return url.Values{"client_id": {"told"}, "post_logout_redirect_uri": {"com.example.told:/bye"}}
		}, "com.example.told:/bye"},
		{"hint that cannot be verified", func(string) url.Values { return url.Values{"id_token_hint": {strangers}} }, ""},
		{"no hint at all", func(string) url.Values { return url.Values{"id_token_hint": {"x"}} }, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			b, _ := logoutBench(t)
			own := b.signedIn("told", "openid").IDToken
			page := b.visit("GET", "/logout?"+row.query(own).Encode(), nil)
			if !shows(page, "sign-out") || !b.isSignedIn() {
				t.Fatalf("not asked: %d %v", page.Status, page.Header)
			}
			if strings.Contains(page.Header.Get("Content-Security-Policy"), "form-action") {
				t.Error("Chromium would not let the form end at the client")
			}
			forged := b.visit("POST", "/logout?"+row.query(own).Encode(), url.Values{"action": {"sign-out"}, "interaction": {"x"}})
			if !shows(forged, "sign-out") || !b.isSignedIn() {
				t.Error("signed out by a form of another site")
			}
			if stay := b.submit(page, "stay", nil); stay.Status != 200 || !b.isSignedIn() {
				t.Errorf("staying: %d", stay.Status)
			}
			done := b.submit(page, "sign-out", nil)
			if done.Header.Get("Location") != row.back || (row.back == "" && !shows(done, "signed-out")) || b.isSignedIn() {
				t.Errorf("%d to %q, signed in: %v", done.Status, done.Header.Get("Location"), b.isSignedIn())
			}
		})
	}
	b, _ := logoutBench(t)
	own := b.signedIn("told", "openid").IDToken
	for name, query := range map[string]url.Values{
		"address that is not registered": {"id_token_hint": {own}, "post_logout_redirect_uri": {"https://told.example/bye"}},
		"address of another client":      {"id_token_hint": {own}, "post_logout_redirect_uri": {"https://framed.example/bye"}},
		"address without a client":       {"post_logout_redirect_uri": {"https://told.example/bye?a=b"}},
		"client that is not the hint's":  {"id_token_hint": {own}, "client_id": {"framed"}},
		"parameter twice":                {"state": {"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) { stopped(t, b.visit("GET", "/logout?"+query.Encode(), nil), "invalid_request") })
	}
	if !b.isSignedIn() {
		t.Error("signed out by an error")
	}
	// Another kind of token of this server does not count as a hint.
	with, sent := logoutBench(t)
	with.visit("GET", "/logout?id_token_hint="+with.signedIn("told", "openid").IDToken, nil)
	query := url.Values{"id_token_hint": {(*sent)[0].token}, "post_logout_redirect_uri": {"https://told.example/bye?a=b"}}
	stopped(t, with.visit("GET", "/logout?"+query.Encode(), nil), "invalid_request")
	// The hint of an earlier session does not end a later one.
	b.visit("GET", "/logout?id_token_hint="+own, nil)
	b.code(request("spa"))
	if page := b.visit("GET", "/logout?id_token_hint="+own, nil); !shows(page, "sign-out") {
		t.Errorf("%d", page.Status)
	}
	b.cookie = ""
	query = url.Values{"client_id": {"told"}, "post_logout_redirect_uri": {"https://told.example/bye?a=b"}}
	if resp := b.visit("GET", "/logout?"+query.Encode(), nil); resp.Header.Get("Location") != "https://told.example/bye?a=b" {
		t.Errorf("nobody is signed in: %d", resp.Status)
	}
}

// A4: what outlives a session, and what continues with it.
func TestA4SessionMembers(t *testing.T) {
	b, sent := logoutBench(t)
	lasting := b.signedIn("told", "openid offline_access")
	plain := b.granted("spa")
	sid := b.claims(lasting.IDToken)["sid"]
	b.now = b.now.Add(time.Minute)
	anew := b.post("/token", exchange("told", b.code(with(request("told"), "scope", "openid", "prompt", "login")))).must(t)
	if b.claims(anew.IDToken)["sid"] != sid {
		t.Error("signing in anew begins another session")
	}
	refreshed := b.refresh("told", lasting.Refresh).must(t)
	if b.claims(refreshed.IDToken)["sid"] != sid || len(*sent) != 0 {
		t.Errorf("refreshed: %v, told: %d", b.claims(refreshed.IDToken), len(*sent))
	}
	page := b.visit("GET", "/authorize?"+request("spa").Encode(), nil)
	b.submit(page, "switch", nil)
	if len(*sent) != 1 {
		t.Errorf("%d told after the user was changed", len(*sent))
	}
	b.refresh("told", refreshed.Refresh).must(t)
	b.refresh("spa", plain.Refresh).must(t)
	b.refresh("told", anew.Refresh).refused(t, 400, "invalid_grant")
}

// A4: the hook for net/http posts the token once, and follows no redirect.
func TestA4PostLogoutTokens(t *testing.T) {
	got := make(chan string, 2)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Method + " " + r.URL.Path + " " + r.FormValue("logout_token")
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	authserver.PostLogoutTokens(authserver.PublicTransport(site.URL))(site.URL+"/back", "t+k")
	if r := <-got; r != "POST /back t+k" {
		t.Error(r)
	}
	site.Close() // waits for running requests
	if len(got) != 0 {
		t.Error("followed a redirect to " + <-got)
	}
}
