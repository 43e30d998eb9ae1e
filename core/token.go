package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// tokens is a token as a bag of all fields, and what we know of it besides.
type tokens struct {
	access, kind, refresh, idToken string
	key                            string // the access token is bound to it; "" for a bearer token
	scope                          string // granted
	requested                      string
	expiresAt                      int64 // Unix ms, 0: unknown
	receivedAt                     int64
	generation                     int64 // grows with each answer, whatever the clock does
	sentAt                         int64 // the refresh token went out then first, and what became of it is not known
	triedAt                        int64 // and then last
	triedBy                        string
	grant                          string     // a name for the sign-in that all this came of, with its time in front
	claims                         json.Value // of the ID token, verified
	extra                          []extra
}

// An extra is a member that no RFC we know names, as it stood.
type extra struct{ name, raw string }

// readTokens reads a token response (RFC 6749 section 5.1) over what was held before; nothing of old changes where it is refused.
func (c *client) readTokens(v json.Value, old *tokens, first bool) (t *tokens, f *fault) {
	t = new(tokens)
	*t = *old
	t.clearMark()
	t.receivedAt = c.now
	t.generation = max(old.generation+1, c.now)
	t.extra = append([]extra(nil), old.extra...)
	t.access = v.Get("access_token").Str()
	if t.access == "" && c.accessOptional && old.key == "" && v.Get("id_token").Str() != "" {
		return c.readIdentity(t, v)
	}
	if t.access == "" {
		return t, &fault{kind: kindToken, code: "missing_access_token"}
	}
	// It goes into a header: RFC 6749 appendix A.12, and no space (RFC 6750 section 2.1).
	if !vschars(t.access) || index(t.access, ' ') >= 0 {
		return t, &fault{kind: kindServer, code: "bad_access_token"}
	}
	switch kind := v.Get("token_type").Str(); {
	case old.key != "" && lower(kind) == "dpop":
		t.kind = "DPoP"
	case old.key != "" && lower(kind) == "bearer" && plant != "downgrade-taken":
		// Whoever steals it could use it: not what was asked for (RFC 9449 section 5).
		return t, (&fault{kind: kindServer, code: "dpop_downgrade"}).not("DPoP", kind)
	case lower(kind) == "bearer", kind == "" && c.missingTokenType && old.key == "", old.key == "" && c.bearerByName(lower(kind)):
		t.kind = "Bearer"
	case kind == "":
		return t, &fault{kind: kindServer, code: "missing_token_type"}
	default:
		// RFC 6749 section 7.1: a client must not use a token of a type it does not understand.
		return t, (&fault{kind: kindServer, code: "unknown_token_type"}).not("Bearer", kind)
	}
	t.expiresAt = c.endOf(v)
	if s := scopeOf(v.Get("scope")); s != "" {
		t.scope = ascii(s)
	} else if t.scope == "" {
		t.scope = t.requested
	}
	if s := v.Get("refresh_token").Str(); s != "" {
		t.refresh = s
	}
	if s := v.Get("id_token").Str(); s != "" {
		t.idToken = s
	} else if first && hasScope(t.scope, "openid") {
		// OpenID Connect Core 3.1.3.3; a refresh may leave it out (12.2).
		return t, &fault{kind: kindToken, code: "missing_id_token"}
	}
	t.keepAll(v)
	t.ownBy(c.link)
	return t, nil
}

// bearerByName tells whether the server has that name, in lower case, for the token type Bearer.
func (c *config) bearerByName(kind string) bool {
	for it := c.tokenTypes.Each(); it.Next(); {
		if lower(it.Value().Str()) == kind {
			return true
		}
	}
	return false
}

// readIdentity reads an answer with an ID token alone, which says who signed in and is good for no resource. It takes the place of the access token, with the token type that
// says so (RFC 8693 section 2.2.1), and its end is that of the session.
func (c *client) readIdentity(t *tokens, v json.Value) (*tokens, *fault) {
	t.idToken, t.kind = v.Get("id_token").Str(), noAccess
	j, ok := parseJWS(t.idToken)
	if !ok {
		return t, notVerified("malformed", "")
	}
	exp, _ := j.claims.Get("exp").Int()
	t.access, t.expiresAt = t.idToken, max(1, min(exp, maxTime/1000))*1000
	if s := v.Get("refresh_token").Str(); s != "" {
		t.refresh = s
	}
	if t.scope == "" {
		t.scope = t.requested
	}
	t.keepAll(v)
	t.ownBy(c.link)
	return t, nil
}

// noAccess is the type of what is no access token.
const noAccess = "N_A"

// bearer is the access token, "" where there is none.
func (t *tokens) bearer() string {
	if t.kind == noAccess {
		return ""
	}
	return t.access
}

