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

// program is a compiled module and the runtime that its instances live in. Instances share the code
// and nothing else.
type program struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
}

// traits are what a program is compiled for: wazero's runtimes hold the memory limit, so that each
// limit needs one of its own.
type traits struct {
	module   *byte // where its bytes begin
	pages    uint32
	bounded  bool // calls can be ended: every loop asks whether it should go on
	cacheDir string
	usual    bool // the cache is the user's own, if there is one
}

var (
	programsMu sync.Mutex
	programs   = map[traits]*program{}
)

// embedded compiles the embedded module, once in a process for the same traits.
func embedded(ctx context.Context, t traits) (*program, error) { return shared(ctx, module, t) }

// shared compiles a module once in a process for the same traits. Programs are kept: there are as
// few as there are distinct settings, and an engine that is made again is meant to be cheap.
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

// compile makes a program of any module with the exports of the boundary. prepare gives the runtime
// what the module may import; nil is the rule for what this project ships, and then a module with
// imports is refused.
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
		// A first start waits for this: on two cores a quarter less, for a third more work.
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

// exports are the functions of the boundary with the number of their parameters and results, all of
// them i32.
var exports = map[string][2]int{
	"oauth2_abi": {0, 1}, "oauth2_alloc": {1, 1}, "oauth2_free": {1, 0},
	"oauth2_open": {2, 1}, "oauth2_input": {3, 1}, "oauth2_effect": {1, 1}, "oauth2_close": {1, 0},
}

// check refuses what is not a module of the boundary. One that imports nothing cannot reach
// anything either.
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
