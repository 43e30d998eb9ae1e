package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// A config is what a session was opened with; it never changes. Members have the names of RFC 8414 and RFC 7591 where these have one.
type config struct {
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
	clientMetadata                                                      json.Value
	resource                                                            []form.Param
	auth, revocationAuth, introspectionAuth                             string
	nonce                                                               string // automatic, enabled, disabled
	pkce                                                                string // S256, plain, none
	verifierLength                                                      int64
	retryWindow, skew, tolerance, attemptLife, maxAttempts              int64
	trustedAudiences                                                    json.Value
	refreshErrors                                                       []form.Param // error and description, "" for any
	refreshLead                                                         int64        // -1: not set
	missingTokenType, issRequired, nonceOff, autoRefresh                bool
	profile                                                             profile
	variables                                                           json.Value
	resources                                                           []uri
	parameters                                                          []form.Param
	parameterHooks, requestHooks                                        []string
}

// bad is a refused configuration or parameter; the field is named.
func bad(code, field string) *fault { return &fault{kind: kindClient, code: code, field: field} }

func readConfig(in json.Value) (c *config, f *fault) {
	if in.Kind() != json.Object {
		return nil, bad("missing", "config")
	}
	c = &config{idTokenAlgs: algorithms, authAlg: "ES256", dpopAlg: "ES256", pushedRequests: parOffered, name: "oauth2", nonce: "automatic", pkce: "S256", verifierLength: 43, retryWindow: 24 * 60 * 60 * 1000, skew: 10_000, tolerance: 300_000, attemptLife: 600_000, maxAttempts: 16, refreshLead: -1,
		profile: profile{id: "sub", email: "email", verification: "email_verified"}, variables: in.Get("variables")}
	for it := in.Each(); it.Next(); {
		name, v := it.Name(), it.Value()
		var text *string
		rule := anyText
		var number *int64
		switch name {
		case "variables":
			if v.Kind() != json.Object {
				return nil, bad("bad_value", name)
			}
		case "name":
			text, rule = &c.name, vschar
		case "issuer":
			text, rule = &c.issuer, endpoint
		case "client_id":
			text, rule = &c.clientID, vschar
		case "client_secret":
			text, rule = &c.clientSecret, vschar
		case "redirect_uri":
			text, rule = &c.redirectURI, redirect
		case "scope":
			text, rule = &c.scope, scopeList
		case "user_agent":
			text, rule = &c.userAgent, vschar
		case "authorization_endpoint":
			text, rule = &c.authorization, endpoint
		case "token_endpoint":
			text, rule = &c.token, endpoint
		case "refresh_endpoint":
			text, rule = &c.refresh, endpointOrNone
		case "revocation_endpoint":
			text, rule = &c.revocation, endpoint
		case "userinfo_endpoint":
			text, rule = &c.userinfo, endpoint
		case "jwks_uri":
			text, rule = &c.jwks, endpoint
		case "issuer_template":
			text = &c.issuerTemplate
		case "device_authorization_endpoint":
			text, rule = &c.deviceAuthorization, endpoint
		case "introspection_endpoint":
			text, rule = &c.introspection, endpoint
		case "end_session_endpoint":
			text, rule = &c.endSession, endpoint
		case "pushed_authorization_request_endpoint":
			text, rule = &c.pushed, endpoint
		case "pushed_authorization_requests":
			text = &c.pushedRequests
		case "registration_endpoint":
			text, rule = &c.registration, endpoint
		case "client_key":
			text, rule = &c.clientKey, vschar
		case "client_key_id":
			text, rule = &c.clientKeyID, vschar
		case "client_assertion_audience":
			text, rule = &c.assertionAudience, endpoint
		case "token_endpoint_auth_signing_alg":
			text, rule = &c.authAlg, signature
		case "request_object_signing_alg":
			text, rule = &c.requestAlg, signature
		case "introspection_signed_response_alg":
			text, rule = &c.introspectionAlg, signature
		case "dpop_signing_alg":
			text, rule = &c.dpopAlg, signature
		case "client_metadata":
			if v.Kind() != json.Object {
				return nil, bad("bad_value", name)
			}
			c.clientMetadata = v
		case "token_header":
			text, rule = &c.tokenHeader, headerName
		case "long_lived_grant_type":
			text, rule = &c.longLived, vschar
		case "token_endpoint_auth_method":
			text = &c.auth
		case "revocation_endpoint_auth_method":
			text = &c.revocationAuth
		case "introspection_endpoint_auth_method":
			text = &c.introspectionAuth
		case "nonce":
			text = &c.nonce
		case "pkce_verifier_length":
			number = &c.verifierLength
		case "retry_window_ms":
			number = &c.retryWindow
		case "clock_skew_ms":
			number = &c.skew
		case "attempt_life_ms":
			number = &c.attemptLife
		case "max_attempts":
			number = &c.maxAttempts
		case "clock_tolerance_ms":
			number = &c.tolerance
		case "trusted_audiences":
			if v.Kind() != json.Array {
				return nil, bad("bad_value", name)
			}
			c.trustedAudiences = v
		case "refresh_token_errors":
			if f := c.readRefreshErrors(v); f != nil {
				return nil, f
			}
		case "refresh_lead_ms":
			number = &c.refreshLead
		case "profile":
			if f := c.readProfile(v); f != nil {
				return nil, f
			}
		case "parameters":
			var ok bool
			if c.parameters, ok = readParams(v); !ok {
				return nil, bad("bad_value", name)
			}
		case "resources", "resource", "parameter_hooks", "request_hooks", "id_token_signed_response_alg":
			if f := c.readList(name, v); f != nil {
				return nil, f
			}
		case "insecure_pkce_plain", "insecure_pkce_none", "insecure_nonce_disabled", "missing_token_type_is_bearer", "auto_refresh", "discovery", "dpop", "insecure_id_token_unverified", "authorization_response_iss_parameter_supported":
			if v.Kind() != json.Bool {
				return nil, bad("bad_value", name)
			}
			if v.True() {
				c.set(name)
			}
		default:
			// A misspelt option must not pass for one that was set.
			return nil, bad("unknown_member", name)
		}
		if text != nil {
			if v.Kind() != json.String {
				return nil, bad("bad_value", name)
			}
			if f := c.readText(text, name, v.Str(), rule); f != nil {
				return nil, f
			}
		}
		if number != nil {
			n, ok := v.Int()
			if !ok || n < 0 || n > maxTime {
				return nil, bad("bad_value", name)
			}
			*number = n
		}
	}
	c.takePrint()
	return c, c.check()
}

