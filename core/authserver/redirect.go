package authserver

import (
	"net/http"
	"net/url"
	"strings"
)

// withQuery adds to the query of a URI (RFC 6749 section 3.1.2).
func withQuery(uri string, more url.Values) string {
	switch {
	case len(more) == 0:
		return uri
	case strings.Contains(uri, "?"):
		return uri + "&" + more.Encode()
	}
	return uri + "?" + more.Encode()
}

// seeOther redirects with 303: the browser then never posts the user's form again at the client
// (RFC 9700 section 4.12).
func seeOther(location string) Response {
	h := newHeader("")
	h.Set("Location", location)
	h.Set("Referrer-Policy", "no-referrer")
	return Response{Status: http.StatusSeeOther, Header: h}
}

// sourceOf is the source expression (Content Security Policy section 2.3.1) of an http or https
// address's origin.
func sourceOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return "'none'"
	}
	if u.Host == "" || strings.ContainsAny(u.Host, "[];,'") {
		return u.Scheme + ":" // there is no expression for an IPv6 address
	}
	return u.Scheme + "://" + u.Host
}

// isLoopbackURI reports whether the redirect URI leads to the user's own device.
func isLoopbackURI(redirectURI string) bool {
	u, err := url.Parse(redirectURI)
	return err == nil && isLoopbackHost(u.Hostname())
}

// returnAddress is the part of a redirect URI that tells a user where it leads.
func returnAddress(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil || u.Host == "" {
		scheme, _, _ := strings.Cut(redirectURI, ":")
		return scheme
	}
	return u.Host
}
