package authserver

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Request is one HTTP request to the server.
type Request struct {
	Method string
	// URL is the request target: a path with query, or an absolute URL if the host knows the
	// scheme.
	URL    string
	Header http.Header
	Body   []byte
	// CertificateThumbprint is the SHA-256 of the certificate whose key the client proved to have
	// in the TLS handshake, in base64url without padding; empty if it had none.
	CertificateThumbprint string
	// Source is the IP address from which the request comes, without a port, for [Limits]. Behind a
	// proxy of the host's own it is the address of the proxy's client. Empty means that it is not
	// known; then the request is not counted by address.
	Source string
	// Now is the time at which the request is answered. It must be set.
	Now time.Time
}

// call is a request that the server is answering.
type call struct {
	Request
	target *url.URL
	// source is the party under which Request.Source is counted.
	source string
}

// params are the parameters of a request, without empty ones. The values of a parameter that may
// occur more than once are joined with spaces.
type params map[string]string

// readParams applies the rules of RFC 6749 sections 3.1 and 3.2: a parameter without a value counts
// as omitted, and no parameter may occur twice, except resource (RFC 8707 section 2) and audience
// (RFC 8693 section 2.1).
func readParams(values url.Values) (params, error) {
	p := params{}
	for name, v := range values {
		if name == "resource" || name == "audience" {
			v = []string{strings.Join(slices.DeleteFunc(slices.Clone(v), func(s string) bool { return s == "" }), " ")}
		}
		if len(v) > 1 {
			return p, invalidRequest("a parameter is repeated")
		}
		if v[0] != "" {
			p[name] = v[0]
		}
	}
	return p, nil
}

// form reads the parameters of a request body. Only the media type of RFC 6749 section 3.2 is
// accepted.
func (c *call) form() (params, error) {
	values, err := c.formValues()
	if err != nil {
		return nil, err
	}
	return readParams(values)
}

func (c *call) formValues() (url.Values, error) {
	mediaType, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("the Content-Type must be application/x-www-form-urlencoded")
	}
	values, err := url.ParseQuery(string(c.Body))
	if err != nil {
		return nil, invalidRequest("the body is not form-encoded")
	}
	return values, nil
}
