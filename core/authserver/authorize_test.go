package authserver_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// A7: a request without a valid client and redirect URI is an error that only the user sees.
func TestA7BadClientOrRedirectNeverRedirects(t *testing.T) {
	for _, row := range []struct {
		name  string
		query string
	}{
		{"no parameters", ""},
		{"unknown client", request("nobody").Encode()},
		{"unknown client, foreign redirect", with(request("nobody"), "redirect_uri", "https://evil.example/").Encode()},
		{"no client", with(request("spa"), "client_id", "").Encode()},
		{"foreign redirect", with(request("spa"), "redirect_uri", "https://evil.example/cb").Encode()},
		{"foreign redirect and prompt none", with(request("spa"), "redirect_uri", "https://evil.example/cb", "prompt", "none").Encode()},
		{"redirect of another client", with(request("spa"), "redirect_uri", "https://web.example/other").Encode()},
		{"redirect with a suffix", with(request("spa"), "redirect_uri", appRedirect+"/../x").Encode()},
		{"no redirect where there are two", with(request("web"), "redirect_uri", "").Encode()},
		{"client twice", request("spa").Encode() + "&client_id=web"},
		{"redirect twice", request("spa").Encode() + "&redirect_uri=https%3A%2F%2Fevil.example"},
		{"query that cannot be read", request("spa").Encode() + "&a=%zz"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, method := range []string{"GET", "POST"} {
				b := newBench(t)
				resp := b.visit(method, "/authorize?"+row.query, nil)
				if resp.Status != http.StatusBadRequest || resp.Header.Get("Location") != "" {
					t.Errorf("%s: %d %v", method, resp.Status, resp.Header)
				}
				if !strings.Contains(string(resp.Body), `role="alert"`) || strings.Contains(string(resp.Body), "evil.example") {
					t.Errorf("%s: %s", method, resp.Body)
				}
			}
		})
	}
}

// A5, A7, A8
func TestA7AuthorizationErrorsRedirect(t *testing.T) {
	plain := func(c *authserver.Config) { c.InsecurePlainPKCE = true }
	for _, row := range []struct {
		name   string
		query  url.Values
		change func(*authserver.Config)
		want   string
	}{
		{"no response_type", with(request("spa"), "response_type", ""), nil, "invalid_request"},
		{"A5 response type that nobody knows", with(request("spa"), "response_type", "ticket"), nil, "unsupported_response_type"},
		{"A5 response type none", with(request("spa"), "response_type", "none"), nil, "unsupported_response_type"},
		{"A5 response mode that nobody knows", with(request("spa"), "response_mode", "web_message"), nil, "invalid_request"},
		{"client without the grant", request("refreshonly"), nil, "unauthorized_client"},
		{"parameter twice", url.Values{"client_id": {"spa"}, "redirect_uri": {appRedirect}, "state": {"st&te"}, "scope": {"a", "b"}}, nil, "invalid_request"},
		{"scope beyond the client's", with(request("web"), "scope", "email"), nil, "invalid_scope"},
		{"scope grammar", with(request("spa"), "scope", "profile  email"), nil, "invalid_scope"},
		{"scope the server does not know", with(request("wide"), "scope", "unheard-of"), nil, "invalid_scope"},
		{"public client without PKCE", with(request("spa"), "code_challenge", "", "code_challenge_method", ""), nil, "invalid_request"},
		{"confidential client without PKCE where required", with(request("web"), "code_challenge", "", "code_challenge_method", ""),
			func(c *authserver.Config) { c.RequirePKCE = true }, "invalid_request"},
		{"method without challenge", with(request("web"), "code_challenge", ""), nil, "invalid_request"},
		{"A8 challenge without method is plain, refused", with(request("web"), "code_challenge_method", ""), nil, "invalid_request"},
		{"plain", with(request("spa"), "code_challenge_method", "plain"), nil, "invalid_request"},
		{"unknown method", with(request("spa"), "code_challenge_method", "s256"), plain, "invalid_request"},
		{"S256 challenge too short", with(request("spa"), "code_challenge", challenge[:42]), nil, "invalid_request"},
		{"S256 challenge too long", with(request("spa"), "code_challenge", challenge+"A"), nil, "invalid_request"},
		{"S256 challenge padded", with(request("spa"), "code_challenge", challenge+"="), nil, "invalid_request"},
		{"plain challenge too short", with(request("spa"), "code_challenge", "short", "code_challenge_method", "plain"), plain, "invalid_request"},
		{"prompt none, nobody signed in", with(request("spa"), "prompt", "none"), nil, "login_required"},
		{"prompt none with company", with(request("spa"), "prompt", "none login"), nil, "invalid_request"},
		{"store busy", request("spa"), func(c *authserver.Config) {
			c.Store = brokenSessions{c.Store, authserver.ErrUnavailable}
		}, "temporarily_unavailable"},
		{"store broken", request("spa"), func(c *authserver.Config) {
			c.Store = brokenSessions{c.Store, errors.New("disk full")}
		}, "server_error"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			if row.change != nil {
				b = newBench(t, row.change)
			}
			b.cookie = "__Host-authserver=" + challenge // some session identifier
			u := location(t, b.visit("GET", "/authorize?"+row.query.Encode(), nil))
			base := row.query.Get("redirect_uri")
			if !strings.HasPrefix(u.String(), base) {
				t.Errorf("goes to %s", u)
			}
			q := u.Query()
			if q.Get("error") != row.want || q.Get("error_description") == "" || q.Get("iss") != issuer || q.Get("state") != "st&te" || q.Has("code") {
				t.Errorf("%s, want %s", u, row.want)
			}
		})
	}
}

