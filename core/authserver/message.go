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
	// URL is the request target: a path with query, or an absolute URL where the host knows the
	// scheme.
	URL    string
	Header http.Header
	Body   []byte
	// CertificateThumbprint is the SHA-256 of the certificate that the client proved to have in the
	// TLS handshake, in base64url without padding; empty where it had none.
	CertificateThumbprint string
	// Source is the IP address that the request comes from, without a port, for [Limits]: behind a
	// proxy of the host's own that of the proxy's client. Empty means that it is not known, and
	// nothing is counted by it.
	Source string
	// Now is the time the request is answered at; it must be set.
	Now time.Time
}

// call is a request on its way through the server.
type call struct {
	Request
	target *url.URL
	// source is what Request.Source counts under.
	source string
}

// params are the parameters of a request, each once and not empty. The values of those that may
// come more than once are separated by spaces.
type params map[string]string

// readParams applies the rules of RFC 6749 sections 3.1 and 3.2: a parameter without a value counts
// as omitted, and none may come twice, but for resource (RFC 8707 section 2) and audience (RFC 8693
// section 2.1), which may.
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

// form reads the parameters of a request body of the only media type RFC 6749 section 3.2 knows.
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
