package authserver

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// resources returns those for which a request asks a token (RFC 8707 section 2): all of granted, if
// it names none. If granted is empty, nothing is decided yet. A server without Config.Resources
// ignores the parameter.
func (s *Server) resources(p params, granted []string) ([]string, error) {
	if s.cfg.Resources == nil {
		return granted, nil
	}
	return s.within(strings.Fields(p["resource"]), granted)
}

// within checks that what is asked for is known to the server, and was granted (RFC 8707 section
// 2.2).
func (s *Server) within(asked, granted []string) ([]string, error) {
	if len(asked) == 0 {
		return granted, nil
	}
	var given []string
	for _, r := range asked {
		if len(granted) > 0 && !slices.Contains(granted, r) || r != s.cfg.Issuer && !slices.Contains(s.cfg.Resources, r) {
			return nil, badRequest("invalid_target", "the resource is not one that tokens are issued for")
		}
		if !slices.Contains(given, r) {
			given = append(given, r)
		}
	}
	return given, nil
}

// isFor reports whether an access token is meant for this resource server. If the token is limited
// to resources, the server must have one of them (RFC 8707 section 2, RFC 7662 section 4).
func (c Client) isFor(t TokenRecord) bool {
	return c.ResourceServer && (len(t.Resources) == 0 || slices.ContainsFunc(c.Resources, func(r string) bool { return slices.Contains(t.Resources, r) }))
}

// resourceMetadataPath is the path of a resource's metadata. The resource's own path is appended
// (RFC 9728 section 3.1).
const resourceMetadataPath = "/.well-known/oauth-protected-resource"

// ResourceMetadataURL is where the metadata of a protected resource must be served (RFC 9728
// section 3.1). The challenges of [Server.CheckAccess] name it. It is empty if resource is not a
// valid identifier.
func ResourceMetadataURL(resource string) string {
	u, err := url.Parse(resource)
	if err != nil || u.Host == "" || u.Fragment != "" || strings.ContainsAny(resource, "\"\\ ") {
		return ""
	}
	path := u.EscapedPath()
	if path == "/" {
		path = ""
	}
	metadata := u.Scheme + "://" + u.Host + resourceMetadataPath + path
	if u.RawQuery != "" {
		metadata += "?" + u.RawQuery
	}
	return metadata
}

// ownResources are those whose metadata the server itself serves (RFC 9728 section 3): its userinfo
// endpoint, named by the issuer, and all of Config.Resources that have its origin.
func (s *Server) ownResources() []Access {
	own := []Access{{Resource: s.cfg.Issuer, Scope: scopeOpenID}}
	for _, r := range s.cfg.Resources {
		u, err := url.Parse(r)
		if err == nil && u.Scheme == s.issuer.Scheme && u.Host == s.issuer.Host && u.RawQuery == "" && ResourceMetadataURL(r) != "" && r != s.cfg.Issuer {
			own = append(own, Access{Resource: r})
		}
	}
	return own
}

// pathOf is the part of the resource's path that is in the path of its metadata.
func pathOf(resource string) string {
	u, err := url.Parse(resource)
	if err != nil || u.Path == "/" {
		return ""
	}
	return u.Path
}

// authorizationDetails reads the parameter of RFC 9396 section 2 in canonical form. A server
// without Config.AuthorizationDetailsTypes ignores it.
func (s *Server) authorizationDetails(p params) (string, error) {
	text := p["authorization_details"]
	if text == "" || s.cfg.AuthorizationDetailsTypes == nil {
		return "", nil
	}
	invalid := badRequest("invalid_authorization_details", "authorization_details are not of a known type")
	var details []map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // numbers stay as they were written
	if err := decoder.Decode(&details); err != nil || len(details) == 0 || decoder.More() {
		return "", invalid
	}
	for _, d := range details {
		if t, _ := d["type"].(string); !slices.Contains(s.cfg.AuthorizationDetailsTypes, t) {
			return "", invalid
		}
	}
	canonical, err := json.Marshal(details)
	if err != nil {
		return "", invalid
	}
	return string(canonical), nil
}

// sameDetails checks the details in a token request (RFC 9396 section 6): they must equal what was
// granted.
func (s *Server) sameDetails(p params, granted string) error {
	asked, err := s.authorizationDetails(p)
	if err == nil && cmp.Or(asked, granted) != granted {
		err = badRequest("invalid_authorization_details", "authorization_details are not those that were granted")
	}
	return err
}
