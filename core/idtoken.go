package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

// longestAge is how old the ID token of a sign-in may be: it is fetched at once.
const longestAge = 24 * 60 * 60 * 1000

// What an ID token has to say besides what every one has to.
type expected struct {
	nonce   string
	iss     string // of the authorization response (RFC 9207 section 2.4)
	later   bool   // it comes with a refresh, so the nonce is as before or not there
	maxAge  int64  // s, -1: not asked for
	asked   int64  // when that was, Unix ms
	code    string
	acr     string      // of which it has to say one
	before  json.Value  // claims of the one that this one follows (OpenID Connect Core section 12.2)
	brought bool        // by the application, so it may be old
	wanted  func() bool // whether anybody still waits for the tokens; nil: yes
}

func notVerified(code, claim string) *fault {
	return &fault{kind: kindIDToken, code: code, field: claim}
}

func wrongClaim(claim, expected, came string) *fault {
	return notVerified("wrong_claim", claim).not(expected, came)
}

// identify verifies the ID token that came with t, if it is a new one (OpenID Connect Core sections 3.1.3.7 and 12.2); nothing of t is to be used before.
func (c *client) identify(t, old *tokens, want expected, done func(*fault)) {
	if t.idToken == "" || t.idToken == old.idToken {
		done(nil)
		return
	}
	if c.idTokenOff {
		t.claims = json.Value{}
		done(nil)
		return
	}
	if c.discovery && !c.known() {
		c.discovered(func(f *fault) {
			if f != nil {
				done(f)
				return
			}
			c.identify(t, old, want, done)
		})
		return
	}
	if c.jwks == "" && t.kind == noAccess {
		done(c.absent("jwks_uri")) // it is all that there is
		return
	}
	if c.jwks == "" {
		t.idToken = old.idToken // nobody asked for it, and nobody can say what it is worth
		done(nil)
		return
	}
	j, f := readJWT(t.idToken, c.idTokenAlgs)
	want.before = old.claims
	if f == nil {
		f = c.checkClaims(j, t, want)
	}
	if f != nil {
		done(f)
		return
	}
	c.verify(j, func(f *fault) {
		if f == nil {
			t.claims = j.claims
		}
		done(f)
	})
}

// readJWT reads a JWT of an algorithm that is allowed.
func readJWT(s, algs string) (*jws, *fault) {
	j, ok := parseJWS(s)
	if !ok {
		return nil, notVerified("malformed", "")
	}
	if !hasScope(algs, j.alg) {
		return nil, notVerified("alg_not_allowed", "").not(algs, j.alg)
	}
	return j, nil
}

func (c *client) checkClaims(j *jws, t *tokens, want expected) *fault {
	v := j.claims
	str := func(name string) string { return v.Get(name).Str() }
	if f := c.checkIssued(v, "exp iat", c.tolerance); f != nil {
		return f
	}
	iat, _ := v.Get("iat").Int()
	authTime, timed := v.Get("auth_time").Int()
	wrong, expects, came := "", "", ""
	switch nonce := str("nonce"); {
	case str("sub") == "":
		return notVerified("missing_claim", "sub")
	// Another kind of JWT of the same issuer is no ID token (RFC 8725 section 3.11).
	case j.typ != "" && lower(j.typ) != "jwt":
		return notVerified("malformed", "typ").not("JWT", j.typ)
	case v.Get("events").Kind() != json.None:
		wrong = "events"
	case want.iss != "" && want.iss != str("iss"):
		wrong, expects, came = "iss", want.iss, str("iss")
	case !want.brought && c.now-iat*1000 > longestAge+c.tolerance:
		return c.untimely("iat", iat*1000-c.now)
	case !followsNonce(nonce, want):
		wrong = "nonce"
	case want.acr != "" && (str("acr") == "" || !hasScope(want.acr, str("acr"))):
		wrong, expects, came = "acr", want.acr, str("acr")
	case want.maxAge >= 0 && !timed:
		return notVerified("missing_claim", "auth_time")
	case timed && !c.past(authTime, c.tolerance):
		return c.untimely("auth_time", authTime*1000-c.now)
	case want.maxAge >= 0 && want.asked-authTime*1000 > want.maxAge*1000+c.skew:
		wrong, expects, came = "auth_time", string(json.AppendInt(nil, want.maxAge))+" s ago at the most", string(json.AppendInt(nil, want.asked/1000-authTime))+" s ago"
	case str("at_hash") != "" && str("at_hash") != halfHash(j.alg, t.access):
		wrong = "at_hash"
	case str("c_hash") != "" && want.code != "" && str("c_hash") != halfHash(j.alg, want.code):
		wrong = "c_hash"
	}
	if want.before.Kind() != json.None {
		for _, name := range [...]string{"iss", "sub", "azp"} {
			if was := want.before.Get(name).Str(); was != str(name) {
				if wrong = name; name != "sub" { // who the user is, is not for a log
					expects, came = was, str(name)
				}
			}
		}
		if was, ok := want.before.Get("auth_time").Int(); ok && timed && was != authTime {
			wrong, expects, came = "auth_time", string(json.AppendInt(nil, was)), string(json.AppendInt(nil, authTime))
		}
	}
	if wrong != "" {
		return wrongClaim(wrong, expects, came)
	}
	return nil
}

