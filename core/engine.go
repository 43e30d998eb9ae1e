package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// ABI is the version of the contract.
const ABI = 1

// MaxMessage is the longest input in bytes.
const MaxMessage = link.MaxMessage

// smallMessage is the length up to which a message is read without a check whether there is memory
// for it.
const smallMessage = 16 << 10

// Room is how many bytes a message of n bytes may need at most until the call returns. The module
// frees nothing during a call, so without that much memory the call must not begin. The text is
// copied once and decoded twice; an effect may contain it again, and its buffer grows by doubling;
// and each value takes 16 bytes, in the message or in a text in it, which may be read twice. row is
// the largest contiguous part.
func Room(n int) (all, row uintptr) {
	if n < smallMessage {
		return 0, 0
	}
	return uintptr(6*n + min(16*n, 2*16*json.MaxValues)), uintptr(2 * n)
}

// Codes of Input.
const (
	Taken         = link.Taken // read the effects now
	UnknownHandle = link.UnknownHandle
	Unreadable    = link.Unreadable
	TooLarge      = link.TooLarge
	BadEntropy    = link.BadEntropy
)

// An Engine holds the sessions of one module instance. Its methods are the module's exports; the
// zero Engine is ready. It is not safe for concurrent use.
type Engine struct {
	// Kinds opens sessions of kinds that this package does not have; nil means none.
	Kinds Opener

	open    []*link.Link // index is handle - 1; nil once closed, so that handles are never reused
	refusal []byte
}

// An Opener opens sessions of a kind that it knows.
type Opener func(kind string, l *link.Link, in json.Value) (known bool, f *link.Fault)

// Either is an Opener with the kinds of all of these.
func Either(openers ...Opener) Opener {
	return func(kind string, l *link.Link, in json.Value) (known bool, f *link.Fault) {
		for _, open := range openers {
			if known, f = open(kind, l, in); known {
				return known, f
			}
		}
		return false, nil
	}
}

// Open opens a session and returns its handle, or 0 if it is refused: then Effect(0) is the reason,
// {"error":{…}}.
func (e *Engine) Open(msg []byte) (handle int32) {
	l := &link.Link{}
	in, code := l.Read(msg)
	var f *link.Fault
	switch code {
	case link.TooLarge:
		return e.NoRoom()
	case link.BadEntropy:
		f = link.Bad("bad_value", "entropy")
	case link.Unreadable:
		f = &link.Fault{Kind: link.KindClient, Code: "unreadable"}
	default:
		l.Begin()
		switch kind := in.Get("kind").Str(); kind {
		case "client":
			f = openClient(l, in)
		case "contract", "mcp":
			f = openMore(kind, l, in)
		default:
			known := false
			if e.Kinds != nil {
				known, f = e.Kinds(kind, l, in)
			}
			if !known {
				f = link.Bad("bad_value", "kind")
			}
		}
	}
	l.Forget()
	if f != nil {
		return e.refuse(f)
	}
	e.open = append(e.open, l)
	return int32(len(e.open))
}

// NoRoom is Open for a message that is too large, or for which there is no memory.
func (e *Engine) NoRoom() int32 {
	return e.refuse(&link.Fault{Kind: link.KindClient, Code: "too_large"})
}

func (e *Engine) refuse(f *link.Fault) int32 {
	f.Op = "open"
	var w json.Writer
	w.Open('{')
	f.Write(&w)
	w.Close('}')
	e.refusal = w.Bytes()
	return 0
}

func (e *Engine) link(handle int32) *link.Link {
	if handle < 1 || int(handle) > len(e.open) {
		return nil
	}
	return e.open[handle-1]
}

// Input handles a command or an answer. Any code but Taken means that nothing happened.
func (e *Engine) Input(handle int32, msg []byte) (code int32) {
	l := e.link(handle)
	if l == nil {
		return link.UnknownHandle
	}
	in, code := l.Read(msg)
	if code == link.Taken {
		code = l.Take(in)
	}
	l.Forget()
	return code
}

// Effect is the next effect of the handle, nil when there is none. The bytes belong to the caller.
func (e *Engine) Effect(handle int32) []byte {
	if handle == 0 {
		r := e.refusal
		e.refusal = nil
		return r
	}
	l := e.link(handle)
	if l == nil {
		return nil
	}
	return l.Next()
}

// Close discards the handle and its session.
func (e *Engine) Close(handle int32) {
	if e.link(handle) != nil {
		e.open[handle-1] = nil
	}
}
