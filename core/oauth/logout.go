package oauth

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// LogOutParams are what LogOut may be told. Both members may be left empty.
type LogOutParams struct {
	// PostLogoutRedirectURI is where the server sends the browser afterwards, if it is registered
	// there (OpenID Connect RP-Initiated Logout section 3).
	PostLogoutRedirectURI string `json:"post_logout_redirect_uri,omitempty"`
	// State comes back with that redirect, unchanged.
	State string `json:"state,omitempty"`
}

// LogOutResult says what remains to be done after LogOut.
type LogOutResult struct {
	// Revoked reports that the server confirmed the revocation of the tokens (RFC 7009).
	Revoked bool `json:"revoked"`
	// URL is where the user's browser ends the session at the server too (OpenID Connect
	// RP-Initiated Logout section 2); empty if the server has no such endpoint. It may contain the
	// ID token as a hint: give it only to this user's browser, and do not log it.
	URL string `json:"url"`
}

// LogOut deletes the session, also from the store, and revokes its tokens if the server supports
// that. A failed revocation is no error of LogOut: Revoked is then false, and there is an event. A
// sign-in that is under way fails with code signed_out.
//
// If PostLogoutRedirectURI is not a URI, or State is not printable ASCII, the error is of kind
// client with that field, and nothing is deleted. If the store cannot delete the session, the error
// is of kind storage.
func (c *Client) LogOut(ctx context.Context, p LogOutParams) (LogOutResult, error) {
	return call[LogOutResult](c.s, ctx, "log_out", p)
}

// LogoutClaims say whose sessions a logout token ends (OpenID Connect Back-Channel Logout section
// 2.4).
type LogoutClaims struct {
	Issuer string `json:"iss"`
	// Subject is the user, SessionID one session of theirs; one of the two may be empty. Without
	// SessionID all sessions of Subject end.
	Subject   string `json:"sub"`
	SessionID string `json:"sid"`
	// ID is the jti of the token.
	ID string `json:"jti"`
	// ExpiresAt is how long the token is accepted, and so how long ID has to be remembered:
	// Config.ClockTolerance after its exp.
	ExpiresAt time.Time `json:"-"`
}

func (l *LogoutClaims) read(r *reader) {
	for r.begin('{'); r.more('}'); {
		switch string(r.name()) {
		case "iss":
			l.Issuer = r.text()
		case "sub":
			l.Subject = r.text()
		case "sid":
			l.SessionID = r.text()
		case "jti":
			l.ID = r.text()
		case "expires_at":
			l.ExpiresAt = atMilli(r.integer())
		default:
			r.raw()
		}
	}
}

// LogoutToken verifies a logout token, the parameter logout_token of a request that the server
// makes to the application (OpenID Connect Back-Channel Logout sections 2.5 and 2.6), like an ID
// token. It ends no session: each Client is one session, so only the application knows which
// sessions the claims mean. The application should also remember ID until ExpiresAt and refuse a
// second token with the same ID, which is a replay.
//
// If the token is not the server's, not for this client, too old, or no logout token, the error is
// ErrIDTokenNotVerified: answer 400. If the keys cannot be fetched, it is ErrNetwork or ErrServer.
// Without Config.JWKSURI or Config.Discovery it is of kind client, with the field jwks_uri.
func (c *Client) LogoutToken(ctx context.Context, token string) (LogoutClaims, error) {
	return call[LogoutClaims](c.s, ctx, "logout_token", members(nil).text("logout_token", token))
}

// FrontChannelLogout deletes the session if the server ended it (OpenID Connect Front-Channel
// Logout section 2), and reports whether it did. url is where the server sent the user's browser,
// with iss and sid. Without a sid, or with another one, nothing happens, because anybody can send a
// browser there.
func (c *Client) FrontChannelLogout(ctx context.Context, url string) (bool, error) {
	var r struct {
		LoggedOut bool `json:"logged_out"`
	}
	err := c.s.do(ctx, "front_channel_logout", members(nil).text("url", url), &r)
	return r.LoggedOut, err
}

// ServeFrontChannelLogout is FrontChannelLogout as the http.HandlerFunc of the application's
// front-channel logout URI, for the session of the browser's user. The request comes from a frame
// in the server's page, so cookies that identify the session have to be SameSite=None.
func (c *Client) ServeFrontChannelLogout(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // section 2
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	switch _, err := c.FrontChannelLogout(r.Context(), r.URL.String()); {
	case errors.Is(err, ErrClient):
		http.Error(w, "unreadable", http.StatusBadRequest)
	case err != nil:
		http.Error(w, "not logged out", http.StatusInternalServerError)
	}
}
