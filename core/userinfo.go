package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// userinfo asks who signed in (OpenID Connect Core section 5.3). The answer comes over TLS, but is
// not a verified ID token.
func (c *client) userinfo(cmd *command, _ json.Value) {
	c.fetch(cmd, c.config.UserinfoEndpoint, func(v json.Value) {
		c.desk.finish(cmd, func(w *json.Writer) { w.MemberRaw("claims", v.Raw()) })
	})
}

// A fetchRun reads one of the server's own resources with the access token. Its methods are the
// steps: begin, ready, answered, read.
type fetchRun struct {
	c       *client
	cmd     *command
	url     string
	request *wire.Request
	claims  json.Value       // the ID token's
	mine    bool             // the answer need not be about the same user
	done    func(json.Value) // only called on success
}

func (c *client) fetch(cmd *command, url string, done func(json.Value)) {
	if url == "" {
		c.desk.fail(cmd, c.issuer.Absent("userinfo_endpoint"))
		return
	}
	r := &fetchRun{c: c, cmd: cmd, url: url, done: done}
	r.begin()
}

func (r *fetchRun) begin() { r.c.session.Ready("", false, r.ready) }

func (r *fetchRun) ready(f *link.Fault) {
	if f != nil {
		r.c.desk.fail(r.cmd, f)
		return
	}
	if r.cmd.done {
		return // cancelled while the token was fetched
	}
	// This is decided before the request is sent, because the metadata may change meanwhile (OpenID
	// Connect Core section 5.3.2).
	t := r.c.session.Tokens
	r.claims = t.Claims
	r.mine = r.url != r.c.config.UserinfoEndpoint || r.claims.Kind() == json.None
	r.request = &wire.Request{Stage: config.StageUserinfo, Method: "GET", URL: r.url, Headers: []form.Param{r.c.bearer(t)}, Key: t.Key, Access: t.Access}
	r.c.wire.Send(&r.cmd.job, r.request, r.answered)
}

func (r *fetchRun) answered(res *wire.Response, f *link.Fault) {
	if f != nil {
		r.c.session.KeyGone(r.request.Key, f, r.begin, r.failed)
		return
	}
	res.List = r.url == r.c.config.Profile.Emails
	r.c.issuer.Claims(res, r.read)
}

func (r *fetchRun) failed(f *link.Fault) { r.read(json.Value{}, f) }

func (r *fetchRun) read(v json.Value, f *link.Fault) {
	if f == nil && !r.mine && v.Get("sub").Str() != r.claims.Get("sub").Str() {
		f = link.NotVerified("wrong_claim", "sub")
	}
	if f != nil {
		r.c.session.Redact(f, r.request.Access)
	}
	// If the list may not be read, there is no e-mail address, which is not a failure.
	if f != nil && (r.url != r.c.config.Profile.Emails || f.Status < 403 || f.Status > 404) {
		r.c.desk.fail(r.cmd, f)
		return
	}
	r.done(v)
}
