package oauth_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// E78: SetToken accepts what Token returned: the token expires at the same time in the other
// client.
func TestTokenGoesFromClientToClient(t *testing.T) {
	for _, row := range []struct {
		name  string
		given oauth.Token
	}{
		{"with an end", oauth.Token{AccessToken: "a", TokenType: "Bearer", Scope: "read", ExpiresAt: time.Now().Add(time.Hour)}},
		{"at a fraction of a second", oauth.Token{AccessToken: "a", TokenType: "Bearer", ExpiresAt: time.Now().Add(time.Hour).Truncate(time.Second).Add(999 * time.Millisecond)}},
		{"without an end", oauth.Token{AccessToken: "a", TokenType: "Bearer"}},
		{"in another time zone", oauth.Token{AccessToken: "a", TokenType: "Bearer", ExpiresAt: time.Now().Add(time.Hour).In(time.FixedZone("far", 13*3600))}},
		{"in the year 9000", oauth.Token{AccessToken: "a", TokenType: "Bearer", ExpiresAt: time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			one, two := open(t, native(t), nil, oauth.Options{}), open(t, native(t), nil, oauth.Options{})
			setToken(t, one, row.given)
			token, err := one.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if apart := token.ExpiresAt.Sub(row.given.ExpiresAt).Abs(); apart >= time.Second || token.ExpiresAt.IsZero() != row.given.ExpiresAt.IsZero() {
				t.Errorf("it ends at %v, not at %v", token.ExpiresAt, row.given.ExpiresAt)
			}
			setToken(t, two, token)
			again, err := two.Token(t.Context())
			if err != nil || again.AccessToken != token.AccessToken || again.TokenType != token.TokenType || again.Scope != token.Scope || !again.ExpiresAt.Equal(token.ExpiresAt) {
				t.Errorf("%v: it came as %#v and ends at %v, not at %v", err, again, again.ExpiresAt, token.ExpiresAt)
			}
		})
	}
}

// E78: an invalid token is refused, and the session stays unchanged; an expired token has expired.
func TestSetTokenRefuses(t *testing.T) {
	at := time.Now().Add(time.Hour)
	for _, row := range []struct {
		name  string
		token oauth.Token
		want  oauth.Error
	}{
		{"milliseconds taken for seconds", oauth.Token{ExpiresAt: time.Unix(at.UnixMilli(), 0)}, oauth.Error{Kind: oauth.KindClient, Code: "bad_value", Field: "expires_at"}},
		{"nanoseconds taken for milliseconds", oauth.Token{ExpiresAt: time.UnixMilli(at.UnixNano())}, oauth.Error{Kind: oauth.KindClient, Code: "bad_value", Field: "expires_at"}},
		{"before the epoch", oauth.Token{ExpiresAt: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)}, oauth.Error{Kind: oauth.KindClient, Code: "bad_value", Field: "expires_at"}},
		{"no token", oauth.Token{AccessToken: "-"}, oauth.Error{Kind: oauth.KindClient, Code: "missing_access_token", Field: "token"}},
		{"no type", oauth.Token{TokenType: "-"}, oauth.Error{Kind: oauth.KindClient, Code: "missing_token_type", Field: "token"}},
		{"a member twice", oauth.Token{Extra: map[string]json.RawMessage{"refresh_token": json.RawMessage(`"r"`)}}, oauth.Error{Kind: oauth.KindClient, Code: "bad_value", Field: "refresh_token"}},
		{"a member that is no JSON", oauth.Token{Extra: map[string]json.RawMessage{"x": json.RawMessage("{")}}, oauth.Error{Kind: oauth.KindClient, Code: "unreadable_parameter", Field: "x"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := open(t, native(t), nil, oauth.Options{})
			setToken(t, c, oauth.Token{AccessToken: "before", TokenType: "Bearer"})
			row.token.AccessToken, row.token.TokenType = given(row.token.AccessToken, "a"), given(row.token.TokenType, "Bearer")
			_, err := c.SetToken(t.Context(), row.token)
			if e, ok := errors.AsType[*oauth.Error](err); !ok || !errors.Is(err, &row.want) || e.Field != row.want.Field || e.Op != "set_token" {
				t.Errorf("%v", err)
			}
			if token, err := c.Token(t.Context()); err != nil || token.AccessToken != "before" {
				t.Errorf("%v, %v", err, token)
			}
		})
	}
	c := open(t, native(t), nil, oauth.Options{})
	setToken(t, c, oauth.Token{AccessToken: "a", TokenType: "Bearer", ExpiresAt: time.Unix(1, 0)})
	if _, err := c.Token(t.Context()); !errors.Is(err, oauth.ErrExpired) {
		t.Errorf("a token that is over: %v", err)
	}
}

// given returns text; "" for "-", and the default for "".
func given(text, usual string) string {
	switch text {
	case "":
		return usual
	case "-":
		return ""
	}
	return text
}
