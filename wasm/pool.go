package wasm

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// PoolOptions are the options of a Pool. The zero value is the usual choice.
type PoolOptions struct {
	// Edge makes tenants run the edge module, for package core/oauth/backend.
	Edge bool
	// Limits are the limits of tenants for which Add gets none.
	Limits Limits
	// Tenants is how many tenants there may be at a time; 0 means no limit. A tenant without an
	// open session has no instance.
	Tenants int
	// CacheDir keeps the compiled code between processes, and NoCache makes each process compile
	// the module; see EngineOptions.CacheDir.
	CacheDir string
	NoCache  bool
	// Now is the clock for limits per minute; nil means time.Now.
	Now func() time.Time
}

// Pool runs the module for tenants that do not trust each other: each has limits, and its own
// instances, which share only the compiled code. It is safe for concurrent use.
type Pool struct {
	opts PoolOptions

	mu      sync.Mutex
	tenants map[string]*Tenant
	closed  bool
}

// NewPool makes a Pool. It compiles the module for the memory and call limits in
// PoolOptions.Limits.
func NewPool(ctx context.Context, opts PoolOptions) (*Pool, error) {
	if opts.Tenants < 0 {
		return nil, fmt.Errorf("oauth2: wasm: PoolOptions.Tenants is %d, expected 0 or more", opts.Tenants)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	var err error
	if opts.Limits, err = opts.Limits.withDefaults(); err != nil {
		return nil, err
	}
	p := &Pool{opts: opts, tenants: map[string]*Tenant{}}
	e, err := p.engine(ctx, opts.Limits)
	if err != nil {
		return nil, err
	}
	e.Shutdown()
	return p, nil
}

// engine makes an engine that discards its last instance with its last session.
func (p *Pool) engine(ctx context.Context, l Limits) (*Engine, error) {
	bytes := module
	if p.opts.Edge {
		bytes = edgeModule
	}
	e, err := start(ctx, bytes, EngineOptions{MemoryLimit: l.Memory, CallLimit: l.Call, CacheDir: p.opts.CacheDir, NoCache: p.opts.NoCache})
	if err == nil {
		e.owned = true
	}
	return e, err
}

// Add makes a tenant. limits are its own; nil means those of the Pool. If the name is in use, that
// is an error; if PoolOptions.Tenants is reached, the error is a *LimitError.
func (p *Pool) Add(name string, limits *Limits) (*Tenant, error) {
	l := p.opts.Limits
	if limits != nil {
		var err error
		if l, err = limits.withDefaults(); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nil, &ClosedError{name}
	case p.tenants[name] != nil:
		return nil, fmt.Errorf("oauth2: wasm: there is a tenant %q already", name)
	case p.opts.Tenants > 0 && len(p.tenants) >= p.opts.Tenants:
		return nil, &LimitError{Tenant: name, Limit: LimitTenants, Max: int64(p.opts.Tenants)}
	}
	t := &Tenant{name: name, pool: p, clients: map[*oauth.Client]struct{}{}}
	t.fence = &fence{tenant: name, limits: l, now: p.opts.Now, seats: map[int32]place{}}
	t.fence.start = func() (*Engine, error) { return p.engine(context.Background(), l) }
	p.tenants[name] = t
	return t, nil
}

// Tenant returns the tenant with that name, or nil.
func (p *Pool) Tenant(name string) *Tenant {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tenants[name]
}

// All returns the tenants in the order of their names, with their metrics.
func (p *Pool) All() iter.Seq2[*Tenant, Metrics] {
	p.mu.Lock()
	all := slices.SortedFunc(maps.Values(p.tenants), func(a, b *Tenant) int { return cmp.Compare(a.name, b.name) })
	p.mu.Unlock()
	return func(yield func(*Tenant, Metrics) bool) {
		for _, t := range all {
			if !yield(t, t.Metrics()) {
				return
			}
		}
	}
}

// Close closes every tenant.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	all := slices.Collect(maps.Values(p.tenants))
	p.mu.Unlock()
	for _, t := range all {
		t.Close()
	}
}

// Tenant is one user of a Pool.
type Tenant struct {
	name  string
	pool  *Pool
	fence *fence

	mu      sync.Mutex
	clients map[*oauth.Client]struct{}
	closed  bool
}

// Name is the name that Add got.
func (t *Tenant) Name() string { return t.name }

// Engine is the engine of the tenant's sessions, for a host that opens them in another way than
// with Open, such as backend.New. It enforces the limits.
func (t *Tenant) Engine() oauth.Engine { return t.fence }

// Open opens a client of the tenant. When the tenant ends, it closes the client. Open returns the
// errors of oauth.Open, a *LimitError or a *ClosedError.
func (t *Tenant) Open(ctx context.Context, config oauth.Config, opts oauth.Options) (*oauth.Client, error) {
	c, err := oauth.Open(ctx, t.fence, config, opts)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		c.Close()
		return nil, &ClosedError{t.name}
	}
	t.clients[c] = struct{}{}
	return c, nil
}

// Release closes a client before the tenant ends.
func (t *Tenant) Release(c *oauth.Client) {
	t.mu.Lock()
	delete(t.clients, c)
	t.mu.Unlock()
	c.Close()
}

// Err returns why the tenant's sessions are stopped now: a *LimitError, or a *ClosedError. It is
// nil while they may run.
func (t *Tenant) Err() error { return t.fence.err() }

// Close ends the tenant: it closes its clients, waits for store operations that have begun, frees
// its memory, and frees its name. Sessions stay in their stores.
func (t *Tenant) Close() {
	t.mu.Lock()
	t.closed = true
	clients := slices.Collect(maps.Keys(t.clients))
	clear(t.clients)
	t.mu.Unlock()
	for _, c := range clients {
		c.Close()
	}
	t.fence.close()
	t.pool.mu.Lock()
	if t.pool.tenants[t.name] == t {
		delete(t.pool.tenants, t.name)
	}
	t.pool.mu.Unlock()
}

// Metrics are what a tenant uses now, and has used since it was added.
type Metrics struct {
	Sessions  int   `json:"sessions"`  // open now
	Instances int   `json:"instances"` // there now
	Memory    int64 `json:"memory"`    // of the instances now, in bytes
	Calls     int64 `json:"calls"`     // messages into the module
	Effects   int64 `json:"effects"`   // out of the module
	BytesIn   int64 `json:"bytes_in"`
	BytesOut  int64 `json:"bytes_out"`
	Traps     int64 `json:"traps"`   // instances that were lost because of an error in the module, or Limits.Memory or Limits.Call
	Limited   int64 `json:"limited"` // how often a limit was reached
}

// Metrics returns what the tenant uses.
func (t *Tenant) Metrics() Metrics { return t.fence.metrics() }
