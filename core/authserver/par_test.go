package authserver_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// push pushes an authorization request and returns the query of the request that names it.
func (b *bench) push(header http.Header, params url.Values) url.Values {
	b.t.Helper()
	r := b.postWith("/par", header, params)
	var answer struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int    `json:"expires_in"`
	}
	if err := json.Unmarshal(r.Body, &answer); err != nil || r.Status != http.StatusCreated || answer.ExpiresIn != 60 {
		b.t.Fatalf("%d %s", r.Status, r.Body)
	}
	if !strings.HasPrefix(answer.RequestURI, "urn:ietf:params:oauth:request_uri:") || len(answer.RequestURI) < 60 {
		b.t.Fatalf("request_uri %q", answer.RequestURI)
	}
	return url.Values{"client_id": {params.Get("client_id")}, "request_uri": {answer.RequestURI}}
}

// open follows the redirect with which the pages take over a pushed request.
func (b *bench) open(query url.Values) authserver.Response {
	b.t.Helper()
	return b.visit("GET", location(b.t, b.visit("GET", "/authorize?"+query.Encode(), nil)).String(), nil)
}

// stopped checks that the user sees an error and is not redirected.
func stopped(t *testing.T, resp authserver.Response, code string) {
	t.Helper()
	if resp.Status != http.StatusBadRequest || resp.Header.Get("Location") != "" || !strings.Contains(string(resp.Body), "<code>"+code+"</code>") {
		t.Errorf("%d %q, want %s: %s", resp.Status, resp.Header.Get("Location"), code, resp.Body)
	}
}

// A4: RFC 9126, from the push to the token. A request_uri is used once, and parameters beside it
// are ignored.
func TestA4PushedAuthorizationRequest(t *testing.T) {
	b := newBench(t)
	pushed := b.push(nil, with(request("pushes"), "prompt", "login"))
	page := b.open(with(pushed, "scope", "email", "redirect_uri", "https://evil.example/", "state", "other"))
	first := b.submit(page, "sign-in", firstSignsIn)
	stopped(t, b.visit("GET", "/authorize?"+pushed.Encode(), nil), "invalid_request_uri")
	consent := b.visit("GET", first.Header.Get("Location"), nil)
	if body := string(consent.Body); !strings.Contains(body, "See your name") || strings.Contains(body, "pushes.example/cb") {
		t.Errorf("consent: %s", body)
	}
	if again := b.visit("GET", first.Header.Get("Location"), nil); again.Status != http.StatusOK {
		t.Errorf("reloaded: %d", again.Status)
	}
	done := location(t, b.submit(consent, "approve", nil))
	if done.Host != "pushes.example" || done.Query().Get("state") != "st&te" || done.Query().Get("iss") != issuer {
		t.Error(done)
	}
	if twice := b.submit(consent, "approve", nil); twice.Header.Get("Location") != "" || twice.Status != http.StatusBadRequest {
		t.Errorf("approved twice: %d %v", twice.Status, twice.Header)
	}
	b.post("/token", exchange("pushes", done.Query().Get("code"))).must(t)
}

// A7: RFC 9126 section 2.3: the client gets errors of the authorization request at once.
func TestA7PushedErrors(t *testing.T) {
	for _, row := range []struct {
		name   string
		header http.Header
		params url.Values
		status int
		want   string
	}{
		{"no such client", nil, with(request("spa"), "client_id", "x"), 401, "invalid_client"},
		{"wrong secret", basic("web", "x"), request("web"), 401, "invalid_client"},
		{"no secret", nil, request("web"), 401, "invalid_client"},
		{"client_id of another", basic("web", webSecret), request("spa"), 400, "invalid_request"},
		{"redirect URI", nil, with(request("spa"), "redirect_uri", "https://evil.example/"), 400, "invalid_request"},
		{"response type", nil, with(request("spa"), "response_type", "token"), 400, "unsupported_response_type"},
		{"scope", nil, with(request("spa"), "scope", "openid"), 400, "invalid_scope"},
		{"no PKCE", nil, with(request("spa"), "code_challenge", ""), 400, "invalid_request"},
		{"client without the grant", nil, request("refreshonly"), 400, "unauthorized_client"},
		{"request_uri", nil, with(request("spa"), "request_uri", "urn:ietf:params:oauth:request_uri:x"), 400, "invalid_request"},
		{"parameter twice", nil, url.Values{"client_id": {"spa"}, "state": {"a", "b"}}, 400, "invalid_request"},
		{"dpop_jkt that is none", nil, with(request("spa"), "dpop_jkt", "x"), 400, "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			newBench(t).postWith("/par", row.header, row.params).refused(t, row.status, row.want)
		})
	}
	if resp := newBench(t).send("GET", "/par", nil, ""); resp.Status != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d", resp.Status)
	}
}

