package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// An extendRun changes the access token for a long-lived one, by a grant type that some providers have for it. It does so under the lock, and on what is stored now: what
// comes back is laid over it. Its methods are the steps: known, answered, end.
type extendRun struct {
	c    *client
	cmd  *command
	lock *lock
	old  *tokens
}

func (c *client) extend(cmd *command) {
	f := c.issuer.tokenless()
	if c.config.longLived == "" {
		f = link.Bad("missing", "long_lived_grant_type")
	}
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	e := &extendRun{c: c, cmd: cmd}
	c.session.newest(e.known)
}

func (e *extendRun) known(l *lock, f *link.Fault) {
	s, grant := &e.c.session, e.c.config.longLived
	e.lock, e.old = l, s.tokens
	if f == nil && e.old.bearer() == "" {
		f = &link.Fault{Kind: link.KindClient, Code: "no_token"}
	}
	if f != nil {
		e.end(f)
		return
	}
	params := []form.Param{{Name: "grant_type", Value: grant}, {Name: grant, Value: e.old.access}}
	s.tokenRequest(&e.cmd.job, stageToken, e.c.config.token, e.old.key, params, e.answered)
}

func (e *extendRun) answered(v json.Value, f *link.Fault) {
	s := &e.c.session
	var t *tokens
	if f == nil {
		t, f = s.readTokens(v, e.old, false)
	}
	if f == nil {
		f = t.tooLarge()
	}
	if f != nil {
		s.redact(f, e.old.access)
		e.end(f)
		return
	}
	t.idToken = e.old.idToken // one that comes with it is of no sign-in
	s.hold(t, false, e.end)
}

func (e *extendRun) end(f *link.Fault) {
	e.lock.free()
	e.c.finishStatus(e.cmd, f)
}
