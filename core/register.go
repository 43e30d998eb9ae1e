package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// register makes the client known to the server (RFC 7591 section 3.1). What comes back is the application's: a client is opened with it.
func (c *client) register(cmd *command, in json.Value) {
	access := in.Get("initial_access_token").Str()
	var f *fault
	switch {
	case c.registration == "":
		f = c.absent("registration_endpoint")
	case c.clientMetadata.Kind() == json.None:
		f = bad("missing", "client_metadata")
	case !vschars(access) || index(access, ' ') >= 0:
		f = bad("bad_value", "initial_access_token")
	}
	if f != nil {
		c.fail(cmd, f)
		return
	}
	r := &request{stage: stageRegistration, method: "POST", url: c.registration, json: c.clientMetadata.Raw()}
	if access != "" {
		r.headers = []form.Param{{Name: "authorization", Value: "Bearer " + access}}
	}
	c.send(cmd, r, func(res *response, f *fault) {
		var v json.Value
		if f == nil {
			v, f = res.object(c.now)
		}
		if f == nil && v.Get("client_id").Str() == "" {
			f = &fault{kind: kindServer, code: "bad_registration"}
		}
		if f != nil {
			c.redact(f, access, v.Get("client_secret").Str())
			c.fail(cmd, f)
			return
		}
		c.finish(cmd, func(w *json.Writer) { w.MemberRaw("client", v.Raw()) })
	})
}

// resourceMetadata reads what a protected resource says of itself, its authorization servers among it (RFC 9728 section 3).
func (c *client) resourceMetadata(cmd *command, in json.Value) {
	u, ok := parseURI(in.Get("url").Str())
	where := in.Get("resource_metadata").Str()
	if where == "" {
		where = u.scheme + "://" + u.host + u.port + "/.well-known/oauth-protected-resource"
		if u.path != "/" {
			where += u.path
		}
	}
	switch {
	case !ok || !c.secure(u):
		c.fail(cmd, bad("bad_url", "url"))
		return
	}
	if w, ok := parseURI(where); !ok || !c.secure(w) {
		c.fail(cmd, bad("bad_url", "resource_metadata"))
		return
	}
	c.findResource(cmd, u, where, in.Get("resource_metadata").Str() == "" && u.path != "" && u.path != "/")
}

// findResource reads the document where it is said to be, or else, with more, at the root of the host: some have it there for all paths.
func (c *client) findResource(cmd *command, u uri, where string, more bool) {
	c.get(stageResource, where, maxDocument, func(v json.Value, f *fault) {
		if more && f.elsewhere() {
			c.findResource(cmd, u, where[:len(where)-len(u.path)], false)
			return
		}
		// Whoever says what a resource wants is that resource, or what it is part of (section 3.3): the same origin, and a path that leads there.
		if r, ok := parseURI(v.Get("resource").Str()); f == nil && !(ok && u.within(r)) {
			f = (&fault{kind: kindServer, code: "wrong_resource"}).not(u.scheme+"://"+u.host+u.port+u.path, v.Get("resource").Str())
		}
		if f != nil {
			c.fail(cmd, f)
			return
		}
		c.finish(cmd, func(w *json.Writer) { w.MemberRaw("metadata", v.Raw()) })
	})
}
