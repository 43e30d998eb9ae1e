package wasm

// Wear makes the instance of the engine's first session grow beyond the limit at which sessions
// leave it.
func (e *Engine) Wear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.instances[0].module.Memory().Grow(worn / page)
}

// Oldest returns a value that identifies the oldest instance.
func (e *Engine) Oldest() any {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.instances[0]
}
