package mcpsdk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"golang.org/x/oauth2"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp"
)

// ErrBound: the token is bound to a key (RFC 9449), and a handler of the SDK has no place for the
// proof that each request needs. Give the SDK's transport an http.Client with mcp.Client.Transport
// then, and no handler.
var ErrBound = errors.New("oauth2: mcpsdk: the token is bound to a key, which an OAuthHandler cannot prove to have")

// Handler gives the requests of one MCP server their tokens. It is safe for concurrent use.
type Handler struct {
	client *mcp.Client
	url    string
	signIn func(context.Context, *mcp.SignIn) error
	turn   chan struct{} // holds one while somebody signs in
}

var _ auth.OAuthHandler = (*Handler)(nil)

// New makes a handler for the MCP server at url, as StreamableClientTransport.Endpoint names it.
//
// signIn takes the user through a sign-in, from SignIn.Begin to SignIn.Finish; one at a time is
// under way. It is called on the server's 401, and on a 403 that wants more scope. With nil the
// request fails then, with mcp.ErrSignIn.
func New(client *mcp.Client, url string, signIn func(context.Context, *mcp.SignIn) error) *Handler {
	return &Handler{client: client, url: url, signIn: signIn, turn: make(chan struct{}, 1)}
}

// TokenSource implements auth.OAuthHandler. It is nil where nobody is signed in: the request goes
// without a token then, and the server says what it wants. It fails with ErrBound, and with what
// mcp.Client.Token fails with otherwise.
func (h *Handler) TokenSource(ctx context.Context) (oauth2.TokenSource, error) {
	t, err := h.client.Token(ctx, h.url)
	switch {
	case errors.Is(err, mcp.ErrSignIn):
		return nil, nil
	case err != nil:
		return nil, err
	case !strings.EqualFold(t.TokenType, "Bearer"):
		return nil, ErrBound
	}
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: t.AccessToken, TokenType: t.TokenType, Expiry: t.ExpiresAt}), nil
}

// Authorize implements auth.OAuthHandler: it refreshes, takes what another process got, or has
// somebody sign in. It fails with what mcp.Client.Challenged and signIn fail with.
func (h *Handler) Authorize(ctx context.Context, req *http.Request, res *http.Response) error {
	defer res.Body.Close()
	select {
	case h.turn <- struct{}{}: // whoever waits here finds the token of the one before
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	refused := *res
	refused.Request = req
	needed, err := h.client.Challenged(ctx, &refused, operation(req.Header))
	switch {
	case errors.Is(err, &oauth.Error{Code: "not_challenged"}):
		return nil // no token helps: the transport sends it once more, and then tells of the answer
	case err != nil || needed == nil:
		return err
	case h.signIn == nil:
		return fmt.Errorf("%w: %s", mcp.ErrSignIn, h.url)
	}
	return h.signIn(ctx, needed)
}

// operation is what a request is for, by the headers that the protocol has for that.
func operation(h http.Header) string {
	method, name := h.Get("Mcp-Method"), h.Get("Mcp-Name")
	if name != "" {
		return method + ":" + name
	}
	return method
}