type brokenSessions struct {
	authserver.Store
	err error
}

func (s brokenSessions) Session(authserver.Digest) (authserver.Session, error) {
	return authserver.Session{}, s.err
}

// A4: the answer has code, state and iss (RFC 9207), and keeps the query of the redirect URI.
func TestA4AuthorizationResponse(t *testing.T) {
	for _, row := range []struct {
		name  string
		query url.Values
		base  string
		state bool
	}{
		{"public client", request("spa"), appRedirect + "?", true},
		{"without state", with(request("spa"), "state", ""), appRedirect + "?", false},
		{"redirect URI with a query", request("web"), "https://web.example/cb?keep=1&", true},
		{"redirect URI left out", with(request("spa"), "redirect_uri", ""), appRedirect + "?", true},
		{"loopback port", with(request("native"), "redirect_uri", "http://127.0.0.1:50123/cb"), "http://127.0.0.1:50123/cb?", true},
		{"private-use scheme", with(request("native"), "redirect_uri", "com.example.native:/cb"), "com.example.native:/cb?", true},
		{"confidential client without PKCE", with(request("web"), "code_challenge", "", "code_challenge_method", ""), "https://web.example/cb?keep=1&", true},
		{"resource may come twice", url.Values{"resource": {"https://a.example", "https://b.example"}, "client_id": {"spa"},
			"response_type": {"code"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}}, appRedirect + "?", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := newBench(t).approve(row.query)
			q := u.Query()
			if !strings.HasPrefix(u.String(), row.base) || q.Get("code") == "" || q.Get("iss") != issuer || q.Has("state") != row.state || q.Has("error") {
				t.Error(u)
			}
			if row.state && q.Get("state") != "st&te" {
				t.Error(q.Get("state"))
			}
		})
	}
}

func TestPages(t *testing.T) {
	b := newBench(t)
	signIn := b.visit("GET", "/authorize?"+request("spa").Encode(), nil)
	signedIn := b.submit(signIn, "sign-in", firstSignsIn)
	consent := b.visit("GET", signedIn.Header.Get("Location"), nil)
	refusal := b.visit("GET", "/authorize", nil)
	for name, p := range map[string]authserver.Response{"sign-in": signIn, "consent": consent, "error": refusal} {
		t.Run(name, func(t *testing.T) {
			csp := p.Header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "style-src 'sha256-", "frame-ancestors 'none'", "base-uri 'none'"} {
				if !strings.Contains(csp, part) {
					t.Errorf("no %s in %s", part, csp)
				}
			}
			if strings.Contains(csp, "form-action 'self'") == (name == "consent") {
				t.Error(csp)
			}
			for header, want := range map[string]string{
				"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
				"X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "",
			} {
				if got := p.Header.Get(header); got != want {
					t.Errorf("%s: %s", header, got)
				}
			}
		})
	}
	for _, row := range []struct {
		page authserver.Response
		want string
	}{
		{signIn, "Single &lt;Page&gt; App"}, {signIn, `<label for="username">`}, {signIn, `name="password" type="password"`},
		{signIn, `data-testid="login"`}, {consent, `data-testid="approve"`}, {consent, `data-testid="deny"`},
		{consent, "Read your notes"}, {consent, "See your email address"}, {consent, "First &lt;b&gt;"}, {consent, "app.example"},
	} {
		if !strings.Contains(string(row.page.Body), row.want) {
			t.Errorf("%q is missing", row.want)
		}
	}
	cookie := signedIn.Header.Get("Set-Cookie")
	for _, want := range []string{"__Host-authserver=", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("no %s in %s", want, cookie)
		}
	}
	if before := signIn.Header.Get("Set-Cookie"); before == "" || before == cookie {
		t.Error("signing in keeps the identifier")
	}
	if strings.Contains(signIn.Header.Get("Set-Cookie")+cookie, "Domain") {
		t.Error("the cookie leaves the host")
	}
}

