package authserver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/url"
	"time"
)

// interactionLifetime is how long a user has to answer a sign-in or consent page.
const interactionLifetime = 10 * time.Minute

// Names of the pages with a form. An interaction token is bound to one.
const (
	stepSignIn        = "sign-in"
	stepConsent       = "consent"
	stepUserCode      = "user code"
	stepDeviceSignIn  = "device sign-in"
	stepDeviceConsent = "device consent"
)

// Alerts that the pages of both flows show.
const (
	alertOutOfDate = "That page was out of date. Please try again."
	alertSignedOut = "You were signed out. Please sign in again."
	alertPassword  = "That username and password do not match. Please try again."
)

// newInteraction makes the token of a form: its expiry, with a MAC over the step, the browser and
// the request. The server stores nothing for an unfinished sign-in.
func (s *Server) newInteraction(now time.Time, step, browserID string, query url.Values) string {
	expires := binary.BigEndian.AppendUint64(nil, uint64(now.Add(interactionLifetime).Unix()))
	return base64.RawURLEncoding.EncodeToString(append(expires, s.interactionMAC(expires, step, browserID, query)...))
}

func (s *Server) checkInteraction(now time.Time, token, step, browserID string, query url.Values) bool {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 8+sha256.Size {
		return false
	}
	expires, mac := raw[:8], raw[8:]
	return hmac.Equal(mac, s.interactionMAC(expires, step, browserID, query)) &&
		now.Unix() < int64(binary.BigEndian.Uint64(expires))
}

func (s *Server) interactionMAC(expires []byte, step, browserID string, query url.Values) []byte {
	h := hmac.New(sha256.New, s.formKey)
	h.Write(expires)
	// No part can contain the separator.
	h.Write([]byte(step + "\x00" + browserID + "\x00" + query.Encode()))
	return h.Sum(nil)
}

// formPage shows a page with a form that is bound to the browser. A browser without an identifier
// gets one.
func (s *Server) formPage(c *call, b browser, name, step string, query url.Values, p page) (Response, error) {
	var cookie string
	if b.id == "" {
		id, err := s.random.secret()
		if err != nil {
			return Response{}, err
		}
		b.id, cookie = id, s.cookie(id)
	}
	p.Interaction = s.newInteraction(c.Now, step, b.id, query)
	resp := s.page(name, statusFor(p.Alert), p)
	if cookie != "" {
		resp.Header.Set("Set-Cookie", cookie)
	}
	return resp, nil
}

func statusFor(alert string) int {
	if alert != "" {
		return http.StatusForbidden
	}
	return http.StatusOK
}
