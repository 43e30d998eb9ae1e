// Package issuer has the authorization server's metadata and keys, and verifies what it signs.
package issuer

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/store"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// An Issuer is the authorization server of one client.
type Issuer struct {
	link     *link.Link
	config   *config.Config // completed by the server's metadata
	given    *config.Config // as the session was opened, if there is metadata to complete it
	store    *store.Store
	wire     *wire.Wire
	metadata metadata
	keys     keySet
}

// New makes an Issuer that knows only the configuration.
func New(l *link.Link, cfg *config.Config, s *store.Store, wr *wire.Wire) *Issuer {
	i := &Issuer{link: l, config: cfg, store: s, wire: wr}
	if cfg.Discovery {
		i.given = cfg.Clone()
	}
	return i
}

// metadata is the server's metadata (RFC 8414, OpenID Connect Discovery).
type metadata struct {
	text    string // "" if there is none yet
	at      int64  // when it was fetched
	tried   int64
	busy    bool
	looked  bool   // the store was read
	version string // in the store
	waiting []func(*link.Fault)
}

// A keySet is the server's public keys (RFC 7517 section 5).
type keySet struct {
	list    json.Value // an array, or None if there is none yet
	picked  picked     // the last key that was chosen from list
	at      int64      // when it was fetched
	tried   int64      // when a fetch was last tried
	asked   bool
	waiting []func(*link.Fault)
}

// picked caches the last key that was chosen from the list: usually one key signs everything.
type picked struct{ alg, kid, jwk string }

// Absent is the fault for a command that needs an endpoint which neither the configuration nor the
// metadata has in a usable form.
func (i *Issuer) Absent(name string) *link.Fault {
	if !i.config.Discovery {
		return link.Bad("missing", name).Not("discovery, or "+name, "")
	}
	v, _ := json.Parse(i.metadata.text)
	if v = v.Get(name); v.Kind() == json.None && name != "jwks_uri" {
		return link.Bad("missing", name).Not("in the configuration or the metadata", "")
	}
	i.metadata.at = 0 // the server may be repaired soon
	f := link.Wrong("bad_metadata", name, "https, or http on loopback", v)
	f.Kind = link.KindServer
	return f
}

// Tokenless is the fault for a request to the token endpoint that cannot be sent.
func (i *Issuer) Tokenless() *link.Fault {
	if i.config.TokenEndpoint == "" {
		return i.Absent("token_endpoint")
	}
	return nil
}

// tell gives each waiter its own fault, because commands change their faults.
func tell(waiting []func(*link.Fault), f *link.Fault) {
	for _, w := range waiting {
		if f == nil {
			w(nil)
			continue
		}
		own := *f
		w(&own)
	}
}
