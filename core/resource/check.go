package resource

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

const (
	// maxToken is the longest access token, and maxProof the longest proof, in bytes.
	maxToken = 16 << 10
	maxProof = 8 << 10
)

// A check handles one request. Its steps in order: begin, identify; for a JWT known and verified,
// for another token looked up; then judged, bound, proved, needed, recorded, allow. Each of them
// may refuse.
type check struct {
	session *session
	config  *config
	link    *link.Link
	id      int64 // the command's
	done    bool

	method, url   string
	need          need
	token, scheme string // scheme is in lower case, "" if there is no token
	hashed        string // the token's digest, "" until somebody needs it
	proofs        []string
	certificate   string // x5t#S256 of the client's certificate, "" for none
	claims        json.Value
	nonce         string // a new one for the answer, "" for none
	replay        replay
	server        *server
	client        *core.Client // of the authorization server
	version       int          // of the server's documents when the check began
}

// begin reads the request. It does not look for a token in query or body: RFC 6750 sections 2.2 and
// 2.3 are for clients that cannot send headers.
func (k *check) begin(in json.Value) {
	k.method, k.url, k.need = in.Get("method").Str(), in.Get("url").Str(), k.config.need
	for _, name := range [...]string{"scope", "acr_values", "max_age"} {
		if v := in.Get(name); v.Kind() != json.None {
			if f := k.need.read(name, v); f != nil {
				f.Op = "check"
				k.end(f, nil)
				return
			}
		}
	}
	credentials, shown := 0, 0
	header := ""
	for it := in.Get("headers").Each(); it.Next(); {
		pair := it.Value().Each()
		if !pair.Next() {
			continue
		}
		name := pair.Value().Str()
		if !pair.Next() {
			continue
		}
		switch value := pair.Value().Str(); {
		case name == "authorization":
			credentials++
			k.scheme, k.token = credentialsOf(value)
		case name == "dpop":
			if len(k.proofs) < 2 { // two are an error already
				k.proofs = append(k.proofs, value)
			}
		case name == k.config.certificateHeader && k.config.certificateHeader != "":
			shown++
			header = value
		}
	}
	k.certificate = k.config.shown(in, header, shown)
	switch {
	case credentials > 1, credentials == 1 && queried(k.url):
		// We must not guess which of them counts (RFC 6750 section 3.1).
		k.scheme = ""
		k.refuse(400, "invalid_request", "The request has more than one access token.", because("several_tokens", ""))
	case k.scheme == "" || k.scheme == "dpop" && k.config.dpop == dpopOff:
		k.scheme = ""
		k.refuse(401, "", "", because("missing_token", ""))
	case !tokenChars(k.token):
		k.refuse(400, "invalid_request", "The access token cannot be read.", because("malformed_header", ""))
	case len(k.token) > maxToken:
		k.refuse(401, "invalid_token", "The access token is too long.", because("too_large", ""))
	default:
		k.identify()
	}
}

// credentialsOf reads an Authorization header. A header with another scheme has no token.
func credentialsOf(s string) (scheme, token string) {
	i := words.Index(s, ' ')
	if i < 0 {
		i = len(s)
	}
	scheme = words.Lower(s[:min(i, 8)])
	if i > 6 || scheme != "bearer" && scheme != "dpop" {
		return "", ""
	}
	for i < len(s) && s[i] == ' ' {
		i++
	}
	return scheme, s[i:]
}

// tokenChars checks the grammar b64token of RFC 6750 section 2.1.
func tokenChars(s string) bool {
	end := len(s)
	for end > 0 && s[end-1] == '=' {
		end--
	}
	for i := range end {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' || c == '+' || c == '/') {
			return false
		}
	}
	return end > 0
}

// queried reports whether the query has an access_token.
func queried(url string) bool {
	const name = "access_token="
	query := uri.QueryOf(url)
	for i := 0; i+len(name) <= len(query); i++ {
		if query[i:i+len(name)] == name && (i == 0 || query[i-1] == '&') {
			return true
		}
	}
	return false
}

// identify finds out the token's kind and issuer. A JWT names its issuer, but nothing in it is
// trusted before it is verified.
func (k *check) identify() {
	j, isJWT := jose.Parse(k.token)
	if !isJWT && looksSigned(k.token) && k.session.verifies() {
		k.refuse(401, "invalid_token", notValid, because("malformed", ""))
		return
	}
	if isJWT {
		iss := j.Claims.Get("iss").Str()
		tenant := j.Claims.Get("tid").Str()
		for _, s := range k.session.servers {
			if s.config.keys() && iss != "" && (uri.Same(s.config.issuer, iss) || s.of(tenant, iss)) {
				k.at(s)
				k.ready(func() { k.known(j) })
				return
			}
		}
	}
	for _, s := range k.session.servers {
		if s.config.introspect == "all" || s.config.introspect == "opaque" && !isJWT {
			k.at(s)
			k.lookUp()
			return
		}
	}
	if isJWT {
		k.refuse(401, "invalid_token", notValid, because("wrong_claim", "iss").Not("", j.Claims.Get("iss").Str()))
		return
	}
	k.refuse(401, "invalid_token", notValid, because("malformed", ""))
}

