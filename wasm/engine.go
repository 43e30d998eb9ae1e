package wasm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// Options are what Open takes. The zero value is the usual choice.
type Options struct {
	// Client are the hands that the client works with.
	Client oauth.Options
	// Engine is how the module is run.
	Engine EngineOptions
}

// EngineOptions say how the module is run. The zero value is the usual choice.
type EngineOptions struct {
	// MemoryLimit is the most memory of one instance in bytes, in steps of 64 KiB; 0 means 16 MiB.
	// An instance that needs more traps.
	MemoryLimit int
	// CallLimit is how long one call into the module may take before its instance is given up; 0
	// means no limit. Calls take less than a millisecond and the module has no loop without an end,
	// so this is for a host that would rather pay than trust: being able to stop costs the module
	// four fifths of its speed.
	CallLimit time.Duration
	// CacheDir keeps the compiled code between processes, so that only the first one compiles the
	// module. Who can write there decides what runs. Empty means the folder oauth2-wasm in
	// os.UserCacheDir, if there is one that only this user can write to; where it fails, the module
	// is compiled without. A directory that is named and fails is an error.
	CacheDir string
	// NoCache has each process compile the module.
	NoCache bool
}

const (
	defaultMemory = 16 << 20
	// worn is the memory above which an instance is left: it grows and never shrinks.
	worn = 4 << 20
	// crowd is how many sessions one instance holds, so that sessions alone do not wear it and a
	// trap takes few along.
	crowd = 128
)

// Engine runs the module on wazero. It is a oauth.Engine, and safe for concurrent use.
//
// Its sessions live in instances that it makes and gives up as needed: those of one Engine may
// share a heap, those of two never do, so clients that must not trust each other get an Engine
// each.
type Engine struct {
	mu      sync.Mutex
	program *program
	limit   time.Duration
	ctx     context.Context
	// instances are those that are not lost, the oldest first.
	instances []*instance
	refused   *instance // holds the reason of the last Open that was refused
	seats     map[int32]seat
	last      int32
	owned     bool // by a single client: nothing is kept once its session is closed
	shut      bool
}

// seat is where a handle of the Engine is: the instances count their own from 1.
type seat struct {
	*instance
	handle int32
}

var _ oauth.Engine = (*Engine)(nil)

var errShutdown = errors.New("oauth2: wasm: the engine was shut down")

// New makes an engine with its first instance. The module is compiled by the first call in a
// process. ctx is for compiling and instantiating; the calls into the module have its values and
// EngineOptions.CallLimit.
func New(ctx context.Context, opts EngineOptions) (*Engine, error) {
	return start(ctx, module, opts)
}

func start(ctx context.Context, bytes []byte, opts EngineOptions) (*Engine, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("oauth2: wasm: %w", err)
	}
	if opts.MemoryLimit < 0 || opts.MemoryLimit > 1<<32 || opts.CallLimit < 0 {
		return nil, errors.New("oauth2: wasm: limit out of range")
	}
	if opts.MemoryLimit == 0 {
		opts.MemoryLimit = defaultMemory
	}
	p, err := shared(ctx, bytes, traits{
		pages: uint32((opts.MemoryLimit + page - 1) / page), bounded: opts.CallLimit > 0, cacheDir: opts.CacheDir,
		usual: opts.CacheDir == "" && !opts.NoCache,
	})
	if err != nil {
		return nil, err
	}
	return newEngine(ctx, p, opts.CallLimit)
}

func newEngine(ctx context.Context, p *program, limit time.Duration) (*Engine, error) {
	e := &Engine{program: p, limit: limit, ctx: context.WithoutCancel(ctx), seats: map[int32]seat{}}
	first, err := p.instantiate(ctx, limit)
	if err != nil {
		return nil, err
	}
	e.instances = []*instance{first}
	return e, nil
}

