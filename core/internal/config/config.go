// Package config reads and checks the configuration of a client (core/contract/README.md).
package config

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A Config is the configuration of a session, completed by the server's metadata. Members have the
// names of RFC 8414 and RFC 7591 if there is one.
type Config struct {
	self                                                                                          []Config // this configuration alone: a slice is copied in one piece
	Name, Issuer, ClientID, ClientSecret, RedirectURI, Scope, UserAgent                           string
	Fingerprint                                                                                   string // differs for other servers and client ids
	AuthorizationEndpoint, TokenEndpoint, RefreshEndpoint, RevocationEndpoint, UserinfoEndpoint   string
	DeviceAuthorizationEndpoint, IntrospectionEndpoint, EndSessionEndpoint, PushedRequestEndpoint string
	PushedRequests                                                                                string // off, offered, required
	TokenHeader, LongLived                                                                        string
	JWKS, IssuerTemplate                                                                          string
	IDTokenAlgs                                                                                   string // separated by spaces
	AuthGiven, RevocationAuthGiven, IntrospectionAuthGiven                                        bool
	Discovery, IDTokenOff, DPoP                                                                   bool
	ClientKey, ClientKeyID                                                                        string // the host's name for it, and the server's
	AuthAlg, RequestAlg, DPoPAlg                                                                  string
	IntrospectionAlg, AssertionAudience, RegistrationEndpoint                                     string
	ClientMetadata, TrustedAudiences, tokenTypes, CallbackParameters                              json.Value
	Resources                                                                                     []form.Param // of token requests (RFC 8707)
	AuthMethod, RevocationAuthMethod, IntrospectionAuthMethod                                     string
	Nonce                                                                                         string // automatic, enabled, disabled
	PKCE                                                                                          string // S256, plain, none
	VerifierLength                                                                                int64
	RetryWindow, Skew, Tolerance, AttemptLife, MaxAttempts                                        int64
	refreshErrors                                                                                 []form.Param // error and description, "" for any
	RefreshLead                                                                                   int64        // -1: not set
	MissingTokenType, IssuerRequired, NonceOff, AutoRefresh                                       bool
	pkcePlain, pkceNone, AccessOptional, RefreshScope                                             bool
	MetadataURL, TokenPath                                                                        string
	Profile                                                                                       profile
	variables                                                                                     json.Value
	Destinations                                                                                  []Destination
	Parameters                                                                                    []form.Param
	httpOrigins, ParameterHooks, RequestHooks, ResponseHooks                                      json.Value
	privateOrigins                                                                                json.Value
	IdentityProvider                                                                              *Config // the server that makes an ID-JAG for this one, nil for none
}

// WantsPairs is the form of parameters.
const WantsPairs = "[[name, value], …]"

// WrongScope refuses the scope of a command.
func WrongScope(s string) *link.Fault {
	return link.Bad("bad_value", "scope").Not(scopeList.Wants(), s)
}

// A group is a set of members that are read in the same way: their names, separated by spaces, and
// where each value goes.
type group struct {
	names   string
	rule    grammar
	texts   []*string
	numbers []*int64
	flags   []*bool
	values  []*json.Value // they are checked when they are used
	lacks   bool          // only another module has these members
}

// Endpoints are those that the server's metadata may also name.
const Endpoints = "authorization_endpoint token_endpoint revocation_endpoint userinfo_endpoint jwks_uri device_authorization_endpoint introspection_endpoint end_session_endpoint pushed_authorization_request_endpoint registration_endpoint"

// MoreMembers are those that oauth2.wasm lacks.
const MoreMembers = "client_assertion_audience client_key client_key_id token_endpoint_auth_signing_alg request_object_signing_alg introspection_signed_response_alg introspection_endpoint_auth_method client_metadata registration identity_provider private_origins"

// others are the members that are each read in their own way.
const others = "variables profile parameters token_destinations resource_destinations resource id_token_signed_response_alg refresh_token_errors"