// keepAll keeps the members that no RFC we know names.
func (t *tokens) keepAll(v json.Value) {
	for it := v.Each(); it.Next(); {
		switch name := it.Name(); name {
		case "access_token", "token_type", "expires_in", "expires_at", "scope", "refresh_token", "id_token":
		case "expires":
			if _, ok := seconds(it.Value()); !ok || v.Get("expires_in").Kind() != json.None {
				t.keep(name, it.Value().Raw())
			}
		default:
			t.keep(name, it.Value().Raw())
		}
	}
}

// endOf is when the token of an answer ends, Unix ms; 0 where nothing says so. A life below zero
// has ended: read as "unknown" it would make a token that never does. expires is what some wrote before RFC 6749
// had a name for it, a life or a time: no life is that long.
func (c *client) endOf(v json.Value) int64 {
	from := c.now
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
	if s >= (maxTime-from)/1000 {
		return maxTime
	}
	return max(1, from+max(s, -1)*1000)
}

// longestLife is above what a token lives, and below what a time is, both in s: 31 years.
const longestLife = 1_000_000_000

const (
	// maxTokens is how long the tokens of a session and its scope may be together, in bytes: all of
	// it is written anew for each change.
	maxTokens = 192 << 10
	// maxExtra is how long all members together may be that no RFC we know names.
	maxExtra = 16 << 10
)

// tooLarge is the fault of what is more than a session keeps, nil for less.
func (t *tokens) tooLarge() *fault {
	if len(t.access)+len(t.refresh)+len(t.idToken)+len(t.scope) > maxTokens || t.claims.Values() > maxValues || t.extraTooLarge() {
		return &fault{kind: kindServer, code: "too_large"}
	}
	return nil
}

// extraTooLarge: members that are nested too deeply to be read again from the store are, too.
func (t *tokens) extraTooLarge() bool {
	left := maxExtra
	for _, e := range t.extra {
		left -= len(e.name) + len(e.raw)
	}
	if len(t.extra) == 0 || left < 0 {
		return left < 0
	}
	var w json.Writer
	w.Open('{')
	t.writeExtra(&w)
	w.Close('}')
	_, ok := json.Parse(w.String())
	return !ok || len(w.Bytes()) > maxExtra
}

// ownBy makes t independent of the input that it came in.
func (t *tokens) ownBy(l *link) {
	l.own(&t.access, &t.kind, &t.key, &t.refresh, &t.idToken, &t.scope, &t.requested, &t.triedBy, &t.grant)
	for i := range t.extra {
		l.own(&t.extra[i].name, &t.extra[i].raw)
	}
}

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
	return trim(string(b))
}

// newGrant is what a sign-in begins with.
func (c *client) newGrant(scope, key string) *tokens {
	return &tokens{requested: scope, key: key, generation: c.tokens.generation, grant: string(json.AppendInt(nil, c.now)) + ":" + c.random("grant", 11)}
}

// signedInAt is the time in the name of the sign-in.
func (t *tokens) signedInAt() int64 {
	at, _ := json.Int(t.grant[:max(index(t.grant, ':'), 0)])
	return at
}

// sameToken tells whether the access token is the same, whatever else was written since.
func (t *tokens) sameToken(other *tokens) bool {
	return t.access == other.access && t.receivedAt == other.receivedAt
}

// clearMark says that the refresh token is not under way.
func (t *tokens) clearMark() { t.sentAt, t.triedAt, t.triedBy = 0, 0, "" }

func (t *tokens) keep(name, raw string) {
	for i := range t.extra {
		if t.extra[i].name == name {
			t.extra[i].raw = raw
			return
		}
	}
	t.extra = append(t.extra, extra{name, raw})
}

// seconds reads a number or numeric string, of any size and with a fraction; 0 and anything else is
// "unknown".
func seconds(v json.Value) (s int64, ok bool) {
	text := v.Str()
	if v.Kind() == json.Number {
		text = v.Raw()
	}
	s, ok = json.Near(text)
	return s, ok && s != 0
}

// tokenRequest asks the token endpoint, or the refresh endpoint, and reads the answer. key is what the tokens are, or shall be, bound to.
func (c *client) tokenRequest(cmd *command, stage, endpoint, key string, params []form.Param, done func(json.Value, *fault)) {
	r := &request{stage: stage, method: "POST", url: endpoint, params: params, auth: c.auth, key: key, newKey: key != c.tokens.key}
	c.send(cmd, r, func(res *response, f *fault) {
		if f != nil {
			done(json.Value{}, f)
			return
		}
		v, f := res.object(c.now)
		if f == nil && c.tokenPath != "" {
			// A refresh may be answered without the level around it.
			if inner := at(v, c.tokenPath); inner.Kind() == json.Object || stage != stageRefresh {
				v = inner
			}
		}
		if f == nil && v.Get("access_token").Str() == "" && v.Get("id_token").Str() == "" && said(v) != "" {
			f = &fault{kind: kindToken, code: "missing_access_token", came: said(v)} // some send 200 and what went wrong
		}
		done(v, f)
	})
}

