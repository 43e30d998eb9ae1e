package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

func listed(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// hookParams lets the host change the parameters of a stage, before anything of them is stored or signed.
func (c *client) hookParams(stage string, params []form.Param, done func([]form.Param, *fault)) {
	if !listed(c.parameterHooks, stage) {
		done(params, nil)
		return
	}
	w := c.effect("hook")
	w.MemberStr("hook", "parameters")
	w.MemberStr("stage", stage)
	writeParams(w, "parameters", params)
	c.ask(w, func(ok json.Value, failed string) {
		changed, valid := readParams(ok.Get("parameters"))
		if failed != "" || !valid {
			done(nil, &fault{kind: kindClient, code: "hook_failed", field: stage})
			return
		}
		done(changed, nil)
	})
}

// hookRequest lets the host change the whole request. Where it goes must stay as secure as a configured endpoint.
func (c *client) hookRequest(r *request, body string, done func(body string, f *fault)) {
	if !listed(c.requestHooks, r.stage) {
		done(body, nil)
		return
	}
	w := c.effect("hook")
	w.MemberStr("hook", "request")
	w.MemberStr("stage", r.stage)
	w.Key("request")
	w.Open('{')
	writeRequest(w, r, body)
	w.Close('}')
	c.ask(w, func(ok json.Value, failed string) {
		v := ok.Get("request")
		headers, readable := readParams(v.Get("headers"))
		u, valid := parseURI(v.Get("url").Str())
		method := v.Get("method").Str()
		text := v.Get("body").Get("text")
		if v.Get("body").Kind() != json.None && text.Kind() != json.String {
			readable = false // bytes and references are not ours to send
		}
		if failed != "" || !readable || !valid || !u.secure() || method != "GET" && method != "POST" || v.Kind() != json.Object {
			done("", &fault{kind: kindClient, code: "hook_failed", field: r.stage})
			return
		}
		r.method, r.url, r.headers = method, v.Get("url").Str(), headers
		done(text.Str(), nil)
	})
}
