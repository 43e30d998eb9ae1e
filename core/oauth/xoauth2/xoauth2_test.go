package xoauth2_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/xoauth2"
)

// H6: Extra returns members that RFC 6749 does not name, as x/oauth2 itself would have read them.
// The refresh token is not among them.
func TestExtra(t *testing.T) {
	c, err := oauth.Open(t.Context(), new(core.Engine), oauth.Config{ClientID: "c", TokenEndpoint: "https://as.example/token", InsecureIDTokenUnverified: true}, oauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.SetToken(t.Context(), oauth.Token{
		AccessToken: "a", RefreshToken: "r", TokenType: "bearer", IDToken: "x.y.z", Scope: "read",
		Extra: map[string]json.RawMessage{"team": json.RawMessage(`{"id":7}`), "open": json.RawMessage("true")},
	}); err != nil {
		t.Fatal(err)
	}
	token, err := xoauth2.TokenSource(t.Context(), c).Token()
	if err != nil {
		t.Fatal(err)
	}
	team, _ := token.Extra("team").(map[string]any)
	if token.Extra("id_token") != "x.y.z" || token.Extra("scope") != "read" || token.Extra("open") != true || team["id"] != 7.0 {
		t.Errorf("%v %v %v %v", token.Extra("id_token"), token.Extra("scope"), token.Extra("open"), team)
	}
	if token.RefreshToken != "" || token.Extra("refresh_token") != nil || !token.Expiry.IsZero() || token.Type() != "Bearer" || !token.Valid() {
		t.Errorf("%+v", token)
	}
}

// A token that is bound to a key is not given to a library that would send it without a proof.
func TestBoundToken(t *testing.T) {
	server := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(`{"access_token":"a","token_type":"dpop","expires_in":3600}`)),
		}, nil
	})
	c, err := oauth.Open(t.Context(), new(core.Engine), oauth.Config{
		ClientID: "c", ClientSecret: "s", TokenEndpoint: "https://as.example/token", DPoP: true,
	}, oauth.Options{HTTP: &http.Client{Transport: server}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ClientCredentials(t.Context(), oauth.ClientCredentialsParams{}); err != nil {
		t.Fatal(err)
	}
	if token, err := xoauth2.TokenSource(t.Context(), c).Token(); token != nil || !errors.Is(err, xoauth2.ErrBound) {
		t.Errorf("%v, %v", token, err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
