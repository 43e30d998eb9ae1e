package authserver

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// interactionLifetime is how long a sign-in or consent page may stand open.
const interactionLifetime = 10 * time.Minute

// Names of the pages with a form, which an interaction token is bound to.
const (
	stepSignIn        = "sign-in"
	stepConsent       = "consent"
	stepUserCode      = "user code"
	stepDeviceSignIn  = "device sign-in"
	stepDeviceConsent = "device consent"
)

// Alerts that pages of both flows show.
const (
	alertOutOfDate = "That page was out of date. Please try again."
	alertSignedOut = "You were signed out. Please sign in again."
	alertPassword  = "That username and password do not match. Please try again."
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

// mustSignIn tells whether the request asks for a sign-in that the browser does not have yet (OpenID Connect
// Core section 3.1.2.1).
func (s *Server) mustSignIn(now time.Time, b browser, req *authorizationRequest) bool {
	return !b.signedIn || s.isAnother(b.session.User, req) || !s.satisfies(b.session.ACR, req.acr) || slices.Contains(req.prompt, "login") || slices.Contains(req.prompt, "select_account") ||
		req.maxAge >= 0 && now.Sub(b.session.AuthTime) > req.maxAge
}

// isAnother tells whether the user is not the one that the request's ID token names. There is then never a code (OpenID Connect Core section
// 3.1.2.1, id_token_hint).
func (s *Server) isAnother(username string, req *authorizationRequest) bool {
	return req.hintedSubject != "" && req.hintedSubject != s.cfg.Users[username].subject(username)
}

// interact takes a form. Its token is checked first, so that no other site can fill one in (RFC 6749
// section 10.12), not even with the attacker's own account.
func (s *Server) interact(c *call, req *authorizationRequest) (Response, error) {
	form, err := c.form()
	if err != nil {
		return s.errorPage(invalidRequest("The form cannot be read.")), nil
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
	return s.errorPage(invalidRequest("The form cannot be read.")), nil
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
	// Redirecting lets the next page be reloaded; what asked for this sign-in is done with.
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
		return s.errorPage(err), nil
	}
	resp := seeOther(s.pageURL(next))
	resp.Header.Set("Set-Cookie", cookie)
	return resp, nil
}

// checkPassword tells whether the password is the user's; the error is that too many were not.
func (s *Server) checkPassword(c *call, form params) (bool, error) {
	user, ok := s.cfg.Users[form["username"]]
	// The comparison is made for unknown users too, so that time does not tell them apart, and so is the count.
	right := equalSecret(user.Password, form["password"]) && ok
	return right, s.settle(c, holderAccount+form["username"], right)
}

// approve issues what the response type asks for (RFC 6749 sections 4.1.2 and 4.2.2, OpenID Connect Core sections 3.2.2.5 and 3.3.2.5).
func (s *Server) approve(c *call, req *authorizationRequest, b browser) (Response, error) {
	if err := s.spend(req); err != nil {
		return s.errorPage(err), nil
	}
	name, err := s.secret()
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

// join makes what was issued a part of the session. It comes afterwards, so that a sign-out at the same time either finds it or is found.
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

// issue makes what the response type names.
func (s *Server) issue(c *call, req *authorizationRequest, g grant) (url.Values, error) {
	result := url.Values{}
	if req.gives(ResponseTypeCode) {
		code, err := s.issueCode(req, g)
		if err != nil {
			return nil, err
		}
		result.Set("code", code)
	}
	if req.gives(ResponseTypeToken) {
		t, record, err := s.newAccessToken(tokenRequest{now: c.Now, client: req.client}, g)
		if err == nil {
			err = s.cfg.Store.SaveToken(record)
		}
		if err != nil {
			return nil, err
		}
		result.Set("access_token", t.AccessToken)
		result.Set("token_type", t.TokenType)
		result.Set("expires_in", strconv.FormatInt(int64(t.ExpiresIn/time.Second), 10))
		if t.Scope != "" {
			result.Set("scope", t.Scope)
		}
	}
	if req.gives(ResponseTypeIDToken) {
		id, err := s.idToken(c.Now, req.client, g, result.Get("access_token"), result.Get("code"))
		if err != nil {
			return nil, err
		}
		result.Set("id_token", id)
	}
	return result, nil
}

func (s *Server) issueCode(req *authorizationRequest, g grant) (string, error) {
	if err := s.admitToken(req.now, g, req.client, s.cfg.CodeLifetime); err != nil {
		return "", err
	}
	value, err := s.secret()
	if err != nil {
		return "", err
	}
	return value, s.cfg.Store.SaveCode(CodeRecord{
		Digest: DigestOf(value),
		Grant:  g.name,
		AuthorizationCode: AuthorizationCode{
			ClientID:             req.client.ClientID,
			RedirectURI:          req.requestedURI,
			ResponseType:         req.responseType,
			Scope:                g.scope,
			AuthTime:             g.authTime,
			IssuedAt:             req.now,
			ExpiresIn:            s.cfg.CodeLifetime,
			CodeChallenge:        req.codeChallenge,
			CodeChallengeMethod:  req.codeChallengeMethod,
			Nonce:                g.nonce,
			SID:                  g.sid,
			ACR:                  g.acr,
			Resources:            g.resources,
			AuthorizationDetails: g.details,
			JKT:                  req.jkt,
			User:                 g.user,
		},
	})
}

// pageURL is the address of the pages for an authorization request. It has no host, so it stays on the
// origin the browser came to.
func (s *Server) pageURL(query url.Values) string {
	return s.issuer.Path + authorizePath + "?" + query.Encode()
}

// newInteraction makes the token of a form: when it expires, authenticated together with the step, the
// browser and the request it is for. The server keeps nothing of an unfinished sign-in.
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
	// None of the parts can hold the separator.
	h.Write([]byte(step + "\x00" + browserID + "\x00" + query.Encode()))
	return h.Sum(nil)
}

func (s *Server) authorizeSignIn(c *call, req *authorizationRequest, b browser, alert string) (Response, error) {
	return s.signInPage(c, b, stepSignIn, req.address, page{
		Client:   req.client.displayName(),
		Action:   s.pageURL(req.address),
		Alert:    alert,
		Username: req.loginHint,
	})
}

func (s *Server) signInPage(c *call, b browser, step string, query url.Values, p page) (Response, error) {
	p.Title = "Sign in"
	if hint := s.cfg.DemoHint; hint != nil && (p.Username == "" || p.Username == hint.Username) {
		p.Hint, p.Username, p.Password = hint.Text, hint.Username, hint.Password
	}
	return s.formPage(c, b, "signin", step, query, p)
}

// formPage shows a page with a form, which it binds to the browser; one without an identifier gets one.
func (s *Server) formPage(c *call, b browser, name, step string, query url.Values, p page) (Response, error) {
	var cookie string
	if b.id == "" {
		id, err := s.secret()
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

func (s *Server) consentPage(c *call, req *authorizationRequest, b browser, alert string) (Response, error) {
	return s.formPage(c, b, "consent", stepConsent, req.address, page{
		Title:     "Allow access",
		Client:    req.client.displayName(),
		Action:    s.pageURL(req.address),
		Alert:     alert,
		Username:  b.session.User,
		Name:      s.cfg.Users[b.session.User].Name,
		Scopes:    s.describe(req.scope),
		Resources: req.resources,
		Details:   req.details,
		ReturnTo:  returnAddress(req.redirectURI),
	})
}

func statusFor(alert string) int {
	if alert != "" {
		return http.StatusForbidden
	}
	return http.StatusOK
}

// returnAddress is as much of a redirect URI as tells a user where it leads.
func returnAddress(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil || u.Host == "" {
		scheme, _, _ := strings.Cut(redirectURI, ":")
		return scheme
	}
	return u.Host
}