// verifies reports whether this resource verifies the JWTs of any server.
func (s *session) verifies() bool {
	for _, sv := range s.servers {
		if sv.config.keys() {
			return true
		}
	}
	return false
}

// looksSigned reports whether an unreadable token was meant to be a JWT. Such a token is not sent
// to the server, which may not notice what is wrong with it.
func looksSigned(s string) bool { return words.Prefixed(s, "eyJ") && words.Index(s, '.') > 0 }

const notValid = "The access token is not valid."

// known checks a JWT of a server whose endpoints are known. These checks need no signature.
func (k *check) known(j *jose.JWS) {
	typ := words.Lower(j.Typ)
	var f *link.Fault
	switch {
	case !words.Has(k.config.algorithms, j.Alg):
		f = because("alg_not_allowed", "").Not(k.config.algorithms, j.Alg)
	case typ != "at+jwt" && typ != "application/at+jwt" && !(k.config.untyped && (typ == "" || typ == "jwt" || typ == "application/jwt")):
		// Another kind of JWT of the same issuer, such as an ID token, is not an access token (RFC
		// 8725 section 3.11, RFC 9068 section 4).
		f = because("wrong_type", "").Not("at+jwt", j.Typ)
	default:
		f = k.judge(j.Claims, k.client.Server().TenantIssuer(j.Claims.Get("tid").Str()), true)
	}
	if f != nil {
		k.refuseToken(f)
		return
	}
	k.claims = j.Claims
	k.verify(j)
}

// judge checks a token's claims. A JWT must have all that RFC 9068 section 2.2 requires. In an
// introspection answer, the members that are there must be right.
func (k *check) judge(v json.Value, issuer string, jwt bool) *link.Fault {
	now := k.link.Now
	has := func(name string) bool { return v.Get(name).Kind() != json.None }
	if jwt {
		for left := "iss exp aud sub client_id iat jti"; left != ""; {
			var name string
			name, left = words.Cut(left)
			if !has(name) && !(k.config.untyped && words.Has("client_id iat jti", name)) {
				return because("missing_claim", name)
			}
		}
	}
	if iss := v.Get("iss"); iss.Kind() != json.None && iss.Str() != issuer {
		return because("wrong_claim", "iss").Not(issuer, iss.Str())
	}
	if aud := v.Get("aud"); aud.Kind() == json.None && !k.config.anyAudience {
		return because("missing_claim", "aud")
	} else if aud.Kind() != json.None && !k.meant(aud) {
		return because("wrong_claim", "aud").Not(k.config.audience[0], aud.Raw())
	}
	for _, name := range [...]string{"exp", "nbf", "iat"} {
		if !has(name) {
			continue
		}
		at, ok := v.Get(name).Int()
		if !ok || at < 0 || at > link.MaxTime/1000 {
			return because("wrong_claim", name).Not("a time in seconds", "")
		}
		if name == "exp" && now >= at*1000+k.config.tolerance {
			f := because("expired", name)
			f.Clocks = at*1000 - now
			return f
		}
		if name != "exp" && at*1000 > now+k.config.tolerance {
			f := because("not_yet", name)
			f.Clocks = at*1000 - now
			return f
		}
	}
	return nil
}

// meant reports whether aud names this resource.
func (k *check) meant(aud json.Value) bool {
	for _, a := range k.config.audience {
		if aud.Str() == a || aud.Kind() == json.Array && json.Lists(aud, a) {
			return true
		}
	}
	return false
}

