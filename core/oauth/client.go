package oauth

import (
	"context"
	"encoding/json"
	"time"
)

// Client is an OAuth 2 client with one session. It runs the session's Engine and carries out its
// effects. Its methods are safe for concurrent use.
//
// Every method fails with an *Error. If ctx is done first, the error wraps that of ctx, and only
// this caller's command is cancelled.
type Client struct {
	s       *session
	carrier string        // the header that carries the token to resources
	life    time.Duration // of an attempt to sign in
}

// attemptLife is the engine's own default for Config.AttemptLife.
const attemptLife = 10 * time.Minute

// Open opens a session of engine. It returns before the stored session is loaded; commands wait for
// that.
//
// If the engine refuses the configuration, the error is an *Error of kind client whose Field names
// the member. Several clients may share an engine. They then trust each other: they share a heap,
// and a trap ends all of them.
func Open(ctx context.Context, engine Engine, config Config, opts Options) (*Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := openSession(engine, "client", opts.configure(config), opts)
	if err != nil {
		return nil, err
	}
	c := &Client{s: s, carrier: config.TokenHeader, life: config.AttemptLife}
	if c.life == 0 {
		c.life = attemptLife
	}
	if c.carrier == "" {
		c.carrier = "Authorization"
	}
	return c, nil
}

// Close stops the client and keeps the stored session. Commands under way fail with ErrClosed,
// requests are aborted, and Close waits for store operations that have begun. It always returns
// nil.
func (c *Client) Close() error {
	c.s.close()
	return nil
}

// Authorize begins a sign-in with the authorization code grant (RFC 6749 section 4.1). Send the
// user's browser to the URL. Authorize returns once the attempt is stored; the attempt expires
// after Authorization.Life.
func (c *Client) Authorize(ctx context.Context, p AuthorizeParams) (Authorization, error) {
	begun, err := call[Authorization](c.s, ctx, "authorize", p)
	if err == nil {
		begun.Life = c.life
	}
	return begun, err
}

// Callback finishes a sign-in with the URL at which the authorization response arrived (RFC 6749
// section 4.1.2). If the same response arrives a second time, Callback sends nothing. It gives the
// session that the first delivery led to, or fails with the code already_used.
func (c *Client) Callback(ctx context.Context, url string) (CallbackResult, error) {
	return call[CallbackResult](c.s, ctx, "callback", members(nil).text("url", url))
}

// CallbackPasted finishes a sign-in with what the user pasted: the URL at which the browser
// arrived, its query, or the code alone. state is that of the Authorization.
func (c *Client) CallbackPasted(ctx context.Context, text, state string) (Status, error) {
	return call[Status](c.s, ctx, "callback", members(nil).text("pasted", text).text("state", state))
}

// Matches reports whether url is an authorization response for Config.RedirectURI: its scheme,
// host, port, path and query items match, and it has a state, a code or an error. Matches does
// nothing with the response.
func (c *Client) Matches(ctx context.Context, url string) (bool, error) {
	var r struct {
		Matches bool `json:"matches"`
	}
	err := c.s.do(ctx, "matches", members(nil).text("url", url), &r)
	return r.Matches, err
}

// Exchange redeems a code that was obtained elsewhere (RFC 6749 section 4.1.3).
func (c *Client) Exchange(ctx context.Context, p ExchangeParams) (Status, error) {
	return call[Status](c.s, ctx, "exchange", p)
}

// Token gives an access token that has not expired, and refreshes it first if it must. Concurrent
// callers share one refresh. With Config.DPoP a resource refuses the bare token: use Prepare or
// Transport, which add the proof.
func (c *Client) Token(ctx context.Context) (Token, error) {
	if token, ok := c.s.held.token(TokenParams{}, c.s.millis()); ok && ctx.Err() == nil {
		return token, nil
	}
	held, err := call[heldToken](c.s, ctx, "token", nil)
	return held.Token, err
}

// TokenFor is Token for another resource or scope (RFC 8707 section 2.2). It is got with the
// session's refresh token, and kept beside its own access token as long as it is good, at most 16
// of them. A resource that the server does not know is an error of kind server with OAuthError
// invalid_target; the session stays as it is. Without a refresh token the code of the error is
// no_refresh_token.
func (c *Client) TokenFor(ctx context.Context, p TokenParams) (Token, error) {
	if token, ok := c.s.held.token(p, c.s.millis()); ok && ctx.Err() == nil {
		return token, nil
	}
	held := heldToken{params: p}
	err := c.s.do(ctx, "token", p.members(), &held)
	return held.Token, asked("token_for", err)
}

// FreshToken refreshes even if the token has not expired. Use it when a server refused a token that
// looked good.
func (c *Client) FreshToken(ctx context.Context) (Token, error) {
	token, err := call[Token](c.s, ctx, "token", members(nil).boolean("force", true))
	return token, asked("fresh_token", err)
}

// Refresh refreshes the access token (RFC 6749 section 6).
func (c *Client) Refresh(ctx context.Context) (Status, error) {
	return call[Status](c.s, ctx, "refresh", nil)
}

// RevokeParams are what Revoke may be told.
type RevokeParams struct {
	// TokenTypeHint is which of the session's tokens to revoke; empty is the one that ends more.
	TokenTypeHint TokenTypeHint
}

// Revoke revokes a token of the session (RFC 7009).
func (c *Client) Revoke(ctx context.Context, p RevokeParams) (Status, error) {
	return call[Status](c.s, ctx, "revoke", members(nil).optional("token", string(p.TokenTypeHint)))
}

// Userinfo gives the claims about the user (OpenID Connect Core section 5.3) as the server sent
// them.
func (c *Client) Userinfo(ctx context.Context) (json.RawMessage, error) {
	var r struct {
		Claims json.RawMessage `json:"claims"`
	}
	err := c.s.do(ctx, "userinfo", nil, &r)
	return r.Claims, err
}

// Profile asks the provider who signed in, as Config.Profile says. An answer without an id is an
// error of kind server with the code bad_profile.
func (c *Client) Profile(ctx context.Context) (Profile, error) {
	return call[Profile](c.s, ctx, "profile", nil)
}

// Extend exchanges the access token for a long-lived one, with Config.LongLivedGrantType.
func (c *Client) Extend(ctx context.Context) (Status, error) {
	return call[Status](c.s, ctx, "extend", nil)
}

// SetToken puts a token that was obtained elsewhere into the session, for example from Token of
// another Client. AccessToken and TokenType are required. An IDToken is verified like one from the
// server, except for its age and nonce.
//
// An ExpiresAt before 1970 or after the year 9999 is an error of kind client with the field
// expires_at, and nothing changes. An ExpiresAt in the past is accepted: the token has then
// expired.
func (c *Client) SetToken(ctx context.Context, token Token) (Status, error) {
	params, err := token.members()
	if err != nil {
		return Status{}, err
	}
	return call[Status](c.s, ctx, "set_token", params)
}

// Status reads the Store and tells the state of the session. If the Store fails or does not answer
// within a second, or while this client itself changes the session, Status tells what the client
// holds.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return call[Status](c.s, ctx, "status", nil)
}

// Export gives the session as text, for Options.Session of a client with the same issuer and client
// id. It holds tokens.
func (c *Client) Export(ctx context.Context) (string, error) {
	var r struct {
		Session string `json:"session"`
	}
	err := c.s.do(ctx, "export", nil, &r)
	return r.Session, err
}

func call[T any](s *session, ctx context.Context, op string, params any) (T, error) {
	var out T
	err := s.do(ctx, op, params, &out)
	return out, err
}
