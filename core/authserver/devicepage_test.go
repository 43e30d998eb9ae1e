package authserver_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// A4: RFC 8628 section 3.3, from the code to the outcome.
func TestA4VerificationPages(t *testing.T) {
	b := newBench(t)
	d := b.device("tv")
	empty := b.visit("GET", "/device", nil)
	filled := b.visit("GET", strings.TrimPrefix(d.URIComplete, issuer), nil)
	signIn := b.submit(filled, "continue", url.Values{"user_code": {d.UserCode}})
	refused := b.submit(signIn, "sign-in", url.Values{"username": {"first"}, "password": {"x"}})
	consent := b.submit(refused, "sign-in", firstSignsIn)
	again := b.submit(b.visit("GET", "/device", nil), "continue", url.Values{"user_code": {d.UserCode}})
	approved := b.submit(consent, "approve", nil)
	other := b.device("radio")
	denied := b.submit(b.enter(other.UserCode), "deny", nil)
	wrong := b.enter("BBBB-BBBB")
	pages := map[string]authserver.Response{"code": empty, "code filled in": filled, "sign-in": signIn, "sign-in refused": refused,
		"consent": consent, "consent of who is signed in": again, "approved": approved, "denied": denied, "wrong code": wrong}
	for _, row := range []struct {
		page   string
		status int
		want   []string
		not    []string
	}{
		{"code", 200, []string{`data-testid="device-code"`, `<label for="user_code">`, `value=""`, "autofocus"}, []string{d.UserCode, `role="alert"`}},
		{"code filled in", 200, []string{`data-testid="device-code"`, `value="` + d.UserCode + `"`}, []string{`data-testid="approve"`, "Telly", `role="alert"`}},
		{"sign-in", 200, []string{`data-testid="login"`, "your device"}, []string{"Telly"}},
		{"sign-in refused", 403, []string{`data-testid="login"`, `role="alert"`, `value="first"`}, []string{"Telly"}},
		{"consent", 200, []string{`data-testid="approve"`, `data-testid="deny"`, "The &lt;Telly&gt;", "First &lt;b&gt;", d.UserCode, "See your name", "Read your notes"}, nil},
		{"consent of who is signed in", 200, []string{`data-testid="approve"`, d.UserCode}, nil},
		{"approved", 200, []string{"Device connected", "You can go back to your device"}, []string{"<form"}},
		{"denied", 200, []string{"Access denied", "You can go back to your device"}, []string{"<form"}},
		{"wrong code", 403, []string{`data-testid="device-code"`, `value="BBBB-BBBB"`, `role="alert"`, "not right"}, nil},
	} {
		t.Run(row.page, func(t *testing.T) {
			p := pages[row.page]
			if p.Status != row.status {
				t.Error(p.Status)
			}
			for _, want := range row.want {
				if !strings.Contains(string(p.Body), want) {
					t.Errorf("%q is missing", want)
				}
			}
			for _, not := range row.not {
				if strings.Contains(string(p.Body), not) {
					t.Errorf("%q is there", not)
				}
			}
			csp := p.Header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
				if !strings.Contains(csp, part) {
					t.Errorf("no %s in %s", part, csp)
				}
			}
			if p.Header.Get("X-Frame-Options") != "DENY" || p.Header.Get("Referrer-Policy") != "no-referrer" || p.Header.Get("Cache-Control") != "no-store" {
				t.Error(p.Header)
			}
		})
	}
	if consent.Header.Get("Set-Cookie") == "" || consent.Header.Get("Set-Cookie") == empty.Header.Get("Set-Cookie") {
		t.Error("signing in keeps the identifier")
	}
}

// A4: RFC 8628 section 6.1.
func TestA4UserCodeComparison(t *testing.T) {
	for _, row := range []struct {
		name  string
		typed func(code string) string
		want  bool
	}{
		{"as shown", func(c string) string { return c }, true},
		{"without the dash", func(c string) string { return strings.ReplaceAll(c, "-", "") }, true},
		{"lower case", strings.ToLower, true},
		{"other punctuation", func(c string) string { return " " + strings.Join(strings.Split(c, ""), "–.") + "\t" }, true},
		{"characters that no code holds", func(c string) string { return "a1" + c + "é0" }, true},
		{"a letter short", func(c string) string { return c[1:] }, false},
		{"a letter long", func(c string) string { return c + "B" }, false},
		{"another letter", func(c string) string {
			if c[0] == 'B' {
				return "C" + c[1:]
			}
			return "B" + c[1:]
		}, false},
		{"nothing", func(string) string { return "" }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			page := b.enter(row.typed(b.device("tv").UserCode))
			if shows(page, "approve") != row.want || (page.Status == http.StatusForbidden) == row.want {
				t.Errorf("%d %s", page.Status, page.Body)
			}
		})
	}
}

