package resource

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// document returns the resource's metadata document.
func (c *config) document() string {
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("resource", c.resource)
	w.Key("authorization_servers")
	w.Open('[')
	for _, s := range c.servers {
		w.Str(s.issuer)
	}
	w.Close(']')
	w.Key("bearer_methods_supported")
	w.Raw(`["header"]`)
	if c.need.scope != "" && c.more.Get("scopes_supported").Kind() == json.None {
		writeList(w, "scopes_supported", c.need.scope)
	}
	if c.dpop != dpopOff {
		writeList(w, "dpop_signing_alg_values_supported", c.dpopAlgorithms)
	}
	if c.dpop == dpopRequired {
		w.MemberBool("dpop_bound_access_tokens_required", true)
	}
	if c.certificates || c.certificateHeader != "" {
		w.MemberBool("tls_client_certificate_bound_access_tokens", true)
	}
	for it := c.more.Each(); it.Next(); {
		w.Name(it.Name())
		w.Raw(it.Value().Raw())
	}
	w.Close('}')
	return w.String()
}

func writeList(w *json.Writer, name, list string) {
	w.Key(name)
	w.Open('[')
	for list != "" {
		var one string
		one, list = words.Cut(list)
		w.Str(one)
	}
	w.Close(']')
}