// readText takes a text that keeps to the rule; in a URL, variables are put in first.
func (c *config) readText(text *string, name, s string, rule grammar) *fault {
	if rule >= redirect {
		var b []byte
		for i := index(s, '{'); i >= 0; i = index(s, '{') {
			j := index(s, '}')
			if j < i {
				return bad("bad_url", name)
			}
			v := c.variables.Get(s[i+1 : j]).Str()
			if !hostChars(v) {
				return bad("bad_value", "variables")
			}
			b = append(append(b, s[:i]...), v...)
			s = s[j+1:]
		}
		if b != nil {
			s = string(append(b, s...))
		}
	}
	*text = s
	if code := rule.refuses(s); code != "" {
		return bad(code, name)
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

func (c *config) set(option string) {
	switch option {
	case "discovery":
		c.discovery = true
	case "dpop":
		c.dpop = true
	case "insecure_id_token_unverified":
		c.idTokenOff = true
	case "auto_refresh":
		c.autoRefresh = true
	case "insecure_pkce_plain":
		c.pkce = "plain"
	case "insecure_pkce_none":
		c.pkce = "none"
	case "insecure_nonce_disabled":
		c.nonceOff = true
	case "missing_token_type_is_bearer":
		c.missingTokenType = true
	case "authorization_response_iss_parameter_supported":
		c.issRequired = true
	}
}

func (c *config) readList(name string, v json.Value) *fault {
	if v.Kind() != json.Array {
		return bad("bad_value", name)
	}
	algs, left := "", form.MaxParams
	for it := v.Each(); it.Next(); left-- {
		s := it.Value().Str()
		if left == 0 {
			return bad("bad_value", name)
		}
		switch name {
		case "id_token_signed_response_alg":
			if s == "" || !hasScope(algorithms, s) {
				return bad("bad_value", name)
			}
			algs += s + " "
		case "resource":
			if s == "" || index(s, ':') < 1 || !uriChars(s) || index(s, '#') >= 0 { // RFC 8707 section 2
				return bad("bad_url", name)
			}
			c.resource = append(c.resource, form.Param{Name: name, Value: s})
		case "resources":
			if f := c.readText(&s, name, s, endpoint); f != nil {
				return f
			}
			u, ok := parseURI(s)
			if !ok || u.query {
				return bad("bad_url", name)
			}
			c.resources = append(c.resources, u)
		case "parameter_hooks":
			c.parameterHooks = append(c.parameterHooks, s)
		case "request_hooks":
			c.requestHooks = append(c.requestHooks, s)
		}
		if name == "parameter_hooks" || name == "request_hooks" {
			switch s {
			case stageAuthorization, stageToken, stageRefresh, stageDevice, stagePolling:
			default:
				return bad("bad_value", name)
			}
		}
	}
	if name == "id_token_signed_response_alg" {
		if algs == "" {
			return bad("bad_value", name)
		}
		c.idTokenAlgs = algs[:len(algs)-1]
	}
	return nil
}

// readRefreshErrors takes the names that the server has for a dead refresh token: pairs of error and error_description. Codes that mean something else as well need the description.
func (c *config) readRefreshErrors(v json.Value) *fault {
	const field, others = "refresh_token_errors", "invalid_request invalid_client unauthorized_client unsupported_grant_type invalid_scope invalid_target access_denied server_error temporarily_unavailable slow_down"
	if v.Kind() != json.Array || v.Values() > 3*form.MaxParams {
		return bad("bad_value", field)
	}
	for it := v.Each(); it.Next(); {
		var texts [2]string
		n := 0
		for e := it.Value().Each(); e.Next(); n++ {
			if n == 2 || e.Value().Str() == "" {
				return bad("bad_value", field)
			}
			texts[n] = e.Value().Str()
		}
		if it.Value().Kind() != json.Array || n == 0 || n == 1 && hasScope(others, texts[0]) {
			return bad("bad_value", field)
		}
		c.refreshErrors = append(c.refreshErrors, form.Param{Name: texts[0], Value: texts[1]})
	}
	return nil
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
		return bad("missing", "client_id")
	}
	if c.name == "" {
		return bad("missing", "name")
	}
	// All attempts together have to be stored, and read again, in one message.
	if c.maxAttempts < 1 || c.maxAttempts > 64 {
		return bad("bad_value", "max_attempts")
	}
	// A token that has ended is taken for so long.
	if c.tolerance > 60*60*1000 {
		return bad("bad_value", "clock_tolerance_ms")
	}
	if c.attemptLife < 1000 || c.attemptLife > 24*60*60*1000 {
		return bad("bad_value", "attempt_life_ms")
	}
	if c.verifierLength < 43 || c.verifierLength > 128 {
		return bad("bad_value", "pkce_verifier_length")
	}
	// Without a nonce an ID token is not bound to its attempt: with openid that takes the option that says so.
	if c.nonce != "automatic" && c.nonce != "enabled" && (c.nonce != "disabled" || hasScope(c.scope, "openid")) {
		return bad("bad_value", "nonce")
	}
	if c.pushedRequests != parOff && c.pushedRequests != parOffered && c.pushedRequests != parRequired {
		return bad("bad_value", "pushed_authorization_requests")
	}
	for _, p := range c.parameters {
		if protected(p.Name) {
			return bad("protected_parameter", "parameters")
		}
	}
	if (c.issRequired || c.discovery || c.jwks != "" || c.requestAlg != "") && c.issuer == "" {
		return bad("missing", "issuer")
	}
	if index(c.issuer, '?') >= 0 { // RFC 8414 section 2
		return bad("bad_url", "issuer")
	}
	if t := c.issuerTemplate; t != "" && (tenantAt(t) < 0 || !prefixed(t, "https://")) {
		return bad("bad_url", "issuer_template")
	}
	// An ID token that nobody can verify is worse than none.
	if hasScope(c.scope, "openid") && c.jwks == "" && !c.discovery && !c.idTokenOff {
		return bad("missing", "jwks_uri")
	}
	// A bare token in a header of its own is bound to nothing.
	if c.dpop && c.tokenHeader != "" {
		return bad("bad_value", "token_header")
	}
	return c.checkAuth()
}

// under is the key of one thing that is kept: clients of one name, but of other servers or client ids, do not meet there.
func (c *config) under(what string) string { return c.name + "." + c.mine + "." + what }

// takePrint takes the fingerprint, which tells whose tokens stored bytes are.
func (c *config) takePrint() {
	issuer := c.issuer
	if issuer == "" {
		issuer = c.token
	}
	c.mine = digest43(issuer + "\n" + c.clientID + c.variables.Raw())[:22]
}
