package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/door"
)

// ErrSignIn means that there is no token for a resource before somebody signs in: nobody has, or
// the session has ended, or nothing is known of the resource yet. Send a request without a token to
// learn what it requires; see Client.Challenged.
var ErrSignIn = errors.New("oauth2: mcp: nobody is signed in")

// Client gets tokens for resources. Its methods are safe for concurrent use.
type Client struct {
	finder door.Session
	engine oauth.Engine
	opts   oauth.Options

	mu      sync.Mutex
	closed  bool
	clients map[string]*oauth.Client // by their configurations
	known   map[string]*oauth.Client // by the resources' URLs
	turns   map[string]chan struct{} // by the resources' origins: holds one value while somebody signs in
}

// Open opens a client with an engine, such as new(core.Engine). It sends nothing.
//
// opts are the options of all its clients; without a Store they share one in memory. If the
// configuration is refused, the error is an *oauth.Error of kind client whose Field names the
// member.
func Open(ctx context.Context, engine oauth.Engine, config Config, opts oauth.Options) (*Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if opts.Store == nil {
		opts.Store = &oauth.MemoryStore{}
	}
	wire, err := config.wire(opts.ClientKey != nil)
	if err != nil {
		return nil, err
	}
	own := opts
	own.Session, own.OnEvent, own.Hooks = "", nil, oauth.Hooks{}
	finder, err := door.Open(engine, "mcp", wire, own, door.Setting{})
	if err != nil {
		return nil, err
	}
	return &Client{finder: finder, engine: engine, opts: opts, clients: map[string]*oauth.Client{}, known: map[string]*oauth.Client{}, turns: map[string]chan struct{}{}}, nil
}

// Close ends all work that is under way. What is stored stays. It always returns nil.
func (c *Client) Close() error {
	c.mu.Lock()
	clients := c.clients
	c.closed, c.clients = true, nil
	c.mu.Unlock()
	c.finder.Close()
	for _, client := range clients {
		client.Close()
	}
	return nil
}

// next is the engine's answer about a resource.
type next struct {
	Resource, Issuer, Identity, Next string
	Authorize                        struct {
		Scope     string `json:"scope"`
		ACRValues string `json:"acr_values"`
		MaxAge    *int64 `json:"max_age"` // s
	}
	Config json.RawMessage

	client *oauth.Client
	id     string // client_id
}

// client opens the client with the configuration in n, once.
func (c *Client) client(ctx context.Context, url string, n *next) error {
	config, err := clientConfig(n.Config)
	if err != nil {
		return err
	}
	if n.id = config.ClientID; n.id == "" {
		registration, _ := config.Registration.(map[string]any)
		n.id, _ = registration["client_id"].(string)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return &oauth.Error{Kind: oauth.KindClient, Code: "closed", Op: "find"}
	}
	if n.client = c.clients[string(n.Config)]; n.client == nil {
		if n.client, err = oauth.Open(ctx, c.engine, config, c.opts); err != nil {
			return err
		}
		c.clients[string(n.Config)] = n.client
	}
	c.known[url] = n.client
	return nil
}

// find returns what the store knows of a resource. If that is nothing, there is no client in it.
func (c *Client) find(ctx context.Context, url string) (*next, error) {
	n := &next{}
	if err := c.finder.Do(ctx, "find", map[string]string{"url": url}, n); err != nil || n.Config == nil {
		return n, err
	}
	return n, c.client(ctx, url, n)
}

// Client returns the client for the resource at url, for Prepare, Status, LogOut and all its other
// methods. It fails with ErrSignIn if nothing is known of the resource.
func (c *Client) Client(ctx context.Context, url string) (*oauth.Client, error) {
	c.mu.Lock()
	client := c.known[url]
	c.mu.Unlock()
	if client != nil {
		return client, nil
	}
	n, err := c.find(ctx, url)
	if err == nil && n.client == nil {
		err = fmt.Errorf("%w: nothing is known of %s", ErrSignIn, origin(url))
	}
	return n.client, err
}

// Token returns a valid access token for the resource at url, and refreshes it if necessary: of all
// who share the Store one refreshes, and the others use the result. It fails with ErrSignIn if a
// sign-in is needed. With DPoP the token alone is useless: Client and Transport add the proof.
func (c *Client) Token(ctx context.Context, url string) (oauth.Token, error) {
	client, err := c.Client(ctx, url)
	if err != nil {
		return oauth.Token{}, err
	}
	token, err := client.Token(ctx)
	return token, signInNeeded(err)
}

// signInNeeded adds ErrSignIn to an error that a new sign-in cures.
func signInNeeded(err error) error {
	if over(err) {
		return fmt.Errorf("%w: %w", ErrSignIn, err)
	}
	return err
}

// over reports whether a new sign-in is the cure.
func over(err error) bool {
	e, ok := errors.AsType[*oauth.Error](err)
	return ok && (e.BeginAgain || e.Code == "refresh_not_supported")
}

