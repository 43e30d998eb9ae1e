package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// setToken makes a session from a token that was kept elsewhere.
func (c *client) setToken(cmd *command, in json.Value) {
	v, key := in.Get("token"), ""
	if words.Lower(v.Get("token_type").Str()) == "dpop" {
		key = c.session.Tokens.Key // the session's own, which somebody kept
	}
	t, f := c.session.ReadTokens(v, c.session.NewGrant(c.config.Scope, key), false)
	if f != nil {
		f.Kind, f.Field = link.KindClient, "token"
	} else if s, ok := wire.Seconds(v.Get("expires_in")); ok && s > session.LongestLife {
		f = link.Wrong("bad_value", "expires_in", "a life in seconds", v.Get("expires_in"))
	} else if at := v.Get("expires_at"); at.Kind() != json.None && !ok {
		// As this client gives it out. In seconds it would have ended in 1970, and in microseconds
		// never end.
		n, whole := at.Int()
		if t.ExpiresAt = n; !whole || n < earliestTime || n > latestTime {
			f = link.Wrong("bad_value", "expires_at", "Unix time in milliseconds", at)
		}
	}
	c.session.Receive(&session.Receipt{Tokens: t, Want: issuer.Expected{MaxAge: -1, Brought: true}, Done: func(f *link.Fault) { c.finishStatus(cmd, f) }}, f)
}

// earliestTime and latestTime bound what a time in ms can be: 2001 to 9999. In s or in µs nothing
// of our days is in between.
const earliestTime, latestTime = 1_000_000_000_000, 253_402_300_799_999
