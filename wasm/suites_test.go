package wasm_test

import (
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/drive"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive/drivetest"
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

func engine(t testing.TB) drive.Engine { return newEngine(t) }

func report(t *testing.T, r drivetest.Report) {
	r.Host, r.SHA256 = "wazero", wasm.SHA256()
	r.Write(t, "../build/hosts/wazero.json")
}

func TestTranscripts(t *testing.T) {
	report(t, drivetest.Report{Transcripts: drivetest.RunTranscripts(t, "../core/testdata", engine)})
}

func TestContract(t *testing.T) {
	report(t, drivetest.Report{Contract: drivetest.RunContract(t, "../core/testdata/contract.json", engine, nil)})
}
