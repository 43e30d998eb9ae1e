package authserver

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// protocolError is an error of RFC 6749 sections 4.1.2.1 and 5.2. The description is a constant of
// this package: it contains no secret and nothing from the request, and uses only the allowed
// characters.
type protocolError struct {
	status      int
	code        string
	description string
	// challenges are values of WWW-Authenticate.
	challenges []string
	// retryAfter is when to retry, if that is known.
	retryAfter time.Duration
}

func (e *protocolError) Error() string { return "authserver: " + e.code + ": " + e.description }

func badRequest(code, description string) *protocolError {
	return &protocolError{status: http.StatusBadRequest, code: code, description: description}
}

func invalidRequest(description string) *protocolError {
	return badRequest("invalid_request", description)
}

func invalidGrant(description string) *protocolError {
	return badRequest("invalid_grant", description)
}

// asProtocolError converts an internal error to one of the protocol, without its text.
func asProtocolError(err error) *protocolError {
	if p, ok := errors.AsType[*protocolError](err); ok {
		return p
	}
	if errors.Is(err, ErrUnavailable) {
		return &protocolError{status: http.StatusServiceUnavailable, code: "temporarily_unavailable",
			description: "the server cannot answer at the moment"}
	}
	return &protocolError{status: http.StatusInternalServerError, code: "server_error",
		description: "the server met an unexpected condition"}
}

// response is the error as JSON (RFC 6749 section 5.2).
func (e *protocolError) response() Response {
	r := jsonResponse(e.status, map[string]string{"error": e.code, "error_description": e.description})
	for _, challenge := range e.challenges {
		r.Header.Add("WWW-Authenticate", challenge)
	}
	e.sayWhen(r)
	return r
}

// sayWhen adds Retry-After to the response (RFC 9110 section 10.2.3), rounded up to whole seconds.
func (e *protocolError) sayWhen(r Response) {
	if e.retryAfter > 0 {
		r.Header.Set("Retry-After", strconv.FormatInt(int64((e.retryAfter+time.Second-1)/time.Second), 10))
	}
}