func TestDemoHintFillsTheForm(t *testing.T) {
	hint := func(c *authserver.Config) {
		c.Issuer = "http://127.0.0.1:8080"
		c.DemoHint = &authserver.DemoHint{Text: "Just press the button.", Username: "first", Password: "one"}
	}
	for _, row := range []struct {
		name, loginHint string
		want            bool
	}{{"nobody named", "", true}, {"the demo user named", "first", true}, {"somebody else named", "second", false}} {
		t.Run(row.name, func(t *testing.T) {
			p := newBench(t, hint).visit("GET", "/authorize?"+with(request("spa"), "login_hint", row.loginHint).Encode(), nil)
			for _, s := range []string{"Just press the button.", `value="first"`, `value="one"`} {
				if strings.Contains(string(p.Body), s) != row.want {
					t.Errorf("%q", s)
				}
			}
			if strings.Contains(p.Header.Get("Set-Cookie"), "Secure") {
				t.Error("a Secure cookie over http")
			}
		})
	}
}

// A7
func TestA7DenyIsAccessDenied(t *testing.T) {
	b := newBench(t)
	page := b.visit("GET", "/authorize?"+request("spa").Encode(), nil)
	page = b.visit("GET", b.submit(page, "sign-in", firstSignsIn).Header.Get("Location"), nil)
	u := location(t, b.submit(page, "deny", nil))
	if q := u.Query(); q.Get("error") != "access_denied" || q.Get("state") != "st&te" || q.Get("iss") != issuer || q.Has("code") {
		t.Error(u)
	}
}

func TestSignInRefusesWrongPasswords(t *testing.T) {
	for _, row := range []struct{ name, username, password string }{
		{"wrong password", "first", "x"}, {"unknown user", "stranger", "one"}, {"unknown user, no password", "stranger", ""},
		{"no password", "first", ""}, {"nothing", "", ""}, {"password of another", "first", "two"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			page := b.visit("GET", "/authorize?"+request("spa").Encode(), nil)
			again := b.submit(page, "sign-in", url.Values{"username": {row.username}, "password": {row.password}})
			if again.Status != http.StatusForbidden || !strings.Contains(string(again.Body), `role="alert"`) {
				t.Errorf("%d %s", again.Status, again.Body)
			}
			if row.username != "" && !strings.Contains(string(again.Body), `value="`+row.username+`"`) {
				t.Error("the username has to be typed again")
			}
			if row.password != "" && strings.Contains(string(again.Body), `value="`+row.password+`"`) {
				t.Error("the password comes back")
			}
			// The page that is shown again works.
			location(t, b.submit(again, "sign-in", firstSignsIn))
		})
	}
}

