package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// respond answers with JSON of ours, or without a body.
func (c *call) respond(status int64, headers []form.Param, body string) {
	if body != "" {
		headers = append(headers, form.Param{Name: "content-type", Value: "application/json"})
	}
	headers = append(headers, form.Param{Name: "cache-control", Value: "no-store"})
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("text", body)
	w.Close('}')
	c.send(status, headers, w.String())
}

// send gives the answer to the host, with the cookies and with the headers that let a page of ours
// on another origin read it.
func (c *call) send(status int64, headers []form.Param, body string) {
	for _, cookie := range c.set {
		headers = append(headers, form.Param{Name: "set-cookie", Value: cookie})
	}
	headers = append(headers, form.Param{Name: "x-content-type-options", Value: "nosniff"}, form.Param{Name: "vary", Value: "Cookie, Origin" + string(c.vary)})
	if c.origin != "" && c.ours(c.origin) {
		headers = append(headers, form.Param{Name: "access-control-allow-origin", Value: c.origin}, form.Param{Name: "access-control-allow-credentials", Value: "true"})
	}
	w := c.link.Effect("respond")
	w.MemberStr("request", c.request)
	w.MemberInt("status", status)
	link.WriteParams(w, "headers", headers)
	w.MemberRaw("body", body)
	if c.watch != nil {
		c.watch.write(w, c.link.Now)
	}
	c.link.Ask(w, func(json.Value, string) { c.link.Result(c.id, nil, nil) })
}

// refuse answers a program with an error; a person is led on.
func (c *call) refuse(status int64, code, description string) {
	c.deny(status, nil, code, description)
}

// deny is refuse with additional headers.
func (c *call) deny(status int64, headers []form.Param, code, description string) {
	if c.page {
		c.turn(status, headers, code)
		return
	}
	c.respond(status, headers, refusal(code, description))
}

func refusal(code, description string) string {
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("error", code)
	w.MemberStrIf("error_description", description)
	w.Close('}')
	return w.String()
}

// redirect sends the browser elsewhere, by GET (RFC 9110 section 15.4.4), without a referrer.
func (c *call) redirect(url string) {
	c.respond(303, []form.Param{{Name: "location", Value: url}, {Name: "referrer-policy", Value: "no-referrer"}}, "")
}

// retrySeconds is how long a page is asked to wait if no server said how long.
const retrySeconds = 5

// unavailable answers that something needed could not be reached, and that a retry may help.
func (c *call) unavailable() { c.tryLater(0) }

// tryLater answers 503 and when to retry (RFC 9110 section 10.2.3). ms is the delay that the server
// asked for, 0 for none.
func (c *call) tryLater(ms int64) {
	wait := (ms + 999) / 1000
	if wait == 0 {
		wait = retrySeconds
	}
	headers := []form.Param{{Name: "retry-after", Value: string(json.AppendInt(nil, wait))}}
	c.deny(503, headers, "temporarily_unavailable", "A server that is needed for this could not be reached. Try again.")
}
