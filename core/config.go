package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// A config is what a session was opened with; it never changes. Members have the names of RFC 8414 and RFC 7591 where these have one.
type config struct {
	self                                                                []config // this one alone: a slice is copied in one piece
	name, issuer, clientID, clientSecret, redirectURI, scope, userAgent string
	mine                                                                string // fingerprint
	authorization, token, refresh, revocation, userinfo                 string
	deviceAuthorization, introspection, endSession, pushed              string
	pushedRequests                                                      string // off, offered, required
	tokenHeader, longLived                                              string
	jwks, issuerTemplate                                                string
	idTokenAlgs                                                         string // with a space between them
	authGiven, revocationAuthGiven, introspectionAuthGiven              bool
	discovery, idTokenOff, dpop                                         bool
	clientKey, clientKeyID                                              string // the host's name for it, and the server's
	authAlg, requestAlg, dpopAlg                                        string
	introspectionAlg, assertionAudience, registration                   string
	clientMetadata, trustedAudiences, tokenTypes, callbackParameters    json.Value
	resource                                                            []form.Param
	auth, revocationAuth, introspectionAuth                             string
	nonce                                                               string // automatic, enabled, disabled
	pkce                                                                string // S256, plain, none
	verifierLength                                                      int64
	retryWindow, skew, tolerance, attemptLife, maxAttempts              int64
	refreshErrors                                                       []form.Param // error and description, "" for any
	refreshLead                                                         int64        // -1: not set
	missingTokenType, issRequired, nonceOff, autoRefresh                bool
	pkcePlain, pkceNone, accessOptional, refreshScope                   bool
	metadataURL, tokenPath                                              string
	profile                                                             profile
	variables                                                           json.Value
	resources                                                           []uri
	parameters                                                          []form.Param
	httpOrigins, parameterHooks, requestHooks, responseHooks            json.Value
}

// bad is a refused configuration or parameter; the field is named.
func bad(code, field string) *fault { return &fault{kind: kindClient, code: code, field: field} }

// wrong is bad, with what was expected and what came; of what may be secret nothing is shown.
func wrong(code, field, want string, v json.Value) *fault {
	came := v.Raw()
	switch v.Kind() {
	case json.String:
		if came = v.Str(); field == "client_secret" || field == "client_key" || index(came, '@') >= 0 {
			came = ""
		}
		if i := index(came, '?'); i >= 0 {
			came = came[:i]
		}
	case json.Object:
		came = "an object"
	case json.Array:
		came = "an array"
	}
	if code == "not_https" {
		want = "https, or http on loopback"
	}
	return bad(code, field).not(want, came)
}

const wantsPairs = "[[name, value], …]"

// unknownMember refuses a member that is none of the names, which have a space between them, and says which of them was probably meant.
func unknownMember(names, came string) *fault {
	return bad("unknown_member", came).not(suggest(names, came), "")
}

// within says of a member's fault that the member stands in another one.
func (f *fault) within(member string) *fault {
	if f.code == "unknown_member" {
		f.came = f.field
	}
	if f.field != "variables" {
		f.field = member
	}
	return f
}

// wrongScope refuses the scope of a command.
func wrongScope(s string) *fault { return bad("bad_value", "scope").not(scopeList.wants(), s) }

// A group is members of the configuration that are read in one way: their names, with a space between them, and where each goes.
type group struct {
	names   string
	rule    grammar
	texts   []*string
	numbers []*int64
	flags   []*bool
	values  []*json.Value // which are looked at when they are used, once they are found to be right
}

// endpoints are those that the server's metadata may name, too.
const endpoints = "authorization_endpoint token_endpoint revocation_endpoint userinfo_endpoint jwks_uri device_authorization_endpoint introspection_endpoint end_session_endpoint pushed_authorization_request_endpoint registration_endpoint"

// others are the members that are read each in a way of its own.
const others = "variables profile parameters token_destinations resource id_token_signed_response_alg registration refresh_token_errors"

