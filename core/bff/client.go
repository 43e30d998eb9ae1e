package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

func (c *config) sessionContext() string { return c.name + " session" }

// sessionID gives the id in the session cookie, "" where there is none that the host sealed, or its
// time is over. Storage is not touched.
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

// signedOut: nobody is signed in, or not any more. The cookie stays: it is good for nothing, and
// this answer may be older than the browser's new one.
func (c *call) signedOut(status int64) {
	if status == 200 {
		c.respond(200, nil, `{"claims":null}`)
		return
	}
	c.refuse(401, "not_signed_in", "")
}

// withClient goes on with the client of the session that the browser has; nobody is the status
// where there is none.
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

// failed answers for a command that failed; client is that of the session, which ends where it
// cannot go on, nil for a command of the browser's own.
func (c *call) failed(client *core.Client, f *link.Fault) {
	switch {
	case f.Retryable:
		c.tryLater(f.RetryAfter)
	case client != nil && over(f):
		// Nobody is told to sign in again while this session goes on elsewhere.
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

// over tells whether a session cannot go on: only another sign-in helps.
func over(f *link.Fault) bool {
	switch f.Code {
	case "not_signed_in", "signed_out", "token_expired", "no_key", "no_refresh_token", "refresh_not_supported", "outcome_lost", "outcome_unknown":
		return true
	}
	return f.Protocol() == "invalid_grant" || f.Dead
}

// usable goes on with a session whose tokens are still good for something, as far as that is known
// here. Where nothing is done with a token, who signed in is all there is to it.
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

// end ends a session: its tokens at the server, as well as that goes, and what is stored of it.
func (c *call) end(client *core.Client, then func(f *link.Fault)) {
	client.Do("log_out", "", func(_ json.Value, f *link.Fault) { then(f) })
}

// undo ends a session that nobody gets a cookie for.
func (c *call) undo(client *core.Client, then func()) {
	c.end(client, func(*link.Fault) { then() })
}
