//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
)

// An extendRun exchanges the access token for a long-lived one, with a grant type of some
// providers. It holds the lock, works on the session that is stored now, and merges the answer into
// it. Its methods are the steps: known, answered, end.
type extendRun struct {
	c    *client
	cmd  *command
	lock *session.Lock
	old  *session.Tokens
}

func (c *client) extend(cmd *command, _ json.Value) {
	f := c.issuer.Tokenless()
	if c.config.LongLived == "" {
		f = link.Bad("missing", "long_lived_grant_type")
	}
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	e := &extendRun{c: c, cmd: cmd}
	c.session.Newest(e.known)
}

func (e *extendRun) known(l *session.Lock, f *link.Fault) {
	s, grant := e.c.session, e.c.config.LongLived
	e.lock, e.old = l, s.Tokens
	if f == nil && e.old.Bearer() == "" {
		f = &link.Fault{Kind: link.KindClient, Code: "no_token"}
	}
	if f != nil {
		e.end(f)
		return
	}
	params := []form.Param{{Name: "grant_type", Value: grant}, {Name: grant, Value: e.old.Access}}
	s.TokenRequest(&e.cmd.job, config.StageToken, e.c.config.TokenEndpoint, e.old.Key, params, e.answered)
}

func (e *extendRun) answered(v json.Value, f *link.Fault) {
	s := e.c.session
	var t *session.Tokens
	if f == nil {
		t, f = s.ReadTokens(v, e.old, false)
	}
	if f == nil {
		f = t.TooLarge()
	}
	if f != nil {
		s.Redact(f, e.old.Access)
		e.end(f)
		return
	}
	t.IDToken = e.old.IDToken // an ID token in the answer does not come from a sign-in
	s.Hold(t, false, e.end)
}

func (e *extendRun) end(f *link.Fault) {
	e.lock.Free()
	e.c.finishStatus(e.cmd, f)
}