func (c *config) groups() []group {
	return []group{
		{names: endpoints, rule: endpoint, texts: c.endpoints()},
		{names: "issuer client_assertion_audience metadata_url", rule: endpoint, texts: []*string{&c.issuer, &c.assertionAudience, &c.metadataURL}},
		{names: "client_id client_secret name user_agent client_key client_key_id long_lived_grant_type", rule: vschar,
			texts: []*string{&c.clientID, &c.clientSecret, &c.name, &c.userAgent, &c.clientKey, &c.clientKeyID, &c.longLived}},
		{names: "redirect_uri", rule: redirect, texts: []*string{&c.redirectURI}},
		{names: "scope", rule: scopeList, texts: []*string{&c.scope}},
		{names: "refresh_endpoint", rule: endpointOrNone, texts: []*string{&c.refresh}},
		{names: "token_endpoint_auth_signing_alg request_object_signing_alg introspection_signed_response_alg dpop_signing_alg", rule: signature,
			texts: []*string{&c.authAlg, &c.requestAlg, &c.introspectionAlg, &c.dpopAlg}},
		{names: "token_header", rule: headerName, texts: []*string{&c.tokenHeader}},
		{names: "issuer_template pushed_authorization_requests token_endpoint_auth_method revocation_endpoint_auth_method introspection_endpoint_auth_method nonce token_response_path",
			texts: []*string{&c.issuerTemplate, &c.pushedRequests, &c.auth, &c.revocationAuth, &c.introspectionAuth, &c.nonce, &c.tokenPath}},
		{names: "pkce_verifier_length retry_window_ms clock_skew_ms attempt_life_ms max_attempts clock_tolerance_ms refresh_lead_ms",
			numbers: []*int64{&c.verifierLength, &c.retryWindow, &c.skew, &c.attemptLife, &c.maxAttempts, &c.tolerance, &c.refreshLead}},
		{names: "insecure_pkce_plain insecure_pkce_none insecure_nonce_disabled missing_token_type_is_bearer auto_refresh discovery dpop insecure_id_token_unverified authorization_response_iss_parameter_supported access_token_optional refresh_with_scope",
			flags: []*bool{&c.pkcePlain, &c.pkceNone, &c.nonceOff, &c.missingTokenType, &c.autoRefresh, &c.discovery, &c.dpop, &c.idTokenOff, &c.issRequired, &c.accessOptional, &c.refreshScope}},
		{names: "client_metadata trusted_audiences bearer_token_types callback_parameters insecure_http_origins parameter_hooks request_hooks response_hooks",
			values: []*json.Value{&c.clientMetadata, &c.trustedAudiences, &c.tokenTypes, &c.callbackParameters, &c.httpOrigins, &c.parameterHooks, &c.requestHooks, &c.responseHooks}},
		{names: others},
	}
}

// endpoints are the fields of those that have their names in the constant.
func (c *config) endpoints() []*string {
	return []*string{&c.authorization, &c.token, &c.revocation, &c.userinfo, &c.jwks, &c.deviceAuthorization, &c.introspection, &c.endSession, &c.pushed, &c.registration}
}

func readConfig(in json.Value) (c *config, f *fault) {
	if in.Kind() != json.Object {
		return nil, bad("missing", "config")
	}
	list := []config{{idTokenAlgs: algorithms, authAlg: "ES256", dpopAlg: "ES256", pushedRequests: parOffered, name: "oauth2", nonce: "automatic", pkce: "S256", verifierLength: 43, retryWindow: 24 * 60 * 60 * 1000, skew: 10_000, tolerance: 300_000, attemptLife: 600_000, maxAttempts: 16, refreshLead: -1,
		profile: profile{id: "sub", email: "email", verification: "email_verified"}, variables: in.Get("variables"), httpOrigins: in.Get("insecure_http_origins")}}
	c = &list[0]
	c.self = list
	groups := c.groups()
	if c.httpOrigins.Kind() != json.None {
		// Before the URLs that are allowed by it.
		if f := c.read(groups, "insecure_http_origins", c.httpOrigins); f != nil {
			return nil, f
		}
	}
	for it := in.Each(); it.Next(); {
		if f := c.read(groups, it.Name(), it.Value()); f != nil {
			return nil, f
		}
	}
	if f := c.readRegistration(groups, in); f != nil {
		return nil, f
	}
	if c.pkcePlain {
		c.pkce = "plain"
	}
	if c.pkceNone {
		c.pkce = "none"
	}
	c.takePrint()
	return c, c.check()
}

