package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// proxy sends a page's request to a resource with the session's token, and the answer back without what is none of the page's business.
func (c *call) proxy(r *route) {
	rest := core.Path(c.url)[len(r.path):]
	if r.path == "/" {
		rest = core.Path(c.url)
	}
	target := r.target
	if n := len(target); n > 0 && target[n-1] == '/' {
		target = target[:n-1]
	}
	if rest != "" && rest[0] != '/' {
		target += "/"
	}
	target += rest
	c.withClient(401, func(client *core.Client, _ *vault) {
		w := json.NewWriter()
		w.MemberStr("url", target)
		w.MemberStr("method", c.method)
		about := w.String()
		client.Do("prepare", about, func(ok json.Value, f *core.Fault) {
			if f != nil {
				c.failed(client, f)
				return
			}
			c.forward(client, about, target+c.rawQuery, ok.Get("headers"), "")
		})
	})
}

// forward sends the request, and once more for each reason that the client accepts (RFC 6750 section 3, RFC 9449 section 9), if the body can be sent again.
func (c *call) forward(client *core.Client, about, url string, added json.Value, retried string) {
	w := c.s.Effect("proxy")
	w.MemberStr("request", c.request)
	w.MemberStr("method", c.method)
	w.MemberStr("url", url)
	own := pairs(added)
	writeHeaders(w, append(c.passed(own), own...))
	if c.body.Kind() == json.Object {
		w.MemberRaw("body", c.body.Raw())
	}
	c.s.Ask(w, func(ok json.Value, failed string) {
		if failed != "" {
			status, text := int64(502), "The server behind could not be reached."
			if failed == "timeout" {
				status, text = 504, "The server behind took too long."
			}
			c.refuse(status, "upstream_"+failed, text)
			return
		}
		status, _ := ok.Get("status").Int()
		if status < 200 || status > 599 {
			c.refuse(502, "upstream_internal", "The server behind could not be understood.")
			return
		}
		headers := ok.Get("headers")
		if status != 401 && core.HeaderOf(headers, "dpop-nonce") == "" || len(own) == 0 {
			c.passBack(status, headers, ok.Get("body"))
			return
		}
		w := json.NewWriter()
		w.MemberInt("status", status)
		w.MemberRaw("headers", headers.Raw())
		w.MemberStr("retried", retried)
		streamed := c.body.Get("ref").Kind() != json.None
		if !streamed {
			w.MemberStr("sent", own[0].Value) // without it nothing is sent again
		}
		client.Do("answered", about+","+w.String(), func(again json.Value, f *core.Fault) {
			reason := again.Get("challenge").Get("error").Str()
			switch {
			case f != nil:
				c.failed(client, f)
			case again.Get("headers").Kind() == json.Array:
				c.forward(client, about, url, again.Get("headers"), again.Get("retried").Str())
			case status == 401 && streamed && (reason == "invalid_token" || reason == "use_dpop_nonce" || reason == "invalid_dpop_proof"):
				c.sendAgain(client, reason)
			default:
				c.passBack(status, headers, ok.Get("body"))
			}
		})
	})
}

// sendAgain asks the page for a body once more that only it can send again: it is signed in, and what the resource refused is made new by then.
func (c *call) sendAgain(client *core.Client, reason string) {
	members := ""
	if reason == "invalid_token" {
		members = `"force":true`
	}
	client.Do("token", members, func(_ json.Value, f *core.Fault) {
		if f != nil {
			c.failed(client, f)
			return
		}
		c.tryLater(1000)
	})
}

// passBack gives the answer to the page.
func (c *call) passBack(status int64, headers, body json.Value) {
	var out []form.Param
	stored := false
	for _, h := range pairs(headers) {
		if h.Name == "vary" {
			c.vary += ", " + h.Value
		} else if !ownBusiness(h.Name) && !belongsToHop(headers, h.Name) {
			out = append(out, h)
			stored = stored || h.Name == "cache-control"
		}
	}
	if !stored {
		out = append(out, form.Param{Name: "cache-control", Value: "no-store"})
	}
	raw := body.Raw()
	if body.Kind() != json.Object {
		raw = "{}"
	}
	c.send(status, out, raw)
}

// passed are the request's headers that go on: not those of the connection, of other proxies, of the browser's session, and none that is added.
func (c *call) passed(added []form.Param) (out []form.Param) {
	for _, h := range pairs(c.headers) {
		if inbound(h.Name) || h.Name == c.header || belongsToHop(c.headers, h.Name) || core.ValueOf(added, h.Name) != "" {
			continue
		}
		out = append(out, h)
	}
	return out
}

// inbound are headers that a resource must not take from a browser: they say who calls, and from where.
func inbound(name string) bool {
	switch name {
	case "authorization", "dpop", "cookie", "host", "content-length", "origin", "referer", "forwarded", "via", "x-real-ip", "true-client-ip", "x-original-url", "x-rewrite-url", "proxy-authorization",
		"expect": // whoever took the body here has answered that (RFC 9110 section 10.1.1)
		return true
	}
	return begins(name, "x-forwarded-") || begins(name, "cf-") || begins(name, "sec-") || begins(name, "access-control-")
}

// ownBusiness are headers of an answer that are between us and the resource.
func ownBusiness(name string) bool {
	switch name {
	case "set-cookie", "set-cookie2", "www-authenticate", "dpop-nonce", "authentication-info", "alt-svc", "clear-site-data", "strict-transport-security", "content-length":
		return true
	}
	return begins(name, "access-control-")
}

// belongsToHop: RFC 9110 section 7.6.1, with what the Connection header names.
func belongsToHop(headers json.Value, name string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade":
		return true
	}
	for _, h := range pairs(headers) {
		if h.Name == "connection" && hasElement(h.Value, name) {
			return true
		}
	}
	return false
}

// hasElement tells whether a list with commas has the name, in any case.
func hasElement(list, name string) bool {
	for from := 0; from < len(list); {
		to := from
		for to < len(list) && list[to] != ',' {
			to++
		}
		start, end := from, to
		for start < end && list[start] == ' ' {
			start++
		}
		for end > start && list[end-1] == ' ' {
			end--
		}
		if end-start == len(name) {
			same := true
			for i := range len(name) {
				c := list[start+i]
				if c >= 'A' && c <= 'Z' {
					c |= 0x20
				}
				same = same && c == name[i]
			}
			if same {
				return true
			}
		}
		from = to + 1
	}
	return false
}

func begins(s, prefix string) bool { return len(s) >= len(prefix) && s[:len(prefix)] == prefix }

func pairs(headers json.Value) (list []form.Param) {
	for it := headers.Each(); it.Next(); {
		pair := it.Value().Each()
		var p form.Param
		if pair.Next() {
			p.Name = pair.Value().Str()
		}
		if pair.Next() {
			p.Value = pair.Value().Str()
		}
		if p.Name != "" {
			list = append(list, p)
		}
	}
	return list
}
