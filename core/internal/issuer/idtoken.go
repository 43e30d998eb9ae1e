package issuer

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// longestAge is how old the ID token of a sign-in may be.
const longestAge = 24 * 60 * 60 * 1000

// Expected are the claims of an ID token that its request requires.
type Expected struct {
	Nonce   string
	Issuer  string // of the authorization response (RFC 9207 section 2.4)
	Later   bool   // it comes with a refresh, so its nonce is the previous one or is missing
	MaxAge  int64  // s, -1: not requested
	Asked   int64  // when that was requested, Unix ms
	Code    string
	ACR     string     // one of which it must contain
	Before  json.Value // claims of the previous ID token (OpenID Connect Core section 12.2)
	Brought bool       // the application brought it, so it may be old
}

// Identify verifies a new ID token that came with an access token (OpenID Connect Core sections
// 3.1.3.7 and 12.2) and gives its claims.
func (i *Issuer) Identify(idToken, access string, want Expected, done func(json.Value, *link.Fault)) {
	j, f := readJWT(idToken, i.config.IDTokenAlgs)
	if f == nil {
		f = i.checkClaims(j, access, want)
	}
	if f != nil {
		done(json.Value{}, f)
		return
	}
	i.verify(j, func(f *link.Fault) { done(j.Claims, f) })
}

// readJWT reads a JWT with an allowed algorithm.
func readJWT(s, algs string) (*jose.JWS, *link.Fault) {
	j, ok := jose.Parse(s)
	if !ok {
		return nil, link.NotVerified("malformed", "")
	}
	if !words.Has(algs, j.Alg) {
		return nil, link.NotVerified("alg_not_allowed", "").Not(algs, j.Alg)
	}
	return j, nil
}

func (i *Issuer) checkClaims(j *jose.JWS, access string, want Expected) *link.Fault {
	v := j.Claims
	str := func(name string) string { return v.Get(name).Str() }
	if f := i.checkIssued(v, "exp iat", i.config.Tolerance); f != nil {
		return f
	}
	iat, _ := v.Get("iat").Int()
	authTime, timed := v.Get("auth_time").Int()
	wrong, expects, came := "", "", ""
	switch nonce := str("nonce"); {
	case str("sub") == "":
		return link.NotVerified("missing_claim", "sub")
	// Another kind of JWT of the same issuer is not an ID token (RFC 8725 section 3.11).
	case j.Typ != "" && words.Lower(j.Typ) != "jwt":
		return link.NotVerified("malformed", "typ").Not("JWT", j.Typ)
	case v.Get("events").Kind() != json.None:
		wrong = "events"
	case want.Issuer != "" && want.Issuer != str("iss"):
		wrong, expects, came = "iss", want.Issuer, str("iss")
	case !want.Brought && i.link.Now-iat*1000 > longestAge+i.config.Tolerance:
		return i.untimely("iat", iat*1000-i.link.Now)
	case !followsNonce(nonce, want):
		wrong = "nonce"
	case want.ACR != "" && (str("acr") == "" || !words.Has(want.ACR, str("acr"))):
		wrong, expects, came = "acr", want.ACR, str("acr")
	case want.MaxAge >= 0 && !timed:
		return link.NotVerified("missing_claim", "auth_time")
	case timed && !i.past(authTime, i.config.Tolerance):
		return i.untimely("auth_time", authTime*1000-i.link.Now)
	case want.MaxAge >= 0 && want.Asked-authTime*1000 > want.MaxAge*1000+i.config.Skew:
		wrong, expects, came = "auth_time", string(json.AppendInt(nil, want.MaxAge))+" s ago at the most", string(json.AppendInt(nil, want.Asked/1000-authTime))+" s ago"
	case str("at_hash") != "" && str("at_hash") != jose.HalfHash(j.Alg, access):
		wrong = "at_hash"
	case str("c_hash") != "" && want.Code != "" && str("c_hash") != jose.HalfHash(j.Alg, want.Code):
		wrong = "c_hash"
	}
	if want.Before.Kind() != json.None {
		for _, name := range [...]string{"iss", "sub", "azp"} {
			if was := want.Before.Get(name).Str(); was != str(name) {
				if wrong = name; name != "sub" { // a log must not show who the user is
					expects, came = was, str(name)
				}
			}
		}
		if was, ok := want.Before.Get("auth_time").Int(); ok && timed && was != authTime {
			wrong, expects, came = "auth_time", string(json.AppendInt(nil, was)), string(json.AppendInt(nil, authTime))
		}
	}
	if wrong != "" {
		return link.WrongClaim(wrong, expects, came)
	}
	return nil
}

