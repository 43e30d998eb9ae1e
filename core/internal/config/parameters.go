package config

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// Protected tells whether a parameter of the authorization request is the core's own: no caller and no hook may set it.
func Protected(name string) bool {
	switch name {
	case "response_type", "client_id", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method", "dpop_jkt", "request", "request_uri":
		return true
	}
	return false
}

// replyParameters are those of an authorization response that have a meaning here.
const replyParameters = "code state iss error error_description error_uri response"

// ReadParams reads [[name, value], …], form.MaxParams at the most; a name is not empty.
func ReadParams(v json.Value) (params []form.Param, ok bool) {
	if v.Kind() == json.None {
		return nil, true
	}
	if v.Kind() != json.Array {
		return nil, false
	}
	for it := v.Each(); it.Next(); {
		pair := it.Value().Each()
		var p form.Param
		if !pair.Next() || pair.Value().Kind() != json.String {
			return nil, false
		}
		p.Name = pair.Value().Str()
		if !pair.Next() || pair.Value().Kind() != json.String {
			return nil, false
		}
		p.Value = pair.Value().Str()
		if pair.Next() || p.Name == "" || len(params) == form.MaxParams {
			return nil, false
		}
		params = append(params, p)
	}
	return params, true
}

// WriteParams writes parameters as a member [[name, value], …].
func WriteParams(w *json.Writer, name string, params []form.Param) {
	w.Key(name)
	w.Open('[')
	for _, p := range params {
		w.Open('[')
		w.Str(p.Name)
		w.Str(p.Value)
		w.Close(']')
	}
	w.Close(']')
}
