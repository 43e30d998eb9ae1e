// Package resource is the engine of resource servers: sessions of kind "resource", which decide for
// each request to a protected resource whether its access token permits it
// (core/contract/README.md). They verify JWT access tokens (RFC 9068) and have other tokens
// introspected (RFC 7662). They check the key or certificate to which a token is bound (RFC 9449,
// RFC 8705), and make the challenge for refused requests (RFC 6750, RFC 9470, RFC 9728).
package resource

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// Engine returns an engine that knows this kind of session in addition to those of package core.
func Engine() *core.Engine { return &core.Engine{Kinds: Open} }

// Open opens a session of kind "resource".
func Open(kind string, l *link.Link, in json.Value) (known bool, f *link.Fault) {
	if kind != "resource" {
		return false, nil
	}
	cfg, f := readConfig(l.Config(in))
	if f != nil {
		return true, f
	}
	s := &session{config: cfg, link: l}
	if cfg.dpopNonce && len(cfg.nonceKeys) == 0 {
		s.nonceKeys = [][]byte{[]byte(l.Random("nonce", 43))}
	} else {
		s.nonceKeys = cfg.nonceKeys
	}
	for i := range cfg.servers {
		s.servers = append(s.servers, newServer(s, &cfg.servers[i]))
	}
	l.Command = s.take
	return true, nil
}

// A session checks requests, any number at once. They share what is known of the authorization
// servers.
type session struct {
	config    *config
	link      *link.Link
	servers   []*server
	nonceKeys [][]byte // the newest first
	running   []*check
}

func (s *session) take(id int64, name string, in json.Value) {
	switch name {
	case "check":
		k := &check{session: s, config: s.config, link: s.link, id: id}
		s.running = append(s.running, k)
		k.begin(in)
	case "metadata":
		s.link.Result(id, nil, func(w *json.Writer) {
			w.MemberStr("url", s.config.metadataURL)
			w.MemberRaw("metadata", s.config.document())
		})
	case "cancel":
		target, _ := in.Get("target").Int()
		cancelled := false
		for _, k := range s.running {
			if k.id == target {
				k.end(&link.Fault{Kind: link.KindCanceled, Code: "cancelled", Op: "check"}, nil)
				cancelled = true
				break
			}
		}
		s.link.Result(id, nil, func(w *json.Writer) { w.MemberBool("cancelled", cancelled) })
	default:
		f := link.Bad("unknown_command", "command")
		f.Op = name
		s.link.Result(id, f, nil)
	}
}
