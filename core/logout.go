package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// endSessionURL is where the browser also ends the session at the server (OpenID Connect
// RP-Initiated Logout section 2); "" if the server has no such endpoint.
func (c *client) endSessionURL(in json.Value, idToken string) (string, *link.Fault) {
	after, state := in.Get("post_logout_redirect_uri").Str(), in.Get("state").Str()
	if after != "" {
		if code := uri.RedirectOK(after); code != "" {
			return "", link.Wrong(code, "post_logout_redirect_uri", config.Redirect.Wants(), in.Get("post_logout_redirect_uri"))
		}
	}
	if !words.VSChars(state) {
		return "", link.Bad("bad_value", "state")
	}
	if c.config.EndSessionEndpoint == "" {
		return "", nil
	}
	var params []form.Param
	for _, p := range [...]form.Param{{Name: "id_token_hint", Value: idToken}, {Name: "client_id", Value: c.config.ClientID}, {Name: "post_logout_redirect_uri", Value: after}, {Name: "state", Value: state}} {
		if p.Value != "" {
			params = append(params, p)
		}
	}
	return uri.WithQuery(c.config.EndSessionEndpoint, params), nil
}

// frontChannelLogout ends the session that the server says it ended (OpenID Connect Front-Channel
// Logout section 2). Anybody can send a browser to that URL, so the session's sid is required.
func (c *client) frontChannelLogout(cmd *command, in json.Value) {
	params, ok := link.ReadParams(in.Get("parameters"))
	if url := in.Get("url").Str(); url != "" {
		params, ok = form.Decode(uri.QueryOf(url))
	}
	if !ok || form.Count(params, "iss") > 1 || form.Count(params, "sid") > 1 {
		c.desk.fail(cmd, link.Bad("bad_value", "parameters"))
		return
	}
	o := &endedRun{c: c, cmd: cmd, sid: form.ValueOf(params, "sid"), iss: form.ValueOf(params, "iss")}
	c.session.Newest(o.known)
}

// An endedRun ends the session that has a sid.
type endedRun struct {
	c        *client
	cmd      *command
	iss, sid string
	ended    bool
	lock     *session.Lock
}

func (o *endedRun) known(l *session.Lock, f *link.Fault) {
	o.lock = l
	claims := o.c.session.Tokens.Claims
	if o.ended = f == nil && o.sid != "" && o.sid == claims.Get("sid").Str() && o.iss == claims.Get("iss").Str(); o.ended {
		o.c.session.Clear(o.cleared)
		return
	}
	o.cleared(f)
}

func (o *endedRun) cleared(f *link.Fault) {
	o.lock.Free()
	if f != nil {
		o.c.desk.fail(o.cmd, f)
		return
	}
	o.c.desk.finish(o.cmd, func(w *json.Writer) { w.MemberBool("logged_out", o.ended) })
}

// A logOutRun deletes the session first, whatever the server answers, and then revokes its tokens.
// Its methods are the steps: known, cleared, discovered, revoked, end.
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
	c.session.Ending(cmd.turn)
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
