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

// Transport returns a RoundTripper that adds to each request the token of its resource, and sends
// it with base; nil means http.DefaultTransport. If a request is refused, it is sent once more with
// a newer token, or with one that signIn got. signIn is called for one sign-in at a time at each
// origin, and must return after SignIn.Finish. The resource's answer is returned unchanged if
// signIn is nil or returns ErrSignIn, or if the request's body cannot be read again. Any other
// error becomes the error of the request.
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
		io.CopyN(io.Discard, res.Body, 4<<10) // so that the connection can be reused
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
		// The client's own transport adds the proof for a bound token, and its nonce.
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

// challenged reports whether the request must be sent once more.
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

// turn waits until nobody else signs in at an origin. The caller may then find a token.
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

// again returns a copy of a request that can be sent once more, nil if its body cannot.
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

// resourceURL is the URL that identifies a resource: the request's URL without the query.
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
