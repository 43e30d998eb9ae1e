package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// exchangeToken returns a token for another service (RFC 8693 section 2.1). It reuses the last one
// if that is still valid.
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
		link.WriteParams(w, "parameters", []form.Param{form.Param{Name: "actor_token", Value: actor}, form.Param{Name: "actor_token_type", Value: kind}})
	}
	key := c.config.name + ".exchange." + sha256.Base64URL(c.config.client.Fingerprint+"\n"+k.id+"\n"+w.String()) // JSON, so that no value can be read as another's name
	c.recallOf(subject, key, func(text string) {
		kept, _ := json.Parse(text)
		if expires, ok := kept.Get("expires_at").Int(); ok && c.link.Now < expires-leastLife {
			c.give(kept)
			return
		}
		c.client(&vault{}).Do("token_exchange", w.String(), func(ok json.Value, f *link.Fault) {
			if f != nil {
				c.grantFailed(f)
				return
			}
			if expires, known := ok.Get("expires_at").Int(); known && expires-leastLife > c.link.Now && within(ok.Get("scope").Str(), c.mayGive) {
				c.remember(key, ok.Raw(), min(expires-leastLife, c.link.Now+longestMemory))
			}
			c.give(ok)
		})
	})
}

// longest is the longest text, in bytes, that the host is asked to remember: it holds many of them
// in memory.
const longest = 16 << 10

func (c *call) remember(key, text string, until int64) {
	if len(text) > longest {
		return
	}
	w := c.link.Effect("remember")
	w.MemberStr("key", key)
	w.MemberStr("text", text)
	w.MemberInt("expires_at", until)
	c.link.Emit(w)
}

// recall returns the text that the host remembers, "" for none.
func (c *call) recall(key string, done func(text string)) {
	w := c.link.Effect("recall")
	w.MemberStr("key", key)
	c.link.Ask(w, func(ok json.Value, failed string) { done(ok.Get("text").Str()) })
}

// recallOf is recall for a token that was exchanged for a subject token. If the subject token's
// session ended here, the server is asked again: it knows whether the token is still valid.
func (c *call) recallOf(subject, key string, done func(text string)) {
	c.recall(key, func(text string) {
		if text == "" {
			done("")
			return
		}
		c.link.Load(c.config.endedKey(sha256.Base64URL(subject)), false, func(ended, _, failed string) {
			if ended != "" || failed != "" {
				text = ""
			}
			done(text)
		})
	})
}

// credentials returns a token of this client itself (RFC 6749 section 4.4), stored like a session.
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
			link.WriteParams(w, "parameters", []form.Param{form.Param{Name: "audience", Value: audience}})
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

// redeem exchanges a code for a token, for an application that got the code at its own redirect URI
// (RFC 6749 section 4.1.3). The refresh token is not handed out. It is not revoked either, because
// a server would then end the access token too (RFC 7009 section 2.1).
func (c *call) redeem(k *caller, params []form.Param, scope string) {
	uri := form.ValueOf(params, "redirect_uri")
	if !words.Among(k.redirects, uri) || form.ValueOf(params, "code_verifier") == "" {
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
		c.refuse(400, "invalid_scope", "") // the server granted more than this caller may have
		return
	}
	w := json.NewWriter()
	w.Open('{')
	for _, name := range [...]string{"access_token", "issued_token_type", "token_type"} {
		w.MemberStrIf(name, token.Get(name).Str())
	}
	if at, ok := token.Get("expires_at").Int(); ok {
		w.MemberInt("expires_in", max(0, (at-c.link.Now)/1000))
	}
	w.MemberStrIf("scope", token.Get("scope").Str())
	w.Close('}')
	c.respond(200, nil, w.String())
}

// grantFailed answers with an error of RFC 6749 section 5.2 or RFC 8693 section 2.2.2. Errors of
// the server about this client itself are not passed to the caller.
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

// within reports whether every scope of the first list is in the second.
func within(scope, allowed string) bool {
	for scope != "" {
		var one string
		if one, scope = words.Cut(scope); !words.Has(allowed, one) {
			return false
		}
	}
	return true
}
