package oauth

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
)

// RedirectionEndpoint is where a web server receives authorization responses (RFC 6749 section
// 3.1.2). Set exactly one of its members. The result has to be the redirect URI of the sign-in.
type RedirectionEndpoint struct {
	// Route is the path of the endpoint, for a server that browsers reach directly. Scheme and host
	// come from the request.
	Route string
	// URL is the redirect URI, for a server behind a proxy, where the request may show another
	// host.
	URL string
}

// These errors of Receive say how far a response came; errors.As gives the *Error with details.
// With any other error the response was not used: ErrCallbackNotVerified means that it belongs to
// no sign-in of this client, or arrived a second time, and the user may begin again.
var (
	// ErrMissingCode: a response to a sign-in of this client, with neither a code nor an error.
	ErrMissingCode = &Error{Kind: KindCallbackNotVerified, Code: "missing_code"}
	// ErrAuthorizationResponse: the server or the user refused (RFC 6749 section 4.1.2.1);
	// Error.OAuthError says how.
	ErrAuthorizationResponse = errors.New("oauth2: the authorization response is an error")
	// ErrExchange: the response was valid, but the server gave no token for its code.
	ErrExchange = errors.New("oauth2: the code was not exchanged")
)

// maxResponse is how long an authorization response in a body may be, in bytes.
const maxResponse = 1 << 18

// Receive finishes a sign-in with a request at the endpoint. client is the one of the browser's
// user. The request is a GET, or a POST if AuthorizeParams.ResponseMode is form_post or
// form_post.jwt (OAuth 2.0 Form Post Response Mode section 2); see Client.Callback. The state is
// verified before anything else is done.
//
// The server's page makes the browser send that POST, so cookies that identify the sign-in have to
// be SameSite=None.
func (e RedirectionEndpoint) Receive(client *Client, r *http.Request) (CallbackResult, error) {
	refused := func(field string) (CallbackResult, error) {
		return CallbackResult{}, &Error{Kind: KindClient, Code: "bad_value", Op: "callback", Field: field}
	}
	redirectURI := e.URL
	switch {
	case (e.Route == "") == (e.URL == ""):
		return refused("route")
	case e.Route != "" && r.TLS == nil:
		redirectURI = "http://" + r.Host + e.Route
	case e.Route != "":
		redirectURI = "https://" + r.Host + e.Route
	}
	place, _, _ := strings.Cut(redirectURI, "?") // the registered query is part of the request's
	query := r.URL.RawQuery
	switch r.Method {
	case http.MethodGet: // HEAD is from somebody who only looks, and a code works once
	case http.MethodPost:
		if ctype, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ctype != "application/x-www-form-urlencoded" {
			return refused("content-type")
		}
		posted, err := io.ReadAll(io.LimitReader(r.Body, maxResponse+1))
		if err != nil || len(posted) > maxResponse {
			return refused("body")
		}
		// A form is encoded like a query, so both are read in the same way. If a parameter is in
		// both, the response is refused.
		if query = strings.Trim(query+"&"+string(posted), "&"); strings.Contains(query, "#") {
			return refused("body")
		}
	default:
		return refused("method")
	}
	result, err := client.Callback(r.Context(), place+"?"+query)
	return result, staged(err)
}

// stagedError is an error that tells how far things came.
type stagedError struct{ err, stage error }

func (e *stagedError) Error() string   { return e.err.Error() }
func (e *stagedError) Unwrap() []error { return []error{e.err, e.stage} }

func staged(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Kind == KindServer && e.Status == 0 && e.OAuthError != "":
		return &stagedError{err, ErrAuthorizationResponse}
	case e.Kind == KindServer, e.Kind == KindNetwork, e.Kind == KindTokenNotFound:
		return &stagedError{err, ErrExchange}
	}
	return err
}
