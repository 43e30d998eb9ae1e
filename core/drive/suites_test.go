package drive_test

import (
	"context"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive/drivetest"
)

// native is the engine as Go code, without a module.
func native(testing.TB) drive.Engine { return new(core.Engine) }

func report(t *testing.T, r drivetest.Report) {
	r.Host, r.SHA256 = "go-native", "-"
	r.Write(t, "../../build/hosts/go-native.json")
}

func TestTranscripts(t *testing.T) {
	report(t, drivetest.Report{Transcripts: drivetest.RunTranscripts(t, "../testdata", native)})
}

// TestTranscriptsOfBFF replays those of kind bff.
func TestTranscriptsOfBFF(t *testing.T) {
	tally := drivetest.RunTranscripts(t, "../bff/testdata", func(testing.TB) drive.Engine { return bff.Engine() })
	if tally.Total < 10 {
		t.Errorf("%d transcripts", tally.Total)
	}
	report(t, drivetest.Report{BFF: &drivetest.Second{SHA256: "-", Tally: tally}})
}

func TestContract(t *testing.T) {
	report(t, drivetest.Report{Contract: drivetest.RunContract(t, "../testdata/contract.json", native, nil)})
}

// silent is a memory store that tells of no change.
type silent struct{ m drive.MemoryStore }

func (s *silent) Load(ctx context.Context, key string) (value, version string, ok bool, err error) {
	return s.m.Load(ctx, key)
}

func (s *silent) Store(ctx context.Context, key, version string, value *string) (string, error) {
	return s.m.Store(ctx, key, version, value)
}

// TestChanges: clients of one store hear of each other, by a store that tells and by one that does not (E33).
func TestChanges(t *testing.T) {
	t.Run("a store that tells", func(t *testing.T) {
		drivetest.RunChanges(t, native, func(testing.TB) (a, b drive.Store) {
			m := &drive.MemoryStore{}
			return m, m
		})
	})
	t.Run("one that does not", func(t *testing.T) {
		drivetest.RunChanges(t, native, func(testing.TB) (a, b drive.Store) {
			s := &silent{}
			return s, s
		})
	})
}