// clone is a copy.
func (c *config) clone() *config {
	list := append([]config(nil), c.self...)
	list[0].self = list
	return &list[0]
}

// read reads one member.
func (c *config) read(groups []group, name string, v json.Value) *fault {
	for _, g := range groups {
		i := nth(g.names, name)
		switch {
		case i < 0:
			continue
		case g.texts != nil:
			if v.Kind() != json.String {
				return wrong("bad_value", name, "a text", v)
			}
			return c.readText(g.texts[i], name, v, g.rule)
		case g.numbers != nil:
			n, ok := v.Int()
			if !ok || n < 0 || n > maxTime {
				return wrong("bad_value", name, "a whole number from 0, no text", v)
			}
			*g.numbers[i] = n
			return nil
		case g.flags != nil:
			if v.Kind() != json.Bool {
				return wrong("bad_value", name, "true or false, no text", v)
			}
			*g.flags[i] = v.True()
			return nil
		case g.values != nil:
			*g.values[i] = v
		}
		return c.readOther(name, v)
	}
	names := ""
	for _, g := range groups {
		names += g.names + " "
	}
	// A misspelt option must not pass for one that was set.
	return unknownMember(names, name)
}

func (c *config) readOther(name string, v json.Value) *fault {
	switch name {
	case "variables", "client_metadata", "registration":
		if v.Kind() != json.Object {
			return wrong("bad_value", name, "an object", v)
		}
		return nil
	case "profile":
		return c.readProfile(v)
	case "refresh_token_errors":
		return c.readRefreshErrors(v)
	case "parameters":
		var ok bool
		if c.parameters, ok = readParams(v); !ok {
			return bad("bad_value", name).not(wantsPairs, "")
		}
		return nil
	}
	return c.readList(name, v)
}

// readText takes a text that keeps to the rule; in a URL, variables are put in first.
func (c *config) readText(text *string, name string, v json.Value, rule grammar) *fault {
	s := v.Str()
	if rule >= redirect {
		var b []byte
		for i := index(s, '{'); i >= 0; i = index(s, '{') {
			j := index(s, '}')
			if j < i {
				return wrong("bad_url", name, "{ and } around the name of a variable", v)
			}
			variable := c.variables.Get(s[i+1 : j])
			if !hostChars(variable.Str()) {
				return wrong("bad_value", "variables", s[i+1:j]+" of letters, digits, - and .", variable)
			}
			b = append(append(b, s[:i]...), variable.Str()...)
			s = s[j+1:]
		}
		if b != nil {
			s = string(append(b, s...))
		}
	}
	*text = s
	if code := c.refuses(rule, s); code != "" {
		return wrong(code, name, rule.wants(), v)
	}
	return nil
}

// hostChars tells whether a variable can stand for a label of a host or a segment of a path and for nothing else.
func hostChars(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' && i > 0 && s[i-1] != '.') {
			return false
		}
	}
	return s != ""
}

