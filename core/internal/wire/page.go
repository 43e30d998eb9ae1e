//go:build page

package wire

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// What stands in oauth2.wasm in place of what pages never use, which is in the files with the build
// tag !page. What asks for it is told which module has it.

func (wr *Wire) assert(string, func(name, value string), func(*link.Fault)) {}