// bind checks that the caller proves what the token is bound to. A token that is bound in a way
// that we cannot check is refused.
func (k *check) bind() {
	cnf := k.claims.Get("cnf")
	jkt, x5t := cnf.Get("jkt").Str(), cnf.Get("x5t#S256").Str()
	switch {
	case cnf.Kind() != json.None && jkt == "" && x5t == "":
		k.refuse(401, "invalid_token", "The access token is bound to something that cannot be checked here.", because("unknown_binding", "cnf"))
	case x5t != "" && (!k.config.certificates && k.config.certificateHeader == "" || k.certificate != x5t):
		k.refuse(401, "invalid_token", "The access token is bound to another certificate.", because("wrong_certificate", "cnf"))
	case jkt == "" && k.scheme == "dpop":
		k.refuse(401, "invalid_token", "The access token is bound to no key.", because("not_bound", "cnf"))
	case jkt != "" && k.scheme != "dpop":
		// A bound token that is sent as a bearer token may be stolen (RFC 9449 section 7.2).
		k.refuse(401, "invalid_token", "The access token is bound to a key: a proof is needed.", because("proof_needed", ""))
	case jkt == "" && k.config.dpop == dpopRequired, k.config.bound && jkt == "" && x5t == "":
		k.refuse(401, "invalid_token", "The access token has to be bound to a key.", because("not_bound", "cnf"))
	case jkt != "":
		k.prove(jkt)
	default:
		k.needed()
	}
}

// needed checks what the request requires of the token: scope (RFC 6750 section 3.1), and how and
// when the user authenticated (RFC 9470).
func (k *check) needed() {
	scope := k.claims.Get("scope")
	for left := k.need.scope; left != ""; {
		var one string
		one, left = words.Cut(left)
		if !words.Has(scope.Str(), one) && !(scope.Kind() == json.Array && json.Lists(scope, one)) {
			k.refuse(403, "insufficient_scope", "The access token does not have the scope that is needed.", because("insufficient_scope", "scope").Not(k.need.scope, scope.Str()))
			return
		}
	}
	authTime, timed := k.claims.Get("auth_time").Int()
	acr := k.claims.Get("acr").Str()
	switch {
	case k.need.acr != "" && (acr == "" || !words.Has(k.need.acr, acr)):
		k.refuse(401, "insufficient_user_authentication", "A different authentication level is required.", because("wrong_claim", "acr").Not(k.need.acr, acr))
	case k.need.maxAge >= 0 && (!timed || authTime < 0 || authTime > link.MaxTime/1000 || k.link.Now-authTime*1000 > k.need.maxAge*1000+k.config.tolerance || authTime*1000 > k.link.Now+k.config.tolerance):
		k.refuse(401, "insufficient_user_authentication", "More recent authentication is required.", because("wrong_claim", "auth_time"))
	default:
		k.record()
	}
}

// replay is what is recorded of a proof, so that it can be used once.
type replay struct {
	key   string // "" for no proof
	until int64  // Unix ms
}

// record stores the use of the proof for all processes that serve this resource. If it cannot be
// stored, the request is refused, because the proof may have been used before.
func (k *check) record() {
	if k.replay.key == "" {
		k.allow()
		return
	}
	w := k.link.Effect("store")
	w.MemberStr("key", k.replay.key)
	w.MemberStr("version", "")
	w.MemberStr("value", string(json.AppendInt(nil, k.replay.until)))
	w.MemberInt("expires_at", k.replay.until)
	k.link.Ask(w, func(_ json.Value, failed string) {
		switch failed {
		case "":
			k.allow()
		case "conflict":
			k.refuseProof("The proof was used before.", because("replayed", "jti"))
		default:
			k.unavailable(&link.Fault{Kind: link.KindStorage, Code: failed, Retryable: true})
		}
	})
}

// allow ends the check with the claims of the token.
func (k *check) allow() {
	k.end(nil, func(w *json.Writer) {
		w.MemberBool("allowed", true)
		scheme := "Bearer"
		if k.scheme == "dpop" {
			scheme = "DPoP"
		}
		w.MemberStr("scheme", scheme)
		w.MemberStr("issuer", k.client.Server().TenantIssuer(k.claims.Get("tid").Str()))
		w.MemberRaw("claims", k.claims.Raw())
		writeHeaders(w, k.nonceHeaders())
	})
}

// end gives the result once, and returns the server's client.
func (k *check) end(f *link.Fault, write func(*json.Writer)) {
	if k.done {
		return
	}
	k.done = true
	for i, other := range k.session.running {
		if other == k {
			k.session.running = append(k.session.running[:i:i], k.session.running[i+1:]...)
			break
		}
	}
	k.link.Result(k.id, f, write)
	if k.server != nil && f == nil {
		k.leave()
	}
}

// because returns the reason of a refusal, for the log.
func because(code, field string) *link.Fault {
	return &link.Fault{Kind: link.KindClient, Code: code, Field: field}
}

// digest is the token's digest.
func (k *check) digest() string {
	if k.hashed == "" {
		k.hashed = hash(k.token)
	}
	return k.hashed
}

// hash is how a text appears in a key of the store.
func hash(s string) string { return sha256.Base64URL(s) }
