package mcp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// maxTries is how often one request is sent at most.
const maxTries = 4

// Transport gives a RoundTripper that adds to each request the token of its resource, and sends it
// with base; nil means http.DefaultTransport. A request that is refused is sent once more with a
// token that is newer, or that signIn got: it is called with one sign-in at a time for each origin,
// and is done when SignIn.Finish is. With a signIn of nil, where its error is ErrSignIn, and for a
// request whose body cannot be read again, the resource's answer comes back as it is; any other
// error is that of the request.
func (c *Client) Transport(base http.RoundTripper, signIn func(context.Context, *SignIn) error) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{c, base, signIn}
}

type transport struct {
	owner  *Client
	base   http.RoundTripper
	signIn func(context.Context, *SignIn) error
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	own := req
	for tries := 1; ; tries++ {
		res, err := t.send(own)
		if err != nil || res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusForbidden || tries == maxTries {
			return res, err
		}
		if own = again(req); own == nil {
			return res, nil
		}
		retry, err := t.challenged(req.Context(), res)
		if err == nil && !retry {
			return res, nil
		}
		io.CopyN(io.Discard, res.Body, 4<<10) // so that the connection can be used again
		res.Body.Close()
		if err != nil {
			return nil, err
		}
	}
}

// send sends a request with the token of its resource, if there is one.
func (t *transport) send(req *http.Request) (*http.Response, error) {
	client, err := t.owner.Client(req.Context(), resourceURL(req))
	if err == nil {
		// What the token is bound to, and its nonce, are for the client's own transport.
		if _, err = client.Token(req.Context()); err == nil {
			return client.Transport(t.base).RoundTrip(req)
		}
		err = signInNeeded(err)
	}
	if errors.Is(err, ErrSignIn) {
		return t.base.RoundTrip(req)
	}
	if req.Body != nil {
		req.Body.Close()
	}
	return nil, err
}

// challenged tells whether the request is to be sent once more.
func (t *transport) challenged(ctx context.Context, res *http.Response) (retry bool, err error) {
	release, err := t.owner.turn(ctx, origin(res.Request.URL.String()))
	if err != nil {
		return false, err
	}
	defer release()
	s, err := t.owner.Challenged(ctx, res, "")
	switch {
	case errors.Is(err, &oauth.Error{Kind: oauth.KindClient, Code: "not_challenged"}):
		return false, nil
	case err != nil || s == nil:
		return err == nil, err
	case t.signIn == nil:
		return false, nil
	}
	err = t.signIn(ctx, s)
	if errors.Is(err, ErrSignIn) {
		return false, nil
	}
	return err == nil, err
}

// turn waits until nobody signs in at an origin: whoever comes next finds the token.
func (c *Client) turn(ctx context.Context, origin string) (release func(), err error) {
	c.mu.Lock()
	turn := c.turns[origin]
	if turn == nil {
		turn = make(chan struct{}, 1)
		c.turns[origin] = turn
	}
	c.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// again is a request as it can be sent once more, nil where its body cannot.
func again(req *http.Request) *http.Request {
	own := req.Clone(req.Context())
	if req.Body == nil || req.Body == http.NoBody {
		return own
	}
	if req.GetBody == nil {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil
	}
	own.Body = body
	return own
}

// resourceURL is the URL by which a resource is known: that of the request without query.
func resourceURL(req *http.Request) string {
	u := *req.URL
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment, u.User = "", false, "", "", nil
	return u.String()
}

func origin(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
