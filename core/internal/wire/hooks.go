package wire

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
)

// askHook begins the effect; the member of the kind's name follows.
func (wr *Wire) askHook(kind, stage string) *json.Writer {
	w := wr.link.Effect("hook")
	w.MemberStr("hook", kind)
	w.MemberStr("stage", stage)
	return w
}

func hookFailed(stage string) *link.Fault { return link.Bad("hook_failed", stage) }

// HookParams lets the host change the parameters of a stage before any of them is stored or signed.
func (wr *Wire) HookParams(stage string, params []form.Param, done func([]form.Param, *link.Fault)) {
	if !json.Lists(wr.config.ParameterHooks, stage) {
		done(params, nil)
		return
	}
	w := wr.askHook("parameters", stage)
	link.WriteParams(w, "parameters", params)
	wr.link.Ask(w, func(ok json.Value, failed string) {
		changed, valid := link.ReadParams(ok.Get("parameters"))
		if failed != "" || !valid {
			done(nil, hookFailed(stage))
			return
		}
		done(changed, nil)
	})
}

// hookRequest lets the host change the whole request. The new URL must be as secure as a configured
// endpoint.
func (wr *Wire) hookRequest(r *Request, body string, done func(body string, f *link.Fault)) {
	if !json.Lists(wr.config.RequestHooks, r.Stage) {
		done(body, nil)
		return
	}
	w := wr.askHook("request", r.Stage)
	w.Key("request")
	w.Open('{')
	writeRequest(w, r, body)
	w.Close('}')
	wr.link.Ask(w, func(ok json.Value, failed string) {
		v := ok.Get("request")
		headers, readable := link.ReadParams(v.Get("headers"))
		u, valid := uri.Parse(v.Get("url").Str())
		method := v.Get("method").Str()
		text := v.Get("body").Get("text")
		if v.Get("body").Kind() != json.None && text.Kind() != json.String {
			readable = false // we do not send bytes or references
		}
		if failed != "" || !readable || !valid || !wr.config.Secure(u) || method != "GET" && method != "POST" || v.Kind() != json.Object {
			done("", hookFailed(r.Stage))
			return
		}
		r.Method, r.URL, r.Headers = method, v.Get("url").Str(), headers
		done(text.Str(), nil)
	})
}

// hookResponse lets the host change an answer before it is read; v has its status, headers and
// body. All checks apply to the changed answer.
func (wr *Wire) hookResponse(r *Request, v json.Value, done func(v json.Value, f *link.Fault)) {
	if !json.Lists(wr.config.ResponseHooks, r.Stage) {
		done(v, nil)
		return
	}
	w := wr.askHook("response", r.Stage)
	w.Key("response")
	w.Open('{')
	status, _ := v.Get("status").Int()
	w.MemberInt("status", status)
	for _, name := range [...]string{"headers", "body"} {
		if part := v.Get(name); part.Kind() != json.None {
			w.MemberRaw(name, part.Raw())
		}
	}
	w.Close('}')
	wr.link.Ask(w, func(ok json.Value, _ string) {
		v := ok.Get("response") // missing if the hook failed
		_, readable := link.ReadParams(v.Get("headers"))
		if status, whole := v.Get("status").Int(); !readable || !whole || status < 100 || status > 599 || v.Get("body").Get("ref").Kind() != json.None {
			done(v, hookFailed(r.Stage))
			return
		}
		done(v, nil)
	})
}
