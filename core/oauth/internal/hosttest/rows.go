package hosttest

import (
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sealedstore"
)

// RunRows tests what every store on a server must do: directly, sealed, and as part of a host. pair
// returns two handles of an empty store; contract is the path of contract.json.
func RunRows(t *testing.T, contract string, pair func(testing.TB) (a, b oauthtest.SharedStore)) {
	t.Run("store", func(t *testing.T) { oauthtest.RunStore(t, pair) })
	t.Run("sealed", func(t *testing.T) {
		oauthtest.RunStore(t, func(t testing.TB) (a, b oauthtest.SharedStore) {
			one, two := pair(t)
			r := ring(t)
			return sealedstore.New(one, r), sealedstore.New(two, r)
		})
	})
	t.Run("contract", func(t *testing.T) {
		oauthtest.RunContract(t, contract, func(testing.TB) oauth.Engine { return new(core.Engine) }, func(t testing.TB) oauth.Options {
			one, _ := pair(t)
			s := sealedstore.New(one, ring(t))
			return oauth.Options{Store: s, Locker: s, Keys: s}
		})
	})
}

func ring(t testing.TB) *backend.Ring {
	t.Helper()
	r, err := backend.ReadRing(backend.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return r
}
