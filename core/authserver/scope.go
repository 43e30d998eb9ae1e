package authserver

import (
	"slices"
	"strings"
)

// Scope is a scope token and what it means in words a user understands.
type Scope struct {
	// Name is a scope-token of RFC 6749 section 3.3.
	Name string
	// Description completes "This lets the application …", for example "Read your notes".
	Description string
}

// Scopes of OpenID Connect Core section 5.4 that the userinfo endpoint answers for.
var builtinScopes = []Scope{
	{Name: "profile", Description: "See your name"},
	{Name: "email", Description: "See your email address"},
}

// splitScope reads the scope grammar of RFC 6749 section 3.3, keeping the order and dropping repeats.
func splitScope(s string) ([]string, bool) {
	if s == "" {
		return nil, true
	}
	var names []string
	for name := range strings.SplitSeq(s, " ") {
		if !isScopeToken(name) {
			return nil, false
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, true
}

func isScopeToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

// narrowScope returns the requested scope if granted holds all of it, and granted if none is requested.
func narrowScope(requested, granted string) (string, bool) {
	if requested == "" {
		return granted, true
	}
	names, ok := splitScope(requested)
	if !ok {
		return "", false
	}
	have := strings.Fields(granted)
	for _, name := range names {
		if !slices.Contains(have, name) {
			return "", false
		}
	}
	return strings.Join(names, " "), true
}