// X10: a form counts only with the token for its browser, its page and its request.
func TestX10FormsAreBoundToTheBrowser(t *testing.T) {
	type state struct {
		b       *bench
		page    authserver.Response // b's consent page
		foreign authserver.Response // the same page in another browser
		signIn  authserver.Response // b's sign-in page
	}
	setUp := func(t *testing.T) state {
		b := newBench(t)
		signIn := b.visit("GET", "/authorize?"+request("spa").Encode(), nil)
		page := b.visit("GET", b.submit(signIn, "sign-in", firstSignsIn).Header.Get("Location"), nil)
		other := &bench{t: t, server: b.server, now: b.now}
		foreign := other.visit("GET", "/authorize?"+request("spa").Encode(), nil)
		foreign = other.visit("GET", other.submit(foreign, "sign-in", url.Values{"username": {"second"}, "password": {"two"}}).Header.Get("Location"), nil)
		return state{b, page, foreign, signIn}
	}
	for _, row := range []struct {
		name string
		do   func(state) authserver.Response
	}{
		{"token of another browser", func(s state) authserver.Response { return s.b.submit(s.foreign, "approve", nil) }},
		{"token of the other page", func(s state) authserver.Response { return s.b.submit(s.page, "sign-in", firstSignsIn) }},
		{"token from before the sign-in", func(s state) authserver.Response { return s.b.submit(s.signIn, "approve", nil) }},
		{"no token", func(s state) authserver.Response {
			return s.b.submit(s.page, "approve", url.Values{"interaction": nil})
		}},
		{"token cut short", func(s state) authserver.Response {
			return s.b.submit(s.page, "approve", url.Values{"interaction": {"AAAA"}})
		}},
		{"token too old", func(s state) authserver.Response {
			s.b.now = s.b.now.Add(10 * time.Minute)
			return s.b.submit(s.page, "approve", nil)
		}},
		{"another authorization request", func(s state) authserver.Response {
			token := interactionValue.FindSubmatch(s.page.Body)[1]
			return s.b.visit("POST", "/authorize?"+with(request("spa"), "scope", "email").Encode(),
				url.Values{"interaction": {string(token)}, "action": {"approve"}})
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp := row.do(setUp(t))
			if resp.Status != http.StatusForbidden || resp.Header.Get("Location") != "" || resp.Header.Get("Set-Cookie") != "" {
				t.Errorf("%d %v", resp.Status, resp.Header)
			}
		})
	}
	t.Run("no cookie", func(t *testing.T) {
		s := setUp(t)
		s.b.cookie = ""
		if resp := s.b.submit(s.signIn, "sign-in", firstSignsIn); resp.Status != http.StatusForbidden {
			t.Errorf("%d", resp.Status)
		}
	})
	t.Run("unknown button", func(t *testing.T) {
		s := setUp(t)
		if resp := s.b.submit(s.page, "", nil); resp.Status != http.StatusBadRequest || resp.Header.Get("Location") != "" {
			t.Errorf("%d", resp.Status)
		}
	})
	t.Run("another media type", func(t *testing.T) {
		s := setUp(t)
		resp := s.b.send("POST", "/authorize?"+request("spa").Encode(), http.Header{"Cookie": {s.b.cookie}, "Content-Type": {"text/plain"}}, "action=approve")
		if resp.Status != http.StatusBadRequest || resp.Header.Get("Location") != "" {
			t.Errorf("%d", resp.Status)
		}
	})
}

func TestSession(t *testing.T) {
	shows := func(p authserver.Response, button string) bool {
		return strings.Contains(string(p.Body), `data-testid="`+button+`"`)
	}
	at := "/authorize?" + request("spa").Encode()
	signedIn := func(t *testing.T) *bench {
		b := newBench(t)
		b.approve(request("spa"))
		return b
	}
	t.Run("is kept", func(t *testing.T) {
		if !shows(signedIn(t).visit("GET", at, nil), "approve") {
			t.Error("asked to sign in again")
		}
	})
	t.Run("ends after eight hours", func(t *testing.T) {
		b := signedIn(t)
		if b.now = b.now.Add(8 * time.Hour); !shows(b.visit("GET", at, nil), "login") {
			t.Error("still signed in")
		}
	})
	t.Run("that ends while the consent page is open", func(t *testing.T) {
		b := signedIn(t)
		b.now = b.now.Add(8*time.Hour - time.Second)
		page := b.visit("GET", at, nil)
		b.now = b.now.Add(time.Second)
		if resp := b.submit(page, "approve", nil); !shows(resp, "login") || resp.Header.Get("Location") != "" {
			t.Errorf("%d %v", resp.Status, resp.Header)
		}
	})
	t.Run("of another user is one button away", func(t *testing.T) {
		b := signedIn(t)
		next := b.submit(b.visit("GET", at, nil), "switch", nil)
		if !shows(b.visit("GET", next.Header.Get("Location"), nil), "login") {
			t.Error("still signed in")
		}
	})
	t.Run("is not enough for prompt=login", func(t *testing.T) {
		b := signedIn(t)
		page := b.visit("GET", at+"&prompt=login+consent", nil)
		if !shows(page, "login") {
			t.Fatal("not asked to sign in")
		}
		if !shows(b.visit("GET", b.submit(page, "sign-in", firstSignsIn).Header.Get("Location"), nil), "approve") {
			t.Error("asked to sign in twice")
		}
	})
	t.Run("is not enough for prompt=none without consent", func(t *testing.T) {
		u := location(t, signedIn(t).visit("GET", at+"&prompt=none", nil))
		if u.Query().Get("error") != "consent_required" {
			t.Error(u)
		}
	})
}
