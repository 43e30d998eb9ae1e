package link

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// ReadParams reads [[name, value], …], at most form.MaxParams. A name must not be empty.
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
