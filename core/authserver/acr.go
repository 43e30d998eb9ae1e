package authserver

import (
	"slices"
	"strings"
)

// readACR returns the authentication context class that the request asks for (OpenID Connect Core
// section 3.1.2.1): the first that the server has.
func (s *Server) readACR(p params) (string, error) {
	asked := strings.Fields(p["acr_values"])
	if len(asked) == 0 || len(s.cfg.ACRValues) == 0 {
		return "", nil
	}
	for _, acr := range asked {
		if slices.Contains(s.cfg.ACRValues, acr) {
			return acr, nil
		}
	}
	// RFC 9470 section 5.
	return "", badRequest("unmet_authentication_requirements", "no such authentication context class is supported")
}

// satisfies reports whether a sign-in of class have meets a request for class want.
func (s *Server) satisfies(have, want string) bool {
	return want == "" || slices.Index(s.cfg.ACRValues, have) >= slices.Index(s.cfg.ACRValues, want)
}

// standardACR is the class of a sign-in if the request asked for none.
func (s *Server) standardACR() string {
	if len(s.cfg.ACRValues) == 0 {
		return ""
	}
	return s.cfg.ACRValues[0]
}