// Open implements oauth.Engine. It makes a new instance where the others are lost, worn or full.
func (e *Engine) Open(msg []byte) int32 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refused = nil
	if e.shut || e.last < 0 {
		return oauth.Trapped
	}
	if len(msg) > oauth.MaxMessage {
		return 0
	}
	i, err := e.room()
	if err != nil {
		return oauth.Trapped
	}
	handle, ok := i.send(i.open, 0, msg)
	switch {
	case !ok:
		e.tidy(i)
		return oauth.Trapped
	case handle == 0:
		e.refused = i
		return 0
	}
	i.handles++
	e.last++
	if e.last < 0 { // 2^31 sessions: no handle is used twice
		return oauth.Trapped
	}
	e.seats[e.last] = seat{i, int32(handle)}
	return e.last
}

// room finds an instance for another session.
func (e *Engine) room() (*instance, error) {
	for _, i := range e.instances {
		if i.handles < crowd && !i.worn() {
			return i, nil
		}
	}
	i, err := e.program.instantiate(e.ctx, e.limit)
	if err != nil {
		return nil, err
	}
	e.instances = append(e.instances, i)
	return i, nil
}

// Input implements oauth.Engine.
func (e *Engine) Input(handle int32, msg []byte) int32 {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.seats[handle]
	switch {
	case !ok:
		return oauth.UnknownHandle
	case s.lost != nil:
		return oauth.Trapped
	case len(msg) > oauth.MaxMessage:
		return oauth.TooLong
	}
	code, ok := s.send(s.input, s.handle, msg)
	if !ok {
		e.tidy(s.instance)
		return oauth.Trapped
	}
	return int32(code)
}

// Effect implements oauth.Engine.
func (e *Engine) Effect(handle int32) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.seats[handle]
	if handle == 0 && e.refused != nil {
		s, ok = seat{instance: e.refused}, true
	}
	if !ok || s.lost != nil {
		return nil
	}
	effect := s.next(s.handle)
	if s.lost != nil {
		e.tidy(s.instance)
	}
	return effect
}

// Close implements oauth.Engine.
func (e *Engine) Close(handle int32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.seats[handle]
	if !ok {
		return
	}
	delete(e.seats, handle)
	s.call(s.shut, uint32(s.handle))
	s.handles--
	e.tidy(s.instance)
}

// tidy gives up an instance that is not to be used again: lost, or without a session and no longer
// wanted.
func (e *Engine) tidy(i *instance) {
	if i.lost == nil && i.handles == 0 && (e.owned || len(e.instances) > 1 || i.worn()) {
		i.lose(errShutdown)
	}
	if i.lost == nil {
		return
	}
	for n, other := range e.instances {
		if other == i {
			e.instances = append(e.instances[:n:n], e.instances[n+1:]...)
		}
	}
}

// Lost says why the instance that holds handle is gone; see oauth.Engine.
func (e *Engine) Lost(handle int32) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s, ok := e.seats[handle]; ok {
		return s.lost
	}
	return nil
}

// Worn reports whether the instance that holds handle should be left, which is so at 4 MiB of
// memory; see oauth.Engine.
func (e *Engine) Worn(handle int32) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.seats[handle]
	return ok && s.lost == nil && s.worn()
}

// Shutdown gives up all instances. Clients that are still open find their session lost.
func (e *Engine) Shutdown() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shut = true
	for _, i := range e.instances {
		i.lose(errShutdown)
	}
	e.instances = nil
	for _, s := range e.seats {
		if s.lost == nil {
			s.lose(errShutdown)
		}
	}
}

// Open opens a client on an engine of its own, which ends with the client. It fails as New and
// oauth.Open do.
func Open(ctx context.Context, config oauth.Config, opts Options) (*oauth.Client, error) {
	e, err := New(ctx, opts.Engine)
	if err != nil {
		return nil, err
	}
	e.owned = true
	c, err := oauth.Open(ctx, e, config, opts.Client)
	if err != nil {
		e.Shutdown()
		return nil, err
	}
	return c, nil
}
