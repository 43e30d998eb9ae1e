package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A person whose browser navigates here sees what is answered. So where a program gets JSON, a
// person is led on to a page.

// toldErrors are the codes that a page may find in ?error=. What a server or a URL says that is none of
// them is server_error: no text of anybody's gets into the page's URL.
const toldErrors = "access_denied account_selection_required consent_required interaction_required login_required unmet_authentication_requirements " + // RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6
	"invalid_request invalid_request_object invalid_request_uri request_not_supported request_uri_not_supported registration_not_supported " +
	"invalid_client invalid_grant invalid_scope invalid_target invalid_authorization_details unauthorized_client unsupported_response_type server_error temporarily_unavailable " +
	"already_used attempt_expired bad_body bad_query bad_return_to bad_value foreign_origin logged_out missing_header not_signed_in too_long too_many_attempts unknown_attempt " +
	"wrong_state missing_state repeated_parameter missing_iss wrong_iss missing_code bad_code wrong_response_mode wrong_redirect_uri unreadable too_large " +
	"malformed alg_not_allowed unknown_key ambiguous_key bad_signature bad_key missing_claim wrong_claim missing_access_token missing_id_token dpop_downgrade network timeout aborted redirect bad_encoding bad_json"

// bounced are those that a browser comes back with from a page of ours.
const bounced = "already_used attempt_expired not_signed_in unknown_attempt"

// navigates tells whether a browser comes here to show what is answered in its window: it says so
// (Fetch Metadata), or, where it says nothing, it takes HTML. No navigation has the header that
// pages send, and who asks for JSON gets it.
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

// accepts tells whether the request names HTML, and JSON, among the types that it takes (RFC 9110
// section 12.5.1).
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

// turn leads a person to the page, which says why; where there is no page to be led to it is a page
// of ours, with the status.
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

// backTo is where the browser goes on.
func (c *call) backTo() string {
	if c.back == "" {
		return c.config.returnTo[0]
	}
	return c.back
}

// answersFor tells whether a URL leads to where no page is, but we are: whoever was sent there would
// be sent on for ever.
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

// leadOn refuses what a person who is signed in has no use for any more, such as a callback that was
// answered before: where a session is alive they go to the page as if nothing had been. Whether one
// is can be seen when the browser comes from a page of ours, since with what another site leads to
// the session's cookie does not come.
func (c *call) leadOn(status int64, code, description string) {
	if !c.page {
		c.refuse(status, code, description)
		return
	}
	if c.cookie(c.config.sessionCookie()) == "" && !c.wasBounced && c.crossSiteMaybe() {
		query := []form.Param{{Name: "bounce", Value: code}, {Name: "return_to", Value: c.backTo()}}
		c.continueAt(uri.Path(c.config.base) + "/callback?" + form.Encode(query))
		return
	}
	c.ifAlive(func(alive bool) {
		if back := c.backTo(); alive && !c.answersFor(back) {
			c.redirect(back)
			return
		}
		c.turn(status, nil, code)
	})
}

// crossSiteMaybe tells whether the session's cookie may have stayed behind: a browser that says that
// a page of this site, or the person, led here has sent it if it has one.
func (c *call) crossSiteMaybe() bool {
	site := c.sent("sec-fetch-site")
	return site == "" || site == "cross-site"
}

// comeAgain takes the browser back from the page that leadOn led to. It is led on from here,
// whatever else is so: no bounce follows a bounce.
func (c *call) comeAgain(code string) {
	c.wasBounced = true
	c.back, _ = c.mayReturnTo(form.ValueOf(c.query, "return_to"))
	if !words.Has(bounced, code) {
		code = "unknown_attempt"
	}
	c.leadOn(400, code, "")
}

// ifAlive goes on with whether the browser has a session that is good for something, unless that
// cannot be known now.
func (c *call) ifAlive(then func(alive bool)) {
	c.nobody = 401
	c.sessionID(func(id, failed string) {
		switch {
		case failed != "":
			c.unavailable()
			return
		case id == "":
			then(false)
			return
		}
		v := &vault{hash: sha256.Base64URL(id)}
		r := &aliveRun{c: c, vault: v, client: c.client(v), then: then}
		r.client.Do("status", "", r.told)
	})
}

// An aliveRun looks whether a session is good for something. Its methods are the steps: told,
// usable.
type aliveRun struct {
	c      *call
	vault  *vault
	client *core.Client
	then   func(alive bool)
}

func (r *aliveRun) told(ok json.Value, f *link.Fault) {
	switch {
	case f != nil:
		r.c.failed(r.client, f)
	case r.vault.failed:
		r.c.unavailable()
	case ok.Get("status").Str() != "granted" && !ok.Get("expired").True():
		r.then(false)
	default:
		r.c.usable(r.client, r.usable)
	}
}

func (r *aliveRun) usable() { r.then(true) }
