package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// readTokens reads a token response (RFC 6749 section 5.1) over what was held before; nothing of old changes where it is refused.
func (s *session) readTokens(v json.Value, old *tokens, first bool) (t *tokens, f *link.Fault) {
	t = new(tokens)
	*t = *old
	t.clearMark()
	t.receivedAt = s.link.Now
	t.generation = max(old.generation+1, s.link.Now)
	t.extra = append([]extra(nil), old.extra...)
	t.access = v.Get("access_token").Str()
	if t.access == "" && s.config.accessOptional && old.key == "" && v.Get("id_token").Str() != "" {
		return s.readIdentity(t, v)
	}
	if t.access == "" {
		return t, &link.Fault{Kind: link.KindToken, Code: "missing_access_token"}
	}
	// It goes into a header: RFC 6749 appendix A.12, and no space (RFC 6750 section 2.1).
	if !words.VSChars(t.access) || words.Index(t.access, ' ') >= 0 {
		return t, &link.Fault{Kind: link.KindServer, Code: "bad_access_token"}
	}
	switch kind := v.Get("token_type").Str(); {
	case old.key != "" && words.Lower(kind) == "dpop":
		t.kind = "DPoP"
	case old.key != "" && words.Lower(kind) == "bearer":
		// Whoever steals it could use it: not what was asked for (RFC 9449 section 5).
		return t, (&link.Fault{Kind: link.KindServer, Code: "dpop_downgrade"}).Not("DPoP", kind)
	case words.Lower(kind) == "bearer", kind == "" && s.config.missingTokenType && old.key == "", old.key == "" && s.config.bearerByName(words.Lower(kind)):
		t.kind = "Bearer"
	case kind == "":
		return t, &link.Fault{Kind: link.KindServer, Code: "missing_token_type"}
	default:
		// RFC 6749 section 7.1: a client must not use a token of a type it does not understand.
		return t, (&link.Fault{Kind: link.KindServer, Code: "unknown_token_type"}).Not("Bearer", kind)
	}
	t.expiresAt = s.endOf(v)
	if scope := scopeOf(v.Get("scope")); scope != "" {
		t.scope = words.ASCII(scope)
	} else if t.scope == "" {
		t.scope = t.requested
	}
	if s := v.Get("refresh_token").Str(); s != "" {
		t.refresh = s
	}
	if s := v.Get("id_token").Str(); s != "" {
		t.idToken = s
	} else if first && words.Has(t.scope, "openid") {
		// OpenID Connect Core 3.1.3.3; a refresh may leave it out (12.2).
		return t, &link.Fault{Kind: link.KindToken, Code: "missing_id_token"}
	}
	t.keepAll(v)
	t.ownBy(s.link)
	return t, nil
}

// bearerByName tells whether the server has that name, in lower case, for the token type Bearer.
func (c *config) bearerByName(kind string) bool {
	for it := c.tokenTypes.Each(); it.Next(); {
		if words.Lower(it.Value().Str()) == kind {
			return true
		}
	}
	return false
}

// readIdentity reads an answer with an ID token alone, which says who signed in and is good for no resource. It takes the place of the access token, with the token type that
// says so (RFC 8693 section 2.2.1), and its end is that of the session.
func (s *session) readIdentity(t *tokens, v json.Value) (*tokens, *link.Fault) {
	t.idToken, t.kind = v.Get("id_token").Str(), noAccess
	j, ok := jose.Parse(t.idToken)
	if !ok {
		return t, link.NotVerified("malformed", "")
	}
	exp, _ := j.Claims.Get("exp").Int()
	t.access, t.expiresAt = t.idToken, max(1, min(exp, link.MaxTime/1000))*1000
	if s := v.Get("refresh_token").Str(); s != "" {
		t.refresh = s
	}
	if t.scope == "" {
		t.scope = t.requested
	}
	t.keepAll(v)
	t.ownBy(s.link)
	return t, nil
}

// endOf is when the token of an answer ends, Unix ms; 0 where nothing says so. A life below zero
// has ended: read as "unknown" it would make a token that never does. expires is what some wrote before RFC 6749
// had a name for it, a life or a time: no life is that long.
func (s *session) endOf(v json.Value) int64 {
	from := s.link.Now
	n, ok := seconds(v.Get("expires_in"))
	if !ok {
		if n, ok = seconds(v.Get("expires")); !ok || n > longestLife {
			from = 0
		}
	}
	if !ok {
		if n, ok = seconds(v.Get("expires_at")); !ok {
			return 0
		}
	}
	if from == 0 && n > 100*longestLife {
		n /= 1000 // no server means the year 5138: it writes milliseconds
	}
	if n >= (link.MaxTime-from)/1000 {
		return link.MaxTime
	}
	return max(1, from+max(n, -1)*1000)
}

// longestLife is above what a token lives, and below what a time is, both in s: 31 years.
const longestLife = 1_000_000_000

// scopeOf reads a scope, which some servers write as an array of texts.
func scopeOf(v json.Value) string {
	if v.Kind() != json.Array {
		return v.Str()
	}
	var b []byte
	for it := v.Each(); it.Next(); {
		if s := it.Value().Str(); s != "" {
			b = append(append(b, s...), ' ')
		}
	}
	return words.Trim(string(b))
}

// newGrant is what a sign-in begins with.
func (s *session) newGrant(scope, key string) *tokens {
	return &tokens{requested: scope, key: key, generation: s.tokens.generation, grant: string(json.AppendInt(nil, s.link.Now)) + ":" + s.link.Random("grant", 11)}
}

// tokenRequest asks the token endpoint, or the refresh endpoint, and reads the answer. key is what the tokens are, or shall be, bound to.
func (s *session) tokenRequest(j *job, stage, endpoint, key string, params []form.Param, done func(json.Value, *link.Fault)) {
	r := &request{stage: stage, method: "POST", url: endpoint, params: params, auth: s.config.auth, key: key, newKey: key != s.tokens.key}
	s.wire.send(j, r, func(res *response, f *link.Fault) {
		if f != nil {
			done(json.Value{}, f)
			return
		}
		v, f := res.object(s.link.Now)
		if path := s.config.tokenPath; f == nil && path != "" {
			// A refresh may be answered without the level around it.
			if inner := at(v, path); inner.Kind() == json.Object || stage != stageRefresh {
				v = inner
			}
		}
		if f == nil && v.Get("access_token").Str() == "" && v.Get("id_token").Str() == "" && said(v) != "" {
			f = &link.Fault{Kind: link.KindToken, Code: "missing_access_token", Came: said(v)} // some send 200 and what went wrong
		}
		done(v, f)
	})
}

// identify verifies the ID token that came with t, if it is a new one; nothing of t is to be used before.
func (s *session) identify(t, old *tokens, want expected, done func(*link.Fault)) {
	i := s.issuer
	switch {
	case t.idToken == "" || t.idToken == old.idToken:
		done(nil)
	case s.config.idTokenOff:
		t.claims = json.Value{}
		done(nil)
	case s.config.discovery && !i.known():
		i.discovered(func(f *link.Fault) {
			if f != nil {
				done(f)
				return
			}
			s.identify(t, old, want, done)
		})
	case s.config.jwks == "" && t.kind == noAccess:
		done(i.absent("jwks_uri")) // it is all that there is
	case s.config.jwks == "":
		t.idToken = old.idToken // nobody asked for it, and nobody can say what it is worth
		done(nil)
	default:
		want.before = old.claims
		i.identify(t.idToken, t.access, want, func(claims json.Value, f *link.Fault) {
			if f == nil {
				t.claims = claims
			}
			done(f)
		})
	}
}
