package oauth_test

import (
	"context"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/resource"
)

// native is the engine as Go code, without a module.
func native(testing.TB) oauth.Engine { return new(core.Engine) }

func report(t *testing.T, r oauthtest.Report) {
	r.Host, r.SHA256 = "go-native", "-"
	r.Write(t, "../../build/hosts/go-native.json")
}

func TestTranscripts(t *testing.T) {
	report(t, oauthtest.Report{Transcripts: oauthtest.RunTranscripts(t, "../contract/client", native)})
}

// TestTranscriptsOfBFF replays those of kind bff.
func TestTranscriptsOfBFF(t *testing.T) {
	tally := oauthtest.RunTranscripts(t, "../contract/bff", func(testing.TB) oauth.Engine { return bff.Engine() })
	if tally.Total < 10 {
		t.Errorf("%d transcripts", tally.Total)
	}
	report(t, oauthtest.Report{BFF: &oauthtest.Second{SHA256: "-", Tally: tally}})
}

// TestTranscriptsOfResource replays those of kind resource.
func TestTranscriptsOfResource(t *testing.T) {
	tally := oauthtest.RunTranscripts(t, "../contract/resource", func(testing.TB) oauth.Engine { return resource.Engine() })
	if tally.Total < 10 {
		t.Errorf("%d transcripts", tally.Total)
	}
	report(t, oauthtest.Report{Resource: &oauthtest.Second{SHA256: "-", Tally: tally}})
}

func TestContract(t *testing.T) {
	report(t, oauthtest.Report{Contract: oauthtest.RunContract(t, "../contract/contract.json", native, nil)})
}

// silent is a memory store that does not report changes.
type silent struct{ m oauth.MemoryStore }

func (s *silent) Load(ctx context.Context, key string) (value, version string, ok bool, err error) {
	return s.m.Load(ctx, key)
}

func (s *silent) Store(ctx context.Context, key, version string, value *string) (string, error) {
	return s.m.Store(ctx, key, version, value)
}

// TestChanges: clients with the same store notice each other's changes, with a store that reports
// changes and with one that does not (E33).
func TestChanges(t *testing.T) {
	t.Run("a store that tells", func(t *testing.T) {
		oauthtest.RunChanges(t, native, func(testing.TB) (a, b oauth.Store) {
			m := &oauth.MemoryStore{}
			return m, m
		})
	})
	t.Run("one that does not", func(t *testing.T) {
		oauthtest.RunChanges(t, native, func(testing.TB) (a, b oauth.Store) {
			s := &silent{}
			return s, s
		})
	})
}
