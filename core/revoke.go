package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
)

// A revokeRun ends one token at the server, and here once the server said so (RFC 7009). Without a
// refresh token's grant the rest is worth nothing, so with it the session ends. Its methods are the
// steps: known, revoked, end.
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

// A logOutRun forgets the session first, whatever the server will say, and then revokes what there
// was. Its methods are the steps: known, cleared, discovered, revoked, end.
type logOutRun struct {
	c                    *client
	cmd                  *command
	in                   json.Value
	lock                 *session.Lock
	token, hint, idToken string
	fault                *link.Fault
}

func (c *client) logOut(cmd *command, in json.Value) {
	if _, f := c.endSessionURL(in, ""); f != nil {
		c.desk.fail(cmd, f)
		return
	}
	c.session.Ending()
	c.device.giveUp()
	o := &logOutRun{c: c, cmd: cmd, in: in}
	c.session.Newest(o.known)
}

func (o *logOutRun) known(l *session.Lock, f *link.Fault) {
	o.lock = l
	if f != nil && f.Kind == link.KindStorage {
		l.Free()
		o.c.desk.fail(o.cmd, f)
		return
	}
	s := o.c.session
	o.token, o.hint = s.EndsMore("")
	o.idToken = s.Tokens.IDToken
	s.Clear(o.cleared)
}

func (o *logOutRun) cleared(f *link.Fault) {
	o.lock.Free()
	o.fault = f
	o.c.issuer.Discovered(o.discovered)
}

func (o *logOutRun) discovered(*link.Fault) {
	if o.token == "" || o.c.config.RevocationEndpoint == "" {
		o.end(false)
		return
	}
	o.c.session.RevokeToken(&o.cmd.job, o.token, o.hint, o.revoked)
}

func (o *logOutRun) revoked(f *link.Fault) {
	if f != nil {
		f.Op = o.cmd.op
		o.c.session.ReportFault(f)
	}
	o.end(f == nil)
}

func (o *logOutRun) end(revoked bool) {
	if o.fault != nil {
		o.c.desk.fail(o.cmd, o.fault)
		return
	}
	url, _ := o.c.endSessionURL(o.in, o.idToken)
	o.c.desk.finish(o.cmd, func(w *json.Writer) {
		w.MemberBool("revoked", revoked)
		w.MemberStrIf("url", url)
	})
}
