package wasm

import (
	"errors"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// TestInstancesOfATenant (M71): a tenant has two instances at most. If both have grown, it opens no
// more sessions until one is empty.
func TestInstancesOfATenant(t *testing.T) {
	p, err := NewPool(t.Context(), PoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	tenant, err := p.Add("t", nil)
	if err != nil {
		t.Fatal(err)
	}
	config := oauth.Config{ClientID: "c", TokenEndpoint: "https://as.example/token"}
	var clients []*oauth.Client
	for range 2 {
		c, err := tenant.Open(t.Context(), config, oauth.Options{})
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
		for _, i := range tenant.fence.engine.instances {
			i.module.Memory().Grow(worn / page)
		}
	}
	if m := tenant.Metrics(); m.Instances != 2 {
		t.Fatalf("%+v", m)
	}
	var limit *LimitError
	if _, err := tenant.Open(t.Context(), config, oauth.Options{}); !errors.As(err, &limit) || limit.Limit != LimitInstances || limit.Max != 2 {
		t.Errorf("%v", err)
	}
	tenant.Release(clients[0])
	if _, err := tenant.Open(t.Context(), config, oauth.Options{}); err != nil {
		t.Errorf("an instance is empty, and still %v", err)
	}
}
