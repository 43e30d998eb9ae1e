package wasm_test

import (
	"errors"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

func pageEngine(t testing.TB) oauth.Engine {
	t.Helper()
	e, err := wasm.NewPage(t.Context(), wasm.EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Shutdown)
	return e
}

// TestPageTranscripts: E130, the page module's output equals the full module's, for all transcripts
// that it supports.
func TestPageTranscripts(t *testing.T) {
	tally := oauthtest.RunTranscripts(t, "../core/contract/client", pageEngine, "page")
	if tally.Total < 100 {
		t.Errorf("%d transcripts", tally.Total)
	}
	report(t, oauthtest.Report{Page: &oauthtest.Second{SHA256: wasm.PageSHA256(), Tally: tally}})
}

// TestPageRefuses: E131, the error for a function that the page module lacks names the file that
// has it.
func TestPageRefuses(t *testing.T) {
	s := newSite(t, nil)
	var e *oauth.Error
	config := s.config
	config.RequestObjectSigningAlg = "ES256"
	if _, err := oauth.Open(t.Context(), pageEngine(t), config, oauth.Options{}); !errors.As(err, &e) || e.Code != "not_in_this_module" || e.Field == "" || e.Expected != "oauth2-full.wasm" {
		t.Errorf("open: %v", err)
	}
	c, err := oauth.Open(t.Context(), pageEngine(t), s.config, oauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ClientCredentials(t.Context(), oauth.ClientCredentialsParams{}); !errors.As(err, &e) || e.Code != "not_in_this_module" || e.Came != "client_credentials" || e.Expected != "oauth2-full.wasm" {
		t.Errorf("client credentials: %v", err)
	}
}

// TestProfilesShareASession: E133, each module continues what the other one stored: a session that
// is refreshed, and a sign-in under way.
func TestProfilesShareASession(t *testing.T) {
	s := newSite(t, nil)
	store := &oauth.MemoryStore{}
	type maker func(testing.TB) oauth.Engine
	open := func(engine maker) *oauth.Client {
		c, err := oauth.Open(t.Context(), engine(t), s.config, oauth.Options{Store: store})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, order := range [][3]maker{{pageEngine, engine, pageEngine}, {engine, pageEngine, engine}} {
		first := open(order[0])
		begun, err := first.Authorize(t.Context(), oauth.AuthorizeParams{})
		if err != nil {
			t.Fatal(err)
		}
		first.Close()
		second := open(order[1])
		if _, err := second.Callback(t.Context(), s.visit(t, begun.URL)); err != nil {
			t.Fatal(err)
		}
		before, err := second.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		second.Close()
		third := open(order[2])
		held, err := third.Token(t.Context())
		if err != nil || held.AccessToken != before.AccessToken {
			t.Fatalf("%v, another token than was stored", err)
		}
		if _, err := third.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if now, err := third.Token(t.Context()); err != nil || now.AccessToken == before.AccessToken {
			t.Fatalf("%v, not renewed", err)
		}
		third.Close()
	}
}
