package authserver

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

const stepSignOut = "sign-out"

// logoutRequest is a request of OpenID Connect RP-Initiated Logout section 2.
type logoutRequest struct {
	query url.Values
	// hint holds the claims of the ID token; zero if it is not one of this server.
	hint hintClaims
	// returnTo is where the user goes afterwards, with the state; empty if there is no such
	// address.
	returnTo string
}

// endSession is the end-session endpoint (OpenID Connect RP-Initiated Logout section 2).
func (s *Server) endSession(c *call) (Response, error) {
	query := c.target.Query()
	var form params
	if c.Method == http.MethodPost {
		values, err := c.formValues()
		if err == nil {
			form, err = readParams(values)
		}
		if err != nil {
			return s.errorPage(err), nil
		}
		if form["action"] == "" {
			// A request that another site posts comes without the session's cookie. The GET brings
			// it.
			return seeOther(s.logoutURL(values)), nil
		}
	}
	req, err := s.readLogout(c, query)
	if err != nil {
		return s.errorPage(err), nil
	}
	b, err := s.browser(c)
	if err != nil {
		return s.errorPage(err), nil
	}
	resp, err := s.logout(c, req, b, form)
	if err != nil {
		return s.errorPage(err), nil
	}
	return resp, nil
}

func (s *Server) logout(c *call, req logoutRequest, b browser, form params) (Response, error) {
	switch {
	case !b.signedIn:
		return s.signedOutPage(req, nil), nil
	case form != nil && b.id != "" && s.checkInteraction(c.Now, form["interaction"], stepSignOut, b.id, req.query):
		if form["action"] != "sign-out" {
			return s.page("stayed", http.StatusOK, page{Title: "Still signed in", Username: b.session.User}), nil
		}
	case form != nil || !s.vouches(req.hint, b):
		// If the client cannot prove that it knows the session, any link could end it, so the user
		// is asked.
		alert := ""
		if form != nil {
			alert = alertOutOfDate
		}
		return s.formPage(c, b, "signout", stepSignOut, req.query, page{
			Title: "Sign out", Action: s.logoutURL(req.query), Alert: alert, Username: b.session.User, Name: s.cfg.Users[b.session.User].Name,
		})
	}
	frames, err := s.signOut(c.Now, b)
	if err != nil {
		return Response{}, err
	}
	return s.signedOutPage(req, frames), nil
}

// vouches reports whether the hint belongs to the browser's own session.
func (s *Server) vouches(hint hintClaims, b browser) bool {
	subject := s.cfg.Users[b.session.User].subject(b.session.User)
	return hint.Issuer == s.cfg.Issuer && hint.Subject == subject && hint.SessionID == b.session.SID
}

// readLogout identifies the client. If the address does not belong to the client, that is an error,
// and the user is not redirected.
func (s *Server) readLogout(c *call, query url.Values) (logoutRequest, error) {
	p, err := readParams(query)
	if err != nil {
		return logoutRequest{}, err
	}
	req := logoutRequest{query: query}
	if hint := p["id_token_hint"]; hint != "" {
		// An expired ID token is accepted (section 4 there), as long as its key is still known. Any
		// other invalid one is ignored.
		if s.keys.verify(hint, "jwt", &req.hint) != nil || req.hint.Issuer != s.cfg.Issuer {
			req.hint = hintClaims{}
		}
	}
	clientID := p["client_id"]
	if len(req.hint.Audience) == 1 {
		if clientID != "" && clientID != req.hint.Audience[0] {
			return logoutRequest{}, invalidRequest("The application is not the one that the user signed in to.")
		}
		clientID = req.hint.Audience[0]
	}
	uri := p["post_logout_redirect_uri"]
	if uri == "" {
		return req, nil
	}
	client, err := s.client(c, clientID)
	if err != nil || !client.CheckPostLogoutRedirectURI(uri) {
		return logoutRequest{}, invalidRequest("The return address is not registered for the application.")
	}
	more := url.Values{}
	if p["state"] != "" {
		more.Set("state", p["state"])
	}
	req.returnTo = withQuery(uri, more)
	return req, nil
}

// leaveScript continues when the frames have loaded. The link is for browsers without scripts, and
// for frames that never load.
const leaveScript = `addEventListener("load", () => { const a = document.querySelector("a"); if (a) location.replace(a.href) })`

// signedOutPage returns to the client. First, a page notifies other clients by frames (OpenID
// Connect Front-Channel Logout section 2).
func (s *Server) signedOutPage(req logoutRequest, frames []string) Response {
	if req.returnTo != "" && len(frames) == 0 {
		return seeOther(req.returnTo)
	}
	p := page{Title: "Signed out", Frames: frames, Link: template.URL(req.returnTo), ReturnTo: returnAddress(req.returnTo)} // registered addresses
	if req.returnTo != "" {
		p.Script = leaveScript
	}
	var sources []string
	for _, frame := range frames {
		sources = append(sources, sourceOf(frame))
	}
	p.frameSources = strings.Join(sources, " ")
	return s.page("signedout", http.StatusOK, p)
}

func (s *Server) logoutURL(query url.Values) string {
	u := url.URL{Path: s.issuer.Path + endSessionPath, RawQuery: query.Encode()}
	return u.String()
}
