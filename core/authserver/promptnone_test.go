package authserver_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// A4: prompt=none gives a code to a client that the user allowed as much earlier in this session
// (OpenID Connect Core section 3.1.2.6), and to no other.
func TestA4PromptNone(t *testing.T) {
	resources := []string{"https://one.example", "https://two.example"}
	configure := func(c *authserver.Config) {
		c.Resources = resources
		c.AuthorizationDetailsTypes = []string{"payment"}
	}
	oidc := with(request("oidc"), "scope", "openid profile")
	bound := with(oidc, "resource", resources[0])
	for _, row := range []struct {
		name         string
		before, then url.Values
		want         string // an error; empty for a code
	}{
		{"the same again", oidc, oidc, ""},
		{"less", oidc, with(oidc, "scope", "openid"), ""},
		{"a scope more", oidc, with(oidc, "scope", "openid profile email"), "consent_required"},
		{"another client", oidc, with(request("front"), "scope", "openid"), "consent_required"},
		{"a consent that no session keeps", with(oidc, "scope", "profile"), with(oidc, "scope", "profile"), "consent_required"},
		{"one of all resources", oidc, bound, ""},
		{"the same resource", bound, bound, ""},
		{"another resource", bound, with(oidc, "resource", resources[1]), "consent_required"},
		{"any resource after one", bound, oidc, "consent_required"},
		{"other details", oidc, with(oidc, "authorization_details", `[{"type":"payment"}]`), "consent_required"},
		{"max_age that is over", oidc, with(oidc, "max_age", "0"), "login_required"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, configure)
			b.code(row.before)
			b.now = b.now.Add(time.Minute)
			answer := location(t, b.visit("GET", "/authorize?"+with(row.then, "prompt", "none").Encode(), nil)).Query()
			if answer.Get("error") != row.want || (answer.Get("code") != "") != (row.want == "") {
				t.Fatal(answer)
			}
			if row.want == "" {
				b.post("/token", exchange("oidc", answer.Get("code"))).must(t)
			}
		})
	}
}

// A4: consent ends with the session, and never counts for a program on the user's device (RFC 8252
// section 8.6).
func TestA4PromptNoneAsksForNobodyElse(t *testing.T) {
	none := func(b *bench, query url.Values) string {
		return location(t, b.visit("GET", "/authorize?"+with(query, "prompt", "none").Encode(), nil)).Query().Get("error")
	}
	oidc := with(request("oidc"), "scope", "openid")
	b := newBench(t)
	issued := b.post("/token", exchange("oidc", b.code(oidc))).must(t)
	b.now = b.now.Add(8 * time.Hour)
	if got := none(b, oidc); got != "login_required" {
		t.Errorf("after the session: %q", got)
	}
	b.code(request("spa")) // the same user signs in again
	if got := none(b, oidc); got != "consent_required" {
		t.Errorf("in a later session: %q", got)
	}
	b.code(oidc)
	b.visit("GET", "/logout?id_token_hint="+issued.IDToken, nil)
	b.submit(b.visit("GET", "/logout", nil), "sign-out", nil)
	if got := none(b, oidc); got != "login_required" {
		t.Errorf("signed out: %q", got)
	}

	for _, row := range []struct{ redirect, want string }{
		{"http://127.0.0.1/cb", ""},
		{"http://127.0.0.1:4711/cb", "consent_required"},
		{"com.example.app:/cb", "consent_required"},
	} {
		b := newBench(t)
		app := authserver.Client{ClientID: "app", RedirectURIs: []string{"http://127.0.0.1/cb", "com.example.app:/cb"}, Scope: "openid"}
		if err := b.store.AddClient(app); err != nil {
			t.Fatal(err)
		}
		query := with(oidc, "client_id", "app", "redirect_uri", row.redirect)
		b.code(query)
		if got := none(b, query); got != row.want {
			t.Errorf("%s: %q", row.redirect, got)
		}
	}
}

// A4: only the user whom id_token_hint names can answer the request (OpenID Connect Core section
// 3.1.2.1).
func TestA4IDTokenHint(t *testing.T) {
	b := newBench(t)
	oidc := with(request("oidc"), "scope", "openid")
	own := b.post("/token", exchange("oidc", b.code(oidc))).must(t).IDToken
	hinted := with(oidc, "id_token_hint", own)
	address := "/authorize?" + hinted.Encode()
	if u := location(t, b.visit("GET", address+"&prompt=none", nil)); u.Query().Get("code") == "" {
		t.Error("the one who is signed in:", u)
	}
	if u := location(t, b.visit("GET", "/authorize?"+with(oidc, "id_token_hint", "x", "prompt", "none").Encode(), nil)); u.Query().Get("code") == "" {
		t.Error("what names nobody:", u)
	}

	b.cookie = ""
	secondSignsIn := url.Values{"username": {"second"}, "password": {"two"}}
	page := b.visit("GET", "/authorize?"+oidc.Encode(), nil)
	b.submit(b.visit("GET", b.submit(page, "sign-in", secondSignsIn).Header.Get("Location"), nil), "approve", nil)
	if u := location(t, b.visit("GET", address+"&prompt=none", nil)); u.Query().Get("error") != "login_required" {
		t.Error("another who is signed in:", u)
	}
	page = b.visit("GET", address, nil)
	if !shows(page, "login") {
		t.Fatalf("another who is signed in: %d", page.Status)
	}
	before := b.cookie
	if u := location(t, b.submit(page, "sign-in", secondSignsIn)); u.Query().Get("error") != "login_required" || b.cookie != before {
		t.Error("another who signs in:", u)
	}
	forged := b.visit("POST", address, url.Values{"interaction": {"x"}, "action": {"approve"}})
	if forged.Status != http.StatusForbidden || !shows(forged, "login") {
		t.Errorf("a form of another: %d", forged.Status)
	}
	page = b.submit(page, "sign-in", firstSignsIn)
	if u := location(t, b.submit(b.visit("GET", page.Header.Get("Location"), nil), "approve", nil)); u.Query().Get("code") == "" {
		t.Error("the one whom it names:", u)
	}
}

// A4: consent to a pushed request counts, too, and a request is answered once (RFC 9126 section 4).
func TestA4PromptNonePushed(t *testing.T) {
	b := newBench(t)
	oidc := with(request("oidc"), "scope", "openid")
	b.code(oidc)
	address := "/authorize?" + b.push(nil, with(oidc, "prompt", "none")).Encode()
	opened := b.visit("GET", address, nil)
	answer := location(t, b.visit("GET", opened.Header.Get("Location"), nil))
	if answer.Query().Get("code") == "" || !strings.HasPrefix(answer.String(), "https://oidc.example/cb?") {
		t.Fatal(answer)
	}
	stopped(t, b.visit("GET", opened.Header.Get("Location"), nil), "invalid_request_uri")
}
