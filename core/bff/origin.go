package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// guard admits pages of ours: they can send a header that no form or link of another site can, and
// the browser says which origin they have.
func (c *call) guard() bool {
	switch {
	case c.page && c.method == "GET":
		// An endpoint for scripts shows nothing useful to a person.
		c.leadOn(403, "not_signed_in", "")
	case c.origin != "" && !c.ours(c.origin), c.origin == "" && c.method != "GET" && c.method != "HEAD":
		c.refuse(403, "foreign_origin", "Pages of this origin may not call.")
	case c.sent(c.config.header) == "":
		c.refuse(403, "missing_header", "The request needs the header "+c.config.header+".")
	default:
		return true
	}
	return false
}

// maxWanted is the longest list of header names, in bytes, with which a preflight is answered.
const maxWanted = 1024

// preflight answers the browser's question whether a page may call (CORS).
func (c *call) preflight() bool {
	if c.method != "OPTIONS" {
		return false
	}
	if !c.ours(c.origin) {
		c.refuse(403, "foreign_origin", "Pages of this origin may not call.")
		return true
	}
	headers := []form.Param{{Name: "access-control-allow-methods", Value: "GET, HEAD, POST, PUT, PATCH, DELETE"}, {Name: "access-control-max-age", Value: "600"}}
	if wanted := c.sent("access-control-request-headers"); wanted != "" && len(wanted) <= maxWanted {
		headers = append(headers, form.Param{Name: "access-control-allow-headers", Value: wanted})
	}
	c.respond(204, headers, "")
	return true
}

// isHost reports whether a header Host holds nothing besides host and port.
func isHost(header string) bool {
	for i := range len(header) {
		if c := header[i]; c <= ' ' || words.Index("/?#\\@", c) >= 0 {
			return false
		}
	}
	return true
}
