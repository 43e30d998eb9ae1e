//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// extend changes the access token for a long-lived one, by a grant type that some providers have for it.
func (c *client) extend(cmd *command, _ json.Value) {
	f := c.canPoll()
	if c.longLived == "" {
		f = link.Bad("missing", "long_lived_grant_type")
	}
	if f != nil {
		c.fail(cmd, f)
		return
	}
	// Under the lock, and on what is stored now: what comes back is laid over it.
	c.newest(func(release func(), f *link.Fault) {
		end := func(f *link.Fault) {
			release()
			c.finishStatus(cmd, f, "")
		}
		old := c.tokens
		if f == nil && old.bearer() == "" {
			f = &link.Fault{Kind: link.KindClient, Code: "no_token"}
		}
		if f != nil {
			end(f)
			return
		}
		params := []form.Param{{Name: "grant_type", Value: c.longLived}, {Name: c.longLived, Value: old.access}}
		c.tokenRequest(cmd, stageToken, c.config.token, old.key, params, func(v json.Value, f *link.Fault) {
			var t *tokens
			if f == nil {
				t, f = c.readTokens(v, old, false)
			}
			if f == nil {
				f = t.tooLarge()
			}
			if f != nil {
				c.redact(f, old.access)
				end(f)
				return
			}
			t.idToken = old.idToken // one that comes with it is of no sign-in
			c.hold(t, false, end)
		})
	})
}
