package core_test

import (
	"math/rand/v2"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// FuzzOrder: commands, answers twice, early, late or never, failures, a clock that jumps: no rule
// of the contract is broken, and afterwards a sign-in works.
func FuzzOrder(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		seed := make([]byte, 200)
		for i := range seed {
			seed[i] = byte(r.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := oauthtest.Converse(&core.Engine{}, data[:min(len(data), 1000)]); err != nil {
			t.Fatal(err)
		}
	})
}

// TestOrder runs random conversations and reports how many of their inputs cause effects.
func TestOrder(t *testing.T) {
	all, err := oauthtest.ConverseAtRandom(func() oauth.Engine { return &core.Engine{} }, 1, 2000)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(all)
}

// FuzzInput: any bytes as open, command and answer.
func FuzzInput(f *testing.F) {
	f.Add([]byte(`{"now":1,"entropy":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","kind":"client","config":{"client_id":"c"}}`), []byte(`{"now":1,"entropy":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","command":"status","id":1}`))
	f.Fuzz(func(t *testing.T, open, input []byte) {
		var e core.Engine
		h := e.Open(open)
		e.Input(h, input)
		for e.Effect(h) != nil {
		}
		e.Close(h)
	})
}
