//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

const backChannelEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutToken verifies a token that a server sends to a back-channel logout endpoint (OpenID
// Connect Back-Channel Logout section 2.6). The program that keeps sessions ends them, and checks
// that each jti comes once.
func (c *client) logoutToken(cmd *command, in json.Value) {
	text := in.Get("logout_token").Str()
	if j, ok := jose.Parse(text); ok {
		if f := checkLogoutToken(j); f != nil {
			c.desk.fail(cmd, f)
			return
		}
	}
	c.issuer.Trusted(text, "", "", "exp iat", c.config.Tolerance, func(v json.Value, f *link.Fault) {
		if f != nil {
			c.desk.fail(cmd, f)
			return
		}
		c.desk.finish(cmd, func(w *json.Writer) {
			for _, name := range [...]string{"iss", "sub", "sid", "jti"} {
				w.MemberStrIf(name, v.Get(name).Str())
			}
			exp, _ := v.Get("exp").Int()
			w.MemberInt("exp", exp)
			w.MemberInt("expires_at", exp*1000+c.config.Tolerance) // with the tolerance for clocks
		})
	})
}

// checkLogoutToken checks that a JWT is a logout token.
func checkLogoutToken(j *jose.JWS) *link.Fault {
	v, code, claim := j.Claims, "", ""
	switch {
	case j.Typ != "" && words.Lower(j.Typ) != "logout+jwt" && words.Lower(j.Typ) != "jwt":
		code, claim = "malformed", "typ" // for example an ID token or an access token
	case v.Get("nonce").Kind() != json.None:
		code, claim = "wrong_claim", "nonce"
	case v.Get("events").Get(backChannelEvent).Kind() != json.Object:
		code, claim = "missing_claim", "events"
	case v.Get("sub").Str() == "" && v.Get("sid").Str() == "":
		code, claim = "missing_claim", "sub"
	case v.Get("jti").Str() == "":
		code, claim = "missing_claim", "jti"
	}
	if code == "" {
		return nil
	}
	return link.NotVerified(code, claim)
}
