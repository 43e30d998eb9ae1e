package wasm_test

import (
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

func newEngine(t testing.TB) *wasm.Engine {
	t.Helper()
	e, err := wasm.New(t.Context(), wasm.EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Shutdown)
	return e
}

func engine(t testing.TB) oauth.Engine { return newEngine(t) }

func report(t *testing.T, r oauthtest.Report) {
	r.Host, r.SHA256 = "wazero", wasm.SHA256()
	r.Write(t, "../build/hosts/wazero.json")
}

func TestTranscripts(t *testing.T) {
	report(t, oauthtest.Report{Transcripts: oauthtest.RunTranscripts(t, "../core/contract/client", engine)})
}

func TestContract(t *testing.T) {
	report(t, oauthtest.Report{Contract: oauthtest.RunContract(t, "../core/contract/contract.json", engine, nil)})
}
