package wasm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// abi is the version of the contract that this package supports.
const abi = 1

// instance is one memory with the module's functions. After an error it is lost: its further
// answers would be wrong.
type instance struct {
	module        api.Module
	input, effect api.Function
	stack         [3]uint64

	buffer, size uint32 // where inputs are written; kept from call to call
	handles      int    // number of open handles
	ceiling      uint32 // the memory in bytes above which the instance is worn
	lost         error

	ctx      context.Context // for every call; it ends when a call takes too long
	cancel   context.CancelFunc
	limit    time.Duration
	watchdog *time.Timer // one timer for all calls is cheaper than a context for each; nil without a limit
}

func (p *program) instantiate(ctx context.Context, limit time.Duration) (*instance, error) {
	// The module has no imports and so never reads random bytes. Without a source wazero would seed
	// its own for each instance.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").WithRandSource(rand.Reader)
	m, err := p.runtime.InstantiateModule(ctx, p.compiled, config)
	if err != nil {
		return nil, fmt.Errorf("oauth2: wasm: instantiate: %w", shortened(err))
	}
	i := &instance{
		module: m, input: m.ExportedFunction("oauth2_input"), effect: m.ExportedFunction("oauth2_effect"),
		// A module that starts with much memory (standard Go, in tests) is not worn because of
		// that.
		limit: limit, ceiling: max(worn, 2*m.Memory().Size()),
	}
	i.ctx, i.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if limit > 0 {
		i.watchdog = time.AfterFunc(math.MaxInt64, i.cancel)
	}
	if version, ok := i.rarely("oauth2_abi"); !ok || version != abi {
		i.lose(fmt.Errorf("oauth2: wasm: the module has version %d of the boundary, not %d", version, abi))
		return nil, i.lost
	}
	return i, nil
}

// call calls f within the time limit. It returns false if the instance is lost.
func (i *instance) call(f api.Function, args ...uint32) (uint32, bool) {
	if i.lost != nil {
		return 0, false
	}
	for n, a := range args {
		i.stack[n] = uint64(a)
	}
	if i.watchdog != nil {
		i.watchdog.Reset(i.limit)
		defer i.watchdog.Stop()
	}
	err := f.CallWithStack(i.ctx, i.stack[:])
	if err != nil {
		if i.ctx.Err() != nil {
			err = &firstLine{fmt.Sprintf("a call took longer than %v", i.limit), err}
		}
		i.lose(fmt.Errorf("oauth2: wasm: instance lost: %w", shortened(err)))
		return 0, false
	}
	return uint32(i.stack[0]), true
}

// rarely calls the function with this name. A function that wazero returns has a stack of 10 KiB,
// so an instance keeps only those of each input.
func (i *instance) rarely(name string, args ...uint32) (uint32, bool) {
	return i.call(i.module.ExportedFunction(name), args...)
}

// start opens a handle with the configuration msg.
func (i *instance) start(msg []byte) (uint32, bool) {
	if !i.reserve(uint32(len(msg))) {
		return 0, false
	}
	if i.buffer == 0 { // the module has no memory for it
		return i.rarely("oauth2_open", 0, 0)
	}
	return i.lend(msg, func(p, n uint32) (uint32, bool) { return i.rarely("oauth2_open", p, n) })
}

// send gives a handle an input.
func (i *instance) send(handle int32, msg []byte) (uint32, bool) {
	if !i.reserve(uint32(len(msg))) {
		return 0, false
	}
	if i.buffer == 0 {
		return uint32(oauth.TooLong), true
	}
	return i.lend(msg, func(p, n uint32) (uint32, bool) { return i.call(i.input, uint32(handle), p, n) })
}

// lend calls f with msg in the module's memory, and overwrites it there afterwards, because it may
// contain secrets.
func (i *instance) lend(msg []byte, f func(p, n uint32) (uint32, bool)) (uint32, bool) {
	n := uint32(len(msg))
	memory := i.module.Memory()
	if !memory.Write(i.buffer, msg) {
		i.lose(errors.New("oauth2: wasm: instance lost: allocation out of bounds"))
		return 0, false
	}
	result, ok := f(i.buffer, n)
	if ok {
		if written, inBounds := i.module.Memory().Read(i.buffer, n); inBounds {
			clear(written)
		}
	}
	return result, ok
}

// reserve makes the input buffer at least n bytes long. If there is no memory for that, its length
// is 0.
func (i *instance) reserve(n uint32) bool {
	if i.buffer != 0 && n <= i.size {
		return true
	}
	if i.buffer != 0 {
		if _, ok := i.rarely("oauth2_free", i.buffer); !ok {
			return false
		}
		i.buffer = 0
	}
	// The buffer grows by doubling, up to what the module allocates at once.
	i.size = min(max(n, 2*i.size, 4096), oauth.MaxMessage)
	p, ok := i.rarely("oauth2_alloc", i.size)
	if i.buffer = p; p == 0 {
		i.size = 0
	}
	return ok
}

// next reads the effect to which the module points: a length (u32, little endian), followed by that
// many bytes.
func (i *instance) next(handle int32) []byte {
	p, ok := i.call(i.effect, uint32(handle))
	if !ok || p == 0 {
		return nil
	}
	memory := i.module.Memory()
	n, ok := memory.ReadUint32Le(p)
	if ok && p <= math.MaxUint32-4 {
		if view, ok := memory.Read(p+4, n); ok {
			return append(make([]byte, 0, n), view...)
		}
	}
	i.lose(errors.New("oauth2: wasm: instance lost: effect out of bounds"))
	return nil
}

// lose discards the instance and frees its memory.
func (i *instance) lose(why error) {
	i.lost = why
	i.cancel()
	i.module.Close(context.Background())
}

func (i *instance) worn() bool { return i.module.Memory().Size() > i.ceiling }

// shortened keeps the first line of a wazero error. The others are a stack trace of addresses.
func shortened(err error) error {
	line, _, more := strings.Cut(err.Error(), "\n")
	if !more {
		return err
	}
	return &firstLine{strings.TrimSuffix(line, " (recovered by wazero)"), err}
}

type firstLine struct {
	text string
	err  error
}

func (e *firstLine) Error() string { return e.text }
func (e *firstLine) Unwrap() error { return e.err }
