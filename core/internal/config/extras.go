package config

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// maxExtras is the greatest total length of the further parameters of a response, in bytes.
const maxExtras = 4 << 10

// TooMuch is the result of Extras for more than that.
const TooMuch = "too much"

// Extras is an object with the further parameters of a response that the application asked for, ""
// for none. They are not verified: the response came through the browser.
func (c *Config) Extras(params []form.Param) string {
	w := json.NewWriter()
	w.Open('{')
	found := false
	for it := c.CallbackParameters.Each(); it.Next(); {
		name := it.Value().Str()
		if s := form.ValueOf(params, name); s != "" {
			found = true
			w.MemberStr(name, s)
		}
	}
	w.Close('}')
	switch {
	case !found:
		return ""
	case len(w.Bytes()) > maxExtras:
		return TooMuch
	}
	return w.String()
}
