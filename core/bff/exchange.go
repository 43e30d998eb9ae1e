package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

const (
	grantExchange    = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantCredentials = "client_credentials"
	grantCode        = "authorization_code"
	// leastLife is what a token that was kept must have left to be given out, in ms.
	leastLife = 30_000
	// longestMemory is how long one is kept that came of another, in ms: so long it is known which of those are over.
	longestMemory = 3_600_000
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
	if c.origin != "" {
		c.refuse(400, "invalid_request", "")
		return
	}
	// Who names itself in a header is known before the body is read.
	id, secret, named := c.basic()
	most := int64(maxForm)
	if named {
		if c.callerOf(id, secret) == nil {
			c.unknownCaller()
			return
		}
		most = maxKept
	}
	c.form(most, "invalid_request", func(params []form.Param) {
		if !named {
			id, secret = form.ValueOf(params, "client_id"), form.ValueOf(params, "client_secret")
		} else if form.ValueOf(params, "client_secret") != "" {
			id = "" // one method a request (RFC 6749 section 2.3)
		}
		k := c.callerOf(id, secret)
		if k == nil {
			c.unknownCaller()
			return
		}
		c.exchangeFor(k, params)
	})
}

// unknownCaller: RFC 6749 section 5.2.
func (c *call) unknownCaller() {
	c.respond(401, []form.Param{{Name: "www-authenticate", Value: `Basic realm="exchange"`}}, refusal("invalid_client", ""))
}