// A4: an expired code and a code that never existed give different messages.
func TestA4UserCodeThatIsOver(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(*bench, device) authserver.Response
		want string
	}{
		{"expired", func(b *bench, d device) authserver.Response {
			b.now = b.now.Add(10 * time.Minute)
			return b.enter(d.UserCode)
		}, "has expired"},
		{"expired while the consent page is open", func(b *bench, d device) authserver.Response {
			b.now = b.now.Add(5 * time.Minute)
			page := b.enter(d.UserCode)
			b.now = b.now.Add(5 * time.Minute)
			return b.submit(page, "approve", nil)
		}, "has expired"},
		{"approved before", func(b *bench, d device) authserver.Response {
			b.decide(d, "approve")
			return b.enter(d.UserCode)
		}, "has been used"},
		{"denied before", func(b *bench, d device) authserver.Response {
			b.decide(d, "deny")
			return b.enter(d.UserCode)
		}, "has been used"},
		{"denied and then approved by the back button", func(b *bench, d device) authserver.Response {
			page := b.enter(d.UserCode)
			b.submit(page, "deny", nil)
			return b.submit(page, "approve", nil)
		}, "has been used"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			d := b.device("tv")
			page := row.do(b, d)
			if page.Status != http.StatusForbidden || !shows(page, "device-code") || !strings.Contains(string(page.Body), row.want) {
				t.Errorf("%d %s", page.Status, page.Body)
			}
		})
	}
}

