package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

func (c *config) sessionContext() string { return c.name + " session" }

// sessionID gives the id in the session cookie; "" if there is no cookie that the host sealed, or
// it has expired. It does not read the store.
func (c *call) sessionID(done func(id, failed string)) {
	sealed := c.cookie(c.config.sessionCookie())
	if sealed == "" {
		done("", "")
		return
	}
	c.unseal(sealed, c.config.sessionContext(), func(text, failed string) {
		v, _ := json.Parse(text)
		at, _ := v.Get("at").Int()
		if failed == "tampered" || failed == "" && c.link.Now >= at+c.config.sessionMS {
			done("", "")
			return
		}
		done(v.Get("id").Str(), failed)
	})
}

// signedOut answers that nobody is signed in. It does not delete the cookie, which is useless,
// because the browser may already have a newer one than the one in this request.
func (c *call) signedOut(status int64) {
	if status == 200 {
		c.respond(200, nil, `{"claims":null}`)
		return
	}
	c.refuse(401, "not_signed_in", "")
}

// withClient continues with the client of the browser's session; nobody is the status if there is
// none.
func (c *call) withClient(nobody int64, then func(client *core.Client, v *vault)) {
	c.nobody = nobody
	c.sessionID(func(id, failed string) {
		switch {
		case failed != "":
			c.unavailable()
		case id == "":
			c.signedOut(nobody)
		default:
			v := &vault{hash: sha256.Base64URL(id)}
			then(c.client(v), v)
		}
	})
}

// failed answers for a command that failed. client is the session's, and if the session cannot
// continue, it is ended. client is nil for a command without a session.
func (c *call) failed(client *core.Client, f *link.Fault) {
	switch {
	case f.Retryable:
		c.tryLater(f.RetryAfter)
	case client != nil && over(f):
		// Before the browser is told to sign in again, the session is ended.
		c.end(client, func(f *link.Fault) {
			if f != nil {
				c.tryLater(f.RetryAfter)
				return
			}
			c.signedOut(c.nobody)
		})
	case client == nil && f.Kind == "client":
		c.refuse(400, f.Code, "")
	default:
		c.refuse(502, f.Code, f.Protocol())
	}
}

// over reports whether a session cannot go on, so that only another sign-in helps.
func over(f *link.Fault) bool {
	switch f.Code {
	case "not_signed_in", "signed_out", "token_expired", "no_key", "no_refresh_token", "refresh_not_supported", "outcome_lost", "outcome_unknown":
		return true
	}
	return f.Protocol() == "invalid_grant" || f.Dead
}

// usable continues with a session whose tokens can still be used, as far as that is known here. If
// the configuration uses no tokens, it is enough that somebody signed in.
func (c *call) usable(client *core.Client, then func()) {
	if len(c.config.routes) == 0 && !c.config.tokenEndpoint {
		then()
		return
	}
	client.Usable(func(f *link.Fault) {
		if f != nil {
			c.failed(client, f)
			return
		}
		then()
	})
}

// end ends a session: it revokes the tokens, if the server can be reached, and deletes what is
// stored.
func (c *call) end(client *core.Client, then func(f *link.Fault)) {
	client.Do("log_out", "", func(_ json.Value, f *link.Fault) { then(f) })
}

// undo ends a session for which nobody gets a cookie.
func (c *call) undo(client *core.Client, then func()) {
	c.end(client, func(*link.Fault) { then() })
}
