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

// notVerified is nil for code "".
func notVerified(code, claim string) *fault {
	if code == "" {
		return nil
	}
	return &fault{kind: kindIDToken, code: code, field: claim}
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
		return nil, notVerified("alg_not_allowed", "")
	}
	return j, nil
}

func (c *client) checkClaims(j *jws, t *tokens, want expected) *fault {
	v := j.claims
	str := func(name string) string { return v.Get(name).Str() }
	if f := c.checkIssued(v, "exp iat"); f != nil {
		return f
	}
	iat, _ := v.Get("iat").Int()
	authTime, timed := v.Get("auth_time").Int()
	wrong := ""
	switch nonce := str("nonce"); {
	case str("sub") == "":
		return notVerified("missing_claim", "sub")
	// Another kind of JWT of the same issuer is no ID token (RFC 8725 section 3.11).
	case j.typ != "" && lower(j.typ) != "jwt":
		return notVerified("malformed", "typ")
	case v.Get("events").Kind() != json.None:
		wrong = "events"
	case want.iss != "" && want.iss != str("iss"):
		wrong = "iss"
	case !want.brought && c.now-iat*1000 > longestAge+c.skew:
		wrong = "iat"
	case !followsNonce(nonce, want):
		wrong = "nonce"
	case want.acr != "" && (str("acr") == "" || !hasScope(want.acr, str("acr"))):
		wrong = "acr"
	case want.maxAge >= 0 && !timed:
		return notVerified("missing_claim", "auth_time")
	case timed && !c.past(authTime), want.maxAge >= 0 && want.asked-authTime*1000 > want.maxAge*1000+c.skew:
		wrong = "auth_time"
	case str("at_hash") != "" && str("at_hash") != halfHash(j.alg, t.access):
		wrong = "at_hash"
	case str("c_hash") != "" && want.code != "" && str("c_hash") != halfHash(j.alg, want.code):
		wrong = "c_hash"
	}
	if want.before.Kind() != json.None {
		for _, name := range [...]string{"iss", "sub", "azp"} {
			if want.before.Get(name).Str() != str(name) {
				wrong = name
			}
		}
		if was, ok := want.before.Get("auth_time").Int(); ok && timed && was != authTime {
			wrong = "auth_time"
		}
	}
	if wrong != "" {
		return notVerified("wrong_claim", wrong)
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

// checkIssued looks at what every JWT of the issuer for this client has to say: who made it, for whom, and when; the times must be there where need says so.
func (c *client) checkIssued(v json.Value, need string) *fault {
	return notVerified(c.issuedWrong(v, need))
}

func (c *client) issuedWrong(v json.Value, need string) (code, claim string) {
	iss := v.Get("iss").Str()
	exp, expires := v.Get("exp").Int()
	iat, issued := v.Get("iat").Int()
	nbf, readable := v.Get("nbf").Int()
	azp := v.Get("azp")
	aud, many := audience(v.Get("aud"), c.clientID)
	switch {
	case iss == "":
		return "missing_claim", "iss"
	case iss != c.tenantIssuer(v.Get("tid").Str()):
		return "wrong_claim", "iss"
	case v.Get("aud").Kind() == json.None:
		return "missing_claim", "aud"
	case !aud:
		return "wrong_claim", "aud"
	case many && azp.Kind() == json.None:
		return "missing_claim", "azp"
	case azp.Kind() != json.None && azp.Str() != c.clientID:
		return "wrong_claim", "azp"
	case !expires && (hasScope(need, "exp") || v.Get("exp").Kind() != json.None):
		return "missing_claim", "exp"
	case expires && (exp < 0 || exp > maxTime/1000 || c.now >= exp*1000+c.skew):
		return "wrong_claim", "exp"
	case !issued && (hasScope(need, "iat") || v.Get("iat").Kind() != json.None):
		return "missing_claim", "iat"
	case issued && !c.past(iat):
		return "wrong_claim", "iat"
	case v.Get("nbf").Kind() != json.None && !(readable && c.past(nbf)):
		return "wrong_claim", "nbf"
	}
	return "", ""
}

// past tells whether a time in seconds is not to come, by clocks that may be apart.
func (c *client) past(s int64) bool { return s >= 0 && s <= maxTime/1000 && s*1000 <= c.now+c.skew }

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

// audience tells whether the claim names the client, and whether it names others too.
func audience(v json.Value, clientID string) (ours, many bool) {
	if v.Kind() == json.String {
		return v.Str() == clientID, false
	}
	n := 0
	for it := v.Each(); v.Kind() == json.Array && it.Next(); n++ {
		ours = ours || it.Value().Str() == clientID
	}
	return ours, n > 1
}
