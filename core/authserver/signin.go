package authserver

import "net/url"

// checkPassword reports whether the password is the user's. The error means too many wrong tries.
func (s *Server) checkPassword(c *call, form params) (bool, error) {
	user, ok := s.cfg.Users[form["username"]]
	// The comparison and the count happen for unknown users, too, so that the time does not reveal
	// which users exist.
	right := equalSecret(user.Password, form["password"]) && ok
	return right, s.limiter.settle(c, holderAccount+form["username"], right)
}

func (s *Server) signInPage(c *call, b browser, step string, query url.Values, p page) (Response, error) {
	p.Title = "Sign in"
	if hint := s.cfg.DemoHint; hint != nil && (p.Username == "" || p.Username == hint.Username) {
		p.Hint, p.Username, p.Password = hint.Text, hint.Username, hint.Password
	}
	return s.formPage(c, b, "signin", step, query, p)
}

// startSession signs the user in under a new identifier, so an identifier that somebody planted in
// the browser is useless.
func (s *Server) startSession(c *call, b browser, username, acr string) (signedIn browser, cookie string, err error) {
	now := c.Now
	if err := s.limiter.admit(c, countSession, username, s.cfg.Limits.Sessions, 1, sessionLifetime); err != nil {
		return browser{}, "", err
	}
	session := Session{User: username, AuthTime: now, ACR: acr, ExpiresAt: now.Add(sessionLifetime)}
	if b.signedIn && b.session.User == username {
		// A new sign-in of the same user continues the session (OpenID Connect Back-Channel Logout
		// section 1.2).
		var before Session
		before, err = s.cfg.Store.DeleteSession(DigestOf(b.id))
		session.SID, session.Members = before.SID, before.Members
	} else {
		_, err = s.signOut(now, b)
	}
	if err != nil {
		return browser{}, "", err
	}
	id, err := s.random.secret()
	if err != nil {
		return browser{}, "", err
	}
	if session.SID == "" {
		if session.SID, err = s.random.secret(); err != nil {
			return browser{}, "", err
		}
	}
	if err := s.cfg.Store.SaveSession(DigestOf(id), session); err != nil {
		return browser{}, "", err
	}
	return browser{id: id, session: session, signedIn: true}, s.cookie(id), nil
}
