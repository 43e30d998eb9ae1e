package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// Bodies stay with the host until the engine asks for them: nothing is read of a refused request,
// and slow senders occupy no memory.

const (
	// maxForm is the longest form, in bytes, that is read before the sender is known. A code or a
	// logout token with all its parameters needs a tenth of that.
	maxForm = 16 << 10
	// maxKept is the longest body, in bytes, that is read as a whole from a known sender.
	maxKept = 64 << 10
	// maxParams is how many parameters a form or a query for our endpoints may have.
	maxParams = 64
	// formTime and bodyTime are how long such a form, and a page's body, may take to arrive, in ms.
	formTime, bodyTime = 10_000, 30_000
)

// length is the length of the request's body in bytes, -1 if it is not known in advance.
func (c *call) length() int64 {
	if c.body.Kind() != json.Object {
		return 0
	}
	if n, ok := c.body.Get("length").Int(); ok {
		return n
	}
	return -1
}

// read asks the host for the body. done gets it as {"text"} or {"base64"}; on failure it is not
// called.
func (c *call) read(most, ms int64, done func(body json.Value)) {
	if c.length() > most {
		c.unread("too_large")
		return
	}
	w := c.link.Effect("body")
	w.MemberStr("request", c.request)
	w.MemberInt("max_body", most)
	w.MemberInt("timeout_ms", ms)
	c.link.Ask(w, func(ok json.Value, failed string) {
		if failed != "" {
			c.unread(failed)
			return
		}
		done(ok.Get("body"))
	})
}

// unread answers a request whose body could not be read.
func (c *call) unread(failed string) {
	switch failed {
	case "too_large":
		c.refuse(413, failed, "The body is too long.")
	case "timeout":
		c.refuse(408, failed, "The body took too long.")
	default:
		c.refuse(400, "bad_body", "The body could not be read.")
	}
}

// form reads a posted form (RFC 6749 appendix B) of at most that many bytes. A request that cannot
// hold one is refused unread, with the code.
func (c *call) form(most int64, code string, then func(params []form.Param)) {
	if !isForm(c.sent("content-type")) || c.length() == 0 {
		c.refuse(400, code, "The body is no form.")
		return
	}
	c.read(most, formTime, func(body json.Value) {
		params, ok := readForm(body.Get("text").Str())
		if !ok || body.Get("text").Kind() != json.String {
			c.refuse(400, code, "The body is no form.")
			return
		}
		then(params)
	})
}

func isForm(contentType string) bool {
	const form = "application/x-www-form-urlencoded"
	return words.Prefixed(words.Lower(contentType), form) && (len(contentType) == len(form) || contentType[len(form)] == ';' || contentType[len(form)] == ' ')
}

// readForm reads parameters. ok is false if the text is not a form, or has more than maxParams.
func readForm(text string) (params []form.Param, ok bool) {
	n := 0
	for i := range len(text) {
		if text[i] == '&' {
			n++
		}
	}
	if n >= maxParams {
		return nil, false
	}
	return form.Decode(text)
}