// receive makes t the session once its ID token is verified, unless f says what is wrong with it already.
func (c *client) receive(t *tokens, f *fault, old *tokens, want expected, done func(*fault)) {
	if f != nil {
		done(f)
		return
	}
	c.identify(t, old, want, func(f *fault) {
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
			c.hold(t, want.brought, func(f *fault) {
				release()
				done(f)
			})
		})
	})
}

// redeem turns a code into tokens (RFC 6749 section 4.1.3) and holds them.
func (c *client) redeem(cmd *command, a *attempt, code string, done func(*fault)) {
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
	c.tokenRequest(cmd, stageToken, c.config.token, a.key, append(params, c.resource...), func(v json.Value, f *fault) {
		if f != nil {
			c.dropKey(a.key)
			// A code is good for one try (RFC 6749 section 4.1.2): the same command would not succeed later.
			f.retryable = false
			c.redact(f, code, a.verifier)
			done(f)
			return
		}
		t, f := c.readTokens(v, c.newGrant(a.scope, a.key), true)
		if f == nil && t.idToken == "" && hasScope(a.scope, "openid") && (a.acr != "" || a.maxAge >= 0) {
			f = &fault{kind: kindToken, code: "missing_id_token"} // nothing says how the user signed in
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
	case code == "" || !vschars(code):
		c.fail(cmd, bad("bad_value", "code"))
	case !scopeOK(a.scope):
		c.fail(cmd, wrongScope(a.scope))
	case a.verifier != "" && !verifierOK(a.verifier):
		c.fail(cmd, bad("bad_value", "code_verifier"))
	default:
		// Before the code is spent: without the keys its tokens could not be used.
		c.withKeys(a.scope, func(f *fault) {
			if f != nil {
				c.fail(cmd, f)
				return
			}
			c.redeem(cmd, a, code, func(f *fault) { c.finishStatus(cmd, f, "") })
		})
	}
}

// setToken makes a session from a token that was kept elsewhere.
func (c *client) setToken(cmd *command, in json.Value) {
	v, key := in.Get("token"), ""
	if lower(v.Get("token_type").Str()) == "dpop" {
		key = c.tokens.key // the session's own, which somebody kept
	}
	t, f := c.readTokens(v, c.newGrant(c.scope, key), false)
	if f != nil {
		f.kind, f.field = kindClient, "token"
	} else if s, ok := seconds(v.Get("expires_in")); ok && s > longestLife {
		f = wrong("bad_value", "expires_in", "a life in seconds", v.Get("expires_in"))
	} else if at := v.Get("expires_at"); at.Kind() != json.None && !ok {
		// As this client gives it out. In seconds it would have ended in 1970, and in microseconds never end.
		n, whole := at.Int()
		if t.expiresAt = n; !whole || n < earliestTime || n > latestTime {
			f = wrong("bad_value", "expires_at", "Unix time in milliseconds", at)
		}
	}
	c.receive(t, f, &tokens{}, expected{maxAge: -1, brought: true}, func(f *fault) { c.finishStatus(cmd, f, "") })
}

// earliestTime and latestTime bound what a time in ms can be: 2001 to 9999. In s or in µs nothing of our days is in between.
const earliestTime, latestTime = 1_000_000_000_000, 253_402_300_799_999

// extend changes the access token for a long-lived one, by a grant type that some providers have for it.
func (c *client) extend(cmd *command) {
	f := c.canPoll()
	if c.longLived == "" {
		f = bad("missing", "long_lived_grant_type")
	}
	if f != nil {
		c.fail(cmd, f)
		return
	}
	// Under the lock, and on what is stored now: what comes back is laid over it.
	c.newest(func(release func(), f *fault) {
		end := func(f *fault) {
			release()
			c.finishStatus(cmd, f, "")
		}
		old := c.tokens
		if f == nil && old.bearer() == "" {
			f = &fault{kind: kindClient, code: "no_token"}
		}
		if f != nil {
			end(f)
			return
		}
		params := []form.Param{{Name: "grant_type", Value: c.longLived}, {Name: c.longLived, Value: old.access}}
		c.tokenRequest(cmd, stageToken, c.config.token, old.key, params, func(v json.Value, f *fault) {
			var t *tokens
			if f == nil {
				t, f = c.readTokens(v, old, false)
			}
			if f == nil {
				f = t.tooLarge()
			}
			if f != nil {
				c.redact(f, old.access)
				end(f)
				return
			}
			t.idToken = old.idToken // one that comes with it is of no sign-in
			c.hold(t, false, end)
		})
	})
}