func (c *Config) groups() []group {
	return append(c.moreGroups(), []group{
		{names: Endpoints, rule: Endpoint, texts: c.Endpoints()},
		{names: "issuer metadata_url", rule: Endpoint, texts: []*string{&c.Issuer, &c.MetadataURL}},
		{names: "client_id client_secret name user_agent long_lived_grant_type", rule: vschar,
			texts: []*string{&c.ClientID, &c.ClientSecret, &c.Name, &c.UserAgent, &c.LongLived}},
		{names: "redirect_uri", rule: Redirect, texts: []*string{&c.RedirectURI}},
		{names: "scope", rule: scopeList, texts: []*string{&c.Scope}},
		{names: "refresh_endpoint", rule: endpointOrNone, texts: []*string{&c.RefreshEndpoint}},
		{names: "dpop_signing_alg", rule: signature, texts: []*string{&c.DPoPAlg}},
		{names: "token_header", rule: headerName, texts: []*string{&c.TokenHeader}},
		{names: "issuer_template pushed_authorization_requests token_endpoint_auth_method revocation_endpoint_auth_method nonce token_response_path",
			texts: []*string{&c.IssuerTemplate, &c.PushedRequests, &c.AuthMethod, &c.RevocationAuthMethod, &c.Nonce, &c.TokenPath}},
		{names: "pkce_verifier_length retry_window_ms clock_skew_ms attempt_life_ms max_attempts clock_tolerance_ms refresh_lead_ms",
			numbers: []*int64{&c.VerifierLength, &c.RetryWindow, &c.Skew, &c.AttemptLife, &c.MaxAttempts, &c.Tolerance, &c.RefreshLead}},
		{names: "insecure_pkce_plain insecure_pkce_none insecure_nonce_disabled missing_token_type_is_bearer auto_refresh discovery dpop insecure_id_token_unverified authorization_response_iss_parameter_supported access_token_optional refresh_with_scope",
			flags: []*bool{&c.pkcePlain, &c.pkceNone, &c.NonceOff, &c.MissingTokenType, &c.AutoRefresh, &c.Discovery, &c.DPoP, &c.IDTokenOff, &c.IssuerRequired, &c.AccessOptional, &c.RefreshScope}},
		{names: "trusted_audiences bearer_token_types callback_parameters insecure_http_origins parameter_hooks request_hooks response_hooks",
			values: []*json.Value{&c.TrustedAudiences, &c.tokenTypes, &c.CallbackParameters, &c.httpOrigins, &c.ParameterHooks, &c.RequestHooks, &c.ResponseHooks}},
		{names: others},
	}...)
}

// Endpoints returns the fields of the members in the constant Endpoints.
func (c *Config) Endpoints() []*string {
	return []*string{&c.AuthorizationEndpoint, &c.TokenEndpoint, &c.RevocationEndpoint, &c.UserinfoEndpoint, &c.JWKS, &c.DeviceAuthorizationEndpoint, &c.IntrospectionEndpoint, &c.EndSessionEndpoint, &c.PushedRequestEndpoint, &c.RegistrationEndpoint}
}

// Read reads a configuration, or returns a fault that says what is wrong.
func Read(in json.Value) (c *Config, f *link.Fault) {
	if in.Kind() != json.Object {
		return nil, link.Bad("missing", "config")
	}
	list := []Config{{IDTokenAlgs: jose.Algorithms, AuthAlg: "ES256", DPoPAlg: "ES256", PushedRequests: PAROffered, Name: "oauth2", Nonce: "automatic", PKCE: "S256", VerifierLength: 43, RetryWindow: 24 * 60 * 60 * 1000, Skew: 10_000, Tolerance: 300_000, AttemptLife: 600_000, MaxAttempts: 16, RefreshLead: -1,
		Profile: profile{ID: "sub", Email: "email", Verification: "email_verified"}, variables: in.Get("variables"), httpOrigins: in.Get("insecure_http_origins")}}
	c = &list[0]
	c.self = list
	groups := c.groups()
	c.firstMore(in)
	if c.httpOrigins.Kind() != json.None {
		// Before the URLs, because it decides which of them are allowed.
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
		c.PKCE = "plain"
	}
	if c.pkceNone {
		c.PKCE = "none"
	}
	c.takePrint()
	return c, c.check()
}

// Clone returns a copy.
func (c *Config) Clone() *Config {
	list := append([]Config(nil), c.self...)
	list[0].self = list
	return &list[0]
}

// Become replaces the content of c, which all owners share, by next.
func (c *Config) Become(next *Config) {
	list := c.self
	copy(list, next.self)
	c.self = list
}

// read reads one member.
func (c *Config) read(groups []group, name string, v json.Value) *link.Fault {
	for _, g := range groups {
		i := words.Nth(g.names, name)
		switch {
		case i < 0:
			continue
		case g.lacks:
			return link.NotHere(name, "")
		case g.texts != nil:
			if v.Kind() != json.String {
				return link.Wrong("bad_value", name, "a text", v)
			}
			return c.readText(g.texts[i], name, v, g.rule)
		case g.numbers != nil:
			n, ok := v.Int()
			if !ok || n < 0 || n > link.MaxTime {
				return link.Wrong("bad_value", name, "a whole number from 0, no text", v)
			}
			*g.numbers[i] = n
			return nil
		case g.flags != nil:
			if v.Kind() != json.Bool {
				return link.Wrong("bad_value", name, "true or false, no text", v)
			}
			*g.flags[i] = v.True()
			return nil
		case g.values != nil:
			*g.values[i] = v
		}
		return c.readOther(name, v)
	}
	// A misspelt option must not be ignored.
	return link.UnknownMember(names(groups), name)
}

