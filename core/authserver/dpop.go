package authserver

import (
	"cmp"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	tokenTypeBearer = "Bearer"
	tokenTypeDPoP   = "DPoP"
	// proofWindow is how far iat of a proof may be from the server's time, before or after (RFC
	// 9449 section 4.3 item 11).
	proofWindow = time.Minute
)

// proofClaims are the claims of a DPoP proof (RFC 9449 section 4.2).
type proofClaims struct {
	ID              string   `json:"jti"`
	Method          string   `json:"htm"`
	URI             string   `json:"htu"`
	IssuedAt        *float64 `json:"iat"`
	AccessTokenHash string   `json:"ath"`
	Nonce           string   `json:"nonce"`
}

// proof is a verified DPoP proof; the zero value means that there is none.
type proof struct {
	// jkt is the thumbprint of the proof's key.
	jkt string
	// id identifies the proof. It includes the key, so nobody can use up another's proof.
	id Digest
}

// proof checks the DPoP proof of a request to one of the server's own endpoints, if it has one.
func (s *Server) proof(c *call) (proof, error) {
	if len(c.Header.Values("DPoP")) == 0 {
		return proof{}, nil
	}
	return s.checkProof(c.Request, s.origin()+c.target.EscapedPath(), "")
}

// origin is the origin of all the server's endpoints.
func (s *Server) origin() string { return s.issuer.Scheme + "://" + s.issuer.Host }

// checkProof checks the proof of a request for target (RFC 9449 section 4.3), with the access token
// of the request, if any. [Server.spendProof] checks later whether the proof was used before, once
// the request is otherwise valid.
func (s *Server) checkProof(r Request, target, accessToken string) (proof, error) {
	invalid := func(why string) (proof, error) { return proof{}, badRequest("invalid_dpop_proof", why) }
	values := r.Header.Values("DPoP")
	if len(values) != 1 {
		return invalid("there must be one DPoP proof")
	}
	jws, header, err := jwtHeader(values[0], asymmetricAlgs)
	switch {
	case err != nil:
		return invalid("the DPoP proof is not a JWT signed with a supported algorithm")
	case headerType(header) != "dpop+jwt":
		return invalid("typ of the DPoP proof must be dpop+jwt")
	case header.JSONWebKey == nil || !isStrongPublicKey(*header.JSONWebKey):
		return invalid("jwk of the DPoP proof must be a public key")
	}
	payload, err := jws.Verify(header.JSONWebKey.Key)
	if err != nil {
		return invalid("the signature of the DPoP proof is wrong")
	}
	var claims proofClaims
	if json.Unmarshal(payload, &claims) != nil || claims.ID == "" || claims.IssuedAt == nil {
		return invalid("the DPoP proof lacks a claim")
	}
	switch age := float64(r.Now.Unix()) - *claims.IssuedAt; {
	case claims.Method != r.Method:
		return invalid("htm of the DPoP proof is not the method of the request")
	case !sameTarget(claims.URI, target):
		return invalid("htu of the DPoP proof is not the address of the request")
	case age > proofWindow.Seconds() || age < -proofWindow.Seconds():
		return invalid("iat of the DPoP proof is too far from now")
	}
	if accessToken != "" {
		sum := sha256.Sum256([]byte(accessToken))
		if !constantTimeEqual(claims.AccessTokenHash, base64.RawURLEncoding.EncodeToString(sum[:])) {
			return invalid("ath of the DPoP proof is not the hash of the access token")
		}
	}
	if s.cfg.DPoPNonceInterval > 0 && !s.checkNonce(r.Now, claims.Nonce) {
		// RFC 9449 section 8.
		return proof{}, badRequest("use_dpop_nonce", "the DPoP proof must have the nonce of the server")
	}
	thumbprint, err := header.JSONWebKey.Thumbprint(crypto.SHA256)
	if err != nil {
		return invalid("jwk of the DPoP proof must be a public key")
	}
	jkt := base64.RawURLEncoding.EncodeToString(thumbprint)
	return proof{jkt: jkt, id: DigestOf("dpop\x00" + jkt + "\x00" + claims.ID)}, nil
}

