package authserver

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// maxJWT is the longest JSON Web Token of a client, in bytes.
	maxJWT = 32 << 10
	// clockSkew is how much the clocks of clients may differ from ours.
	clockSkew = time.Minute
	// maxAssertion is how far in the future an assertion may expire. Its identifier is stored until
	// then.
	maxAssertion = time.Hour
)

// asymmetricAlgs are the signature algorithms of clients' keys. They never include "none" or
// algorithms with a shared secret.
var asymmetricAlgs = []jose.SignatureAlgorithm{
	jose.ES256, jose.ES384, jose.ES512, jose.PS256, jose.PS384, jose.PS512, jose.RS256, jose.RS384, jose.RS512, jose.EdDSA,
}

// secretAlgs are the algorithms of a client's secret (RFC 7518 section 3.2).
var secretAlgs = []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512}

// signingAlg is the algorithm of ID tokens (RFC 7518 section 3.4).
const signingAlg = jose.ES256

// errJWT means that the text is not a valid token of the expected kind. It does not say why: an
// attacker need not know, and the caller's error names the kind for developers.
var errJWT = errors.New("authserver: not a valid JWT")

// jwtHeader returns the protected header of the only signature of a compact token. It does not
// verify the signature.
func jwtHeader(token string, algs []jose.SignatureAlgorithm) (*jose.JSONWebSignature, jose.Header, error) {
	if len(token) > maxJWT || !isStrict(token) {
		return nil, jose.Header{}, errJWT
	}
	jws, err := jose.ParseSignedCompact(token, algs)
	if err != nil || len(jws.Signatures) != 1 {
		return nil, jose.Header{}, errJWT
	}
	return jws, jws.Signatures[0].Protected, nil
}

// isStrict reports whether each part of a compact token is the canonical base64url of its content
// (RFC 7515 section 2). A library may ignore line ends and unused bits, so that a token has many
// spellings.
func isStrict(token string) bool {
	for part := range strings.SplitSeq(token, ".") {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return false
		}
	}
	return true
}

// verifyJWT verifies a token with one of the keys and decodes its claims. It skips keys whose key
// ID differs from the token's.
func verifyJWT(token string, algs []jose.SignatureAlgorithm, keys []jose.JSONWebKey, claims any) (jose.Header, error) {
	jws, header, err := jwtHeader(token, algs)
	if err != nil {
		return jose.Header{}, err
	}
	for _, k := range keys {
		if header.KeyID != "" && k.KeyID != "" && k.KeyID != header.KeyID || k.Algorithm != "" && k.Algorithm != header.Algorithm || k.Use != "" && k.Use != "sig" {
			continue
		}
		if payload, err := jws.Verify(k.Key); err == nil {
			if json.Unmarshal(payload, claims) != nil {
				return jose.Header{}, errJWT
			}
			return header, nil
		}
	}
	return jose.Header{}, errJWT
}

// unverifiedClaims decodes the claims of a token without verifying it, to find out whose keys
// verify it.
func unverifiedClaims(token string, algs []jose.SignatureAlgorithm, claims any) error {
	jws, _, err := jwtHeader(token, algs)
	if err != nil || json.Unmarshal(jws.UnsafePayloadWithoutVerification(), claims) != nil {
		return errJWT
	}
	return nil
}

// headerType is typ in lower case, without the prefix that may be omitted (RFC 7515 section 4.1.9).
func headerType(h jose.Header) string {
	typ, _ := h.ExtraHeaders[jose.HeaderType].(string)
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}

// checkPublicKeys reports whether the keys are public and strong enough to verify signatures.
func checkPublicKeys(keys []jose.JSONWebKey) bool {
	return len(keys) > 0 && len(keys) <= 20 && !slices.ContainsFunc(keys, func(k jose.JSONWebKey) bool { return !isStrongPublicKey(k) })
}

// isStrongPublicKey limits RSA keys: to sizes that RFC 7518 section 3.3 requires and that can be
// checked quickly, and to exponents with which signatures cannot be forged.
func isStrongPublicKey(k jose.JSONWebKey) bool {
	if !k.IsPublic() || !k.Valid() {
		return false
	}
	key, ok := k.Key.(*rsa.PublicKey)
	return !ok || key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192 && key.E >= 3 && key.E&1 == 1
}

// jwtTimes are the time claims of RFC 7519 section 4.1. A time may have a fraction.
type jwtTimes struct {
	Expires   *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	IssuedAt  *float64 `json:"iat"`
}

// inForce reports whether the token is valid at now. It must have an expiry.
func (t jwtTimes) inForce(now time.Time) bool {
	seconds, skew := float64(now.Unix()), clockSkew.Seconds()
	return t.Expires != nil && *t.Expires > seconds && *t.Expires <= seconds+maxAssertion.Seconds()+skew &&
		(t.NotBefore == nil || *t.NotBefore <= seconds+skew) && (t.IssuedAt == nil || *t.IssuedAt <= seconds+skew)
}

// until is when a valid token expires.
func (t jwtTimes) until() time.Time { return time.Unix(int64(*t.Expires)+1, 0) }

// audience is the claim aud, which may be one string or several (RFC 7519 section 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	var several []string
	err := json.Unmarshal(b, &several)
	*a = several
	return err
}

// isFor reports whether the token is for one of the names, and for nobody else: another server that
// may receive it could pass it on (RFC 7523 section 3, which draft-ietf-oauth-rfc7523bis makes
// stricter).
func (a audience) isFor(names ...string) bool {
	return len(a) == 1 && slices.Contains(names, a[0])
}
