package wasm_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/xoauth2"
)

// H6, Q13: a library that requires golang.org/x/oauth2 gets the session of the shipped module,
// which refreshes it, and no refresh token.
func TestXOAuth2TokenSource(t *testing.T) {
	t.Parallel()
	// For x/oauth2 a token with such a short life has expired at once, so it asks for a token each
	// time.
	s := newSite(t, func(c *authserver.Config) { c.AccessTokenLifetime = 8 * time.Second })
	c := s.open(t, oauth.Options{})
	s.signIn(t, c)
	source := xoauth2.TokenSource(t.Context(), c)
	first, err := source.Token()
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(first.Expiry); first.Type() != "Bearer" || first.RefreshToken != "" || first.Extra("scope") != "profile" || left <= 0 || left > 8*time.Second {
		t.Errorf("%+v", first)
	}
	if raw, err := json.Marshal(first); err != nil || strings.Contains(string(raw), "refresh") {
		t.Errorf("%v, %s", err, raw)
	}

	api := oauth2.NewClient(t.Context(), source)
	use := func() {
		t.Helper()
		res, err := api.Get(s.URL + "/userinfo")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 {
			t.Errorf("status %d", res.StatusCode)
		}
	}
	use()
	time.Sleep(time.Until(first.Expiry))
	use()
	second, err := source.Token()
	if err != nil || second.AccessToken == first.AccessToken {
		t.Errorf("%v, not refreshed", err)
	}
	if n := s.server.Stats().TokenRequests["refresh_token"]; n < 1 {
		t.Errorf("%d refreshes", n)
	}
}

// An error that the server answered is both an *oauth2.RetrieveError and an *oauth.Error. Any other
// is only the latter.
func TestXOAuth2Errors(t *testing.T) {
	s, n := newSite(t, nil), &tap{}
	var later atomic.Int64
	c := s.open(t, oauth.Options{HTTP: &http.Client{Transport: n}, Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }})
	source := xoauth2.TokenSource(t.Context(), c)
	var ours *oauth.Error
	var theirs *oauth2.RetrieveError
	_, err := source.Token()
	if !errors.As(err, &ours) || ours.Code != "not_signed_in" || errors.As(err, &theirs) {
		t.Errorf("not signed in: %v", err)
	}

	s.signIn(t, c)
	for range 2 {
		if _, err := c.FreshToken(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if res, err := http.PostForm(s.URL+"/token", n.forms[1]); err != nil || res.StatusCode != 400 { // somebody replays a refresh token
		t.Fatal("the replay was not refused", err)
	}
	later.Store(int64(time.Hour))
	_, err = source.Token()
	if !errors.As(err, &ours) || !errors.As(err, &theirs) || !errors.Is(err, oauth.ErrServer) {
		t.Fatalf("got %v", err)
	}
	if theirs.ErrorCode != "invalid_grant" || theirs.Response.StatusCode != 400 || len(theirs.Body) != 0 || ours.OAuthError != "invalid_grant" ||
		err.Error() != ours.Error() {
		t.Errorf("%v, %+v", err, theirs)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := xoauth2.TokenSource(ctx, c).Token(); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is done: %v", err)
	}
}