// exchangeFor goes on with a request whose caller is known.
func (c *call) exchangeFor(k *caller, params []form.Param) {
	for i, p := range params {
		for _, q := range params[:i] {
			if p.Name == q.Name && p.Name != "audience" && p.Name != "resource" { // RFC 6749 section 3.2
				c.refuse(400, "invalid_request", "")
				return
			}
		}
	}
	get := func(name string) string { return form.ValueOf(params, name) }
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
	if name := unknown(grant, params); name != "" {
		c.refuse(400, "invalid_request", "The parameter "+words.Printable(name, 60)+" is not supported with this grant.")
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

// unknown is the first parameter that the grant does not know, "" for none. One that is left out without a word can make another request of it: whose token is asked for, and for whom.
func unknown(grant string, params []form.Param) string {
	known := "grant_type client_id client_secret scope audience resource "
	switch grant {
	case grantExchange:
		known += "subject_token subject_token_type actor_token actor_token_type requested_token_type"
	case grantCode:
		known += "code redirect_uri code_verifier nonce"
	}
	for _, p := range params {
		if !hasWord(known, p.Name) {
			return p.Name
		}
	}
	return ""
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

// basic is the name and the secret in an Authorization header (RFC 6749 section 2.3.1); named is false where there is no such header.
func (c *call) basic() (id, secret string, named bool) {
	header := c.sent("authorization")
	if len(header) <= len("Basic ") || words.Lower(header[:len("Basic ")]) != "basic " {
		return "", "", false
	}
	raw, _ := base64url.DecodeStd(header[len("Basic "):])
	for i, b := range raw {
		if b == ':' {
			pair, ok := form.Decode("id=" + string(raw[:i]) + "&secret=" + string(raw[i+1:]))
			if ok && len(pair) == 2 {
				id, secret = pair[0].Value, pair[1].Value
			}
			break
		}
	}
	return id, secret, true
}

// callerOf is the caller that proved who it is, nil for none.
func (c *call) callerOf(id, secret string) *caller {
	hash := sha256.Base64URL(secret)
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
	subject, actor := form.ValueOf(params, "subject_token"), form.ValueOf(params, "actor_token")
	switch {
	case subject == "" || form.ValueOf(params, "subject_token_type") == "":
		c.refuse(400, "invalid_request", "subject_token and subject_token_type are needed.")
		return
	case (actor == "") != (form.ValueOf(params, "actor_token_type") == ""):
		c.refuse(400, "invalid_request", "actor_token and actor_token_type go together.")
		return
	case audience == "" && form.ValueOf(params, "resource") == "":
		c.refuse(400, "invalid_request", "audience or resource is needed.")
		return
	}
	w := json.NewWriter()
	for _, name := range [...]string{"subject_token", "subject_token_type", "audience", "resource", "requested_token_type", "scope"} {
		s := form.ValueOf(params, name)
		if name == "scope" {
			s = scope
		}
		if s != "" {
			w.MemberStr(name, s)
		}
	}
	if actor != "" {
		kind := form.ValueOf(params, "actor_token_type")
		w.MemberRaw("parameters", parameterList(form.Param{Name: "actor_token", Value: actor}, form.Param{Name: "actor_token_type", Value: kind}))
	}
	key := c.name + ".exchange." + sha256.Base64URL(c.config.client.Fingerprint()+"\n"+k.id+"\n"+w.String()) // as JSON, where no value reads like another's name
	c.recallOf(subject, key, func(text string) {
		kept, _ := json.Parse(text)
		if expires, ok := kept.Get("expires_at").Int(); ok && c.s.Now < expires-leastLife {
			c.give(kept)
			return
		}
		c.client(&vault{}).Do("token_exchange", w.String(), func(ok json.Value, f *link.Fault) {
			if f != nil {
				c.grantFailed(f)
				return
			}
			if expires, known := ok.Get("expires_at").Int(); known && expires-leastLife > c.s.Now && within(ok.Get("scope").Str(), c.mayGive) {
				c.remember(key, ok.Raw(), min(expires-leastLife, c.s.Now+longestMemory))
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

// recallOf is recall of what came of a subject token. That of a session which ended here is asked for again: the server knows whether it is still good for anything.
func (c *call) recallOf(subject, key string, done func(text string)) {
	c.recall(key, func(text string) {
		if text == "" {
			done("")
			return
		}
		c.load(c.endedKey(sha256.Base64URL(subject)), func(ended, _, failed string) {
			if ended != "" || failed != "" {
				text = ""
			}
			done(text)
		})
	})
}

// credentials gives a token of this client's own (RFC 6749 section 4.4), kept as a session is.
func (c *call) credentials(scope, audience string) {
	client := c.client(&vault{hash: sha256.Base64URL(grantCredentials + "\n" + scope + "\n" + audience)})
	client.Do("token", "", func(ok json.Value, f *link.Fault) {
		if f == nil {
			c.give(ok)
			return
		}
		if f.Retryable {
			c.grantFailed(f)
			return
		}
		w := json.NewWriter()
		if scope != "" {
			w.MemberStr("scope", scope)
		}
		if audience != "" {
			w.MemberRaw("parameters", parameterList(form.Param{Name: "audience", Value: audience}))
		}
		client.Do("client_credentials", w.String(), func(_ json.Value, f *link.Fault) {
			if f != nil {
				c.grantFailed(f)
				return
			}
			c.giveToken(client)
		})
	})
}

// parameterList is the member parameters of a command.
func parameterList(params ...form.Param) string {
	var w json.Writer
	w.Open('[')
	for _, p := range params {
		w.Open('[')
		w.Str(p.Name)
		w.Str(p.Value)
		w.Close(']')
	}
	w.Close(']')
	return w.String()
}

// redeem changes a code for a token, for an application that got the code at a redirect URI of its own (RFC 6749 section 4.1.3). Its refresh token is not handed out, and not revoked: with it a server ends the access token too (RFC 7009 section 2.1).
func (c *call) redeem(k *caller, params []form.Param, scope string) {
	uri := form.ValueOf(params, "redirect_uri")
	if !contains(k.redirects, uri) || form.ValueOf(params, "code_verifier") == "" {
		c.refuse(400, "invalid_request", "")
		return
	}
	w := json.NewWriter()
	w.MemberStr("redirect_uri", uri)
	for _, name := range [...]string{"code", "code_verifier", "nonce"} {
		if s := form.ValueOf(params, name); s != "" {
			w.MemberStr(name, s)
		}
	}
	if scope != "" {
		w.MemberStr("scope", scope)
	}
	client := c.client(&vault{})
	client.Do("exchange", w.String(), func(_ json.Value, f *link.Fault) {
		if f != nil {
			c.grantFailed(f)
			return
		}
		c.giveToken(client)
	})
}

func (c *call) giveToken(client *core.Client) {
	client.Do("token", "", func(ok json.Value, f *link.Fault) {
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
		w.MemberInt("expires_in", max(0, (at-c.s.Now)/1000))
	}
	w.MemberStrIf("scope", token.Get("scope").Str())
	w.Close('}')
	c.respond(200, nil, w.String())
}

// grantFailed answers with an error of RFC 6749 section 5.2 or RFC 8693 section 2.2.2; what the server says of this client itself is not the caller's business.
func (c *call) grantFailed(f *link.Fault) {
	switch p := f.Protocol(); {
	case p == "invalid_request" || p == "invalid_grant" || p == "invalid_scope" || p == "invalid_target":
		c.refuse(400, p, "")
	case f.Retryable:
		c.unavailable()
	case f.Kind == "client" && f.Code == "bad_value":
		c.refuse(400, "invalid_request", "")
	default:
		c.refuse(502, "server_error", "")
	}
}
