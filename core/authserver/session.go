package authserver

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// sessionLifetime is how long a user stays signed in at the authorization endpoint.
const sessionLifetime = 8 * time.Hour

// browser is the browser that shows the authorization pages.
type browser struct {
	// id is the value of the cookie, empty if there is none. There may be no session with it yet.
	id       string
	session  Session
	signedIn bool
}

func (s *Server) browser(c *call) (browser, error) {
	cookie, err := (&http.Request{Header: c.Header}).Cookie(s.cookieName())
	// A value of another length was not set by this server.
	if err != nil || len(cookie.Value) != 43 {
		return browser{}, nil
	}
	b := browser{id: cookie.Value}
	b.session, err = s.cfg.Store.Session(DigestOf(b.id))
	if errors.Is(err, ErrNotFound) {
		return b, nil
	}
	if err != nil {
		return browser{}, err
	}
	_, known := s.cfg.Users[b.session.User]
	b.signedIn = known && c.Now.Before(b.session.ExpiresAt)
	return b, nil
}

// hasConsent reports whether the user allowed the client as much earlier in this session. If
// another program could have the client's redirect URI, as programs on the user's device can, that
// program may be asking now, and the user must see the request (RFC 8252 section 8.6).
func (session Session) hasConsent(req *authorizationRequest) bool {
	if !strings.HasPrefix(req.redirectURI, "http") || !slices.Contains(req.client.RedirectURIs, req.redirectURI) {
		return false
	}
	return slices.ContainsFunc(session.Members, func(m SessionMember) bool {
		_, scope := narrowScope(strings.Join(req.scope, " "), m.Scope)
		// A token without resources is valid at all of them.
		resources := len(m.Resources) == 0 || len(req.resources) > 0 && !slices.ContainsFunc(req.resources, func(r string) bool {
			return !slices.Contains(m.Resources, r)
		})
		return m.ClientID == req.client.ClientID && scope && resources && m.AuthorizationDetails == req.details
	})
}

// cookieName has, if possible, the prefix that prevents other hosts of the domain from setting the
// cookie (RFC 6265bis section 4.1.3.2).
func (s *Server) cookieName() string {
	if s.issuer.Scheme == "https" {
		return "__Host-authserver"
	}
	return "authserver"
}

func (s *Server) cookie(id string) string {
	return (&http.Cookie{
		Name:     s.cookieName(),
		Value:    id,
		Path:     "/",
		Secure:   s.issuer.Scheme == "https",
		HttpOnly: true,
		// Lax, because a link on the client's site leads the user here.
		SameSite: http.SameSiteLaxMode,
	}).String()
}
