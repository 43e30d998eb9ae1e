package authserver

import (
	"slices"
	"strings"
)

// Scope is a scope token and its meaning in words that a user understands.
type Scope struct {
	// Name is a scope-token of RFC 6749 section 3.3.
	Name string
	// Description completes "This lets the application …", for example "Read your notes".
	Description string
}

// scopeOpenID asks for an ID token (OpenID Connect Core section 3.1.2.1).
const scopeOpenID = "openid"

// scopeOffline asks for a grant that outlives the session (OpenID Connect Core section 11).
// Config.Scopes has to name it.
const scopeOffline = "offline_access"

// scopes are the scopes that a server knows.
type scopes []Scope

// Scopes of OpenID Connect Core sections 3.1.2.1 and 5.4.
var builtinScopes = scopes{
	{Name: scopeOpenID, Description: "Know that you signed in"},
	{Name: "profile", Description: "See your name"},
	{Name: "email", Description: "See your email address"},
}

// splitScope parses a scope (RFC 6749 section 3.3). It keeps the order and drops repeated tokens.
func splitScope(s string) ([]string, bool) {
	if s == "" {
		return nil, true
	}
	var names []string
	seen := map[string]bool{} // a list would have to be searched for each
	for name := range strings.SplitSeq(s, " ") {
		if !isScopeToken(name) {
			return nil, false
		}
		if !seen[name] {
			seen[name] = true
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

// narrowScope returns the requested scope if granted contains all of it, and granted if none is
// requested.
func narrowScope(requested, granted string) (string, bool) {
	if requested == "" {
		return granted, true
	}
	names, ok := splitScope(requested)
	if !ok {
		return "", false
	}
	have := map[string]bool{}
	for name := range strings.FieldsSeq(granted) {
		have[name] = true
	}
	for _, name := range names {
		if !have[name] {
			return "", false
		}
	}
	return strings.Join(names, " "), true
}

// requested returns what a request asks for, if its client may have it and the server knows it.
func (s scopes) requested(asked, allowed string) (string, error) {
	scope, ok := narrowScope(asked, allowed)
	if !ok {
		return "", badRequest("invalid_scope", "the client may not ask for this scope")
	}
	for name := range strings.FieldsSeq(scope) {
		if !slices.ContainsFunc(s, func(known Scope) bool { return known.Name == name }) {
			return "", badRequest("invalid_scope", "the scope is not supported")
		}
	}
	return scope, nil
}

// describe returns the scope in the words of the consent pages. A name without a description stands
// for itself: a store can hold one after Config.Scopes has changed.
func (s scopes) describe(scope []string) []Scope {
	var described []Scope
	for _, name := range scope {
		words := Scope{Name: name, Description: name}
		if i := slices.IndexFunc(s, func(known Scope) bool { return known.Name == name }); i >= 0 {
			words = s[i]
		}
		described = append(described, words)
	}
	return described
}

func (s scopes) names() []string {
	names := make([]string, len(s))
	for i, scope := range s {
		names[i] = scope.Name
	}
	return names
}

func mergeScopes(more []Scope) scopes {
	all := slices.Clone(builtinScopes)
	for _, m := range more {
		same := func(s Scope) bool { return s.Name == m.Name }
		if i := slices.IndexFunc(all, same); i >= 0 {
			all[i] = m
		} else {
			all = append(all, m)
		}
	}
	return all
}
