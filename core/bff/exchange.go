package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

const (
	grantExchange    = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantCredentials = "client_credentials"
	grantCode        = "authorization_code"
	// leastLife is what a token that was kept must have left to be given out, in ms.
	leastLife = 30_000
)

// A caller is a service that may use the exchange, and what it may ask for.
type caller struct {
	id, secretHash, scope        string
	grants, audiences, redirects []string
}

func (c *config) readCaller(v json.Value) bool {
	k := caller{id: v.Get("client_id").Str(), secretHash: v.Get("secret_sha256").Str(), scope: v.Get("scope").Str()}
	texts := func(name string, list *[]string) bool {
		return v.Get(name).Kind() == json.None || each(v.Get(name), func(v json.Value) bool {
			*list = append(*list, v.Str())
			return v.Str() != ""
		})
	}
	ok := texts("grant_types", &k.grants) && texts("audience", &k.audiences) && texts("redirect_uris", &k.redirects)
	for _, g := range k.grants {
		ok = ok && (g == grantExchange || g == grantCredentials || g == grantCode)
	}
	c.callers = append(c.callers, k)
	return ok && k.id != "" && len(k.secretHash) == 43 && len(k.grants) > 0 && k.scope != ""
}

// exchange is a token endpoint for other services: what they may not ask the authorization server for themselves, they ask here.
func (c *call) exchange() {
	if len(c.callers) == 0 {
		c.refuse(404, "not_found", "There is nothing here.")
		return
	}
	params, ok := c.posted()
	for i, p := range params {
		for _, q := range params[:i] {
			ok = ok && (p.Name != q.Name || p.Name == "audience" || p.Name == "resource") // RFC 6749 section 3.2
		}
	}
	if !ok || c.origin != "" {
		c.refuse(400, "invalid_request", "")
		return
	}
	k := c.authenticated(params)
	if k == nil {
		c.respond(401, []form.Param{{Name: "www-authenticate", Value: `Basic realm="exchange"`}}, refusal("invalid_client", ""))
		return
	}
	get := func(name string) string { return core.ValueOf(params, name) }
	grant, scope, audience := get("grant_type"), get("scope"), get("audience")
	switch {
	case grant == "":
		c.refuse(400, "invalid_request", "")
		return
	case grant != grantExchange && grant != grantCredentials && grant != grantCode:
		c.refuse(400, "unsupported_grant_type", "")
		return
	case !contains(k.grants, grant):
		c.refuse(400, "unauthorized_client", "")
		return
	}
	if scope == "" {
		scope = k.scope // and not all that this client may have
	}
	resources := 0
	for _, p := range params {
		if p.Name == "resource" {
			resources++
		}
		// RFC 8693 section 2.2.2; a resource is one by another name.
		if (p.Name == "audience" || p.Name == "resource") && !contains(k.audiences, p.Value) || p.Name == "resource" && grant != grantExchange || p.Name == "audience" && p.Value != audience || resources > 1 {
			c.refuse(400, "invalid_target", "")
			return
		}
	}
	if grant == grantCredentials && audience == "" && len(k.audiences) > 0 {
		c.refuse(400, "invalid_target", "")
		return
	}
	if c.mayGive = k.scope; !within(scope, k.scope) {
		c.refuse(400, "invalid_scope", "")
		return
	}
	switch grant {
	case grantExchange:
		c.exchangeToken(k, params, scope, audience)
	case grantCredentials:
		c.credentials(scope, audience)
	default:
		c.redeem(k, params, scope)
	}
}

// within tells whether every scope of the one list stands in the other.
func within(scope, allowed string) bool {
	for from := 0; from < len(scope); {
		to := from
		for to < len(scope) && scope[to] != ' ' {
			to++
		}
		if !hasWord(allowed, scope[from:to]) {
			return false
		}
		from = to + 1
	}
	return true
}

