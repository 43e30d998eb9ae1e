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

// browser is who sits in front of the authorization pages.
type browser struct {
	// id is the value of the cookie; empty where there is none. It may name no session yet.
	id       string
	session  Session
	signedIn bool
}

func (s *Server) browser(c *call) (browser, error) {
	cookie, err := (&http.Request{Header: c.Header}).Cookie(s.cookieName())
	// What is not as long as a secret was not set by this server.
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

// hasConsent tells whether the user allowed the client as much before, in this session. Where
// another program could have the client's address, as one on the user's device could, it may be the
// one that asks now, and the user has to see it (RFC 8252 section 8.6).
func (session Session) hasConsent(req *authorizationRequest) bool {
	if !strings.HasPrefix(req.redirectURI, "http") || !slices.Contains(req.client.RedirectURIs, req.redirectURI) {
		return false
	}
	return slices.ContainsFunc(session.Members, func(m SessionMember) bool {
		_, scope := narrowScope(strings.Join(req.scope, " "), m.Scope)
		// A token for no resource in particular is good at all of them.
		resources := len(m.Resources) == 0 || len(req.resources) > 0 && !slices.ContainsFunc(req.resources, func(r string) bool {
			return !slices.Contains(m.Resources, r)
		})
		return m.ClientID == req.client.ClientID && scope && resources && m.AuthorizationDetails == req.details
	})
}

// cookieName has the prefix that keeps other hosts of the domain from setting the cookie (RFC
// 6265bis section 4.1.3.2), where it can.
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
		// Lax, as a user comes here from the client's site by a link.
		SameSite: http.SameSiteLaxMode,
	}).String()
}
