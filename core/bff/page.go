package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// If a person's browser navigates here, the person sees the answer. So where a program gets JSON, a
// person is led to a page.

// toldErrors are the codes that a page may find in ?error=. Any other code that a server or a URL
// has becomes server_error, so nobody can put text of their own into the page's URL.
const toldErrors = "access_denied account_selection_required consent_required interaction_required login_required unmet_authentication_requirements " + // RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6
	"invalid_request invalid_request_object invalid_request_uri request_not_supported request_uri_not_supported registration_not_supported " +
	"invalid_client invalid_grant invalid_scope invalid_target invalid_authorization_details unauthorized_client unsupported_response_type server_error temporarily_unavailable " +
	"already_used attempt_expired bad_body bad_query bad_return_to bad_value foreign_origin logged_out missing_header not_signed_in too_long too_many_attempts unknown_attempt " +
	"wrong_state missing_state repeated_parameter missing_iss wrong_iss missing_code bad_code wrong_response_mode wrong_redirect_uri unreadable too_large " +
	"malformed alg_not_allowed unknown_key ambiguous_key bad_signature bad_key missing_claim wrong_claim missing_access_token missing_id_token dpop_downgrade network timeout aborted redirect bad_encoding bad_json"

// navigates reports whether the browser will show the answer in its window. Fetch Metadata says so;
// without it, the request accepts HTML. No navigation has the header that pages send, and a request
// that asks for JSON gets JSON.
func (c *call) navigates() bool {
	if c.method != "GET" && c.method != "POST" || c.sent(c.config.header) != "" {
		return false
	}
	html, json := c.accepts()
	mode, dest := c.sent("sec-fetch-mode"), c.sent("sec-fetch-dest")
	if mode == "" && dest == "" {
		return html
	}
	return (mode == "" || mode == "navigate") && (dest == "" || dest == "document") && (html || !json)
}

// accepts reports whether the request names HTML, and JSON, among the types that it accepts (RFC
// 9110 section 12.5.1).
func (c *call) accepts() (html, json bool) {
	list := words.Lower(c.sent("accept"))
	for from := 0; from < len(list); {
		element, next := cut(list, from, ',')
		from = next
		switch kind, _ := cut(element, 0, ';'); kind {
		case "text/html", "application/xhtml+xml":
			html = true
		case "application/json", "application/problem+json":
			json = true
		}
	}
	return html, json
}

// turn leads a person to the page, with the reason. If there is no such page, it answers with a
// page of ours and the status.
func (c *call) turn(status int64, headers []form.Param, code string) {
	back := c.backTo()
	if !c.forPeople || c.answersFor(back) {
		c.show(status, headers, "Not here", back, false)
		return
	}
	if !words.Has(toldErrors, code) {
		code = "server_error"
	}
	c.redirect(uri.WithQuery(back, []form.Param{{Name: "error", Value: code}}))
}

// backTo is where the browser goes afterwards.
func (c *call) backTo() string {
	if c.back == "" {
		return c.config.returnTo[0]
	}
	return c.back
}

// answersFor reports whether we, and no page, answer at a URL: a person who is sent there would be
// sent on for ever.
func (c *call) answersFor(url string) bool {
	bare, _ := cutQuery(url)
	if uri.Within(bare, c.config.base) {
		return true
	}
	for i := range c.config.routes {
		if uri.Within(bare, uri.SecureOrigin(c.config.base)+c.config.routes[i].path) {
			return true
		}
	}
	return false
}

// continueAt answers with a page that leads on by itself, and has a link if the browser does not
// allow that.
func (c *call) continueAt(url string) { c.show(200, nil, "Signing in", url, true) }

// show answers with a page that has a link. If leads is set, it also goes there by itself. The page
// has no script and no secret, and the link's URL is the only text in it that others may have
// written.
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

// inAttribute escapes a URL for an HTML attribute.
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
