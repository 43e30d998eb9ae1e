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

// TokenSource gives the access token of the client's session, refreshed where it is over. It is
// safe for concurrent use. ctx is that of every call.
//
// A token has its Expiry, zero where the server did not say, and by Extra the scope, the id_token
// and what else the server said when the session got its latest token. It never has the refresh
// token, which only the session may use.
//
// Errors are those of Client.Token, for errors.As with *oauth.Error and errors.Is; one that the
// server answered is an *oauth2.RetrieveError too, without a body. A token that is bound to a key
// is ErrBound.
func TokenSource(ctx context.Context, client *oauth.Client) oauth2.TokenSource {
	return &source{ctx, client}
}

// ErrBound is an access token that is bound to a key (RFC 9449): each request needs a proof of its
// own, which x/oauth2 does not make. oauth.Client.Transport does.
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
		if json.Unmarshal(raw, &value) == nil { // what it is not is not there
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

// serverError is an error of the client that x/oauth2 would have reported in its own way.
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
