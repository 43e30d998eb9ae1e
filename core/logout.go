package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

const backChannelEvent = "http://schemas.openid.net/event/backchannel-logout"

// endSessionURL is where the browser goes to end the session at the server too (OpenID Connect RP-Initiated Logout section 2); "" where the server has no such place.
func (c *client) endSessionURL(in json.Value, idToken string) (string, *fault) {
	after, state := in.Get("post_logout_redirect_uri").Str(), in.Get("state").Str()
	if after != "" {
		if code := redirectOK(after); code != "" {
			return "", bad(code, "post_logout_redirect_uri")
		}
	}
	if !vschars(state) {
		return "", bad("bad_value", "state")
	}
	if c.endSession == "" {
		return "", nil
	}
	var params []form.Param
	for _, p := range [...]form.Param{{Name: "id_token_hint", Value: idToken}, {Name: "client_id", Value: c.clientID}, {Name: "post_logout_redirect_uri", Value: after}, {Name: "state", Value: state}} {
		if p.Value != "" {
			params = append(params, p)
		}
	}
	return withQuery(c.endSession, params), nil
}

// logoutToken verifies what a server sends to a back-channel logout endpoint (OpenID Connect Back-Channel Logout section 2.6). Whose session it ends, and that a jti
// comes once, is for whoever keeps sessions.
func (c *client) logoutToken(cmd *command, in json.Value) {
	j, f := c.readJWT(in.Get("logout_token").Str())
	if f == nil {
		f = c.checkLogoutToken(j)
	}
	if f == nil && c.jwks == "" {
		f = bad("missing", "jwks_uri")
	}
	if f != nil {
		c.fail(cmd, f)
		return
	}
	c.verify(j, func(f *fault) {
		if f != nil {
			c.fail(cmd, f)
			return
		}
		c.finish(cmd, func(w *json.Writer) {
			for _, name := range [...]string{"iss", "sub", "sid", "jti"} {
				w.MemberStrIf(name, j.claims.Get(name).Str())
			}
		})
	})
}

func (c *client) checkLogoutToken(j *jws) *fault {
	v := j.claims
	code, claim := c.checkIssued(v)
	switch {
	case code != "":
	case j.typ != "" && lower(j.typ) != "logout+jwt" && lower(j.typ) != "jwt":
		return notVerified("malformed", "typ") // an ID token, say, or an access token
	case v.Get("nonce").Kind() != json.None:
		code, claim = "wrong_claim", "nonce"
	case v.Get("events").Get(backChannelEvent).Kind() != json.Object:
		code, claim = "missing_claim", "events"
	case v.Get("sub").Str() == "" && v.Get("sid").Str() == "":
		code, claim = "missing_claim", "sub"
	case v.Get("jti").Str() == "":
		code, claim = "missing_claim", "jti"
	}
	return notVerified(code, claim)
}
