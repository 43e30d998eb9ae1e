package oauth

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// withoutRedirects is c, except that it follows no redirect, because a request may carry a secret
// or a token, and keeps no cookies, so that all hosts behave alike.
func withoutRedirects(c *http.Client) *http.Client {
	own := *c
	own.Jar = nil
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// requests sends a session's requests.
type requests struct {
	s      *session
	client *http.Client
	public *http.Client // for requests that must go to a public address
}

func newRequests(s *session, c *http.Client) *requests {
	c = withoutRedirects(c)
	return &requests{s, c, publicClient(c)}
}

// send carries out an http effect. It belongs to the session and not to the caller whose command
// led to it: others may wait for the same answer.
func (r *requests) send(e *effect) {
	s, e := r.s, e.keep()
	ctx, cancel := limit(e.TimeoutMS)
	s.aside(s.begin(e, cancel), false, func() input {
		defer cancel()
		response, status, failure, err := r.exchange(ctx, e)
		if failure != "" {
			in := failed(e.ID, failure)
			in.cause = bare(err)
			return in
		}
		in := answer(e.ID, response)
		in.status = status
		return in
	})
}

// bare is err without the query of the URL, which net/http includes in its errors.
func bare(err error) error {
	var e *url.Error
	if !errors.As(err, &e) {
		return err
	}
	own := *e
	own.URL, _, _ = strings.Cut(own.URL, "?")
	return &own
}

// exchange sends the request and returns the members of the answer, or the kind of failure, with
// its cause if there is one.
func (r *requests) exchange(ctx context.Context, e *effect) (response members, status int, failure string, cause error) {
	req, err := newRequest(ctx, e)
	if err != nil {
		return nil, 0, "unsent", err
	}
	client := r.client
	if e.Public {
		client = r.public
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, 0, failureOf(ctx, err), err
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return nil, 0, "redirect", redirected(res)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, min(e.MaxBody, 1<<40)+1))
	switch {
	case err != nil:
		if kind := failureOf(ctx, err); kind != "unsent" {
			return nil, 0, kind, err
		}
		return nil, 0, "network", err
	case int64(len(raw)) > e.MaxBody:
		return nil, 0, "too_large", nil
	}
	defer clear(raw)
	return make(members, 0, 512).integer("status", int64(res.StatusCode)).pairs("headers", wireHeaders(res.Header)).body(raw), res.StatusCode, "", nil
}

// redirected says where a redirect leads, without the query, which may hold a secret.
func redirected(res *http.Response) error {
	to, err := res.Location()
	if err != nil {
		return fmt.Errorf("oauth2: status %d", res.StatusCode)
	}
	return fmt.Errorf("oauth2: status %d to %s://%s%s", res.StatusCode, to.Scheme, to.Host, to.EscapedPath())
}

func newRequest(ctx context.Context, e *effect) (*http.Request, error) {
	var content io.Reader
	if b := e.Body; b != nil {
		switch {
		case b.text != nil:
			content = strings.NewReader(*b.text)
		case b.base64 != nil:
			raw, err := base64.StdEncoding.DecodeString(*b.base64)
			if err != nil {
				return nil, err
			}
			content = strings.NewReader(string(raw))
		case b.ref != nil:
			return nil, errors.New("oauth2: no body of that name")
		}
	}
	req, err := http.NewRequestWithContext(ctx, e.Method, e.URL, content)
	if err != nil {
		return nil, err
	}
	// Each request has a connection of its own. If the server closes an idle connection just as we
	// send on it, nobody knows whether it handled the request, and for a refresh token that
	// matters. Servers often close after five seconds, which is also how often a device flow polls.
	req.Close = true
	for _, h := range e.Headers {
		if strings.EqualFold(h[0], "host") {
			req.Host = h[1]
			continue
		}
		req.Header.Add(h[0], h[1])
	}
	return req, nil
}

// wireHeaders gives headers in a fixed order, so that recordings are equal: a map has no order.
func wireHeaders(h http.Header) []pair {
	pairs := []pair{}
	for name, values := range h {
		for _, v := range values {
			pairs = append(pairs, pair{strings.ToLower(name), strings.ToValidUTF8(v, "\uFFFD")})
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return strings.Compare(a[0], b[0]) })
	return pairs
}

// failureOf names a transport error. A request is surely unsent only if no connection was made.
// After that nobody knows how far it came, and for a refresh token this decides between a retry and
// a new sign-in.
func failureOf(ctx context.Context, err error) string {
	var (
		timeout net.Error
		op      *net.OpError
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
	)
	switch {
	case errors.Is(err, errNotPublic):
		return "denied"
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return "timeout"
	case ctx.Err() != nil:
		return "aborted"
	case errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"), errors.As(err, &dns), errors.As(err, &cert):
		return "unsent"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return "network"
}
