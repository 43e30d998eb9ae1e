package authserver

import (
	"bytes"
	"encoding/json"
	"net/url"
	"time"
)

// requestObject checks a request object of the client and returns the authorization request in it
// (RFC 9101 sections 5.2 and 6).
func (s *Server) requestObject(c *call, client Client, object string) (url.Values, error) {
	invalid := badRequest("invalid_request_object", "The request object is not valid.")
	var claims map[string]json.RawMessage
	keys, err := s.keysOf(c, client, object)
	if err != nil {
		return nil, err
	}
	header, err := verifyJWT(object, asymmetricAlgs, keys, &claims)
	if err != nil {
		return nil, invalid
	}
	switch headerType(header) {
	case "", "jwt", "oauth-authz-req+jwt":
	default:
		return nil, invalid
	}
	var own struct {
		jwtTimes
		Issuer   string   `json:"iss"`
		Subject  string   `json:"sub"`
		Audience audience `json:"aud"`
		ClientID string   `json:"client_id"`
	}
	payload, err := json.Marshal(claims)
	if err != nil || json.Unmarshal(payload, &own) != nil {
		return nil, invalid
	}
	switch {
	case own.ClientID != client.ClientID, own.Issuer != "" && own.Issuer != client.ClientID,
		own.Audience != nil && !own.Audience.isFor(s.cfg.Issuer),
		// RFC 9101 section 10.8: a client's assertion must not be accepted as a request object.
		own.Subject == client.ClientID:
		return nil, invalid
	}
	if own.Expires == nil {
		// The client decides whether a request object expires (RFC 9101 section 4).
		forever := float64(c.Now.Add(time.Minute).Unix())
		own.Expires = &forever
	}
	if !own.inForce(c.Now) || claims["request"] != nil || claims["request_uri"] != nil {
		return nil, invalid
	}
	params := url.Values{}
	for name, raw := range claims {
		switch name {
		case "iss", "aud", "exp", "nbf", "iat", "jti", "sub":
		default:
			values, ok := parameterValues(name, raw)
			if !ok {
				return nil, invalid
			}
			params[name] = values
		}
	}
	return params, nil
}

// parameterValues converts a claim to the values of its parameter: text unchanged, everything else
// as JSON (RFC 9101 section 4).
func parameterValues(name string, raw json.RawMessage) ([]string, bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []string{text}, !bytes.Equal(raw, []byte("null"))
	}
	var several []string
	if name == "resource" && json.Unmarshal(raw, &several) == nil && len(several) > 0 {
		return several, true
	}
	var compact bytes.Buffer
	err := json.Compact(&compact, raw)
	return []string{compact.String()}, err == nil
}
