package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// setToken makes a session from a token that was obtained elsewhere.
func (c *client) setToken(cmd *command, in json.Value) {
	v, key := in.Get("token"), ""
	if words.Lower(v.Get("token_type").Str()) == "dpop" {
		key = c.session.Tokens.Key // the session's own key
	}
	t, f := c.session.ReadTokens(v, c.session.NewGrant(c.config.Scope, key), false)
	if f != nil {
		f.Kind, f.Field = link.KindClient, "token"
	} else if s, ok := wire.Seconds(v.Get("expires_in")); ok && s > session.LongestLife {
		f = link.Wrong("bad_value", "expires_in", "a life in seconds", v.Get("expires_in"))
	} else if at := v.Get("expires_at"); at.Kind() != json.None && !ok {
		// In milliseconds, as this client returns it. A value in seconds would have expired in
		// 1970, and one in microseconds would never expire.
		n, whole := at.Int()
		if t.ExpiresAt = n; !whole || n < earliestTime || n > latestTime {
			f = link.Wrong("bad_value", "expires_at", "Unix time in milliseconds", at)
		}
	}
	c.session.Receive(&session.Receipt{Tokens: t, Since: cmd.turn, Want: issuer.Expected{MaxAge: -1, Brought: true}, Done: func(f *link.Fault) { c.finishStatus(cmd, f) }}, f)
}

// earliestTime and latestTime limit what a time in ms can be: 2001 to 9999. A present time in s or
// in µs is never in that range.
const earliestTime, latestTime = 1_000_000_000_000, 253_402_300_799_999
