package authserver

import (
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// assertionType is the client_assertion_type of RFC 7523 section 2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertionClaims are the claims of RFC 7523 section 3.
type assertionClaims struct {
	jwtTimes
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	ID       string   `json:"jti"`
}

// checkAssertion reports whether the assertion is the client's, is for this server, and is sent for
// the first time (RFC 7523 section 3, OpenID Connect Core section 9).
func (s *Server) checkAssertion(c *call, client Client, method, assertion string) (bool, error) {
	algs, keys := asymmetricAlgs, []jose.JSONWebKey(nil)
	if method == AuthMethodSecretJWT {
		// A secret is never used as a key of the set, nor a public key as a secret.
		algs, keys = secretAlgs, []jose.JSONWebKey{{Key: []byte(client.ClientSecret)}}
	} else {
		var err error
		if keys, err = s.keysOf(c, client, assertion); err != nil {
			return false, err
		}
	}
	var claims assertionClaims
	header, err := verifyJWT(assertion, algs, keys, &claims)
	switch typ := headerType(header); {
	case err != nil, typ != "" && typ != "jwt" && typ != "client-authentication+jwt",
		claims.Issuer != client.ClientID, claims.Subject != client.ClientID, claims.ID == "", !claims.inForce(c.Now),
		!claims.Audience.isFor(s.cfg.Issuer, s.cfg.Issuer+tokenPath, s.origin()+c.target.Path):
		return false, nil
	}
	err = s.useAssertion(c.Now, holderClient+client.ClientID, claims)
	if errors.Is(err, ErrReplayed) {
		return false, nil
	}
	return err == nil, err
}

// useAssertion records the identifier of an assertion until the assertion expires (RFC 7523 section
// 3). Each issuer has its own identifiers.
func (s *Server) useAssertion(now time.Time, issuer string, claims assertionClaims) error {
	lifetime := time.Second
	for lifetime < claims.until().Sub(now) {
		lifetime *= 2 // at most a few different lifetimes, so that there are few counts
	}
	used := ownerShares(countJTI, issuer, s.cfg.Limits.Identifiers.Owner, 1, lifetime)
	if err := s.limiter.counts.admit(now, false, used...); err != nil {
		return err
	}
	err := s.cfg.Store.UseOnce(DigestOf(issuer+"\x00"+claims.ID), now, claims.until())
	if err != nil {
		s.limiter.counts.refund(used...)
	}
	return err
}
