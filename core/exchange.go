//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
)

const accessTokenType = "urn:ietf:params:oauth:token-type:access_token"

// An exchangeRun exchanges the session's access token, or a given subject token, for a token for
// another service (RFC 8693 section 2.1). The new token is not stored. Its methods are the steps:
// send, answered.
type exchangeRun struct {
	c            *client
	cmd          *command
	in           json.Value
	params       []form.Param // the caller's own
	subject, key string
	plain        bool // another grant than token exchange: the answer need not name the type of the issued token
}

func (c *client) tokenExchange(cmd *command, in json.Value) {
	params, f := c.ownParams(in)
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	r := &exchangeRun{c: c, cmd: cmd, in: in, params: params, subject: in.Get("subject_token").Str()}
	if r.subject != "" {
		r.send(nil)
		return
	}
	c.session.Ready("", false, r.send)
}

func (r *exchangeRun) send(f *link.Fault) {
	s, kind := r.c.session, r.in.Get("subject_token_type").Str()
	if r.cmd.done {
		return
	}
	if f != nil {
		r.c.desk.fail(r.cmd, f)
		return
	}
	if r.subject == "" {
		r.subject = s.Tokens.Access
	}
	if kind == "" {
		kind = accessTokenType
	}
	r.key = s.Tokens.Key // the new token can be used like the session's own
	all := append([]form.Param{{Name: "grant_type", Value: "urn:ietf:params:oauth:grant-type:token-exchange"}, {Name: "subject_token", Value: r.subject}, {Name: "subject_token_type", Value: kind}}, r.params...)
	for _, name := range [...]string{"audience", "resource", "requested_token_type"} {
		if text := r.in.Get(name).Str(); text != "" {
			all = append(all, form.Param{Name: name, Value: text})
		}
	}
	s.TokenRequest(&r.cmd.job, config.StageToken, r.c.config.TokenEndpoint, r.key, all, r.answered)
}

func (r *exchangeRun) answered(v json.Value, f *link.Fault) {
	s, issued := r.c.session, v.Get("issued_token_type").Str()
	var t *session.Tokens
	if f == nil {
		t, f = readExchanged(s, v, r.in.Get("scope").Str(), r.key)
	}
	if f == nil && issued == "" && !r.plain {
		f = &link.Fault{Kind: link.KindServer, Code: "missing_issued_token_type"}
	}
	if f != nil {
		s.Redact(f, r.subject)
		r.c.redact(f, r.params)
		r.c.desk.fail(r.cmd, f)
		return
	}
	r.c.desk.finish(r.cmd, func(w *json.Writer) {
		t.WriteAccess(w)
		if issued != "" {
			w.MemberStr("issued_token_type", issued)
		}
	})
}

// readExchanged reads the answer. If what was issued is no access token, its type is N_A (section
// 2.2.1).
func readExchanged(s *session.Session, v json.Value, scope, key string) (*session.Tokens, *link.Fault) {
	if v.Get("token_type").Str() == session.NoAccess && v.Get("access_token").Str() != "" {
		t := &session.Tokens{Access: v.Get("access_token").Str(), Type: session.NoAccess, Scope: scope}
		t.ExpiresAt = s.EndOf(v)
		return t, nil
	}
	return s.ReadTokens(v, &session.Tokens{Requested: scope, Key: key}, false)
}
