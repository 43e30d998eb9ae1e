package authserver

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Response modes: of OAuth 2.0 Multiple Response Type Encoding Practices section 2.1, of OAuth 2.0
// Form Post Response Mode, and, with the suffix, of JARM section 2.3.
const (
	modeQuery    = "query"
	modeFragment = "fragment"
	modeFormPost = "form_post"
	modeJWT      = "jwt"
)

var responseModes = []string{
	modeQuery, modeFragment, modeFormPost, modeJWT, modeQuery + ".jwt", modeFragment + ".jwt", modeFormPost + ".jwt",
}

// responseLifetime is how long a signed response is valid (JARM section 2.1).
const responseLifetime = time.Minute

// setMode decides how the request is answered. A wrong request is also answered in the way that it
// asked for, if that way exists.
func (req *authorizationRequest) setMode() error {
	words := strings.Fields(req.query.Get("response_type"))
	standard := modeQuery
	if slices.Contains(words, ResponseTypeToken) || slices.Contains(words, ResponseTypeIDToken) {
		standard = modeFragment
	}
	req.mode = standard
	asked := req.query.Get("response_mode")
	if asked == "" {
		return nil
	}
	if !slices.Contains(responseModes, asked) {
		return invalidRequest("the response mode is not supported")
	}
	mode, signed := strings.CutSuffix(asked, "."+modeJWT)
	if asked == modeJWT {
		mode, signed = standard, true
	}
	switch {
	case mode == modeQuery && standard == modeFragment:
		// Tokens must not be in a query, because servers log it (Multiple Response Type Encoding
		// Practices sections 3 and 5, JARM section 2.3.1).
		return invalidRequest("the response mode is not for this response type")
	case mode == modeFormPost && !strings.HasPrefix(req.redirectURI, "http"):
		return invalidRequest("a form can be sent to an http or https address only")
	}
	req.mode, req.signed = mode, signed
	return nil
}

// answer sends an authorization response, with the issuer (RFC 9207 section 2).
func (s *Server) answer(req *authorizationRequest, result url.Values) Response {
	result.Set("iss", s.cfg.Issuer)
	if req.state != "" {
		result.Set("state", req.state)
	}
	if req.signed {
		claims := map[string]any{}
		for name := range result {
			claims[name] = result.Get(name)
		}
		claims["aud"], claims["exp"] = req.client.ClientID, req.now.Add(responseLifetime).Unix()
		response, err := s.keys.sign("JWT", claims)
		if err != nil {
			return s.errorPage(err)
		}
		result = url.Values{"response": {response}}
	}
	switch req.mode {
	case modeFormPost:
		return s.formPost(req.redirectURI, result)
	case modeFragment:
		return seeOther(req.redirectURI + "#" + result.Encode())
	}
	return seeOther(withQuery(req.redirectURI, result))
}

// submitScript submits the form. Its button is for browsers without scripts.
const submitScript = "document.forms[0].submit()"

// formPost is a page that posts the response (OAuth 2.0 Form Post Response Mode section 2).
func (s *Server) formPost(uri string, result url.Values) Response {
	p := page{Title: "Going back", Action: uri, ReturnTo: returnAddress(uri), Script: template.JS(submitScript), formAction: sourceOf(uri)}
	for name := range result {
		p.Fields = append(p.Fields, formField{name, result.Get(name)})
	}
	slices.SortFunc(p.Fields, func(a, b formField) int { return strings.Compare(a.Name, b.Name) })
	resp := s.page("form-post", http.StatusOK, p)
	// Without any referrer, the browser would send the form with the origin null, which some
	// clients refuse. The answer is in the body, so the referrer reveals nothing.
	resp.Header.Set("Referrer-Policy", "strict-origin")
	return resp
}
