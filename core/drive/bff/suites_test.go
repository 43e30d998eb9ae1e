package bff_test

import (
	"testing"

	engine "github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive/drivetest"
)

// TestTranscripts replays those of kind bff natively. Package wasm replays them on the module.
func TestTranscripts(t *testing.T) {
	if tally := drivetest.RunTranscripts(t, "../../bff/testdata", func(testing.TB) drive.Engine { return engine.Engine() }); tally.Total < 10 {
		t.Errorf("%d transcripts", tally.Total)
	}
}
