package core

import (
	"crypto/elliptic"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// keyed carries out key and sign effects as a host does, with P-256 keys that are the same in every
// run.
func (s *scene) keyed(m msg) string {
	name := m.Str("name")
	switch {
	case s.noVerify:
		return `"failed":{"kind":"unsupported"}`
	case m.Str("kind") == "sign":
		if !s.keys[m.Str("key")] {
			return `"failed":{"kind":"denied"}`
		}
		signed := signText(ecKey(elliptic.P256(), m.Str("key")), m.Str("alg"), m.Str("input"))
		return `"ok":{"signature":"` + b64(signed) + `"}`
	case m.M["delete"] == true:
		delete(s.keys, name)
		return `"ok":{}`
	case !s.keys[name] && m.M["create"] != true:
		return `"ok":{}`
	}
	if s.keys == nil {
		s.keys = map[string]bool{}
	}
	s.keys[name] = true
	return `"ok":{"jwk":` + jwk(ecKey(elliptic.P256(), name), `"kid":"x","d":"never to be shown"`) + `}`
}

func jsonOf(t *testing.T, text string) json.Value {
	t.Helper()
	v, ok := json.Parse(text)
	if !ok {
		t.Fatalf("no JSON: %s", text)
	}
	return v
}
