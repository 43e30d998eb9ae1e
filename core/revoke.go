package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
)

// A revokeRun ends one token at the server, and here after the server has confirmed (RFC 7009). If
// the refresh token is revoked, the rest is useless, so the session ends. Session.RevokeToken makes
// the request. Its methods are the steps: known, revoked, end.
type revokeRun struct {
	c           *client
	cmd         *command
	which, hint string
	lock        *session.Lock
}

func (c *client) revoke(cmd *command, in json.Value) {
	r := &revokeRun{c: c, cmd: cmd, which: in.Get("token").Str()}
	if r.which != "" && r.which != "access_token" && r.which != "refresh_token" {
		c.desk.fail(cmd, link.Bad("bad_value", "token"))
		return
	}
	c.session.Newest(r.known)
}

func (r *revokeRun) known(l *session.Lock, f *link.Fault) {
	r.lock = l
	token, hint := r.c.session.EndsMore(r.which)
	r.hint = hint
	if f == nil && token == "" {
		f = &link.Fault{Kind: link.KindClient, Code: "no_token"}
	}
	if f != nil {
		r.end(f)
		return
	}
	r.c.session.RevokeToken(&r.cmd.job, token, hint, r.revoked)
}

func (r *revokeRun) revoked(f *link.Fault) {
	s := r.c.session
	switch {
	case f != nil:
		r.end(f)
	case r.hint == "refresh_token" || s.Tokens.Refresh == "":
		s.Clear(r.end)
	default:
		s.Tokens.DropAccess()
		s.Settle()
		s.Save(func() { r.end(nil) })
	}
}

func (r *revokeRun) end(f *link.Fault) {
	r.lock.Free()
	r.c.finishStatus(r.cmd, f)
}