func names(groups []group) (list string) {
	for _, g := range groups {
		list += g.names + " "
	}
	return list
}

func (c *Config) readOther(name string, v json.Value) *link.Fault {
	switch name {
	case "variables", "client_metadata", "registration", "identity_provider":
		if v.Kind() != json.Object {
			return link.Wrong("bad_value", name, "an object", v)
		}
		return c.readObject(name, v)
	case "profile":
		return c.readProfile(v)
	case "refresh_token_errors":
		return c.readRefreshErrors(v)
	case "parameters":
		var ok bool
		if c.Parameters, ok = link.ReadParams(v); !ok {
			return link.Bad("bad_value", name).Not(WantsPairs, "")
		}
		return nil
	}
	return c.readList(name, v)
}

// readText reads a text that satisfies the rule; in a URL it first replaces variables.
func (c *Config) readText(text *string, name string, v json.Value, rule grammar) *link.Fault {
	s := v.Str()
	if rule >= Redirect {
		var b []byte
		for i := words.Index(s, '{'); i >= 0; i = words.Index(s, '{') {
			j := words.Index(s, '}')
			if j < i {
				return link.Wrong("bad_url", name, "{ and } around the name of a variable", v)
			}
			variable := c.variables.Get(s[i+1 : j])
			if !words.HostChars(variable.Str()) {
				return link.Wrong("bad_value", "variables", s[i+1:j]+" of letters, digits, - and .", variable)
			}
			b = append(append(b, s[:i]...), variable.Str()...)
			s = s[j+1:]
		}
		if b != nil {
			s = string(append(b, s...))
		}
	}
	*text = s
	if code := c.Refuses(rule, s); code != "" {
		return link.Wrong(code, name, rule.Wants(), v)
	}
	return nil
}

func (c *Config) readList(name string, v json.Value) *link.Fault {
	if v.Kind() != json.Array {
		return link.Wrong("bad_value", name, "an array", v)
	}
	algs, left := "", form.MaxParams
	for it := v.Each(); it.Next(); left-- {
		s, allowed := it.Value().Str(), ""
		if left == 0 {
			return link.Wrong("bad_value", name, "256 elements at the most", v)
		}
		if !originOK(name, s) {
			return link.Wrong("bad_url", name, "origins, as https://HOST or http://HOST:PORT, in lower case", it.Value())
		}
		switch name {
		case "id_token_signed_response_alg":
			allowed = jose.Algorithms
			algs += s + " "
		case "resource":
			if !resourceOK(s) { // RFC 8707 section 2
				return link.Wrong("bad_url", name, wantsResource, it.Value())
			}
			c.Resources = append(c.Resources, form.Param{Name: name, Value: s})
		case "token_destinations", "resource_destinations":
			if f := c.readDestination(name, it.Value()); f != nil {
				return f
			}
		case "insecure_http_origins":
			if u, ok := uri.Parse(s); !ok || u.Scheme != "http" || s != "http://"+u.Host+u.Port {
				return link.Wrong("bad_url", name, "http://HOST, or http://HOST:PORT with another port than 80, in lower case", it.Value())
			}
		case "bearer_token_types":
			if s == "" {
				return link.Wrong("bad_value", name, "a text", it.Value())
			}
		case "callback_parameters":
			if s == "" || Protected(s) || words.Has(replyParameters, s) {
				return link.Wrong("bad_value", name, "a parameter that OAuth does not have", it.Value())
			}
		case "parameter_hooks", "request_hooks":
			allowed = hookStages
		case "response_hooks":
			allowed = responseStages
		}
		if allowed != "" && !words.Has(allowed, s) {
			return link.Wrong("bad_value", name, allowed, it.Value())
		}
	}
	if name == "id_token_signed_response_alg" {
		if algs == "" {
			return link.Wrong("bad_value", name, jose.Algorithms, v)
		}
		c.IDTokenAlgs = algs[:len(algs)-1]
	}
	return nil
}

// A Destination is where an access token may go: that of the session, or the one for a target.
type Destination struct {
	URL    uri.URI
	Target string
}

// readDestination reads a URL, or an object with a URL and the members that ReadTarget reads.
func (c *Config) readDestination(name string, v json.Value) *link.Fault {
	var d Destination
	url, s := v, ""
	if name == "resource_destinations" {
		url = v.Get("url")
		target, f := ReadTarget(v)
		if d.Target = target; f != nil {
			f.Field = name
			return f
		}
		if target == "" || v.Values() != 2+v.Get("resource").Values()+v.Get("scope").Values() {
			return link.Wrong("bad_value", name, "objects of url, resource and scope", v)
		}
	}
	if f := c.readText(&s, name, url, Endpoint); f != nil {
		return f
	}
	var ok bool
	if d.URL, ok = uri.Parse(s); !ok || d.URL.Query {
		return link.Wrong("bad_url", name, "an absolute URL without query", url)
	}
	c.Destinations = append(c.Destinations, d)
	return nil
}

