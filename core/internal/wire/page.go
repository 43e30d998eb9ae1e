//go:build page

package wire

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// In oauth2.wasm this replaces the files with the build tag !page, which pages never use. The error
// for a missing feature says which module has it.

func (wr *Wire) assert(string, func(name, value string), func(*link.Fault)) {}
