package guard

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	corejson "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/headers"
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

// verdictOf reads the engine's result.
func verdictOf(result string) (*Verdict, error) {
	in, ok := corejson.Parse(result)
	if !ok {
		return nil, errors.New("oauth2: guard: the engine's result cannot be read")
	}
	v := &Verdict{Header: http.Header{}}
	for _, h := range headers.Read(in.Get("headers")) {
		v.Header.Add(h[0], h[1])
	}
	if !in.Get("allowed").True() {
		status, _ := in.Get("status").Int()
		v.Status, v.Body, v.Reason = int(status), []byte(in.Get("body").Get("text").Str()), reasonOf(in.Get("reason"))
		return v, nil
	}
	claims := in.Get("claims")
	v.Token = &Token{
		Scheme: in.Get("scheme").Str(), Issuer: in.Get("issuer").Str(), Claims: json.RawMessage(claims.Raw()),
		Subject: claims.Get("sub").Str(), ClientID: cmp.Or(claims.Get("client_id").Str(), claims.Get("azp").Str()), ID: claims.Get("jti").Str(),
		ACR: claims.Get("acr").Str(), Scope: words(claims.Get("scope")), AuthTime: seconds(claims.Get("auth_time")), Expiry: seconds(claims.Get("exp")),
	}
	return v, nil
}

func reasonOf(in corejson.Value) Reason {
	status, _ := in.Get("status").Int()
	clocks, _ := in.Get("clock_difference_ms").Int()
	return Reason{
		Code: in.Get("code").Str(), Field: in.Get("field").Str(), Expected: in.Get("expected").Str(), Came: in.Get("came").Str(), ClockDifferenceMS: clocks,
		Stage: in.Get("stage").Str(), Host: in.Get("host").Str(), Status: int(status), Error: in.Get("error").Str(),
	}
}

// words are the words of a text, or the elements of an array.
func words(v corejson.Value) (list []string) {
	if v.Kind() != corejson.Array {
		return strings.Fields(v.Str())
	}
	for it := v.Each(); it.Next(); {
		if it.Value().Kind() != corejson.String {
			return nil
		}
		list = append(list, it.Value().Str())
	}
	return list
}

// seconds is a time since the epoch, with a fraction perhaps; zero for anything else.
func seconds(v corejson.Value) time.Time {
	if n, ok := v.Int(); ok && n > 0 && n < 1<<40 {
		return time.Unix(n, 0)
	}
	return time.Time{}
}

// tooLarge reports whether the headers are longer than an engine reads.
func tooLarge(err error) bool {
	return errors.Is(err, &oauth.Error{Kind: oauth.KindClient, Code: "too_large"})
}
