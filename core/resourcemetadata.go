package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// resourceMetadata reads a protected resource's metadata (RFC 9728 section 3), which name its
// authorization servers.
func (c *client) resourceMetadata(cmd *command, in json.Value) {
	u, ok := uri.Parse(in.Get("url").Str())
	where := in.Get("resource_metadata").Str()
	if where == "" {
		where = u.Scheme + "://" + u.Host + u.Port + "/.well-known/oauth-protected-resource"
		if u.Path != "/" {
			where += u.Path
		}
	}
	switch {
	case !ok || !c.config.Secure(u):
		c.desk.fail(cmd, link.Bad("bad_url", "url"))
		return
	}
	if w, ok := uri.Parse(where); !ok || !c.config.Secure(w) {
		c.desk.fail(cmd, link.Bad("bad_url", "resource_metadata"))
		return
	}
	c.findResource(cmd, u, where, in.Get("resource_metadata").Str() == "" && u.Path != "" && u.Path != "/")
}

// findResource reads the document at its address. If it is not there and more is set, it tries the
// root of the host, where some servers have it for all paths.
func (c *client) findResource(cmd *command, u uri.URI, where string, more bool) {
	c.issuer.Get(config.StageResource, where, wire.MaxDocument, func(v json.Value, f *link.Fault) {
		if more && f.Elsewhere() {
			c.findResource(cmd, u, where[:len(where)-len(u.Path)], false)
			return
		}
		// Section 3.3 requires the same URI. A resource that contains this one is accepted, too:
		// with the same origin and a path above it. Servers publish one document for everything
		// below it.
		if r, ok := uri.Parse(v.Get("resource").Str()); f == nil && !(ok && u.Within(r)) {
			f = (&link.Fault{Kind: link.KindServer, Code: "wrong_resource"}).Not(u.Scheme+"://"+u.Host+u.Port+u.Path, v.Get("resource").Str())
		}
		if f != nil {
			c.desk.fail(cmd, f)
			return
		}
		c.desk.finish(cmd, func(w *json.Writer) { w.MemberRaw("metadata", v.Raw()) })
	})
}
