package authserver

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// resources are those a request asks a token for (RFC 8707 section 2): all of granted, if it names
// none. Nothing granted means that it is open yet. A server without Config.Resources takes no
// notice of the parameter.
func (s *Server) resources(p params, granted []string) ([]string, error) {
	if s.cfg.Resources == nil {
		return granted, nil
	}
	return s.within(strings.Fields(p["resource"]), granted)
}

// within holds those that are asked for to those that tokens are issued for, and to what was
// granted (RFC 8707 section 2.2).
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

// isFor tells whether an access token is meant for the resource server: one that is for certain
// resources, for those that have it among them (RFC 8707 section 2, RFC 7662 section 4).
func (c Client) isFor(t TokenRecord) bool {
	return c.ResourceServer && (len(t.Resources) == 0 || slices.ContainsFunc(c.Resources, func(r string) bool { return slices.Contains(t.Resources, r) }))
}

// resourceMetadataPath is where the metadata of a resource is, with its own path behind (RFC 9728
// section 3.1).
const resourceMetadataPath = "/.well-known/oauth-protected-resource"

// ResourceMetadataURL is where the metadata of a protected resource has to be served (RFC 9728
// section 3.1): the challenges of [Server.CheckAccess] name it. It is empty for what is no
// identifier of a resource.
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

// ownResources are those whose metadata the server serves itself (RFC 9728 section 3): its userinfo
// endpoint, by the name of the issuer, and all of Config.Resources that are of its origin.
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

// pathOf is what of the resource's path is part of the path of its metadata.
func pathOf(resource string) string {
	u, err := url.Parse(resource)
	if err != nil || u.Path == "/" {
		return ""
	}
	return u.Path
}

// authorizationDetails reads the parameter of RFC 9396 section 2 in canonical form. A server
// without Config.AuthorizationDetailsTypes takes no notice of it.
func (s *Server) authorizationDetails(p params) (string, error) {
	text := p["authorization_details"]
	if text == "" || s.cfg.AuthorizationDetailsTypes == nil {
		return "", nil
	}
	invalid := badRequest("invalid_authorization_details", "authorization_details are not of a known type")
	var details []map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // a number stays as it was written
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

// sameDetails holds a token request to what was granted (RFC 9396 section 6): it may say it again,
// and nothing else.
func (s *Server) sameDetails(p params, granted string) error {
	asked, err := s.authorizationDetails(p)
	if err == nil && cmp.Or(asked, granted) != granted {
		err = badRequest("invalid_authorization_details", "authorization_details are not those that were granted")
	}
	return err
}