// A7: if the client may not use a request_uri, only the user sees the error.
func TestA7RequestURI(t *testing.T) {
	for _, row := range []struct {
		name  string
		query func(pushed url.Values) url.Values
		wait  time.Duration
	}{
		{"expired", func(q url.Values) url.Values { return q }, time.Minute},
		{"another client", func(q url.Values) url.Values { return with(q, "client_id", "spa") }, 0},
		{"no client", func(q url.Values) url.Values { return with(q, "client_id", "") }, 0},
		{"two clients", func(q url.Values) url.Values {
			return url.Values{"client_id": {"pushes", "spa"}, "request_uri": q["request_uri"]}
		}, 0},
		{"unknown", func(q url.Values) url.Values { return with(q, "request_uri", q.Get("request_uri")+"x") }, 0},
		{"an address to fetch", func(q url.Values) url.Values { return with(q, "request_uri", "https://pushes.example/request.jwt") }, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			query := row.query(b.push(nil, request("pushes")))
			b.now = b.now.Add(row.wait)
			stopped(t, b.visit("GET", "/authorize?"+query.Encode(), nil), "invalid_request_uri")
		})
	}
	b := newBench(t)
	pushed := b.push(nil, request("pushes"))
	b.now = b.now.Add(59 * time.Second)
	page := b.open(pushed)
	b.now = b.now.Add(5 * time.Minute)
	if signedIn := b.submit(page, "sign-in", firstSignsIn); signedIn.Status != http.StatusSeeOther {
		t.Error("a sign-in that took minutes", signedIn.Status)
	}
}

// A7: a client, or a whole server, may require pushed requests.
func TestA7PushingRequired(t *testing.T) {
	everybody := func(c *authserver.Config) { c.RequirePAR = true }
	for _, row := range []struct {
		name, client string
		b            *bench
		refused      bool
	}{
		{"client held to it", "pushes", newBench(t), true},
		{"another client", "spa", newBench(t), false},
		{"server held to it", "spa", newBench(t, everybody), true},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp := row.b.visit("GET", "/authorize?"+request(row.client).Encode(), nil)
			if got := strings.Contains(resp.Header.Get("Location"), "error=invalid_request&"); got != row.refused {
				t.Errorf("%d %v", resp.Status, resp.Header)
			}
		})
	}
	resp := newBench(t, everybody).send("GET", "/.well-known/openid-configuration", nil, "")
	if !strings.Contains(string(resp.Body), `"require_pushed_authorization_requests":true`) {
		t.Errorf("%s", resp.Body)
	}
}

// A8: a refusal also uses up the request.
func TestA8PushedRequestDenied(t *testing.T) {
	b := newBench(t)
	b.approve(request("spa")) // signs in
	page := b.open(b.push(nil, request("pushes")))
	if u := location(t, b.submit(page, "deny", nil)); u.Query().Get("error") != "access_denied" || u.Host != "pushes.example" {
		t.Error(u)
	}
	if again := b.submit(page, "approve", nil); again.Status != http.StatusBadRequest {
		t.Errorf("approved after it was denied: %d", again.Status)
	}
}

// A8: of many visits with one request_uri at once exactly one succeeds, and of many approvals of
// one request exactly one is answered.
func TestA8PushedRequestRace(t *testing.T) {
	b := newBench(t)
	b.approve(request("spa")) // signs in
	h := http.Header{"Cookie": {b.cookie}, "Content-Type": {"application/x-www-form-urlencoded"}}
	race := func(send func() authserver.Response) (won []authserver.Response) {
		t.Helper()
		var mu sync.Mutex
		var done sync.WaitGroup
		for range 16 {
			done.Go(func() {
				if resp := send(); resp.Status == http.StatusSeeOther {
					mu.Lock()
					defer mu.Unlock()
					won = append(won, resp)
				}
			})
		}
		done.Wait()
		if len(won) != 1 {
			t.Fatalf("%d of 16", len(won))
		}
		return won
	}
	pushed := "/authorize?" + b.push(nil, request("pushes")).Encode()
	opened := race(func() authserver.Response { return b.send("GET", pushed, h, "") })[0].Header.Get("Location")
	page := b.visit("GET", opened, nil)
	form := url.Values{"action": {"approve"}, "interaction": {string(interactionValue.FindSubmatch(page.Body)[1])}}
	race(func() authserver.Response { return b.send("POST", opened, h, form.Encode()) })
}
