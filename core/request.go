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
	stageRegistration  = "registration"
	stageResource      = "resource_metadata"
)

const (
	requestTimeout = 30_000
	// maxBody leaves room for escapes in a message of MaxMessage.
	maxBody = 512 << 10
	// maxDocument is how long the metadata of a server or a resource may be, and maxKeys how long the
	// array of a server's keys.
	maxDocument = 128 << 10
	maxKeys     = 256 << 10
	// maxValues is how many values there may be in what is kept of an answer, parsed.
	maxValues = 20 << 10
)

type request struct {
	stage, method, url string
	headers            []form.Param
	params             []form.Param // the body of a POST
	json               string       // the body of a POST, where it is not params
	auth               string       // client authentication method, "" for a bearer's request
	key                string       // that the request is proved to be from (RFC 9449), "" for none
	newKey             bool         // it may not be there yet
	access             string       // the token that goes with the proof
	accept             string       // default: JSON
	most               int          // bytes of the answer's body, 0: maxBody
}

func (r *request) header(name, value string) {
	r.headers = append(r.headers, form.Param{Name: name, Value: value})
}

// A response is what came back; text is false for a body that is no UTF-8.
type response struct {
	stage, url string
	status     int64
	headers    json.Value
	body       string
	text       bool
	list       bool // it may be an array
}

// send carries a request through its hooks to the host; done gets the response, or the fault that stood in its way.
func (c *client) send(cmd *command, r *request, done func(*response, *fault)) {
	c.hookParams(r.stage, r.params, func(params []form.Param, f *fault) {
		if f != nil {
			done(nil, f)
			return
		}
		r.params = params
		c.sendSigned(cmd, r, func(res *response, f *fault) {
			if r.key == "" || f != nil || !res.wantsNonceIn() {
				done(res, f)
				return
			}
			// Refused before anything was looked at; a second refusal is the answer (RFC 9449 section 8).
			c.sendSigned(cmd, r, done)
		})
	})
}

// sendSigned adds what is made anew for each sending: after the hook of the parameters, so that no hook has to carry a secret through.
func (c *client) sendSigned(cmd *command, base *request, done func(*response, *fault)) {
	own := *base
	r := &own
	r.params, r.headers = base.params[:len(base.params):len(base.params)], base.headers[:len(base.headers):len(base.headers)]
	c.authenticate(r.auth, r, func(f *fault) {
		if f != nil {
			done(nil, f)
			return
		}
		body := ""
		if r.method == "POST" {
			ctype := "application/x-www-form-urlencoded"
			if body = r.json; body != "" {
				ctype = "application/json"
			} else {
				body = form.Encode(r.params)
			}
			r.header("content-type", ctype)
		}
		if r.accept == "" {
			r.accept = "application/json"
		}
		r.header("accept", r.accept)
		if c.userAgent != "" {
			r.header("user-agent", c.userAgent)
		}
		if r.key == "" {
			c.sendHooked(cmd, r, body, done)
			return
		}
		c.proof(r.key, r.newKey, r.method, r.url, r.access, func(proof string, f *fault) {
			if f != nil {
				done(nil, f)
				return
			}
			r.header("dpop", proof)
			c.sendHooked(cmd, r, body, done)
		})
	})
}