// followsNonce: at sign-in it is the attempt's; later tokens may leave it out, or have the same (OpenID Connect Core section 12.2).
func followsNonce(nonce string, want expected) bool {
	if want.brought {
		return true
	}
	if !want.later {
		return nonce == want.nonce
	}
	before := want.before.Get("nonce").Str()
	return nonce == "" || before == "" || nonce == before
}

// checkIssued looks at what every JWT of the issuer for this client has to say: who made it, for whom, and when; the times must be there where need says so, by a clock
// that may be apart from the server's by so many ms.
func (c *client) checkIssued(v json.Value, need string, apart int64) *fault {
	iss := v.Get("iss").Str()
	exp, expires := v.Get("exp").Int()
	iat, issued := v.Get("iat").Int()
	nbf, readable := v.Get("nbf").Int()
	azp := v.Get("azp")
	aud, others := c.audience(v.Get("aud"))
	has := func(name string) bool { return v.Get(name).Kind() != json.None }
	switch {
	case iss == "":
		return notVerified("missing_claim", "iss")
	case iss != c.tenantIssuer(v.Get("tid").Str()):
		return wrongClaim("iss", c.tenantIssuer(v.Get("tid").Str()), iss)
	case !has("aud"):
		return notVerified("missing_claim", "aud")
	case !aud:
		return wrongClaim("aud", c.clientID, v.Get("aud").Raw())
	case others != "" && azp.Str() != c.clientID:
		// Core 3.1.3.7, 3: an audience that this client does not trust.
		return wrongClaim("aud", "trusted_audiences", others)
	case has("azp") && azp.Str() != c.clientID:
		return wrongClaim("azp", c.clientID, azp.Raw())
	case !expires && (hasScope(need, "exp") || has("exp")):
		return notVerified("missing_claim", "exp")
	case expires && (exp < 0 || exp > maxTime/1000):
		return wrongClaim("exp", "a time in seconds", v.Get("exp").Raw())
	case expires && c.now >= exp*1000+apart:
		return c.untimely("exp", exp*1000-c.now)
	case !issued && (hasScope(need, "iat") || has("iat")):
		return notVerified("missing_claim", "iat")
	case issued && !c.past(iat, apart):
		return c.untimely("iat", iat*1000-c.now)
	case has("nbf") && !readable:
		return wrongClaim("nbf", "a time in seconds", v.Get("nbf").Raw())
	case has("nbf") && !c.past(nbf, apart):
		return c.untimely("nbf", nbf*1000-c.now)
	}
	return nil
}

// untimely is a claim about time that does not fit the clock here, by so many ms: the clocks of server and client differ by at least that much, or the token is that old.
func (c *client) untimely(claim string, ahead int64) *fault {
	f := notVerified("wrong_claim", claim)
	if ahead > -maxTime && ahead < maxTime {
		f.clocks = ahead
	}
	return f
}

// past tells whether a time in seconds is not to come, by clocks that may be apart.
func (c *client) past(s, apart int64) bool {
	return s >= 0 && s <= maxTime/1000 && s*1000 <= c.now+apart
}

// anyTenant tells whether the issuer stands for more tenants than one, so that the template says what theirs are. An issuer with a tenant of its own is held to exactly.
func (c *client) anyTenant() bool {
	switch tenantOf(c.issuer, c.issuerTemplate) {
	case "common", "organizations", "consumers":
		return true
	}
	return false
}

// tenantHole is where an issuer template has the tenant: Microsoft's servers for all tenants name this placeholder in place of an issuer.
const tenantHole = "{tenantid}"

// tenantIssuer is the configured issuer, or what the template gives for a tenant.
func (c *client) tenantIssuer(tenant string) string {
	if i := tenantAt(c.issuerTemplate); i >= 0 && hostChars(tenant) && c.anyTenant() {
		return c.issuerTemplate[:i] + tenant + c.issuerTemplate[i+len(tenantHole):]
	}
	return c.issuer
}

// tenantOf is the tenant that an issuer has where the template has its hole.
func tenantOf(iss, template string) string {
	i := tenantAt(template)
	if n := len(iss) - (len(template) - len(tenantHole)); i >= 0 && n > 0 && len(iss) >= i+n {
		return iss[i : i+n]
	}
	return ""
}

func tenantAt(template string) int {
	for i := range len(template) {
		if prefixed(template[i:], tenantHole) {
			return i
		}
	}
	return -1
}

// audience tells whether the claim names the client, and which other it names that is not trusted.
func (c *client) audience(v json.Value) (ours bool, other string) {
	if v.Kind() == json.String {
		return v.Str() == c.clientID, ""
	}
	for it := v.Each(); v.Kind() == json.Array && it.Next(); {
		switch s := it.Value().Str(); {
		case s == c.clientID:
			ours = true
		case !lists(c.trustedAudiences, s):
			other = it.Value().Raw()
		}
	}
	return ours, other
}
