package drive

import (
	"errors"
	"net/http"
	"strings"
)

// RedirectionEndpoint is where a web server receives authorization responses (RFC 6749 section 3.1.2). Exactly one of its members is
// set, and what comes of it has to be the redirect URI of the sign-in.
type RedirectionEndpoint struct {
	// Route is the path of the endpoint, for a server that browsers reach directly: scheme and host are those of the request.
	Route string
	// URL is the redirect URI, for a server behind a proxy, which may show it other ones.
	URL string
}

// How far a response came that Receive fails with; errors.As gives the *Error with the rest. Any other error of Receive is one of the
// request or of the state of things here: a response to no sign-in of this client, or a second time, is ErrCallbackNotVerified, and
// the user may simply begin again.
var (
	// ErrMissingCode: a response to a sign-in of this client, with neither a code nor an error.
	ErrMissingCode = &Error{Kind: "callback_not_verified", Code: "missing_code"}
	// ErrAuthorizationResponse: the server or the user refused (RFC 6749 section 4.1.2.1); Error.OAuthError says how.
	ErrAuthorizationResponse = errors.New("drive: the authorization response is an error")
	// ErrExchange: the response was good, but its code brought no token.
	ErrExchange = errors.New("drive: the code was not exchanged")
)

// Receive finishes a sign-in of client, which is that of the browser's user, with a GET request at the endpoint; see Client.Callback.
// The state is verified before anything is done.
func (e RedirectionEndpoint) Receive(client *Client, r *http.Request) (CallbackResult, error) {
	redirectURI := e.URL
	switch {
	case (e.Route == "") == (e.URL == ""):
		return CallbackResult{}, &Error{Kind: "client", Code: "bad_value", Op: "callback", Field: "route"}
	case r.Method != http.MethodGet: // HEAD is from somebody who only looks, and a code works once
		return CallbackResult{}, &Error{Kind: "client", Code: "bad_value", Op: "callback", Field: "method"}
	case e.Route != "" && r.TLS == nil:
		redirectURI = "http://" + r.Host + e.Route
	case e.Route != "":
		redirectURI = "https://" + r.Host + e.Route
	}
	place, _, _ := strings.Cut(redirectURI, "?") // the registered query stands in the request's
	result, err := client.Callback(r.Context(), place+"?"+r.URL.RawQuery)
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
	case e.Kind == "server" && e.Status == 0 && e.OAuthError != "":
		return &stagedError{err, ErrAuthorizationResponse}
	case e.Kind == "server", e.Kind == "network", e.Kind == "token_not_found":
		return &stagedError{err, ErrExchange}
	}
	return err
}
