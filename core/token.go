package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// readTokens reads a token response (RFC 6749 section 5.1) over what was held before; nothing of old changes where it is refused.
func (c *client) readTokens(v json.Value, old *tokens, first bool) (t *tokens, f *link.Fault) {
	t = new(tokens)
	*t = *old
	t.clearMark()
	t.receivedAt = c.Now
	t.generation = max(old.generation+1, c.Now)
	t.extra = append([]extra(nil), old.extra...)
	t.access = v.Get("access_token").Str()
	if t.access == "" && c.accessOptional && old.key == "" && v.Get("id_token").Str() != "" {
		return c.readIdentity(t, v)
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
	case words.Lower(kind) == "bearer", kind == "" && c.missingTokenType && old.key == "", old.key == "" && c.bearerByName(words.Lower(kind)):
		t.kind = "Bearer"
	case kind == "":
		return t, &link.Fault{Kind: link.KindServer, Code: "missing_token_type"}
	default:
		// RFC 6749 section 7.1: a client must not use a token of a type it does not understand.
		return t, (&link.Fault{Kind: link.KindServer, Code: "unknown_token_type"}).Not("Bearer", kind)
	}
	t.expiresAt = c.endOf(v)
	if s := scopeOf(v.Get("scope")); s != "" {
		t.scope = words.ASCII(s)
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
	t.ownBy(c.Link)
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
func (c *client) readIdentity(t *tokens, v json.Value) (*tokens, *link.Fault) {
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
	t.ownBy(c.Link)
	return t, nil
}

// endOf is when the token of an answer ends, Unix ms; 0 where nothing says so. A life below zero
// has ended: read as "unknown" it would make a token that never does. expires is what some wrote before RFC 6749
// had a name for it, a life or a time: no life is that long.
func (c *client) endOf(v json.Value) int64 {
	from := c.Now
	s, ok := seconds(v.Get("expires_in"))
	if !ok {
		if s, ok = seconds(v.Get("expires")); !ok || s > longestLife {
			from = 0
		}
	}
	if !ok {
		if s, ok = seconds(v.Get("expires_at")); !ok {
			return 0
		}
	}
	if from == 0 && s > 100*longestLife {
		s /= 1000 // no server means the year 5138: it writes milliseconds
	}
	if s >= (link.MaxTime-from)/1000 {
		return link.MaxTime
	}
	return max(1, from+max(s, -1)*1000)
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
func (c *client) newGrant(scope, key string) *tokens {
	return &tokens{requested: scope, key: key, generation: c.tokens.generation, grant: string(json.AppendInt(nil, c.Now)) + ":" + c.Random("grant", 11)}
}

// tokenRequest asks the token endpoint, or the refresh endpoint, and reads the answer. key is what the tokens are, or shall be, bound to.
func (c *client) tokenRequest(cmd *command, stage, endpoint, key string, params []form.Param, done func(json.Value, *link.Fault)) {
	r := &request{stage: stage, method: "POST", url: endpoint, params: params, auth: c.auth, key: key, newKey: key != c.tokens.key}
	c.send(cmd, r, func(res *response, f *link.Fault) {
		if f != nil {
			done(json.Value{}, f)
			return
		}
		v, f := res.object(c.Now)
		if f == nil && c.tokenPath != "" {
			// A refresh may be answered without the level around it.
			if inner := at(v, c.tokenPath); inner.Kind() == json.Object || stage != stageRefresh {
				v = inner
			}
		}
		if f == nil && v.Get("access_token").Str() == "" && v.Get("id_token").Str() == "" && said(v) != "" {
			f = &link.Fault{Kind: link.KindToken, Code: "missing_access_token", Came: said(v)} // some send 200 and what went wrong
		}
		done(v, f)
	})
}

// receive makes t the session once its ID token is verified, unless f says what is wrong with it already.
func (c *client) receive(t *tokens, f *link.Fault, old *tokens, want expected, done func(*link.Fault)) {
	if f != nil {
		done(f)
		return
	}
	c.identify(t, old, want, func(f *link.Fault) {
		if f == nil {
			f = t.tooLarge()
		}
		if f != nil {
			if !want.brought {
				c.discard(t) // nobody will use it
			}
			done(f)
			return
		}
		c.sessions.run(func(release func()) {
			if want.wanted != nil && !want.wanted() {
				release()
				c.discard(t) // given up while it waited for its turn
				return
			}
			c.hold(t, want.brought, func(f *link.Fault) {
				release()
				done(f)
			})
		})
	})
}

// redeem turns a code into tokens (RFC 6749 section 4.1.3) and holds them.
func (c *client) redeem(cmd *command, a *attempt, code string, done func(*link.Fault)) {
	if c.config.token == "" {
		done(c.absent("token_endpoint"))
		return
	}
	params := []form.Param{{Name: "grant_type", Value: "authorization_code"}, {Name: "code", Value: code}}
	if a.redirectURI != "" {
		params = append(params, form.Param{Name: "redirect_uri", Value: a.redirectURI})
	}
	if a.verifier != "" {
		params = append(params, form.Param{Name: "code_verifier", Value: a.verifier})
	}
	if a.key == "" {
		a.key = c.newKey()
	}
	c.tokenRequest(cmd, stageToken, c.config.token, a.key, append(params, c.resource...), func(v json.Value, f *link.Fault) {
		if f != nil {
			c.dropKey(a.key)
			// A code is good for one try (RFC 6749 section 4.1.2): the same command would not succeed later.
			f.Retryable = false
			c.redact(f, code, a.verifier)
			done(f)
			return
		}
		t, f := c.readTokens(v, c.newGrant(a.scope, a.key), true)
		if f == nil && t.idToken == "" && words.Has(a.scope, "openid") && (a.acr != "" || a.maxAge >= 0) {
			f = &link.Fault{Kind: link.KindToken, Code: "missing_id_token"} // nothing says how the user signed in
		}
		if f != nil {
			c.dropKey(a.key)
		}
		c.receive(t, f, &tokens{}, expected{nonce: a.nonce, iss: a.iss, maxAge: a.maxAge, asked: a.at, acr: a.acr, code: code}, done)
	})
}

// exchange redeems a code that was obtained elsewhere.
func (c *client) exchange(cmd *command, in json.Value) {
	a := &attempt{verifier: in.Get("code_verifier").Str(), nonce: in.Get("nonce").Str(), redirectURI: c.redirectURI, scope: c.scope, maxAge: -1, key: c.newKey()}
	if s := in.Get("redirect_uri").Str(); s != "" {
		a.redirectURI = s
	}
	if s := in.Get("scope").Str(); s != "" {
		a.scope = s
	}
	code := in.Get("code").Str()
	switch {
	case code == "" || !words.VSChars(code):
		c.fail(cmd, link.Bad("bad_value", "code"))
	case !words.ScopeOK(a.scope):
		c.fail(cmd, wrongScope(a.scope))
	case a.verifier != "" && !verifierOK(a.verifier):
		c.fail(cmd, link.Bad("bad_value", "code_verifier"))
	default:
		// Before the code is spent: without the keys its tokens could not be used.
		c.withKeys(a.scope, func(f *link.Fault) {
			if f != nil {
				c.fail(cmd, f)
				return
			}
			c.redeem(cmd, a, code, func(f *link.Fault) { c.finishStatus(cmd, f, "") })
		})
	}
}

// setToken makes a session from a token that was kept elsewhere.
func (c *client) setToken(cmd *command, in json.Value) {
	v, key := in.Get("token"), ""
	if words.Lower(v.Get("token_type").Str()) == "dpop" {
		key = c.tokens.key // the session's own, which somebody kept
	}
	t, f := c.readTokens(v, c.newGrant(c.scope, key), false)
	if f != nil {
		f.Kind, f.Field = link.KindClient, "token"
	} else if s, ok := seconds(v.Get("expires_in")); ok && s > longestLife {
		f = link.Wrong("bad_value", "expires_in", "a life in seconds", v.Get("expires_in"))
	} else if at := v.Get("expires_at"); at.Kind() != json.None && !ok {
		// As this client gives it out. In seconds it would have ended in 1970, and in microseconds never end.
		n, whole := at.Int()
		if t.expiresAt = n; !whole || n < earliestTime || n > latestTime {
			f = link.Wrong("bad_value", "expires_at", "Unix time in milliseconds", at)
		}
	}
	c.receive(t, f, &tokens{}, expected{maxAge: -1, brought: true}, func(f *link.Fault) { c.finishStatus(cmd, f, "") })
}

// earliestTime and latestTime bound what a time in ms can be: 2001 to 9999. In s or in µs nothing of our days is in between.
const earliestTime, latestTime = 1_000_000_000_000, 253_402_300_799_999
