package xoauth2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// TokenSource gives the access token of the client's session, refreshed if it has expired. It is
// safe for concurrent use. Every call uses ctx.
//
// A token has its Expiry (zero if the server did not say), and by Extra the scope, the id_token and
// other members of the server's latest answer. It never has the refresh token, which only the
// session may use.
//
// Errors are those of Client.Token: use errors.As with *oauth.Error, or errors.Is. An error that
// the server answered is also an *oauth2.RetrieveError, without a body. For a token that is bound
// to a key the error is ErrBound.
func TokenSource(ctx context.Context, client *oauth.Client) oauth2.TokenSource {
	return &source{ctx, client}
}

// ErrBound means that the access token is bound to a key (RFC 9449): each request needs a new
// proof, which x/oauth2 does not make. oauth.Client.Transport does.
var ErrBound = errors.New("oauth2: xoauth2: the token is bound to a key: use the client's Transport")

type source struct {
	ctx    context.Context
	client *oauth.Client
}

func (s *source) Token() (*oauth2.Token, error) {
	t, err := s.client.Token(s.ctx)
	if err != nil {
		return nil, retrieveError(err)
	}
	if strings.EqualFold(t.TokenType, "DPoP") {
		return nil, ErrBound
	}
	st, err := s.client.Status(s.ctx)
	if err != nil {
		return nil, retrieveError(err)
	}
	extra := map[string]any{}
	for name, raw := range st.Extra {
		var value any
		if json.Unmarshal(raw, &value) == nil { // otherwise the member is omitted
			extra[name] = value
		}
	}
	if st.IDToken != "" {
		extra["id_token"] = st.IDToken
	}
	extra["scope"] = t.Scope
	token := &oauth2.Token{AccessToken: t.AccessToken, TokenType: t.TokenType, Expiry: t.ExpiresAt}
	return token.WithExtra(extra), nil
}

// serverError is an error of the client in the form in which x/oauth2 reports it, too.
type serverError struct {
	error
	retrieve *oauth2.RetrieveError
}

func (e *serverError) Unwrap() []error { return []error{e.error, e.retrieve} }

func retrieveError(err error) error {
	var e *oauth.Error
	if !errors.As(err, &e) || e.Status == 0 {
		return err
	}
	return &serverError{err, &oauth2.RetrieveError{
		Response:  &http.Response{StatusCode: e.Status, Status: fmt.Sprint(e.Status, " ", http.StatusText(e.Status)), Header: http.Header{}, Body: http.NoBody},
		ErrorCode: e.OAuthError, ErrorDescription: e.Description, ErrorURI: e.URI,
	}}
}
