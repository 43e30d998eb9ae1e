package oauth

// Engine is one instance of the client engine: the four calls of the boundary that
// core/contract/README.md describes, in bytes. core.Engine (native Go) and wasm.Engine (the module
// on wazero) are engines.
//
// An Engine whose instances can be lost also has a method Lost(handle int32) error, which returns
// nil while the instance of handle lives; such an engine never reuses a handle. An Engine whose
// instances should be replaced when they have grown has Worn(handle int32) bool.
//
// An Engine need not be safe for concurrent use: clients that share one take turns, one input at a
// time, and read all effects before the next input.
type Engine interface {
	// Open starts a session. It returns a handle from 1 up, 0 where the configuration is refused
	// (then Effect(0) gives the reason), or Trapped.
	Open(msg []byte) (handle int32)
	// Input gives the session a command or an answer. It returns one of the codes below. The engine
	// keeps no reference to msg.
	Input(handle int32, msg []byte) (code int32)
	// Effect returns the session's next effect, or nil when there is none. The bytes are the
	// caller's to keep.
	Effect(handle int32) []byte
	// Close forgets the session. An unknown handle is ignored.
	Close(handle int32)
}

// What Engine.Input returns. A code other than Taken means that nothing happened.
const (
	Taken         int32 = 0  // read the effects now
	UnknownHandle int32 = 1  // no such session
	Unreadable    int32 = 2  // not a message of the boundary
	TooLong       int32 = 3  // longer than MaxMessage
	BadEntropy    int32 = 4  // entropy missing, short or seen before
	Trapped       int32 = -1 // the instance is lost; Open can return it too
)

// MaxMessage is the longest message that an engine reads, in bytes.
const MaxMessage = 1 << 20

// mortal is an Engine whose instances can die, as one in WebAssembly does when it traps. It makes a
// new instance at the next Open and never reuses a handle, so that it still knows the handles of
// dead instances.
type mortal interface {
	Engine
	// Lost says why the instance that holds handle is gone, and is nil while it lives. For handle
	// Trapped it may say why the last Open returned that.
	Lost(handle int32) error
}

// retiring is an Engine that can ask for a session to be moved to another instance, because the
// memory of a WebAssembly instance grows and never shrinks. A client answers by closing the handle
// and opening again, between commands.
type retiring interface {
	Engine
	// Worn reports whether the session should move to another instance.
	Worn(handle int32) bool
}