// authenticated is the caller that proved who it is, by Basic or in the body (RFC 6749 section 2.3.1), nil for none.
func (c *call) authenticated(params []form.Param) *caller {
	id, secret := core.ValueOf(params, "client_id"), core.ValueOf(params, "client_secret")
	if basic := core.HeaderOf(c.headers, "authorization"); len(basic) > 6 && hasElement(basic[:5], "basic") && basic[5] == ' ' {
		if secret != "" {
			return nil // one method a request
		}
		raw, _ := base64url.DecodeStd(basic[len("Basic "):])
		for i, b := range raw {
			if b == ':' {
				pair, ok := form.Decode("id=" + string(raw[:i]) + "&secret=" + string(raw[i+1:]))
				if ok && len(pair) == 2 {
					id, secret = pair[0].Value, pair[1].Value
				}
				break
			}
		}
	}
	hash := core.Hash(secret)
	for i := range c.callers {
		k := &c.callers[i]
		different := byte(0)
		for j := range hash {
			different |= hash[j] ^ k.secretHash[j]
		}
		if k.id == id && different == 0 && secret != "" {
			return k
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// exchangeToken gives a token for elsewhere (RFC 8693 section 2.1), the one that is kept from the last time if it is still good.
func (c *call) exchangeToken(k *caller, params []form.Param, scope, audience string) {
	subject := core.ValueOf(params, "subject_token")
	if subject == "" || core.ValueOf(params, "subject_token_type") == "" || audience == "" && core.ValueOf(params, "resource") == "" {
		c.refuse(400, "invalid_request", "")
		return
	}
	w := json.NewWriter()
	about := c.config.client.Fingerprint() + "\n" + k.id + "\n"
	for _, name := range [...]string{"subject_token", "subject_token_type", "audience", "resource", "requested_token_type", "scope"} {
		s := core.ValueOf(params, name)
		if name == "scope" {
			s = scope
		}
		if s != "" {
			w.MemberStr(name, s)
			about += name + "=" + s + "\n"
		}
	}
	key := c.name + ".exchange." + core.Hash(about+w.String()) // as JSON, where no value reads like another's name
	c.recall(key, func(text string) {
		kept, _ := json.Parse(text)
		if expires, ok := kept.Get("expires_at").Int(); ok && c.s.Now() < expires-leastLife {
			c.give(kept)
			return
		}
		c.client(&vault{}).Do("token_exchange", w.String(), func(ok json.Value, f *core.Fault) {
			if f != nil {
				c.grantFailed(f)
				return
			}
			if expires, known := ok.Get("expires_at").Int(); known && expires-leastLife > c.s.Now() && within(ok.Get("scope").Str(), c.mayGive) {
				c.remember(key, ok.Raw(), expires-leastLife)
			}
			c.give(ok)
		})
	})
}

// longest is how long a text the host is asked to remember, in bytes: it has many of them in memory.
const longest = 16 << 10

func (c *call) remember(key, text string, until int64) {
	if len(text) > longest {
		return
	}
	w := c.s.Effect("remember")
	w.MemberStr("key", key)
	w.MemberStr("text", text)
	w.MemberInt("expires_at", until)
	c.s.Emit(w)
}

// recall gives what the host remembers, "" for nothing.
func (c *call) recall(key string, done func(text string)) {
	w := c.s.Effect("recall")
	w.MemberStr("key", key)
	c.s.Ask(w, func(ok json.Value, failed string) { done(ok.Get("text").Str()) })
}

// credentials gives a token of this client's own (RFC 6749 section 4.4), kept as a session is.
func (c *call) credentials(scope, audience string) {
	client := c.client(&vault{hash: core.Hash(grantCredentials + "\n" + scope + "\n" + audience)})
	client.Do("token", "", func(ok json.Value, f *core.Fault) {
		if f == nil {
			c.give(ok)
			return
		}
		if f.Retryable() {
			c.grantFailed(f)
			return
		}
		w := json.NewWriter()
		if scope != "" {
			w.MemberStr("scope", scope)
		}
		if audience != "" {
			w.MemberRaw("parameters", audienceParameter(audience))
		}
		client.Do("client_credentials", w.String(), func(_ json.Value, f *core.Fault) {
			if f != nil {
				c.grantFailed(f)
				return
			}
			c.giveToken(client)
		})
	})
}

func audienceParameter(audience string) string {
	var w json.Writer
	w.Open('[')
	w.Open('[')
	w.Str("audience")
	w.Str(audience)
	w.Close(']')
	w.Close(']')
	return w.String()
}

// redeem changes a code for a token, for an application that got the code at a redirect URI of its own (RFC 6749 section 4.1.3). Its refresh token is not handed out, and not revoked: with it a server ends the access token too (RFC 7009 section 2.1).
func (c *call) redeem(k *caller, params []form.Param, scope string) {
	uri := core.ValueOf(params, "redirect_uri")
	if !contains(k.redirects, uri) || core.ValueOf(params, "code_verifier") == "" {
		c.refuse(400, "invalid_request", "")
		return
	}
	w := json.NewWriter()
	w.MemberStr("redirect_uri", uri)
	for _, name := range [...]string{"code", "code_verifier", "nonce"} {
		if s := core.ValueOf(params, name); s != "" {
			w.MemberStr(name, s)
		}
	}
	if scope != "" {
		w.MemberStr("scope", scope)
	}
	client := c.client(&vault{})
	client.Do("exchange", w.String(), func(_ json.Value, f *core.Fault) {
		if f != nil {
			c.grantFailed(f)
			return
		}
		c.giveToken(client)
	})
}

func (c *call) giveToken(client *core.Client) {
	client.Do("token", "", func(ok json.Value, f *core.Fault) {
		if f != nil {
			c.grantFailed(f)
			return
		}
		c.give(ok)
	})
}

// give answers with a token (RFC 6749 section 5.1).
func (c *call) give(token json.Value) {
	if !within(token.Get("scope").Str(), c.mayGive) {
		c.refuse(400, "invalid_scope", "") // the server gave more than this caller may have
		return
	}
	w := json.NewWriter()
	w.Open('{')
	for _, name := range [...]string{"access_token", "issued_token_type", "token_type"} {
		w.MemberStrIf(name, token.Get(name).Str())
	}
	if at, ok := token.Get("expires_at").Int(); ok {
		w.MemberInt("expires_in", max(0, (at-c.s.Now())/1000))
	}
	w.MemberStrIf("scope", token.Get("scope").Str())
	w.Close('}')
	c.respond(200, nil, w.String())
}

// grantFailed answers with an error of RFC 6749 section 5.2 or RFC 8693 section 2.2.2; what the server says of this client itself is not the caller's business.
func (c *call) grantFailed(f *core.Fault) {
	switch p := f.Protocol(); {
	case p == "invalid_request" || p == "invalid_grant" || p == "invalid_scope" || p == "invalid_target":
		c.refuse(400, p, "")
	case f.Retryable():
		c.unavailable()
	case f.Kind() == "client" && f.Code() == "bad_value":
		c.refuse(400, "invalid_request", "")
	default:
		c.refuse(502, "server_error", "")
	}
}
