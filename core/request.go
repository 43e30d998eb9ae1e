package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// Stages: what a request, or a hook, is for.
const (
	stageAuthorization = "authorization"
	stageToken         = "token"
	stageRefresh       = "refresh"
	stageDevice        = "device_authorization"
	stagePolling       = "polling"
	stageRevocation    = "revocation"
	stageUserinfo      = "userinfo"
	stageDiscovery     = "discovery"
	stagePushed        = "pushed_authorization"
	stageIntrospection = "introspection"
	stageKeys          = "jwks"
)

const (
	requestTimeout = 30_000
	// maxBody leaves room for escapes in a message of MaxMessage.
	maxBody = 512 << 10
)

type request struct {
	stage, method, url string
	headers            []form.Param
	params             []form.Param // the body of a POST
	auth               string       // client authentication method, "" for a bearer's request
}

func (r *request) header(name, value string) {
	r.headers = append(r.headers, form.Param{Name: name, Value: value})
}

// A response is what came back; text is false for a body that is no UTF-8.
type response struct {
	status  int64
	headers json.Value
	body    string
	text    bool
	list    bool // it may be an array
}

// send carries a request through its hooks to the host; done gets the response, or the fault that stood in its way.
func (c *client) send(cmd *command, r *request, done func(*response, *fault)) {
	c.hookParams(r.stage, r.params, func(params []form.Param, f *fault) {
		if f != nil {
			done(nil, f)
			return
		}
		r.params = params
		if r.auth != "" {
			// After the hook, so that no hook has to carry the secret through.
			c.authenticate(r.auth, r)
		}
		body := ""
		if r.method == "POST" {
			r.header("content-type", "application/x-www-form-urlencoded")
			body = form.Encode(r.params)
		}
		r.header("accept", "application/json")
		if c.userAgent != "" {
			r.header("user-agent", c.userAgent)
		}
		c.hookRequest(r, body, func(body string, f *fault) {
			if f != nil {
				done(nil, f)
				return
			}
			c.transmit(cmd, r, body, done)
		})
	})
}

func (c *client) transmit(cmd *command, r *request, body string, done func(*response, *fault)) {
	if cmd.unsent {
		done(nil, &fault{kind: kindCanceled, code: "cancelled"})
		return
	}
	w := c.effect("http")
	w.MemberStr("stage", r.stage)
	writeRequest(w, r, body)
	w.MemberStr("redirect", "refuse")
	w.MemberInt("timeout_ms", requestTimeout)
	w.MemberInt("max_body", maxBody)
	n := c.ask(w, func(ok json.Value, failed string) {
		cmd.http = 0
		if failed != "" {
			done(nil, networkFault(failed))
			return
		}
		res := &response{headers: ok.Get("headers"), text: true}
		res.status, _ = ok.Get("status").Int()
		switch b := ok.Get("body"); {
		case b.Get("text").Kind() == json.String:
			res.body = b.Get("text").Str()
		case b.Kind() != json.None:
			res.text = false
		}
		if res.status < 100 || res.status > 599 {
			done(nil, networkFault("internal"))
			return
		}
		done(res, nil)
	})
	cmd.http = n
}

func writeRequest(w *json.Writer, r *request, body string) {
	w.MemberStr("method", r.method)
	w.MemberStr("url", r.url)
	writeParams(w, "headers", r.headers)
	if r.method == "POST" {
		w.Key("body")
		w.Open('{')
		w.MemberStr("text", body)
		w.Close('}')
	}
}

// header is the value of the first header of that name.
func (r *response) header(name string) string {
	for it := r.headers.Each(); it.Next(); {
		pair := it.Value().Each()
		if pair.Next() && pair.Value().Str() == name && pair.Next() {
			return pair.Value().Str()
		}
	}
	return ""
}

// contentType is the media type of the answer in lower case, without parameters.
func (r *response) contentType() string {
	s := r.header("content-type")
	if i := index(s, ';'); i >= 0 {
		s = s[:i]
	}
	for len(s) > 0 && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	return lower(s)
}

// object reads the answer as a JSON object, whatever of Q43 it came as.
func (r *response) object(now int64) (json.Value, *fault) {
	v, f := r.read()
	garbled := f != nil
	good := r.status >= 200 && r.status < 300
	if f == nil {
		switch {
		case v.Get("error").Str() != "":
			// A protocol error decides, whatever the HTTP status says.
			f = protocolError(func(name string) string { return v.Get(name).Str() })
		case good && v.Get("error").Kind() == json.Number:
			f = &fault{code: "http_error"} // some write the status there and send 200
		case good:
			return v, nil
		default:
			f = &fault{}
		}
	}
	if !good && f.err == "" {
		f.code = "http_error"
	}
	f.kind, f.status = kindServer, r.status
	f.garbled, f.retryable = garbled, r.status == 429 || r.status >= 500
	if f.retryable {
		f.retryAfter = r.retryAfter(now)
	}
	// What was answered 2xx or 5xx and cannot be read may still have been carried out.
	f.unknown = f.err == "" && (good || r.status >= 500)
	return v, f
}

func (r *response) read() (v json.Value, f *fault) {
	ctype := r.contentType()
	isJSON := ctype == "application/json" || len(ctype) > 5 && ctype[len(ctype)-5:] == "+json"
	isForm := ctype == "application/x-www-form-urlencoded" || ctype == "text/plain"
	text := r.body
	switch {
	case !r.text:
		return v, &fault{code: "bad_encoding"}
	case text == "":
		return v, &fault{code: "empty_body"}
	case ctype == "":
		return v, &fault{code: "no_content_type"}
	case isForm && !prefixed(text, "{"):
		params, ok := form.Decode(text)
		if !ok {
			return v, &fault{code: "bad_form"}
		}
		// As JSON it goes the same way as every other answer, a name twice included.
		var w json.Writer
		w.Open('{')
		for _, p := range params {
			w.Key(quoteless(p.Name))
			w.Str(p.Value)
		}
		w.Close('}')
		text = w.String()
	case !isJSON && !isForm:
		return v, &fault{code: "unknown_content_type"}
	}
	v, ok := json.Parse(text)
	if !ok {
		return v, &fault{code: "bad_json"}
	}
	if v.Kind() != json.Object && !(r.list && v.Kind() == json.Array) {
		return v, &fault{code: "not_object"}
	}
	return v, nil
}
