package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
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

// send carries a request through its hooks to the host; done gets the response, or the fault that stood in its way.
func (c *client) send(cmd *command, r *request, done func(*response, *link.Fault)) {
	c.hookParams(r.stage, r.params, func(params []form.Param, f *link.Fault) {
		if f != nil {
			done(nil, f)
			return
		}
		r.params = params
		c.sendSigned(cmd, r, func(res *response, f *link.Fault) {
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
func (c *client) sendSigned(cmd *command, base *request, done func(*response, *link.Fault)) {
	own := *base
	r := &own
	r.params, r.headers = base.params[:len(base.params):len(base.params)], base.headers[:len(base.headers):len(base.headers)]
	c.authenticate(r.auth, r, func(f *link.Fault) {
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
		c.proof(r.key, r.newKey, r.method, r.url, r.access, func(proof string, f *link.Fault) {
			if f != nil {
				done(nil, f)
				return
			}
			r.header("dpop", proof)
			c.sendHooked(cmd, r, body, done)
		})
	})
}

func (c *client) sendHooked(cmd *command, r *request, body string, done func(*response, *link.Fault)) {
	method, url := r.method, r.url
	c.hookRequest(r, body, func(body string, f *link.Fault) {
		if f == nil && r.key != "" && (r.method != method || r.url != url) {
			f = hookFailed(r.stage) // the proof says where it goes
		}
		if f != nil {
			done(nil, f)
			return
		}
		c.transmit(cmd, r, body, func(res *response, f *link.Fault) {
			if r.key != "" && f == nil {
				c.noteNonce(r.url, res.headers)
			}
			done(res, f)
		})
	})
}

func (c *client) transmit(cmd *command, r *request, body string, done func(*response, *link.Fault)) {
	if cmd.unsent {
		done(nil, &link.Fault{Kind: link.KindCanceled, Code: "cancelled"})
		return
	}
	w := c.Effect("http")
	w.MemberStr("stage", r.stage)
	writeRequest(w, r, body)
	w.MemberStr("redirect", "refuse")
	w.MemberInt("timeout_ms", requestTimeout)
	most := r.most
	if most == 0 {
		most = maxBody
	}
	w.MemberInt("max_body", int64(most))
	n := c.Ask(w, func(ok json.Value, failed string) {
		cmd.http = 0
		if failed != "" {
			done(nil, link.NetworkFault(failed).Of(r.stage, r.url))
			return
		}
		c.hookResponse(r, ok, func(ok json.Value, f *link.Fault) {
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
func readResponse(r *request, v json.Value, most int) (*response, *link.Fault) {
	res := &response{stage: r.stage, url: r.url, headers: v.Get("headers"), text: true}
	res.status, _ = v.Get("status").Int()
	switch b := v.Get("body"); {
	case b.Get("text").Kind() == json.String:
		if res.body = b.Get("text").Str(); len(res.body) > most {
			return nil, link.NetworkFault("too_large")
		}
	case b.Kind() != json.None:
		res.text = false
	}
	if res.status < 100 || res.status > 599 {
		return nil, link.NetworkFault("internal").Of(r.stage, r.url)
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