func (c *config) readList(name string, v json.Value) *fault {
	if v.Kind() != json.Array {
		return wrong("bad_value", name, "an array", v)
	}
	algs, left := "", form.MaxParams
	for it := v.Each(); it.Next(); left-- {
		s, allowed := it.Value().Str(), ""
		if left == 0 {
			return wrong("bad_value", name, "256 elements at the most", v)
		}
		switch name {
		case "id_token_signed_response_alg":
			allowed = algorithms
			algs += s + " "
		case "resource":
			if s == "" || index(s, ':') < 1 || !uriChars(s) || index(s, '#') >= 0 { // RFC 8707 section 2
				return wrong("bad_url", name, "an absolute URI without fragment", it.Value())
			}
			c.resource = append(c.resource, form.Param{Name: name, Value: s})
		case "token_destinations":
			if f := c.readText(&s, name, it.Value(), endpoint); f != nil {
				return f
			}
			u, ok := parseURI(s)
			if !ok || u.query {
				return wrong("bad_url", name, "an absolute URL without query", it.Value())
			}
			c.resources = append(c.resources, u)
		case "insecure_http_origins":
			if u, ok := parseURI(s); !ok || u.scheme != "http" || s != "http://"+u.host+u.port {
				return wrong("bad_url", name, "http://HOST, or http://HOST:PORT with another port than 80, in lower case", it.Value())
			}
		case "bearer_token_types":
			if s == "" {
				return wrong("bad_value", name, "a text", it.Value())
			}
		case "callback_parameters":
			if s == "" || protected(s) || hasScope(replyParameters, s) {
				return wrong("bad_value", name, "a parameter that OAuth does not have", it.Value())
			}
		case "parameter_hooks", "request_hooks":
			allowed = hookStages
		case "response_hooks":
			allowed = responseStages
		}
		if allowed != "" && !hasScope(allowed, s) {
			return wrong("bad_value", name, allowed, it.Value())
		}
	}
	if name == "id_token_signed_response_alg" {
		if algs == "" {
			return wrong("bad_value", name, algorithms, v)
		}
		c.idTokenAlgs = algs[:len(algs)-1]
	}
	return nil
}

// readRegistration takes from a registration's answer (RFC 7591 section 3.2.1) what the configuration leaves out; the rest of it is as the server and the application like.
func (c *config) readRegistration(groups []group, in json.Value) *fault {
	for it := in.Get("registration").Each(); it.Next(); {
		name, v := it.Name(), it.Value()
		switch name {
		case "client_id", "client_secret", "token_endpoint_auth_method":
		case "redirect_uris": // of several the configuration has to say which
			one := v.Each()
			if name = "redirect_uri"; one.Next() {
				v = one.Value()
			}
			if one.Next() {
				continue
			}
		case "id_token_signed_response_alg":
			if in.Get(name).Kind() == json.None && v.Kind() == json.String {
				if c.idTokenAlgs = v.Str(); !hasScope(algorithms, c.idTokenAlgs) {
					return wrong("bad_value", name, algorithms, v).within("registration")
				}
			}
			continue
		case "dpop_bound_access_tokens":
			c.dpop = c.dpop || v.True() && in.Get("dpop").Kind() == json.None
			continue
		default:
			continue
		}
		if in.Get(name).Kind() == json.None && v.Kind() == json.String { // null is none
			if f := c.read(groups, name, v); f != nil {
				return f
			}
		}
	}
	return nil
}

// readRefreshErrors takes the names that the server has for a dead refresh token: pairs of error and error_description. Codes that mean something else as well need the description.
func (c *config) readRefreshErrors(v json.Value) *fault {
	const field, shared = "refresh_token_errors", "invalid_request invalid_client unauthorized_client unsupported_grant_type invalid_scope invalid_target access_denied server_error temporarily_unavailable slow_down"
	refused := bad("bad_value", field).not("[[error, error_description], …], the error alone unless it means other things too", "")
	if v.Kind() != json.Array || v.Values() > 3*form.MaxParams {
		return refused
	}
	for it := v.Each(); it.Next(); {
		var texts [2]string
		n := 0
		for e := it.Value().Each(); e.Next(); n++ {
			if n == 2 || e.Value().Str() == "" {
				return refused
			}
			texts[n] = e.Value().Str()
		}
		if it.Value().Kind() != json.Array || n == 0 || n == 1 && hasScope(shared, texts[0]) {
			return refused
		}
		c.refreshErrors = append(c.refreshErrors, form.Param{Name: texts[0], Value: texts[1]})
	}
	return nil
}

// between holds a number to its bounds.
func between(name string, n, least, most int64) *fault {
	if n >= least && n <= most {
		return nil
	}
	text := func(n int64) string { return string(json.AppendInt(nil, n)) }
	return bad("bad_value", name).not(text(least)+" to "+text(most), text(n))
}

// deadToken tells whether the answer to a refresh says that the refresh token is of no use any more: invalid_grant (RFC 6749 section 5.2), or the server's own name for it.
func (c *config) deadToken(f *fault) bool {
	for _, p := range c.refreshErrors {
		if f.err == p.Name && (p.Value == "" || f.descr == p.Value) {
			return true
		}
	}
	return f.err == "invalid_grant"
}

