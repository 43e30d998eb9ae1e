package wasm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// page is the unit of a WebAssembly memory in bytes.
const page = 1 << 16

// program is a compiled module and the runtime of its instances. Instances share only the code.
type program struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
}

// traits are the settings for which a program is compiled. A memory limit belongs to a wazero
// runtime, so each limit needs its own.
type traits struct {
	module   *byte // the address of its bytes
	pages    uint32
	bounded  bool // calls can be stopped: every loop checks whether it should continue
	cacheDir string
	usual    bool // the cache is the user's own, if there is one
}

var (
	programsMu sync.Mutex
	programs   = map[traits]*program{}
)

// embedded compiles the embedded module, once in a process for the same traits.
func embedded(ctx context.Context, t traits) (*program, error) { return shared(ctx, module, t) }

// shared compiles a module once in a process for the same traits. Programs are kept for ever: there
// are only as many as there are distinct settings, and a new engine should be cheap.
func shared(ctx context.Context, bytes []byte, t traits) (*program, error) {
	t.module = &bytes[0]
	programsMu.Lock()
	defer programsMu.Unlock()
	if p := programs[t]; p != nil {
		return p, nil
	}
	how := compileUsual
	if !t.usual {
		how = func(ctx context.Context, bytes []byte, t traits) (*program, error) {
			return compile(ctx, bytes, t, nil)
		}
	}
	p, err := how(ctx, bytes, t)
	if err == nil {
		programs[t] = p
	}
	return p, err
}

// compile compiles any module with the exports of the contract. prepare adds to the runtime what
// the module may import. If prepare is nil, a module with imports is refused, which is the rule for
// the modules of this project.
func compile(ctx context.Context, bytes []byte, t traits, prepare func(context.Context, wazero.Runtime) error) (*program, error) {
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(t.pages).WithCloseOnContextDone(t.bounded)
	if t.cacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(t.cacheDir)
		if err != nil {
			return nil, fmt.Errorf("oauth2: wasm: compilation cache: %w", err)
		}
		config = config.WithCompilationCache(cache)
	}
	p := &program{runtime: wazero.NewRuntimeWithConfig(ctx, config)}
	err := func() (err error) {
		// The first start waits for this: with two cores it takes a quarter less time, for a third
		// more work.
		workers := experimental.WithCompilationWorkers(ctx, min(runtime.GOMAXPROCS(0), 4))
		if p.compiled, err = p.runtime.CompileModule(workers, bytes); err != nil {
			return fmt.Errorf("oauth2: wasm: compile: %w", err)
		}
		if prepare != nil {
			return prepare(ctx, p.runtime)
		}
		return p.check()
	}()
	if err != nil {
		return nil, errors.Join(err, p.runtime.Close(ctx))
	}
	return p, nil
}

// exports are the functions of the contract with the numbers of their parameters and results, all
// of type i32.
var exports = map[string][2]int{
	"oauth2_abi": {0, 1}, "oauth2_alloc": {1, 1}, "oauth2_free": {1, 0},
	"oauth2_open": {2, 1}, "oauth2_input": {3, 1}, "oauth2_effect": {1, 1}, "oauth2_close": {1, 0},
}

// check refuses a module that does not have the exports of the contract, or that imports anything:
// a module without imports cannot reach anything.
func (p *program) check() error {
	if len(p.compiled.ImportedFunctions())+len(p.compiled.ImportedMemories()) > 0 {
		return errors.New("oauth2: wasm: the module has imports")
	}
	if p.compiled.ExportedMemories()["memory"] == nil {
		return errors.New("oauth2: wasm: the module exports no memory")
	}
	for name, shape := range exports {
		f := p.compiled.ExportedFunctions()[name]
		if f == nil {
			return fmt.Errorf("oauth2: wasm: the module exports no %s", name)
		}
		if !i32(f.ParamTypes(), shape[0]) || !i32(f.ResultTypes(), shape[1]) {
			return fmt.Errorf("oauth2: wasm: %s has another signature", name)
		}
	}
	return nil
}

func i32(types []api.ValueType, n int) bool {
	for _, t := range types {
		if t != api.ValueTypeI32 {
			return false
		}
	}
	return len(types) == n
}
