package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// ABI is the version of the boundary's contract.
const ABI = 1

// MaxMessage is the longest input in bytes.
const MaxMessage = link.MaxMessage

// smallMessage is the length of a message for which the memory that there is will do, or grow.
const smallMessage = 16 << 10

// Room is how many bytes reading a message of n bytes, and acting on it, may take at the most:
// where nothing is freed before a call returns and that much is not there, the call must not begin.
// The text is copied once and decoded twice, an effect may hold it again and grow to that by
// doubling; and each value takes 16 bytes, of the message or of a text in it, which may be read
// twice. row is the most of it that must be in a row.
func Room(n int) (all, row uintptr) {
	if n < smallMessage {
		return 0, 0
	}
	return uintptr(6*n + min(16*n, 2*16*json.MaxValues)), uintptr(2 * n)
}

// Codes of Input.
const (
	Taken         = link.Taken // drain the effects
	UnknownHandle = link.UnknownHandle
	Unreadable    = link.Unreadable
	TooLarge      = link.TooLarge
	BadEntropy    = link.BadEntropy
)

// An Engine holds the sessions of one module instance. Its methods are the module's exports; the
// zero Engine is ready. It is not safe for concurrent use.
type Engine struct {
	// Kinds opens sessions of other kinds than those of this package; nil: there are none.
	Kinds Opener

	open    []*link.Link // index is handle - 1; nil once closed, so that handles are never reused
	refusal []byte
}

// An Opener opens sessions of a kind that it knows.
type Opener func(kind string, l *link.Link, in json.Value) (known bool, f *link.Fault)

// Either is an Opener that knows what any of these do.
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

// Open begins a session as the message says and gives its handle, or 0 where it is refused: then
// Effect(0) is the reason, {"error":{…}}.
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

// Input takes a command or an answer. Any code but Taken means that nothing happened.
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

// Effect is the next effect of the handle, nil when there is none. The bytes are the caller's.
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

// Close forgets the handle and what it held.
func (e *Engine) Close(handle int32) {
	if e.link(handle) != nil {
		e.open[handle-1] = nil
	}
}
