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
	// Client are the options of the client.
	Client oauth.Options
	// Engine are the options of the engine.
	Engine EngineOptions
}

// EngineOptions say how the module is run. The zero value is the usual choice.
type EngineOptions struct {
	// MemoryLimit is the most memory of one instance in bytes, in steps of 64 KiB; 0 means 16 MiB,
	// and the least is 128 KiB, enough for a sign-in of one session. An instance that needs more
	// traps.
	MemoryLimit int
	// CallLimit is how long one call into the module may take before its instance is discarded; 0
	// means no limit. Calls take less than a millisecond, and the module has no endless loop, so
	// this is for a host that does not rely on that. The price is high: code that can be stopped
	// runs at a fifth of the speed.
	CallLimit time.Duration
	// CacheDir keeps the compiled code between processes, so that only the first one compiles the
	// module. Whoever can write there decides what code runs. Empty means the directory oauth2-wasm
	// in os.UserCacheDir, if only this user can write there; if that fails, the module is compiled
	// without a cache. If a directory that you name fails, that is an error.
	CacheDir string
	// NoCache makes each process compile the module.
	NoCache bool
}

const (
	defaultMemory = 16 << 20
	leastMemory   = 128 << 10
	// worn is the memory above which sessions leave an instance: its memory grows and never
	// shrinks.
	worn = 4 << 20
	// crowd is how many sessions one instance holds, so that sessions alone do not wear it out, and
	// a trap affects few of them.
	crowd = 128
)

// Engine runs the module on wazero. It is an oauth.Engine, and is safe for concurrent use.
//
// It creates and discards instances as needed. Sessions of one Engine may share a heap, sessions of
// two Engines never do. So clients that must not trust each other need separate Engines.
type Engine struct {
	mu      sync.Mutex
	program *program
	limit   time.Duration
	ctx     context.Context
	// instances are those that are not lost, the oldest first.
	instances []*instance
	refused   *instance // holds the reason why the last Open was refused
	seats     map[int32]seat
	last      int32
	owned     bool // by a single client: it ends with that client's session
	shut      bool
}

// seat is where a handle of the Engine is. Each instance counts its own handles from 1.
type seat struct {
	*instance
	handle int32
}

var _ oauth.Engine = (*Engine)(nil)

var errShutdown = errors.New("oauth2: wasm: the engine was shut down")

// New makes an engine with its first instance. The first call in a process compiles the module. ctx
// is for compiling and instantiating. Calls into the module get its values, and
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
	if opts.MemoryLimit < leastMemory {
		return nil, fmt.Errorf("oauth2: wasm: MemoryLimit is %d bytes, expected %d or more", opts.MemoryLimit, leastMemory)
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

// Open implements oauth.Engine. It makes a new instance if the others are lost, worn or full.
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
	handle, ok := i.start(msg)
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
	if e.last < 0 { // after 2^31 sessions: no handle is used twice
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
	code, ok := s.send(s.handle, msg)
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
	s.rarely("oauth2_close", uint32(s.handle))
	s.handles--
	e.tidy(s.instance)
}

// tidy discards an instance that will not be used again: one that is lost, or one without sessions
// that is not needed any more.
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

// Lost returns why the instance of handle was lost; see oauth.Engine.
func (e *Engine) Lost(handle int32) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s, ok := e.seats[handle]; ok {
		return s.lost
	}
	return nil
}

// Worn reports whether sessions should leave the instance of handle, which is true from 4 MiB of
// memory; see oauth.Engine.
func (e *Engine) Worn(handle int32) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.seats[handle]
	return ok && s.lost == nil && s.worn()
}

// Shutdown discards all instances. Clients that are still open lose their sessions in memory.
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

// Open opens a client with its own engine, which ends with the client. It returns the errors of New
// and oauth.Open.
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
