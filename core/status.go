package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// show tells what an application shows of the session, before any other event of the same change: whether somebody is signed in, who, and until when. It may say again what it said.
func (c *client) show() {
	if !c.shows {
		return
	}
	w := c.event("current")
	if t := c.tokens; t.access == "" || c.lapsed() {
		w.MemberStr("status", notAuthenticated)
	} else {
		w.MemberStr("status", granted)
		if t.expiresAt != 0 {
			w.MemberInt("expires_at", t.expiresAt)
		}
		if t.claims.Kind() != json.None {
			w.MemberRaw("claims", t.claims.Raw())
		}
	}
	c.Emit(w)
}

// finishStatus ends a command with all that may be read of the session; the tokens themselves are not among it.
func (c *client) finishStatus(cmd *command, f *link.Fault, appState string, extras ...string) {
	if f != nil {
		c.fail(cmd, f)
		return
	}
	t := c.tokens
	c.finish(cmd, func(w *json.Writer) {
		w.MemberStr("name", c.name)
		w.MemberStr("status", c.status)
		w.MemberStr("scope", t.scope)
		w.MemberStr("requested_scope", t.requested)
		w.MemberStrIf("token_type", t.kind)
		if t.expiresAt != 0 {
			w.MemberInt("expires_at", t.expiresAt)
		}
		w.MemberBool("expired", c.expired(t))
		w.MemberBool("refreshable", c.refreshable() == nil)
		w.MemberBool("not_persisted", c.unsaved && t.access != "")
		w.MemberStrIf("id_token", t.idToken)
		if t.claims.Kind() != json.None {
			w.MemberRaw("claims", t.claims.Raw())
		}
		t.writeExtra(w)
		w.MemberStr("pkce_method", c.pkce)
		w.MemberInt("pkce_verifier_length", c.verifierLength)
		if c.device != nil {
			w.Key("device")
			w.Open('{')
			c.device.write(w)
			w.Close('}')
		}
		w.MemberStrIf("app_state", appState)
		for _, s := range extras {
			if s != "" {
				w.MemberRaw("unverified", s)
			}
		}
		if cmd.elsewhere {
			w.MemberBool("handled_elsewhere", true)
		}
	})
}
