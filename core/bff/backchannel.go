package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

// longestLogoutToken is how long a logout token may be valid, in ms. Servers use two minutes
// (OpenID Connect Back-Channel Logout section 2.4). Its jti is stored as long as the token is
// accepted.
const longestLogoutToken = 24 * 3_600_000

// A backchannelRun handles a logout token, by which the server ends one session or all of a user
// (OpenID Connect Back-Channel Logout section 2.5). The token is verified before anything is read
// from the store. Its methods are the steps: begin, verified, loaded, ended, stored.
type backchannelRun struct {
	c       *call
	claims  json.Value
	jti     string // the key in the store of the token's jti
	version string
	keys    []string // of the lists whose sessions are ended
	taken   int64    // how long such a token is accepted, Unix ms
}

func (c *call) backchannelLogout() {
	r := &backchannelRun{c: c}
	c.form(maxForm, "invalid_request", r.begin)
}

func (r *backchannelRun) begin(params []form.Param) {
	w := json.NewWriter()
	w.MemberStr("logout_token", form.ValueOf(params, "logout_token"))
	r.c.client(&vault{}).Do("logout_token", w.String(), r.verified)
}

func (r *backchannelRun) verified(ok json.Value, f *link.Fault) {
	c := r.c
	exp, _ := ok.Get("exp").Int()
	switch {
	case f != nil && f.Retryable:
		c.unavailable()
		return
	case f != nil:
		c.refuse(400, "invalid_request", f.Code)
		return
	case exp*1000 > c.link.Now+longestLogoutToken:
		c.refuse(400, "invalid_request", "exp of the logout token is more than a day ahead.")
		return
	}
	r.claims = ok
	r.taken, _ = ok.Get("expires_at").Int()
	r.jti = c.config.name + ".jti." + sha256.Base64URL(ok.Get("iss").Str()+"\n"+ok.Get("jti").Str())
	c.link.Load(r.jti, false, r.loaded)
}

func (r *backchannelRun) loaded(value, version, failed string) {
	c := r.c
	switch {
	case failed != "":
		c.unavailable()
		return
	case value != "":
		c.refuse(400, "invalid_request", "This logout token was used before.")
		return
	}
	r.version = version
	iss, sub, sid := r.claims.Get("iss").Str(), r.claims.Get("sub").Str(), r.claims.Get("sid").Str()
	r.keys = []string{c.bySub(iss, sub)}
	if sid != "" {
		r.keys = []string{c.bySID(iss, sid)}
		if sub != "" {
			r.keys = append(r.keys, c.bySID(iss, "\n"+sub))
		}
	}
	r.ended("")
}

// ended goes on with the next list.
func (r *backchannelRun) ended(failed string) {
	switch {
	case failed != "":
		r.c.unavailable() // the server may send the same token again
	case len(r.keys) > 0:
		key := r.keys[0]
		r.keys = r.keys[1:]
		r.c.endAll(key, r.ended)
	default:
		r.c.link.Put(r.jti, r.version, "1", r.taken+60_000, r.stored)
	}
}

func (r *backchannelRun) stored(_, failed string) {
	if failed != "" && failed != "conflict" {
		r.c.unavailable()
		return
	}
	r.c.respond(200, nil, "")
}