func (c *config) check() *fault {
	if c.clientID == "" && c.clientMetadata.Kind() == json.None {
		return bad("missing", "client_id").not("a text, as the server named this client", "")
	}
	if c.name == "" {
		return bad("missing", "name")
	}
	// All attempts together have to be stored, and read again, in one message.
	f := between("max_attempts", c.maxAttempts, 1, 64)
	if f == nil {
		f = between("clock_tolerance_ms", c.tolerance, 0, 60*60*1000)
	}
	if f == nil {
		f = between("attempt_life_ms", c.attemptLife, 1000, 24*60*60*1000)
	}
	if f == nil {
		f = between("pkce_verifier_length", c.verifierLength, 43, 128)
	}
	if f != nil {
		return f
	}
	// Without a nonce an ID token is not bound to its attempt: with openid that takes the option that says so.
	if c.nonce != "automatic" && c.nonce != "enabled" && (c.nonce != "disabled" || hasScope(c.scope, "openid")) {
		return bad("bad_value", "nonce").not("automatic or enabled, or disabled without scope openid", c.nonce)
	}
	if c.pushedRequests != parOff && c.pushedRequests != parOffered && c.pushedRequests != parRequired {
		return bad("bad_value", "pushed_authorization_requests").not("off, offered or required", c.pushedRequests)
	}
	for _, p := range c.parameters {
		if protected(p.Name) {
			return bad("protected_parameter", "parameters").not("", p.Name)
		}
	}
	if c.issuer == "" {
		needs := ""
		switch {
		case c.issRequired:
			needs = "authorization_response_iss_parameter_supported"
		case c.discovery:
			needs = "discovery"
		case c.jwks != "":
			needs = "jwks_uri"
		case c.requestAlg != "":
			needs = "request_object_signing_alg"
		case c.metadataURL != "":
			needs = "metadata_url"
		}
		if needs != "" {
			return bad("missing", "issuer").not("issuer", needs)
		}
	}
	if index(c.issuer, '?') >= 0 { // RFC 8414 section 2
		return bad("bad_url", "issuer").not("an absolute URL without query", "")
	}
	if t := c.issuerTemplate; t != "" && (tenantAt(t) < 0 || !prefixed(t, "https://")) {
		return bad("bad_url", "issuer_template").not("https, with {tenantid}", t)
	}
	if f := c.checkReach(); f != nil {
		return f
	}
	// An ID token that nobody can verify is worse than none.
	if hasScope(c.scope, "openid") && c.jwks == "" && !c.discovery && !c.idTokenOff {
		return bad("missing", "jwks_uri").not("discovery or jwks_uri", "scope openid")
	}
	// A bare token in a header of its own is bound to nothing.
	if c.dpop && c.tokenHeader != "" {
		return bad("bad_value", "token_header").not("none with dpop", c.tokenHeader)
	}
	if c.dpop && c.accessOptional {
		return bad("bad_value", "access_token_optional").not("false with dpop", "true")
	}
	return c.checkAuth()
}

// checkReach sees to it that a client which names its server can reach it at all.
func (c *config) checkReach() *fault {
	for _, s := range append(c.endpoints(), &c.profile.endpoint) {
		if *s != "" {
			return nil
		}
	}
	if c.issuer != "" && !c.discovery && (c.refresh == "" || c.refresh == "none") {
		return bad("missing", "discovery").not("discovery: true, or authorization_endpoint and token_endpoint", "issuer without endpoints")
	}
	return nil
}

// under is the key of one thing that is kept: clients of one name, but of other servers or client ids, do not meet there.
func (c *config) under(what string) string { return c.name + "." + c.mine + "." + what }

// takePrint takes the fingerprint, which tells whose tokens stored bytes are.
func (c *config) takePrint() {
	issuer := c.issuer
	if issuer == "" {
		issuer = c.token
	} else if n := len(issuer) - 1; issuer[n] == '/' && sameIssuer(issuer, issuer[:n]) {
		issuer = issuer[:n] // both spellings are one issuer, and have one session
	}
	c.mine = digest43(issuer + "\n" + c.clientID + c.variables.Raw())[:22]
}
