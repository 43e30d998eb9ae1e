package authserver

import (
	"net/http"
	"slices"
	"strings"
)

// preflight answers OPTIONS at an endpoint that other origins may call (Fetch standard, CORS
// protocol).
func preflight(methods []string) Response {
	h := newHeader("")
	h.Set("Allow", strings.Join(methods, ", "))
	h.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
	h.Set("Access-Control-Max-Age", "600")
	return Response{Status: http.StatusNoContent, Header: h}
}

// allowOrigin lets a page of the origin read the response. It never allows credentials, because
// these endpoints use no cookie.
func (s *Server) allowOrigin(h http.Header, origin string) {
	allowed := "*"
	if s.cfg.AllowedOrigins != nil {
		h.Add("Vary", "Origin")
		if !slices.Contains(s.cfg.AllowedOrigins, origin) {
			return
		}
		allowed = origin
	}
	h.Set("Access-Control-Allow-Origin", allowed)
	// A client reads the reason of a 401 in one (RFC 6750 section 3), and the nonce for its next
	// proof in the other (RFC 9449 section 8.2).
	h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce")
}