// Challenged says what to do about a resource's 401, or 403 with insufficient_scope. If it returns
// no SignIn, there is a token now, from another process or from a refresh: send the request once
// more. If it returns one, somebody has to sign in first.
//
// res.Request is the request that was sent, with its Authorization header. Challenged does not read
// res.Body. operation is the purpose of the request, such as "tools/call:search": the engine gives
// up if one operation is refused again and again. Empty means the method.
//
// An error is final for this request. Its Code is not_challenged if no token would help;
// step_up_failed or too_many_attempts if new tokens did not help; no_client if the server does not
// know the client (Expected says what would make it known); and wrong_resource,
// no_authorization_server, wrong_issuer, not_public or pkce_not_supported if the resource or the
// server cannot be trusted.
func (c *Client) Challenged(ctx context.Context, res *http.Response, operation string) (*SignIn, error) {
	if res.Request == nil || res.Request.URL == nil {
		return nil, &oauth.Error{Kind: oauth.KindClient, Code: "missing", Op: "challenged", Field: "url"}
	}
	url := resourceURL(res.Request)
	params := map[string]any{"url": url, "method": res.Request.Method, "status": res.StatusCode, "headers": challenges(res.Header), "operation": operation, "sent": res.Request.Header.Get("Authorization")}
	for again := true; ; again = false {
		n := &next{}
		if err := c.finder.Do(ctx, "challenged", params, n); err != nil {
			return nil, err
		}
		if err := c.client(ctx, url, n); err != nil {
			return nil, err
		}
		err := n.renew(ctx)
		switch {
		case n.Next == "authorize" || over(err):
			return &SignIn{Resource: n.Resource, Issuer: n.Issuer, Scope: n.Authorize.Scope, owner: c, url: url, next: n}, nil
		case again && c.forgotten(ctx, url, n, err):
		default:
			return nil, err
		}
	}
}

// renew gets a token, if no sign-in is needed for that.
func (n *next) renew(ctx context.Context) (err error) {
	switch n.Next {
	case "token":
		// Another process may have signed in: Status reads the store, and Token may not for a
		// second.
		if _, err = n.client.Status(ctx); err == nil {
			_, err = n.client.Token(ctx)
		}
	case "refresh":
		_, err = n.client.Refresh(ctx)
	}
	return err
}

// forgotten reports whether a server does not know a client any more that registered itself. Then
// the registration is deleted.
func (c *Client) forgotten(ctx context.Context, url string, n *next, err error) bool {
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok || e.OAuthError != "invalid_client" || n.Identity != "registered" {
		return false
	}
	c.drop(url)
	return c.finder.Do(ctx, "forget", map[string]string{"url": url, "client_id": n.id}, nil) == nil
}

// drop makes the client read the Store again about a resource.
func (c *Client) drop(url string) {
	c.mu.Lock()
	delete(c.known, url)
	c.mu.Unlock()
}

// SignIn is a sign-in for a resource, to which a user must agree.
type SignIn struct {
	// Resource is what the token will be for, Issuer the server that issues it, and Scope what is
	// requested. Show them to the user.
	Resource, Issuer, Scope string

	owner *Client
	url   string
	next  *next
}

// Begin returns the URL for the user's browser: https, except for PrivateOrigins. redirectURI, if
// it is not empty, replaces Config.RedirectURI: a loopback listener has its own port.
func (s *SignIn) Begin(ctx context.Context, redirectURI string) (oauth.Authorization, error) {
	a := s.next.Authorize
	p := oauth.AuthorizeParams{Scope: a.Scope, ACRValues: a.ACRValues, RedirectURI: redirectURI}
	if a.MaxAge != nil {
		p.MaxAge = new(time.Duration(*a.MaxAge) * time.Second)
	}
	return s.next.client.Authorize(ctx, p)
}

// Finish gets the URL at which the browser arrived.
func (s *SignIn) Finish(ctx context.Context, redirect string) error {
	_, err := s.next.client.Callback(ctx, redirect)
	if err != nil {
		s.owner.forgotten(ctx, s.url, s.next, err) // so that the next try registers again
	}
	return err
}

// Client is the client that signs in, for ways without a browser on this machine: DeviceAuthorize,
// CrossAppAccess, ClientCredentials, Grant.
func (s *SignIn) Client() *oauth.Client { return s.next.client }

// Finish finishes a sign-in for the resource at url that another process, or another Client, began
// with the same Store.
func (c *Client) Finish(ctx context.Context, url, redirect string) error {
	client, err := c.Client(ctx, url)
	if err == nil {
		_, err = client.Callback(ctx, redirect)
	}
	return err
}

// Forget signs out of the resource at url and deletes what is known of it.
func (c *Client) Forget(ctx context.Context, url string) error {
	client, err := c.Client(ctx, url)
	if errors.Is(err, ErrSignIn) {
		return nil
	}
	if err == nil {
		_, err = client.LogOut(ctx, oauth.LogOutParams{})
	}
	if err != nil {
		return err
	}
	c.drop(url)
	return c.finder.Do(ctx, "forget", map[string]string{"url": url}, nil)
}

// challenges are the headers of an answer that state what a resource requires.
func challenges(h http.Header) [][2]string {
	pairs := [][2]string{}
	for _, value := range h.Values("WWW-Authenticate") {
		pairs = append(pairs, [2]string{"www-authenticate", strings.ToValidUTF8(value, "\uFFFD")})
	}
	return pairs
}
