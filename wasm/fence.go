package wasm

import (
	"sync"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// fence is the engine of a tenant: it counts what goes in and out, and enforces the limits.
type fence struct {
	tenant string
	limits Limits
	now    func() time.Time
	start  func() (*Engine, error)

	mu      sync.Mutex
	engine  *Engine // nil until a session is opened, and after a limit was exceeded
	seats   map[int32]place
	last    int32
	minute  minute
	stopped error  // why the tenant is stopped: a *LimitError for a time, or a *ClosedError
	refused error  // why the last Open was refused
	reason  []byte // the answer of Effect(0)
	used    Metrics
}

// place is where a handle of the tenant is.
type place struct {
	engine *Engine
	handle int32
	lost   error // because of a limit
}

var _ oauth.Engine = (*fence)(nil)

const tooLarge = `{"error":{"kind":"client","code":"too_large","op":"open"}}`

// Open implements oauth.Engine.
func (f *fence) Open(msg []byte) int32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused, f.reason = nil, nil
	if len(msg) > f.limits.Message {
		f.reason = []byte(tooLarge)
		return 0
	}
	if f.refused = f.admit(len(msg)); f.refused != nil {
		return oauth.Trapped
	}
	if f.engine == nil {
		if f.engine, f.refused = f.start(); f.refused != nil {
			return oauth.Trapped
		}
	}
	if f.open() >= f.limits.Sessions {
		f.refused = f.passed(LimitSessions, int64(f.limits.Sessions))
		return oauth.Trapped
	}
	if !f.engine.roomy(2) {
		f.refused = f.passed(LimitInstances, 2)
		return oauth.Trapped
	}
	handle := f.engine.Open(msg)
	if handle <= 0 {
		f.reason = f.engine.Effect(0)
		if handle < 0 {
			f.used.Traps++
		}
		return handle
	}
	f.last++
	if f.last < 0 { // after 2^31 sessions: no handle is used twice
		return oauth.Trapped
	}
	f.seats[f.last] = place{engine: f.engine, handle: handle}
	return f.last
}

// admit counts a message, if there may be one more.
func (f *fence) admit(n int) error {
	now := f.now()
	if e, limited := f.stopped.(*LimitError); limited && !now.Before(e.Until) {
		f.stopped = nil
	}
	if f.stopped != nil {
		return f.stopped
	}
	f.minute.roll(now)
	f.minute.calls++
	f.minute.bytes += int64(n)
	if f.stop(); f.stopped != nil {
		return f.stopped
	}
	f.used.Calls++
	f.used.BytesIn += int64(n)
	return nil
}

// stop discards everything if a limit per minute is exceeded.
func (f *fence) stop() {
	limit, most := f.minute.over(f.limits)
	if limit == "" {
		return
	}
	e := f.passed(limit, most)
	e.Until = f.minute.began.Add(time.Minute)
	f.end(e)
}

func (f *fence) passed(limit Limit, most int64) *LimitError {
	f.used.Limited++
	return &LimitError{Tenant: f.tenant, Limit: limit, Max: most}
}

func (f *fence) end(why error) {
	f.stopped = why
	for handle, p := range f.seats {
		if p.lost == nil {
			p.lost = why
			f.seats[handle] = p
		}
	}
	if f.engine != nil {
		f.engine.Shutdown()
		f.engine = nil
	}
}

// open returns the number of sessions.
func (f *fence) open() (n int) {
	for _, p := range f.seats {
		if p.lost == nil && p.engine.Lost(p.handle) == nil {
			n++
		}
	}
	return n
}

// Input implements oauth.Engine.
func (f *fence) Input(handle int32, msg []byte) int32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.seats[handle]
	switch {
	case !ok:
		return oauth.UnknownHandle
	case p.lost != nil:
		return oauth.Trapped
	case len(msg) > f.limits.Message:
		return oauth.TooLong
	case f.admit(len(msg)) != nil:
		return oauth.Trapped
	}
	code := p.engine.Input(p.handle, msg)
	if code == oauth.Trapped {
		f.used.Traps++
	}
	return code
}

// Effect implements oauth.Engine.
func (f *fence) Effect(handle int32) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if handle == 0 {
		reason := f.reason
		f.reason = nil
		return reason
	}
	p, ok := f.seats[handle]
	if !ok || p.lost != nil {
		return nil
	}
	effect := p.engine.Effect(p.handle)
	if effect == nil {
		return nil
	}
	f.minute.effects++
	f.minute.bytes += int64(len(effect))
	if f.stop(); f.stopped != nil {
		clear(effect)
		return nil
	}
	f.used.Effects++
	f.used.BytesOut += int64(len(effect))
	return effect
}

// Close implements oauth.Engine.
func (f *fence) Close(handle int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p, ok := f.seats[handle]; ok {
		delete(f.seats, handle)
		p.engine.Close(p.handle)
	}
}

// Lost returns why the instance of handle was lost, and for Trapped why the last Open was refused;
// see oauth.Engine.
func (f *fence) Lost(handle int32) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.seats[handle]
	switch {
	case handle == oauth.Trapped:
		return f.refused
	case !ok:
		return nil
	case p.lost != nil:
		return p.lost
	}
	return p.engine.Lost(p.handle)
}

// Worn reports whether sessions should leave the instance of handle; see oauth.Engine.
func (f *fence) Worn(handle int32) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.seats[handle]
	return ok && p.lost == nil && p.engine.Worn(p.handle)
}

func (f *fence) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e, limited := f.stopped.(*LimitError); limited && !f.now().Before(e.Until) {
		return nil
	}
	return f.stopped
}

func (f *fence) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end(&ClosedError{f.tenant})
}

func (f *fence) metrics() Metrics {
	f.mu.Lock()
	defer f.mu.Unlock()
	used := f.used
	used.Sessions = f.open()
	if f.engine != nil {
		used.Instances, used.Memory = f.engine.size()
	}
	return used
}

// roomy reports whether there is room for another session with at most that many instances.
func (e *Engine) roomy(most int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, i := range e.instances {
		if i.handles < crowd && !i.worn() {
			return true
		}
	}
	return len(e.instances) < most
}

// size returns the number of instances, and their memory in bytes.
func (e *Engine) size() (instances int, memory int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, i := range e.instances {
		memory += int64(i.module.Memory().Size())
	}
	return len(e.instances), memory
}
