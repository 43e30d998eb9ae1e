package wasm_test

import (
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// TestEdgeResource: the guard of core/oauth/guard with the module allows and refuses as the native
// engine does, also under attack (R4, R5, R7, R8, R16, R20, R21, R22, R24, R30, R31, R41, R42,
// R53).
func TestEdgeResource(t *testing.T) { oauthtest.RunResource(t, edgeEngine) }
