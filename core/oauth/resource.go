package oauth

import (
	"context"
	"math"
	"net/http"
	"time"
)

// Prepare gives the headers that a request to a protected resource needs, including the one with
// the token. With Config.DPoP they are valid for one request with that method and URL. A URL
// outside Config.TokenDestinations is an error with the code resource_not_allowed.
//
// Give the answer to Answered. Transport does both.
func (c *Client) Prepare(ctx context.Context, method, url string) (http.Header, error) {
	headers, err := c.prepared(ctx, request{method, url})
	return headers.Clone(), err
}

// prepared returns headers that must not be changed.
func (c *Client) prepared(ctx context.Context, r request) (http.Header, error) {
	if headers, ok := c.s.held.prepared(r, c.s.millis()); ok && ctx.Err() == nil {
		return headers, nil
	}
	answer := prepared{request: r}
	if err := c.s.do(ctx, "prepare", members(nil).text("url", r.url).optional("method", r.method), &answer); err != nil {
		return nil, err
	}
	return headerOf(answer.headers), nil
}

// prepared may be used for every request with its URL and method until goodUntil, in Unix ms; 0
// means for one request.
type prepared struct {
	request
	headers   []pair
	goodUntil int64
}

func (p *prepared) read(r *reader) {
	for r.begin('{'); r.more('}'); {
		switch string(r.name()) {
		case "headers":
			p.headers = r.pairs()
		case "good_until":
			p.goodUntil = r.integer()
		default:
			r.raw()
		}
	}
}

// Retry says what to do after a resource's answer.
type Retry struct {
	// Header, if it is not nil, has the headers with which the request must be sent once more.
	Header http.Header
	// Retried is the argument of the next Answered for the same request.
	Retried string
	// Challenge is what the resource requires; nil if it does not say.
	Challenge *Challenge
}

// Challenge says why a resource refused a request (RFC 6750 section 3, RFC 9449 section 7.1).
type Challenge struct {
	// Scheme is bearer or dpop.
	Scheme string `json:"scheme"`
	// Error is a code such as invalid_token, insufficient_scope (Scope is the scope that is needed)
	// or insufficient_user_authentication: the user has to sign in again, with
	// AuthorizeParams.ACRValues and MaxAge as they are here (RFC 9470 section 3).
	Error       string         `json:"error"`
	Description string         `json:"error_description"`
	Scope       string         `json:"scope"`
	ACRValues   string         `json:"acr_values"`
	MaxAge      *time.Duration `json:"-"`
	// ResourceMetadata is where the resource states which servers' tokens it accepts (RFC 9728
	// section 5.1); see Client.ResourceMetadata.
	ResourceMetadata string `json:"resource_metadata"`
}

// Answered says what to do after a resource answered a request with the headers of Prepare. It
// keeps the resource's nonce for later requests (RFC 9449 section 9), and replaces a token that the
// resource refused by a newer one. For each of these two reasons the request may be sent once more,
// if its body can be read again. res.Request is the request that was sent; res.Body is not read.
// retried is empty for the first answer; after that it is the Retried of the previous call.
//
// Call it after every answer with status 401 or a header DPoP-Nonce; you may call it after every
// answer. If the token cannot be renewed, that is no error of this method: Header is then nil.
func (c *Client) Answered(ctx context.Context, res *http.Response, retried string) (Retry, error) {
	if res.Request == nil || res.Request.URL == nil {
		return Retry{}, &Error{Kind: KindClient, Code: "missing", Op: "answered", Field: "url"}
	}
	return c.answered(ctx, res.Request, res, retried)
}

func (c *Client) answered(ctx context.Context, req *http.Request, res *http.Response, retried string) (Retry, error) {
	sent := req.Header.Get(c.carrier)
	if !repeatable(req) {
		sent = "" // so that no token is fetched in vain
	}
	var r struct {
		Headers   []pair `json:"headers"`
		Retried   string `json:"retried"`
		Challenge *struct {
			Challenge
			MaxAge *int64 `json:"max_age"` // s
		} `json:"challenge"`
	}
	params := members(nil).text("url", req.URL.String()).optional("method", req.Method).integer("status", int64(res.StatusCode)).
		pairs("headers", wireHeaders(res.Header)).optional("sent", sent).optional("retried", retried)
	err := c.s.do(ctx, "answered", params, &r)
	if err != nil {
		return Retry{}, err
	}
	again := Retry{Retried: r.Retried}
	if ch := r.Challenge; ch != nil {
		if again.Challenge = &ch.Challenge; ch.MaxAge != nil {
			again.Challenge.MaxAge = new(span(min(*ch.MaxAge, math.MaxInt64/1000) * 1000))
		}
	}
	if len(r.Headers) > 0 {
		again.Header = headerOf(r.Headers)
	}
	return again, nil
}

func headerOf(pairs []pair) http.Header {
	h := http.Header{}
	for _, p := range pairs {
		h.Add(p[0], p[1])
	}
	return h
}

// ChallengeOf returns the challenge of an answer that came through Client.Transport; nil if it has
// none.
func ChallengeOf(res *http.Response) *Challenge {
	if res == nil || res.Request == nil {
		return nil
	}
	challenge, _ := res.Request.Context().Value(challengeKey{}).(*Challenge)
	return challenge
}

type challengeKey struct{}

func (p *prepared) keep(h *held, m moment) {
	if p.goodUntil <= m.at {
		return
	}
	h.keep(m, func(all *heldAnswers) {
		all.prepared = heldWith(all.prepared, p.request, newHeldAnswer(headerOf(p.headers), m, p.goodUntil))
	})
}
