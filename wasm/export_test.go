package wasm

// Wear makes the instance of the engine's first session grow above the memory at which it is left.
func (e *Engine) Wear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.instances[0].module.Memory().Grow(worn / page)
}

// Oldest stands for the instance that was made first of those that live.
func (e *Engine) Oldest() any {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.instances[0]
}