func (c *client) sendHooked(cmd *command, r *request, body string, done func(*response, *fault)) {
	method, url := r.method, r.url
	c.hookRequest(r, body, func(body string, f *fault) {
		if f == nil && r.key != "" && (r.method != method || r.url != url) {
			f = hookFailed(r.stage) // the proof says where it goes
		}
		if f != nil {
			done(nil, f)
			return
		}
		c.transmit(cmd, r, body, func(res *response, f *fault) {
			if r.key != "" && f == nil {
				c.noteNonce(r.url, res.headers)
			}
			done(res, f)
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
	most := r.most
	if most == 0 {
		most = maxBody
	}
	w.MemberInt("max_body", int64(most))
	n := c.ask(w, func(ok json.Value, failed string) {
		cmd.http = 0
		if failed != "" {
			done(nil, networkFault(failed).of(r.stage, r.url))
			return
		}
		c.hookResponse(r, ok, func(ok json.Value, f *fault) {
			if f != nil {
				done(nil, f)
				return
			}
			done(readResponse(r, ok, most))
		})
	})
	cmd.http = n
}

// readResponse reads an answer of at most so many bytes.
func readResponse(r *request, v json.Value, most int) (*response, *fault) {
	res := &response{stage: r.stage, url: r.url, headers: v.Get("headers"), text: true}
	res.status, _ = v.Get("status").Int()
	switch b := v.Get("body"); {
	case b.Get("text").Kind() == json.String:
		if res.body = b.Get("text").Str(); len(res.body) > most {
			return nil, networkFault("too_large")
		}
	case b.Kind() != json.None:
		res.text = false
	}
	if res.status < 100 || res.status > 599 {
		return nil, networkFault("internal").of(r.stage, r.url)
	}
	return res, nil
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
func header(headers json.Value, name string) string {
	for it := headers.Each(); it.Next(); {
		pair := it.Value().Each()
		if pair.Next() && pair.Value().Str() == name && pair.Next() {
			return pair.Value().Str()
		}
	}
	return ""
}

// contentType is the media type of the answer in lower case, without parameters.
func (r *response) contentType() string {
	s := header(r.headers, "content-type")
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
	if f.err == "" && !garbled {
		f.came = said(v)
	}
	f.kind, f.status = kindServer, r.status
	f.of(r.stage, r.url)
	f.garbled, f.retryable = garbled, r.status == 429 || r.status >= 500 || f.err == "temporarily_unavailable"
	if f.retryable {
		f.retryAfter = r.retryAfter(now)
	}
	// What was answered 2xx or 5xx and cannot be read may still have been carried out.
	f.unknown = f.err == "" && (good || r.status >= 500)
	return v, f
}

// said is what a server says of a failure in a form of its own, and not that of RFC 6749 section 5.2: by a name that is in use for that, there, in an object error or in
// the first of errors.
func said(v json.Value) string {
	first := v.Get("errors").Each()
	first.Next()
	for _, in := range [...]json.Value{v, v.Get("error"), first.Value()} {
		if s := in.Str(); s != "" {
			return s
		}
		for left := "error_description message error_message errorMessage errorSummary error_msg errmsg msg detail title reason description"; left != ""; {
			var name string
			name, left = cutWord(left)
			if s := in.Get(name).Str(); s != "" {
				return s
			}
		}
	}
	return ""
}

// skipBOM: a byte order mark before a text may be ignored (RFC 8259 section 8.1).
func skipBOM(s string) string {
	const mark = "\ufeff"
	if prefixed(s, mark) {
		return s[len(mark):]
	}
	return s
}

func (r *response) read() (v json.Value, f *fault) {
	ctype := r.contentType()
	isJSON := ctype == "application/json" || len(ctype) > 5 && ctype[len(ctype)-5:] == "+json"
	isForm := ctype == "application/x-www-form-urlencoded" || ctype == "text/plain"
	text := skipBOM(r.body)
	switch {
	case !r.text:
		return v, &fault{code: "bad_encoding"}
	case text == "":
		return v, &fault{code: "empty_body"}
	case ctype == "":
		return v, &fault{code: "no_content_type"}
	case isForm && !prefixed(trim(text), "{"):
		params, ok := form.Decode(text)
		if !ok {
			return v, &fault{code: "bad_form"}
		}
		// As JSON it goes the same way as every other answer, a name twice included.
		var w json.Writer
		w.Open('{')
		for _, p := range params {
			w.Name(p.Name)
			w.Str(p.Value)
		}
		w.Close('}')
		text = w.String()
	case !isJSON && !isForm:
		return v, (&fault{code: "unknown_content_type"}).not("application/json", ctype)
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
