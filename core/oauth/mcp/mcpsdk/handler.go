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

// ErrBound means that the token is bound to a key (RFC 9449). A handler of the SDK cannot add the
// proof that each request needs. In this case give the SDK's transport an http.Client with
// mcp.Client.Transport, and no handler.
var ErrBound = errors.New("oauth2: mcpsdk: the token is bound to a key, which an OAuthHandler cannot prove to have")

// Handler adds tokens to the requests for one MCP server. It is safe for concurrent use.
type Handler struct {
	client *mcp.Client
	url    string
	signIn func(context.Context, *mcp.SignIn) error
	turn   chan struct{} // holds one value while somebody signs in
}

var _ auth.OAuthHandler = (*Handler)(nil)

// New makes a handler for the MCP server at url, as StreamableClientTransport.Endpoint names it.
//
// signIn takes the user through a sign-in, from SignIn.Begin to SignIn.Finish. One sign-in at a
// time is under way. It is called after the server's 401, and after a 403 that requires more scope.
// If signIn is nil, such a request fails with mcp.ErrSignIn.
func New(client *mcp.Client, url string, signIn func(context.Context, *mcp.SignIn) error) *Handler {
	return &Handler{client: client, url: url, signIn: signIn, turn: make(chan struct{}, 1)}
}

// TokenSource implements auth.OAuthHandler. It returns nil if nobody is signed in: the request is
// then sent without a token, and the server answers what it requires. It returns ErrBound, and all
// other errors of mcp.Client.Token.
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

// Authorize implements auth.OAuthHandler: it refreshes, uses what another process got, or calls
// signIn. It returns the errors of mcp.Client.Challenged and signIn.
func (h *Handler) Authorize(ctx context.Context, req *http.Request, res *http.Response) error {
	defer res.Body.Close()
	select {
	case h.turn <- struct{}{}: // who waits here then finds the token of the previous one
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	refused := *res
	refused.Request = req
	needed, err := h.client.Challenged(ctx, &refused, operation(req.Header))
	switch {
	case errors.Is(err, &oauth.Error{Code: "not_challenged"}):
		return nil // no token helps: the transport sends the request once more, and then returns the answer
	case err != nil || needed == nil:
		return err
	case h.signIn == nil:
		return fmt.Errorf("%w: %s", mcp.ErrSignIn, h.url)
	}
	return h.signIn(ctx, needed)
}

// operation is the purpose of a request, from the protocol's headers for it.
func operation(h http.Header) string {
	method, name := h.Get("Mcp-Method"), h.Get("Mcp-Name")
	if name != "" {
		return method + ":" + name
	}
	return method
}
