//go:build js && wasm

package main

import (
	"syscall/js"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
)

// memory is in the isolate, because each request has its own instance: the class Memory of
// oauth2-wasm/bff.
type memory struct{ kept js.Value }

var _ backend.Memory = memory{}

// Recall implements backend.Memory.
func (m memory) Recall(key string) (text string, ok bool) {
	v := m.kept.Call("recall", key)
	if v.IsUndefined() {
		return "", false
	}
	return v.String(), true
}

// Remember implements backend.Memory.
func (m memory) Remember(key, text string, until time.Time) {
	m.kept.Call("remember", key, text, until.UnixMilli())
}
