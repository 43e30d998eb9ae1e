package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// respond answers with JSON of ours, or nothing.
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

// send gives the answer to the host, and with it the cookies, and what lets a page of ours on
// another origin read it.
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
	c.link.Ask(w, func(json.Value, string) { c.link.Result(c.id, nil, nil) })
}

// refuse says what is wrong, to a program; a person is led on.
func (c *call) refuse(status int64, code, description string) {
	c.deny(status, nil, code, description)
}

// deny is refuse with headers.
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

// redirect sends the browser elsewhere, by GET (RFC 9110 section 15.4.4); where it comes from is
// nobody's business.
func (c *call) redirect(url string) {
	c.respond(303, []form.Param{{Name: "location", Value: url}, {Name: "referrer-policy", Value: "no-referrer"}}, "")
}

// retrySeconds is how long a page is asked to wait where no server said how long.
const retrySeconds = 5

// unavailable: what is needed could not be reached; trying again may help.
func (c *call) unavailable() { c.tryLater(0) }

// tryLater says 503 and when to try again (RFC 9110 section 10.2.3); ms is what the server asked
// for, 0 for nothing.
func (c *call) tryLater(ms int64) {
	wait := (ms + 999) / 1000
	if wait == 0 {
		wait = retrySeconds
	}
	headers := []form.Param{{Name: "retry-after", Value: string(json.AppendInt(nil, wait))}}
	c.deny(503, headers, "temporarily_unavailable", "A server that is needed for this could not be reached. Try again.")
}

// continueAt answers with a page that leads on by itself, and by a link where the browser does not
// let it.
func (c *call) continueAt(url string) { c.show(200, nil, "Signing in", url, true) }

// show answers with a page that has a link, and leads there by itself if it is told so. There is no
// script in it, and nothing that is secret or that anybody else wrote but where the link leads.
func (c *call) show(status int64, headers []form.Param, title, url string, leads bool) {
	at, by := "", inAttribute(url)
	if leads {
		at = `<meta http-equiv="refresh" content="0;url=` + by + `">`
	}
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("text", `<!doctype html><html lang="en"><title>`+title+`</title>`+at+`<p><a href="`+by+`">Continue</a></p></html>`)
	w.Close('}')
	c.send(status, append(headers, form.Param{Name: "content-type", Value: "text/html; charset=utf-8"}, form.Param{Name: "cache-control", Value: "no-store"}, form.Param{Name: "referrer-policy", Value: "no-referrer"},
		form.Param{Name: "content-security-policy", Value: "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}), w.String())
}

// inAttribute is a URL as it stands in an attribute of HTML.
func inAttribute(url string) string {
	var b []byte
	for i := range len(url) {
		switch url[i] {
		case '&':
			b = append(b, "&amp;"...)
		case '"':
			b = append(b, "%22"...)
		case '<':
			b = append(b, "%3C"...)
		default:
			b = append(b, url[i])
		}
	}
	return string(b)
}
