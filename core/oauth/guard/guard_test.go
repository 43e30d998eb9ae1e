package guard_test

import (
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/resource"
)

func native(testing.TB) oauth.Engine { return resource.Engine() }

// TestResource: the whole suite, with attacks, on the native engine (R4, R5, R7, R8, R16, R20, R21,
// R22, R24, R30, R31, R41, R42, R53).
func TestResource(t *testing.T) { oauthtest.RunResource(t, native) }
