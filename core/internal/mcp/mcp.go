// Package mcp finds the client for a protected resource: sessions of kind "mcp"
// (core/contract/README.md), by the authorization of the Model Context Protocol 2026-07-28. They
// hold no tokens. From a resource's URL and its answer they make the configuration of a session of
// kind "client", and say which of its commands is next.
package mcp

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// A session holds the clients for resources, and which resources refused what.
type session struct {
	link     *link.Link
	config   *settings
	running  []*run
	refusals []*refusal
}

// Open opens a session.
func Open(l *link.Link, in json.Value) *link.Fault {
	cfg, f := readSettings(l.Config(in))
	if f != nil {
		return f
	}
	s := &session{link: l, config: cfg}
	l.Command = s.take
	return nil
}

func (s *session) take(id int64, name string, in json.Value) {
	switch name {
	case "find", "challenged", "forget":
		r := &run{session: s, id: id, op: name}
		s.running = append(s.running, r)
		r.begin(in)
	case "cancel":
		target, _ := in.Get("target").Int()
		cancelled := false
		for _, r := range s.running {
			if cancelled = r.id == target; cancelled {
				r.fail(&link.Fault{Kind: link.KindCanceled, Code: "cancelled"})
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

// end returns a command's result, once.
func (r *run) end(f *link.Fault, write func(*json.Writer)) {
	if r.done {
		return
	}
	r.done = true
	s := r.session
	for i, other := range s.running {
		if other == r {
			s.running = append(s.running[:i:i], s.running[i+1:]...)
			break
		}
	}
	if f != nil {
		f.Op = r.op
	}
	s.link.Result(r.id, f, write)
}

func (r *run) fail(f *link.Fault) { r.end(f, nil) }
