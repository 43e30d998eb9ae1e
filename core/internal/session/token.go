package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// ReadTokens merges a token response (RFC 6749 section 5.1) into the tokens old. If the response is
// refused, old does not change.
func (s *Session) ReadTokens(v json.Value, old *Tokens, first bool) (t *Tokens, f *link.Fault) {
	t = s.after(old)
	t.receivedAt = s.link.Now
	t.extra = append([]extra(nil), old.extra...)
	t.Access = v.Get("access_token").Str()
	if t.Access == "" && s.config.AccessOptional && old.Key == "" && v.Get("id_token").Str() != "" {
		return s.readIdentity(t, v)
	}
	if t.Access == "" {
		return t, &link.Fault{Kind: link.KindToken, Code: "missing_access_token"}
	}
	// It goes into a header: RFC 6749 appendix A.12, and no space (RFC 6750 section 2.1).
	if !words.VSChars(t.Access) || words.Index(t.Access, ' ') >= 0 {
		return t, &link.Fault{Kind: link.KindServer, Code: "bad_access_token"}
	}
	switch kind := v.Get("token_type").Str(); {
	case old.Key != "" && words.Lower(kind) == "dpop":
		t.Type = "DPoP"
	case old.Key != "" && words.Lower(kind) == "bearer":
		// A thief could use a bearer token; a bound one was requested (RFC 9449 section 5).
		return t, (&link.Fault{Kind: link.KindServer, Code: "dpop_downgrade"}).Not("DPoP", kind)
	case words.Lower(kind) == "bearer", kind == "" && s.config.MissingTokenType && old.Key == "", old.Key == "" && s.config.BearerByName(words.Lower(kind)):
		t.Type = "Bearer"
	case kind == "":
		return t, &link.Fault{Kind: link.KindServer, Code: "missing_token_type"}
	default:
		// RFC 6749 section 7.1: a client must not use a token of a type it does not understand.
		return t, (&link.Fault{Kind: link.KindServer, Code: "unknown_token_type"}).Not("Bearer", kind)
	}
	t.ExpiresAt = s.EndOf(v)
	if scope := scopeOf(v.Get("scope")); scope != "" {
		t.Scope = words.ASCII(scope)
	} else if t.Scope == "" {
		t.Scope = t.Requested
	}
	if s := v.Get("refresh_token").Str(); s != "" {
		t.Refresh = s
	}
	if s := v.Get("id_token").Str(); s != "" {
		t.IDToken = s
	} else if first && words.Has(t.Scope, "openid") {
		// OpenID Connect Core 3.1.3.3; a refresh may leave it out (12.2).
		return t, &link.Fault{Kind: link.KindToken, Code: "missing_id_token"}
	}
	t.keepAll(v)
	t.ownBy(s.link)
	return t, nil
}

// after is a copy of old for what the server issued later.
func (s *Session) after(old *Tokens) *Tokens {
	t := *old
	t.clearMark()
	t.generation = max(old.generation+1, s.link.Now)
	return &t
}

// readIdentity reads an answer with only an ID token, which says who signed in but works at no
// resource. The ID token replaces the access token, with the token type N_A (RFC 8693 section
// 2.2.1), and the session expires with it.
func (s *Session) readIdentity(t *Tokens, v json.Value) (*Tokens, *link.Fault) {
	t.IDToken, t.Type = v.Get("id_token").Str(), NoAccess
	j, ok := jose.Parse(t.IDToken)
	if !ok {
		return t, link.NotVerified("malformed", "")
	}
	exp, _ := j.Claims.Get("exp").Int()
	t.Access, t.ExpiresAt = t.IDToken, max(1, min(exp, link.MaxTime/1000))*1000
	if s := v.Get("refresh_token").Str(); s != "" {
		t.Refresh = s
	}
	if t.Scope == "" {
		t.Scope = t.Requested
	}
	t.keepAll(v)
	t.ownBy(s.link)
	return t, nil
}

// EndOf is when the token of an answer expires, in Unix ms; 0 if the answer does not say. A
// negative life means expired: reading it as unknown would make a token that never expires. expires
// is an old name; its value is a life or a time, which are told apart by size.
func (s *Session) EndOf(v json.Value) int64 {
	from := s.link.Now
	n, ok := wire.Seconds(v.Get("expires_in"))
	if !ok {
		if n, ok = wire.Seconds(v.Get("expires")); !ok || n > LongestLife {
			from = 0
		}
	}
	if !ok {
		if n, ok = wire.Seconds(v.Get("expires_at")); !ok {
			return 0
		}
	}
	if from == 0 && n > 100*LongestLife {
		n /= 1000 // no server means the year 5138: this one writes milliseconds
	}
	if n >= (link.MaxTime-from)/1000 {
		return link.MaxTime
	}
	return max(1, from+max(n, -1)*1000)
}

// LongestLife is longer than any token's life, and less than any time of ours, both in s: 31 years.
const LongestLife = 1_000_000_000

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

// NewGrant makes the tokens of a new sign-in.
func (s *Session) NewGrant(scope, key string) *Tokens {
	return &Tokens{Requested: scope, Key: key, generation: s.Tokens.generation, grant: string(json.AppendInt(nil, s.link.Now)) + ":" + s.link.Random("grant", 11)}
}

// TokenRequest asks the token endpoint, or the refresh endpoint, and reads the answer. key is the
// key to which the tokens are, or will be, bound.
func (s *Session) TokenRequest(j *wire.Job, stage, endpoint, key string, params []form.Param, done func(json.Value, *link.Fault)) {
	r := &wire.Request{Stage: stage, Method: "POST", URL: endpoint, Params: params, Auth: s.config.AuthMethod, Key: key, NewKey: key != s.Tokens.Key}
	s.wire.Send(j, r, func(res *wire.Response, f *link.Fault) {
		if f != nil {
			done(json.Value{}, f)
			return
		}
		v, f := res.Object(s.link.Now)
		if path := s.config.TokenPath; f == nil && path != "" {
			// A refresh may be answered without the level around it.
			if inner := v.At(path); inner.Kind() == json.Object || stage != config.StageRefresh {
				v = inner
			}
		}
		if f == nil && v.Get("access_token").Str() == "" && v.Get("id_token").Str() == "" && wire.Said(v) != "" {
			f = &link.Fault{Kind: link.KindToken, Code: "missing_access_token", Came: wire.Said(v)} // some servers send an error with 200
		}
		done(v, f)
	})
}

// identify verifies the ID token of t, if it is a new one. Use nothing of t before.
func (s *Session) identify(t, old *Tokens, want issuer.Expected, done func(*link.Fault)) {
	i := s.issuer
	switch {
	case t.IDToken == "" || t.IDToken == old.IDToken:
		done(nil)
	case s.config.IDTokenOff:
		t.Claims = json.Value{}
		done(nil)
	case s.config.Discovery && !i.Known():
		i.Discovered(func(f *link.Fault) {
			if f != nil {
				done(f)
				return
			}
			s.identify(t, old, want, done)
		})
	case s.config.JWKS == "" && t.Type == NoAccess:
		done(i.Absent("jwks_uri")) // there is no other token
	case s.config.JWKS == "":
		t.IDToken = old.IDToken // it was not requested, and nobody can verify it
		done(nil)
	default:
		want.Before = old.Claims
		i.Identify(t.IDToken, t.Access, want, func(claims json.Value, f *link.Fault) {
			if f == nil {
				t.Claims = claims
			}
			done(f)
		})
	}
}
