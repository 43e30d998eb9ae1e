package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// userinfo asks who signed in (OpenID Connect Core section 5.3). What it says is the server's word over TLS, not a verified ID token.
func (c *client) userinfo(cmd *command) {
	c.fetch(cmd, c.config.userinfo, func(v json.Value) {
		c.desk.finish(cmd, func(w *json.Writer) { w.MemberRaw("claims", v.Raw()) })
	})
}

// A fetchRun reads one of the server's own resources with the access token. Its methods are the steps: begin, ready, answered, read.
type fetchRun struct {
	c       *client
	cmd     *command
	url     string
	request *request
	claims  json.Value       // of the ID token
	mine    bool             // what comes need not be about the same user
	done    func(json.Value) // comes only where that went well
}

func (c *client) fetch(cmd *command, url string, done func(json.Value)) {
	if url == "" {
		c.desk.fail(cmd, c.issuer.absent("userinfo_endpoint"))
		return
	}
	r := &fetchRun{c: c, cmd: cmd, url: url, done: done}
	r.begin()
}

func (r *fetchRun) begin() { r.c.session.ready(false, r.ready) }

func (r *fetchRun) ready(f *link.Fault) {
	if f != nil {
		r.c.desk.fail(r.cmd, f)
		return
	}
	if r.cmd.done {
		return // given up while the token was fetched
	}
	// Decided before it is sent: the metadata may change meanwhile (OpenID Connect Core section 5.3.2).
	t := r.c.session.tokens
	r.claims = t.claims
	r.mine = r.url != r.c.config.userinfo || r.claims.Kind() == json.None
	r.request = &request{stage: stageUserinfo, method: "GET", url: r.url, headers: []form.Param{r.c.bearer()}, key: t.key, access: t.access}
	r.c.wire.send(&r.cmd.job, r.request, r.answered)
}

func (r *fetchRun) answered(res *response, f *link.Fault) {
	if f != nil {
		r.c.session.keyGone(r.request.key, f, r.begin, r.failed)
		return
	}
	res.list = r.url == r.c.config.profile.emails
	r.c.issuer.claims(res, r.read)
}

func (r *fetchRun) failed(f *link.Fault) { r.read(json.Value{}, f) }

func (r *fetchRun) read(v json.Value, f *link.Fault) {
	if f == nil && !r.mine && v.Get("sub").Str() != r.claims.Get("sub").Str() {
		f = link.NotVerified("wrong_claim", "sub")
	}
	if f != nil {
		r.c.session.redact(f, r.request.access)
	}
	// Without leave to see the list there is no e-mail, which is no failure.
	if f != nil && (r.url != r.c.config.profile.emails || f.Status < 403 || f.Status > 404) {
		r.c.desk.fail(r.cmd, f)
		return
	}
	r.done(v)
}
