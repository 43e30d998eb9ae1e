package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// source is where tokens come from: a session in this process, or an agent that has one.
type source interface {
	// token returns a valid access token; with fresh, a newer one.
	token(ctx context.Context, fresh bool) (tokenAnswer, error)
	status(ctx context.Context) (statusAnswer, error)
	whoami(ctx context.Context) (identity, error)
}

// tokenAnswer is the output of `token -json`, and an agent's answer.
type tokenAnswer struct {
	Client      string    `json:"client"`
	AccessToken string    `json:"access_token"`
	TokenType   string    `json:"token_type"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	Scope       string    `json:"scope,omitempty"`
	// IDToken is for kubectl, because some clusters require it.
	IDToken string `json:"id_token,omitempty"`
}

// statusAnswer is what is known without a token.
type statusAnswer struct {
	Client      string    `json:"client"`
	SignedIn    bool      `json:"signed_in"`
	Scope       string    `json:"scope,omitempty"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	Expired     bool      `json:"expired,omitempty"`
	Refreshable bool      `json:"refreshable,omitempty"`
	Device      *device   `json:"device,omitempty"`
}

// device is an unfinished sign-in with a code.
type device struct {
	UserCode                string    `json:"user_code"`
	VerificationURI         string    `json:"verification_uri"`
	VerificationURIComplete string    `json:"verification_uri_complete,omitempty"`
	ExpiresAt               time.Time `json:"expires_at,omitzero"`
}

func deviceOf(d oauth.DeviceAuthorization) *device {
	return &device{d.UserCode, d.VerificationURI, d.VerificationURIComplete, d.ExpiresAt}
}

// identity is who signed in.
type identity struct {
	Client        string `json:"client"`
	Issuer        string `json:"iss,omitempty"`
	Subject       string `json:"sub"`
	Name          string `json:"name,omitempty"`
	Username      string `json:"preferred_username,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified,omitempty"`
}

// session is a source in this process.
type session struct {
	client *oauth.Client
	config oauth.Config
}

func (s session) token(ctx context.Context, fresh bool) (tokenAnswer, error) {
	get := s.client.Token
	if fresh {
		get = s.client.FreshToken
	}
	token, err := get(ctx)
	if err != nil {
		return tokenAnswer{}, err
	}
	answer := tokenAnswer{Client: s.config.Name, AccessToken: token.AccessToken, TokenType: token.TokenType, ExpiresAt: token.ExpiresAt, Scope: token.Scope}
	status, err := s.client.Status(ctx)
	answer.IDToken = status.IDToken
	return answer, err
}

func (s session) status(ctx context.Context) (statusAnswer, error) {
	got, err := s.client.Status(ctx)
	if err != nil {
		return statusAnswer{}, err
	}
	answer := statusAnswer{Client: s.config.Name, SignedIn: got.Status == oauth.StatusGranted}
	if answer.SignedIn {
		answer.Scope, answer.ExpiresAt, answer.Expired, answer.Refreshable = got.Scope, got.ExpiresAt, got.Expired, got.Refreshable
	}
	if d := got.Device; d != nil && d.ExpiresAt.After(time.Now()) {
		answer.Device = deviceOf(*d)
	}
	return answer, nil
}

// whoami asks the provider in its own way, if it has one. Otherwise it reads the ID token, and asks
// the userinfo endpoint for what that lacks.
func (s session) whoami(ctx context.Context) (identity, error) {
	who := identity{}
	if s.config.Profile != nil {
		p, err := s.client.Profile(ctx)
		return identity{Client: s.config.Name, Issuer: p.Issuer, Subject: p.ID, Email: p.Email, EmailVerified: p.EmailVerified}, err
	}
	status, err := s.client.Status(ctx)
	if err == nil && status.Status != oauth.StatusGranted {
		err = errNotSignedIn
	}
	if err != nil {
		return who, err
	}
	who.read(status.Claims)
	if who.Name == "" && who.Email == "" {
		claims, err := s.client.Userinfo(ctx)
		if err != nil && who.Subject == "" { // the ID token is enough
			return who, err
		}
		who.read(claims)
	}
	if who.Client = s.config.Name; who.Subject == "" {
		return who, errors.New("the server does not say who signed in")
	}
	return who, nil
}

// read reads the claims. It ignores a claim of an unusual type: some providers write email_verified
// as a string.
func (who *identity) read(claims json.RawMessage) {
	var all map[string]any
	if json.Unmarshal(claims, &all) != nil {
		return
	}
	for name, member := range map[string]*string{"iss": &who.Issuer, "sub": &who.Subject, "name": &who.Name, "preferred_username": &who.Username, "email": &who.Email} {
		if value, ok := all[name].(string); ok && value != "" {
			*member = value
		}
	}
	if verified := all["email_verified"]; verified != nil {
		who.EmailVerified = verified == true || verified == "true"
	}
}