// A4, A8: RFC 8628 section 5.1. After the fifth wrong code of an account, no code of it is looked
// up for ten minutes.
func TestA8UserCodesCannotBeTried(t *testing.T) {
	blocked := func(t *testing.T, b *bench, code, retryAfter string) {
		t.Helper()
		page := b.enter(code)
		if page.Status != http.StatusTooManyRequests || page.Header.Get("Retry-After") != retryAfter || !shows(page, "device-code") {
			t.Errorf("%d %q %s", page.Status, page.Header.Get("Retry-After"), page.Body)
		}
	}
	fail := func(t *testing.T, b *bench, times int) {
		t.Helper()
		for range times {
			if page := b.enter("BBBB-BBBB"); page.Status != http.StatusForbidden {
				t.Fatal(page.Status)
			}
		}
	}
	for _, row := range []struct {
		name string
		do   func(*testing.T, *bench)
	}{
		{"four wrong ones do no harm", func(t *testing.T, b *bench) {
			fail(t, b, 4)
			b.decide(b.device("tv"), "approve")
		}},
		{"after five even the right one waits", func(t *testing.T, b *bench) {
			fail(t, b, 5)
			d := b.device("tv")
			blocked(t, b, d.UserCode, "600")
			b.now = b.now.Add(9*time.Minute + 59*time.Second)
			blocked(t, b, d.UserCode, "1") // the try did not prolong it
			b.now = b.now.Add(time.Second - 1)
			blocked(t, b, "BBBB-BBBB", "1")
			b.now = b.now.Add(1)
			b.decide(b.device("tv"), "approve")
			fail(t, b, 4)
		}},
		{"a right one between does not help", func(t *testing.T, b *bench) {
			fail(t, b, 4)
			b.decide(b.device("tv"), "approve")
			fail(t, b, 1)
			blocked(t, b, b.device("tv").UserCode, "600")
		}},
		{"a new session does not help", func(t *testing.T, b *bench) {
			fail(t, b, 5)
			b.cookie = ""
			blocked(t, b, b.device("tv").UserCode, "600")
		}},
		{"another account is not held up", func(t *testing.T, b *bench) {
			fail(t, b, 5)
			b.cookie = ""
			d := b.device("tv")
			page := b.submit(b.visit("GET", "/device", nil), "continue", url.Values{"user_code": {d.UserCode}})
			if page = b.submit(page, "sign-in", url.Values{"username": {"second"}, "password": {"two"}}); !shows(page, "approve") {
				t.Errorf("%d %s", page.Status, page.Body)
			}
		}},
		{"what cannot be a code does not count", func(t *testing.T, b *bench) {
			b.approve(request("spa")) // signs in
			for range 9 {
				b.enter("BBBB")
			}
			b.decide(b.device("tv"), "approve")
		}},
		{"without a session no code is looked up", func(t *testing.T, b *bench) {
			for range 9 {
				if page := b.submit(b.visit("GET", "/device", nil), "continue", url.Values{"user_code": {"BBBB-BBBB"}}); !shows(page, "login") {
					t.Fatal(page.Status)
				}
			}
			b.decide(b.device("tv"), "approve")
		}},
		{"many at once count each", func(t *testing.T, b *bench) {
			b.approve(request("spa")) // signs in
			form := b.visit("GET", "/device", nil)
			statuses := make([]int, 32)
			var done sync.WaitGroup
			for i := range statuses {
				done.Go(func() { statuses[i] = b.submit(form, "continue", url.Values{"user_code": {"BBBB-BBBB"}}).Status })
			}
			done.Wait()
			looked := 0
			for _, status := range statuses {
				if status == http.StatusForbidden {
					looked++
				}
			}
			if looked != 5 {
				t.Errorf("%d were looked up", looked)
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) { row.do(t, newBench(t)) })
	}
}

// X10: the forms of the verification pages count only for their browser, their page and their code.
func TestX10DeviceFormsAreBoundToTheBrowser(t *testing.T) {
	type state struct {
		b                             *bench
		d, other                      device
		code, signIn, page, strangers authserver.Response
	}
	setUp := func(t *testing.T) state {
		b := newBench(t)
		s := state{b: b, d: b.device("tv"), other: b.device("tv")}
		s.code = b.visit("GET", "/device", nil)
		s.signIn = b.submit(s.code, "continue", url.Values{"user_code": {s.d.UserCode}})
		s.page = b.submit(s.signIn, "sign-in", firstSignsIn)
		stranger := &bench{t: t, server: b.server, now: b.now}
		s.strangers = stranger.enter(s.d.UserCode)
		return s
	}
	token := func(p authserver.Response) string { return string(interactionValue.FindSubmatch(p.Body)[1]) }
	for _, row := range []struct {
		name string
		do   func(state) authserver.Response
	}{
		{"consent of another browser", func(s state) authserver.Response { return s.b.submit(s.strangers, "approve", nil) }},
		{"token of the sign-in page", func(s state) authserver.Response { return s.b.submit(s.signIn, "approve", nil) }},
		{"token of the form with the code", func(s state) authserver.Response {
			return s.b.visit("POST", "/device?user_code="+s.d.UserCode, url.Values{"action": {"approve"}, "interaction": {token(s.code)}})
		}},
		{"another code", func(s state) authserver.Response {
			return s.b.visit("POST", "/device?user_code="+s.other.UserCode, url.Values{"action": {"approve"}, "interaction": {token(s.page)}})
		}},
		{"no token", func(s state) authserver.Response {
			return s.b.submit(s.page, "approve", url.Values{"interaction": nil})
		}},
		{"no cookie", func(s state) authserver.Response {
			s.b.cookie = ""
			return s.b.submit(s.page, "approve", nil)
		}},
		{"token too old", func(s state) authserver.Response {
			s.b.now = s.b.now.Add(10*time.Minute - 1).Truncate(time.Second).Add(time.Second)
			return s.b.submit(s.page, "approve", nil)
		}},
		{"token of the authorization endpoint", func(s state) authserver.Response {
			page := s.b.visit("GET", "/authorize?"+request("spa").Encode(), nil)
			return s.b.visit("POST", "/device?"+request("spa").Encode(), url.Values{"action": {"approve"}, "interaction": {token(page)}})
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := setUp(t)
			resp := row.do(s)
			if resp.Status != http.StatusForbidden || !shows(resp, "device-code") {
				t.Errorf("%d %s", resp.Status, resp.Body)
			}
			for _, d := range []device{s.d, s.other} {
				if r := s.b.poll(d); r.Status == http.StatusOK {
					t.Error("the device was let in")
				}
			}
		})
	}
	t.Run("unknown button", func(t *testing.T) {
		s := setUp(t)
		if resp := s.b.submit(s.page, "", nil); resp.Status != http.StatusBadRequest {
			t.Error(resp.Status)
		}
	})
	t.Run("another media type", func(t *testing.T) {
		s := setUp(t)
		resp := s.b.send("POST", "/device", http.Header{"Cookie": {s.b.cookie}, "Content-Type": {"text/plain"}}, "action=continue")
		if resp.Status != http.StatusBadRequest {
			t.Error(resp.Status)
		}
	})
	t.Run("form that is too old keeps what was typed", func(t *testing.T) {
		s := setUp(t)
		s.b.now = s.b.now.Add(11 * time.Minute)
		if resp := s.b.submit(s.code, "continue", url.Values{"user_code": {"bbbb bbbb"}}); !strings.Contains(string(resp.Body), `value="bbbb bbbb"`) {
			t.Errorf("%s", resp.Body)
		}
	})
	t.Run("session that ended", func(t *testing.T) {
		b := newBench(t)
		b.approve(request("spa")) // signs in
		b.now = b.now.Add(8*time.Hour - time.Minute)
		d := b.device("tv")
		page := b.enter(d.UserCode)
		b.now = b.now.Add(time.Minute)
		page = b.submit(page, "approve", nil)
		if !shows(page, "login") || page.Status != http.StatusForbidden {
			t.Fatalf("%d %s", page.Status, page.Body)
		}
		if page = b.submit(page, "sign-in", firstSignsIn); !shows(page, "approve") {
			t.Errorf("%d %s", page.Status, page.Body)
		}
	})
	t.Run("another user is one button away", func(t *testing.T) {
		s := setUp(t)
		page := s.b.submit(s.page, "switch", nil)
		if !shows(page, "login") {
			t.Fatalf("%d %s", page.Status, page.Body)
		}
		page = s.b.submit(page, "sign-in", url.Values{"username": {"second"}, "password": {"two"}})
		s.b.submit(page, "approve", nil)
		if token, ok := s.b.server.Authenticate(s.b.now, s.b.poll(s.d).must(t).Access); !ok || token.User != "second" {
			t.Errorf("%+v", token)
		}
	})
}
