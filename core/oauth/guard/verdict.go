package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// Verdict is the result of a check.
type Verdict struct {
	// Token is the request's token; nil means that the request is refused.
	Token *Token
	// Header are headers to add to the answer: a nonce for the next proof, or the challenge.
	Header http.Header
	// Status and Body are those of the answer to a refused request.
	Status int
	Body   []byte
	// Reason says why it is refused, for a log.
	Reason Reason
}

// ServeHTTP answers a refused request.
func (v *Verdict) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	for name, values := range v.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(v.Status)
	w.Write(v.Body)
}

// Reason says why a request is refused. core/contract/README.md lists the codes. It contains no
// token and no secret.
type Reason struct {
	Code string `json:"code"`
	// Field is the claim that is wrong.
	Field string `json:"field"`
	// Expected and Came are what was expected and what came instead.
	Expected string `json:"expected"`
	Came     string `json:"came"`
	// ClockDifferenceMS is how far a time in the token or proof is ahead of the clock here, in ms.
	ClockDifferenceMS int64 `json:"clock_difference_ms"`
	// Stage, Host, Status and Error describe a failed request to the authorization server.
	Stage  string `json:"stage"`
	Host   string `json:"host"`
	Status int    `json:"status"`
	Error  string `json:"error"`
}

// Token is the token with which a request was let in.
type Token struct {
	// Scheme is Bearer or DPoP.
	Scheme string
	// Issuer is the authorization server.
	Issuer string
	// Subject is whom the token is about: a user, or a client that acts for itself. ClientID is the
	// client that got it.
	Subject, ClientID string
	// ID is its jti, "" for none.
	ID string
	// Scope are its scopes.
	Scope []string
	// ACR is how the user was authenticated, and AuthTime when; zero if the token does not say.
	ACR      string
	AuthTime time.Time
	// Expiry is when it expires; zero if that is not known.
	Expiry time.Time
	// Claims are all its claims, or the server's answer, as JSON.
	Claims json.RawMessage
}

// Has reports whether the token has a scope.
func (t *Token) Has(scope string) bool { return slices.Contains(t.Scope, scope) }

// Read reads the claims into v, as encoding/json does.
func (t *Token) Read(v any) error { return json.Unmarshal(t.Claims, v) }

// result is the engine's result.
type result struct {
	Allowed bool            `json:"allowed"`
	Scheme  string          `json:"scheme"`
	Issuer  string          `json:"issuer"`
	Claims  json.RawMessage `json:"claims"`
	Status  int             `json:"status"`
	Headers [][2]string     `json:"headers"`
	Body    struct {
		Text string `json:"text"`
	} `json:"body"`
	Reason Reason `json:"reason"`
}

func (r *result) verdict() (*Verdict, error) {
	v := &Verdict{Header: http.Header{}, Status: r.Status, Body: []byte(r.Body.Text), Reason: r.Reason}
	for _, h := range r.Headers {
		v.Header.Add(h[0], h[1])
	}
	if !r.Allowed {
		return v, nil
	}
	t := &Token{Scheme: r.Scheme, Issuer: r.Issuer, Claims: bytes.Clone(r.Claims)}
	var claims struct {
		Sub      string  `json:"sub"`
		ClientID string  `json:"client_id"`
		AZP      string  `json:"azp"`
		JTI      string  `json:"jti"`
		ACR      string  `json:"acr"`
		Scope    words   `json:"scope"`
		AuthTime seconds `json:"auth_time"`
		Exp      seconds `json:"exp"`
	}
	// A member that the engine did not need may have the wrong type. Then it is ignored.
	if err := json.Unmarshal(t.Claims, &claims); err != nil {
		var kind *json.UnmarshalTypeError
		if !errors.As(err, &kind) {
			return nil, fmt.Errorf("oauth2: guard: claims: %w", err)
		}
	}
	t.Subject, t.ClientID, t.ID, t.ACR, t.Scope = claims.Sub, claims.ClientID, claims.JTI, claims.ACR, claims.Scope
	if t.ClientID == "" {
		t.ClientID = claims.AZP
	}
	t.AuthTime, t.Expiry = time.Time(claims.AuthTime), time.Time(claims.Exp)
	v.Token = t
	return v, nil
}

// words are the words of a text, or the elements of an array.
type words []string

func (w *words) UnmarshalJSON(text []byte) error {
	var s string
	if json.Unmarshal(text, &s) == nil {
		*w = strings.Fields(s)
		return nil
	}
	return json.Unmarshal(text, (*[]string)(w))
}

// seconds is a time in seconds since the epoch, perhaps with a fraction.
type seconds time.Time

func (s *seconds) UnmarshalJSON(text []byte) error {
	var n float64
	if err := json.Unmarshal(text, &n); err != nil {
		return err
	}
	if n > 0 && n < 1<<40 {
		*s = seconds(time.Unix(int64(n), 0))
	}
	return nil
}

// tooLarge reports whether the headers are longer than an engine reads.
func tooLarge(err error) bool {
	return errors.Is(err, &oauth.Error{Kind: oauth.KindClient, Code: "too_large"})
}