// ownerProofs: an account or client may use this many times as many proofs as one key, because it
// can make any number of keys.
const ownerProofs = 2

// spendProof records the use of a proof (RFC 9449 section 11.1). Anybody can make proofs and keys,
// so this is done only for a request that is otherwise valid: then it counts against an owner as
// well as against the key.
func (s *Server) spendProof(now time.Time, p proof, owner string) error {
	if p.jkt == "" {
		return nil
	}
	const kept = 2*proofWindow + time.Second
	limit := s.cfg.Limits.Identifiers.Owner
	shares := append(ownerShares(countUser, owner, ownerProofs*limit, 1, kept), share{countProof, p.jkt, limit, 1, kept})
	if err := s.limiter.counts.admit(now, false, shares...); err != nil {
		return err
	}
	err := s.cfg.Store.UseOnce(p.id, now, now.Add(kept))
	if err != nil {
		s.limiter.counts.refund(shares...)
	}
	if errors.Is(err, ErrReplayed) {
		return badRequest("invalid_dpop_proof", "the DPoP proof was used before")
	}
	return err
}

// ownerOf is the party against which a stored token counts: the user, or the client if it acts for
// itself.
func ownerOf(user, clientID string) string {
	if user != "" {
		return holderAccount + user
	}
	return holderClient + clientID
}

// bindingProof returns the proof to whose key the tokens of a request are bound. A client that is
// registered for DPoP must send one.
func (s *Server) bindingProof(c *call, client Client) (proof, error) {
	p, err := s.proof(c)
	if err == nil && p.jkt == "" && client.DPoPBoundAccessTokens {
		// RFC 9449 section 5.2.
		return proof{}, badRequest("invalid_dpop_proof", "the client must send a DPoP proof")
	}
	return p, err
}

// sameTarget compares htu with the URL of the request without query and fragment. Case, default
// port and an empty path make no difference (RFC 3986 section 6.2.3).
func sameTarget(htu, target string) bool {
	a, errA := url.Parse(htu)
	b, errB := url.Parse(target)
	return errA == nil && errB == nil && a.User == nil && normalTarget(a) == normalTarget(b)
}

func normalTarget(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if port := map[string]string{"http": ":80", "https": ":443"}[scheme]; port != "" {
		host = strings.TrimSuffix(host, port)
	}
	return scheme + "://" + host + cmp.Or(u.EscapedPath(), "/")
}

// nonce is the current nonce for proofs (RFC 9449 section 8). It is the number of the interval with
// a MAC, so the server stores none.
func (s *Server) nonce(now time.Time) string {
	return s.nonceOf(now.UnixNano() / int64(s.cfg.DPoPNonceInterval))
}

func (s *Server) nonceOf(interval int64) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(interval))
	h := hmac.New(sha256.New, s.formKey)
	h.Write([]byte("DPoP nonce\x00"))
	h.Write(b)
	return base64.RawURLEncoding.EncodeToString(h.Sum(b)[:24])
}

// checkNonce accepts the nonce of this interval and of the previous one.
func (s *Server) checkNonce(now time.Time, nonce string) bool {
	interval := now.UnixNano() / int64(s.cfg.DPoPNonceInterval)
	return constantTimeEqual(nonce, s.nonceOf(interval)) || constantTimeEqual(nonce, s.nonceOf(interval-1))
}

// offerNonce adds the nonce for the next proof to an answer (RFC 9449 section 8.2).
func (s *Server) offerNonce(h http.Header, now time.Time) {
	if s.cfg.DPoPNonceInterval > 0 {
		h.Set("DPoP-Nonce", s.nonce(now))
	}
}
