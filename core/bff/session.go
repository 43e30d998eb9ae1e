package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// A sessionRun tells a page who is signed in. Its methods are the steps: begin, told, usable,
// handed.
type sessionRun struct {
	c      *call
	client *core.Client
	vault  *vault
	who    string // the claims
}

func (c *call) session() {
	r := &sessionRun{c: c}
	c.withClient(c.config.anonymous, r.begin)
}

func (r *sessionRun) begin(client *core.Client, v *vault) {
	r.client, r.vault = client, v
	client.Do("status", "", r.told)
}

func (r *sessionRun) told(ok json.Value, f *link.Fault) {
	switch {
	case f != nil:
		r.c.failed(r.client, f)
	case r.vault.failed:
		r.c.unavailable()
	case ok.Get("status").Str() != "granted" && !ok.Get("expired").True(): // for an expired token, usable decides
		r.c.signedOut(r.c.nobody)
	default:
		if r.who = ok.Get("claims").Raw(); r.who == "" {
			r.who = "{}"
		}
		r.c.usable(r.client, r.usable)
	}
}

func (r *sessionRun) usable() { r.vault.handOut(r.handed) }

func (r *sessionRun) handed(unverified string) {
	w := json.NewWriter()
	w.Open('{')
	w.MemberRaw("claims", r.who)
	w.MemberInt("expires_at", r.vault.created+r.c.config.sessionMS)
	if unverified != "" {
		w.MemberRaw("unverified", unverified)
	}
	w.Close('}')
	r.c.respond(200, nil, w.String())
}

// token hands the page an access token, if that is switched on. It never hands out another token.
func (c *call) token() {
	if !c.config.tokenEndpoint {
		c.refuse(404, "not_found", "There is nothing here.")
		return
	}
	c.withClient(401, func(client *core.Client, _ *vault) {
		client.Do("token", "", func(ok json.Value, f *link.Fault) {
			if f != nil {
				c.failed(client, f)
				return
			}
			c.respond(200, nil, ok.Raw())
		})
	})
}