// followsNonce: at sign-in it is the attempt's; later tokens may leave it out, or have the same
// (OpenID Connect Core section 12.2).
func followsNonce(nonce string, want Expected) bool {
	if want.Brought {
		return true
	}
	if !want.Later {
		return nonce == want.Nonce
	}
	before := want.Before.Get("nonce").Str()
	return nonce == "" || before == "" || nonce == before
}

// checkIssued checks the claims of every JWT of the issuer for this client: issuer, audience and
// times. need lists the required times; apart is how far, in ms, the clocks may differ.
func (i *Issuer) checkIssued(v json.Value, need string, apart int64) *link.Fault {
	iss := v.Get("iss").Str()
	exp, expires := v.Get("exp").Int()
	iat, issued := v.Get("iat").Int()
	nbf, readable := v.Get("nbf").Int()
	azp := v.Get("azp")
	aud, others := i.audience(v.Get("aud"))
	has := func(name string) bool { return v.Get(name).Kind() != json.None }
	switch {
	case iss == "":
		return link.NotVerified("missing_claim", "iss")
	case iss != i.TenantIssuer(v.Get("tid").Str()):
		return link.WrongClaim("iss", i.TenantIssuer(v.Get("tid").Str()), iss)
	case !has("aud"):
		return link.NotVerified("missing_claim", "aud")
	case !aud:
		return link.WrongClaim("aud", i.config.ClientID, v.Get("aud").Raw())
	case others != "" && azp.Str() != i.config.ClientID:
		// Core 3.1.3.7, 3: an audience that this client does not trust.
		return link.WrongClaim("aud", "trusted_audiences", others)
	case has("azp") && azp.Str() != i.config.ClientID:
		return link.WrongClaim("azp", i.config.ClientID, azp.Raw())
	case !expires && (words.Has(need, "exp") || has("exp")):
		return link.NotVerified("missing_claim", "exp")
	case expires && (exp < 0 || exp > link.MaxTime/1000):
		return link.WrongClaim("exp", "a time in seconds", v.Get("exp").Raw())
	case expires && i.link.Now >= exp*1000+apart:
		return i.untimely("exp", exp*1000-i.link.Now)
	case !issued && (words.Has(need, "iat") || has("iat")):
		return link.NotVerified("missing_claim", "iat")
	case issued && !i.past(iat, apart):
		return i.untimely("iat", iat*1000-i.link.Now)
	case has("nbf") && !readable:
		return link.WrongClaim("nbf", "a time in seconds", v.Get("nbf").Raw())
	case has("nbf") && !i.past(nbf, apart):
		return i.untimely("nbf", nbf*1000-i.link.Now)
	}
	return nil
}

// untimely is the fault for a time claim that does not fit our clock, by ahead ms: the clocks
// differ by at least that much, or the token is that old.
func (i *Issuer) untimely(claim string, ahead int64) *link.Fault {
	f := link.NotVerified("wrong_claim", claim)
	if ahead > -link.MaxTime && ahead < link.MaxTime {
		f.Clocks = ahead
	}
	return f
}

// past reports whether a time in seconds is not in the future, with clocks that may differ.
func (i *Issuer) past(s, apart int64) bool {
	return s >= 0 && s <= link.MaxTime/1000 && s*1000 <= i.link.Now+apart
}

// audience reports whether the claim names the client, and an untrusted other audience that it
// names.
func (i *Issuer) audience(v json.Value) (ours bool, other string) {
	if v.Kind() == json.String {
		return v.Str() == i.config.ClientID, ""
	}
	for it := v.Each(); v.Kind() == json.Array && it.Next(); {
		switch s := it.Value().Str(); {
		case s == i.config.ClientID:
			ours = true
		case !json.Lists(i.config.TrustedAudiences, s):
			other = it.Value().Raw()
		}
	}
	return ours, other
}
