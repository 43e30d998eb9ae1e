package authserver

import (
	"cmp"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// begin answers an authorization request with the page it needs.
func (s *Server) begin(c *call, req *authorizationRequest) (Response, error) {
	b, err := s.browser(c)
	if err != nil {
		return Response{}, err
	}
	again := s.mustSignIn(c.Now, b, req)
	if slices.Contains(req.prompt, "none") {
		// OpenID Connect Core section 3.1.2.6.
		switch {
		case again:
			return Response{}, badRequest("login_required", "the user is not signed in")
		case !b.session.hasConsent(req):
			return Response{}, badRequest("consent_required", "the user has to be asked")
		}
		return s.approve(c, req, b)
	}
	if again {
		return s.authorizeSignIn(c, req, b, "")
	}
	return s.consentPage(c, req, b, "")
}

// mustSignIn reports whether the user has to sign in before the request can be answered
// (OpenID Connect Core section 3.1.2.1).
func (s *Server) mustSignIn(now time.Time, b browser, req *authorizationRequest) bool {
	return !b.signedIn || s.isAnother(b.session.User, req) || !s.satisfies(b.session.ACR, req.acr) || slices.Contains(req.prompt, "login") || slices.Contains(req.prompt, "select_account") ||
		req.maxAge >= 0 && now.Sub(b.session.AuthTime) > req.maxAge
}

// isAnother reports whether the user is not the one named by the request's ID token. Then no code
// is ever issued (OpenID Connect Core section 3.1.2.1, id_token_hint).
func (s *Server) isAnother(username string, req *authorizationRequest) bool {
	return req.hintedSubject != "" && req.hintedSubject != s.cfg.Users[username].subject(username)
}

// interact handles a form. It checks the form's token first, so that no other site can submit one
// (RFC 6749 section 10.12), not even with the attacker's own account.
func (s *Server) interact(c *call, req *authorizationRequest) (Response, error) {
	form, err := c.form()
	if err != nil {
		return s.errorPageFor(req.client.ClientID, invalidRequest("The form cannot be read.")), nil
	}
	b, err := s.browser(c)
	if err != nil {
		return Response{}, err
	}
	step := stepConsent
	if form["action"] == "sign-in" {
		step = stepSignIn
	}
	if b.id == "" || !s.checkInteraction(c.Now, form["interaction"], step, b.id, req.address) {
		if s.mustSignIn(c.Now, b, req) {
			return s.authorizeSignIn(c, req, b, alertOutOfDate)
		}
		return s.consentPage(c, req, b, alertOutOfDate)
	}
	if step == stepSignIn {
		return s.signIn(c, req, b, form)
	}
	if s.mustSignIn(c.Now, b, req) {
		return s.authorizeSignIn(c, req, b, alertSignedOut)
	}
	switch form["action"] {
	case "approve":
		return s.approve(c, req, b)
	case "deny":
		return Response{}, badRequest("access_denied", "the user refused")
	case "switch":
		if _, err := s.signOut(c.Now, b); err != nil {
			return Response{}, err
		}
		return seeOther(s.pageURL(req.address)), nil
	}
	return s.errorPageFor(req.client.ClientID, invalidRequest("The form cannot be read.")), nil
}

func (s *Server) signIn(c *call, req *authorizationRequest, b browser, form params) (Response, error) {
	right, err := s.checkPassword(c, form)
	if err != nil {
		return Response{}, err
	}
	if !right {
		req.loginHint = form["username"]
		return s.authorizeSignIn(c, req, b, alertPassword)
	}
	if s.isAnother(form["username"], req) {
		return Response{}, badRequest("login_required", "somebody else signed in than the user who was asked for")
	}
	// After a redirect the next page can be reloaded. The parameters that asked for this sign-in
	// are removed, because it is done.
	next := url.Values{}
	maps.Copy(next, req.query)
	prompt := slices.DeleteFunc(slices.Clone(req.prompt), func(p string) bool { return p == "login" || p == "select_account" })
	next.Del("max_age")
	if next.Del("prompt"); len(prompt) > 0 {
		next.Set("prompt", strings.Join(prompt, " "))
	}
	if req.address.Has("request_uri") {
		var err error
		if next, err = s.openRequest(c, req.client.ClientID, next); err != nil {
			return Response{}, err
		}
	}
	_, cookie, err := s.startSession(c, b, form["username"], cmp.Or(req.acr, s.standardACR()))
	if err != nil {
		return Response{}, err
	}
	if err := s.spend(req); err != nil {
		return s.errorPageFor(req.client.ClientID, err), nil
	}
	resp := seeOther(s.pageURL(next))
	resp.Header.Set("Set-Cookie", cookie)
	return resp, nil
}

// approve issues what the response type requests (RFC 6749 sections 4.1.2 and 4.2.2, OpenID Connect
// Core sections 3.2.2.5 and 3.3.2.5).
func (s *Server) approve(c *call, req *authorizationRequest, b browser) (Response, error) {
	if err := s.spend(req); err != nil {
		return s.errorPageFor(req.client.ClientID, err), nil
	}
	name, err := s.random.secret()
	if err != nil {
		return Response{}, err
	}
	g := grant{scope: strings.Join(req.scope, " "), user: b.session.User, name: name, authTime: b.session.AuthTime,
		acr: cmp.Or(req.acr, b.session.ACR), nonce: req.nonce, resources: req.resources, details: req.details}
	inSession := slices.Contains(req.scope, scopeOpenID)
	if inSession {
		g.sid = b.session.SID
	}
	result, err := s.issue(c, req, g)
	if err == nil && inSession {
		err = s.join(req, g, b)
	}
	if err != nil {
		return Response{}, err
	}
	return s.answer(req, result), nil
}

// join adds what was issued to the session. It runs after the issue: if the user signs out at the
// same time, either the sign-out finds it here, or join finds that the session has ended.
func (s *Server) join(req *authorizationRequest, g grant, b browser) error {
	err := s.cfg.Store.JoinSession(DigestOf(b.id), SessionMember{ClientID: req.client.ClientID, Grant: g.name,
		Offline: slices.Contains(req.scope, scopeOffline), Scope: g.scope, Resources: g.resources, AuthorizationDetails: g.details})
	if err == nil {
		return nil
	}
	if err := s.cfg.Store.RevokeGrant(g.name); err != nil {
		return err
	}
	if errors.Is(err, ErrNotFound) {
		return badRequest("login_required", "the user has just signed out")
	}
	return err
}

// pageURL is the address of the pages for an authorization request. It has no host, so the browser
// stays on the origin that it used.
func (s *Server) pageURL(query url.Values) string {
	return s.issuer.Path + authorizePath + "?" + query.Encode()
}

func (s *Server) authorizeSignIn(c *call, req *authorizationRequest, b browser, alert string) (Response, error) {
	return s.signInPage(c, b, stepSignIn, req.address, page{
		Client:   req.client.displayName(),
		Host:     documentHost(req.client.ClientID),
		Action:   s.pageURL(req.address),
		Alert:    alert,
		Username: req.loginHint,
	})
}

func (s *Server) consentPage(c *call, req *authorizationRequest, b browser, alert string) (Response, error) {
	return s.formPage(c, b, "consent", stepConsent, req.address, page{
		Title:     "Allow access",
		Client:    req.client.displayName(),
		Host:      documentHost(req.client.ClientID),
		OnDevice:  req.client.ofDocument && isLoopbackURI(req.redirectURI),
		Action:    s.pageURL(req.address),
		Alert:     alert,
		Username:  b.session.User,
		Name:      s.cfg.Users[b.session.User].Name,
		Scopes:    s.scopes.describe(req.scope),
		Resources: req.resources,
		Details:   req.details,
		ReturnTo:  returnAddress(req.redirectURI),
	})
}