// ReadTarget reads what an access token is for: its resource (RFC 8707 section 2), a space and its
// scope. Either may be missing. "" is the session's own token.
func ReadTarget(in json.Value) (target string, f *link.Fault) {
	resource, scope := in.Get("resource"), in.Get("scope")
	if resource.Kind() != json.None && !resourceOK(resource.Str()) {
		return "", link.Wrong("bad_url", "resource", wantsResource, resource)
	}
	if s := scope.Str(); scope.Kind() != json.None && (s == "" || !words.ScopeOK(s)) {
		return "", WrongScope(s)
	}
	if target = resource.Str() + " " + scope.Str(); len(target) == 1 {
		target = ""
	}
	return target, nil
}

const wantsResource = "an absolute URI without fragment"

func resourceOK(s string) bool {
	return words.Index(s, ':') > 0 && uri.Chars(s) && words.Index(s, '#') < 0
}

// readRefreshErrors reads the errors by which the server says that a refresh token is invalid:
// pairs of error and error_description. Errors that can also mean something else need the
// description.
func (c *Config) readRefreshErrors(v json.Value) *link.Fault {
	const field, shared = "refresh_token_errors", "invalid_request invalid_client unauthorized_client unsupported_grant_type invalid_scope invalid_target access_denied server_error temporarily_unavailable slow_down"
	refused := link.Bad("bad_value", field).Not("[[error, error_description], …], the error alone unless it means other things too", "")
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
		if it.Value().Kind() != json.Array || n == 0 || n == 1 && words.Has(shared, texts[0]) {
			return refused
		}
		c.refreshErrors = append(c.refreshErrors, form.Param{Name: texts[0], Value: texts[1]})
	}
	return nil
}

// DeadToken reports whether the answer to a refresh says that the refresh token is invalid:
// invalid_grant (RFC 6749 section 5.2), or the server's own error for it.
func (c *Config) DeadToken(f *link.Fault) bool {
	for _, p := range c.refreshErrors {
		if f.Err == p.Name && (p.Value == "" || f.Descr == p.Value) {
			return true
		}
	}
	return f.Err == "invalid_grant"
}

// Under is the key of a stored text. Clients with the same name but another server or client id
// have other keys.
func (c *Config) Under(what string) string { return c.Name + "." + c.Fingerprint + "." + what }

// takePrint computes the fingerprint, which shows to which configuration a stored text belongs.
func (c *Config) takePrint() {
	issuer := c.Issuer
	if issuer == "" {
		issuer = c.TokenEndpoint
	} else if n := len(issuer) - 1; issuer[n] == '/' && uri.Same(issuer, issuer[:n]) {
		issuer = issuer[:n] // both spellings are the same issuer, and have one session
	}
	c.Fingerprint = sha256.Base64URL(issuer + "\n" + c.ClientID + c.variables.Raw())[:22]
}

// Whether the authorization request goes to the server first (RFC 9126).
const (
	PAROff      = "off"
	PAROffered  = "offered" // if the server has an endpoint for it
	PARRequired = "required"
)

// A profile says where a provider names the user who signed in.
type profile struct {
	Endpoint, Emails        string // URLs
	ID, Email, Verification string // paths: member names separated by dots
}

func (c *Config) readProfile(v json.Value) *link.Fault {
	if v.Kind() != json.Object {
		return link.Wrong("bad_value", "profile", "an object", v)
	}
	p := &c.Profile
	groups := []group{{names: "endpoint emails_endpoint", rule: Endpoint, texts: []*string{&p.Endpoint, &p.Emails}}, {names: "id email email_verified", texts: []*string{&p.ID, &p.Email, &p.Verification}}}
	for it := v.Each(); it.Next(); {
		if f := c.read(groups, it.Name(), it.Value()); f != nil {
			return f.Within("profile")
		}
	}
	return nil
}

// WantedScope is the scope that a command requests.
func (c *Config) WantedScope(in json.Value) string {
	if v := in.Get("scope"); v.Kind() == json.String {
		return v.Str()
	}
	if s := form.ValueOf(c.Parameters, "scope"); s != "" {
		return s
	}
	return c.Scope
}

// BearerByName reports whether the server uses that name, in lower case, for the token type Bearer.
func (c *Config) BearerByName(kind string) bool {
	for it := c.tokenTypes.Each(); it.Next(); {
		if words.Lower(it.Value().Str()) == kind {
			return true
		}
	}
	return false
}
