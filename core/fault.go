package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// Kinds of failure.
const (
	kindNetwork  = "network"
	kindServer   = "server"
	kindToken    = "token_not_found"
	kindCallback = "callback_not_verified"
	kindIDToken  = "id_token_not_verified"
	kindClient   = "client"
	kindExpired  = "expired"
	kindStorage  = "storage"
	kindCanceled = "cancelled"
)

// A fault is an error as the boundary shows it. No member ever holds a token, a secret or a body.
type fault struct {
	kind, code, op   string
	retryable        bool
	field            string
	expected, came   string // what was wanted in its place, and what was there; never a secret
	clocks           int64  // ms that the server's clock seems ahead of ours, 0: that is not the matter
	stage, host      string // of the request that went wrong
	status           int64
	err, descr, link string // error, error_description, error_uri of the server

	retryAfter int64 // ms

	unknown  bool // the request may have been carried out; not shown
	garbled  bool // the answer was none that a server of ours would give; not shown
	reported bool // listeners know
	dead     bool // a refresh token is of no use any more; not shown

	unverified bool // what the server seems to have said came with nothing that shows it is the server's
}

// write adds the member "error".
func (f *fault) write(w *json.Writer) {
	w.Key("error")
	w.Open('{')
	w.MemberStr("kind", f.kind)
	w.MemberStr("code", f.code)
	w.MemberStr("op", f.op)
	w.MemberBool("retryable", f.retryable)
	w.MemberStrIf("field", f.field)
	w.MemberStrIf("expected", words.Printable(f.expected, maxText))
	w.MemberStrIf("came", words.Printable(f.came, maxText))
	if f.clocks != 0 {
		w.MemberInt("clock_difference_ms", f.clocks)
	}
	w.MemberStrIf("stage", f.stage)
	w.MemberStrIf("host", words.Printable(f.host, maxText))
	if f.status != 0 {
		w.MemberInt("status", f.status)
	}
	// Cut and filtered as late as this: redact has to see all of it.
	w.MemberStrIf("error", words.Printable(f.err, maxText))
	w.MemberStrIf("error_description", words.Printable(f.descr, maxText))
	w.MemberStrIf("error_uri", words.Printable(f.link, maxText))
	if f.unverified && f.err != "" {
		w.MemberBool("unverified", true)
	}
	if f.retryAfter > 0 {
		w.MemberInt("retry_after_ms", f.retryAfter)
	}
	if f.over() {
		w.MemberBool("begin_again", true)
	}
	w.Close('}')
}

// cut makes the texts what write makes of them, for a fault that is kept.
func (f *fault) cut() {
	for _, text := range [...]*string{&f.err, &f.descr, &f.link, &f.expected, &f.came, &f.host} {
		*text = words.Printable(*text, maxText)
	}
}

// of adds which request went wrong, and where it went.
func (f *fault) of(stage, url string) *fault {
	u, _ := uri.Parse(url)
	f.stage, f.host = stage, u.Host+u.Port
	return f
}

// not adds what was expected and what came in its place, neither of them a secret.
func (f *fault) not(expected, came string) *fault {
	f.expected, f.came = expected, came
	return f
}

// over tells whether a new sign-in is what helps.
func (f *fault) over() bool {
	return !f.retryable && (words.Has("attempt_expired wrong_state missing_state already_used token_expired device_code_expired not_signed_in signed_out no_token no_refresh_token no_key outcome_lost outcome_unknown", f.code) || f.err == "invalid_grant" || f.dead)
}

// protocolError is the server's own error (RFC 6749 sections 4.1.2.1 and 5.2).
func protocolError(get func(name string) string) *fault {
	return &fault{kind: kindServer, code: "oauth_error", err: get("error"), descr: get("error_description"), link: get("error_uri")}
}

// maxText is how much of a server's text an error shows.
const maxText = 500

// networkFault is a failed effect as the command's error.
func networkFault(failed string) *fault {
	f := &fault{kind: kindNetwork, code: failed, retryable: true, unknown: true}
	switch failed {
	case "redirect":
		// A redirect on a request that carries secrets is refused, not followed (RFC 9700 section 4.12).
		f.kind, f.retryable, f.unknown = kindServer, false, false
	case "too_large":
		f.kind, f.retryable = kindServer, false
	case "unsent":
		f.unknown = false
	case "unsupported", "denied":
		f.kind, f.retryable, f.unknown = kindClient, false, false
	}
	return f
}

const (
	// leastSecret is the least length of a text whose repetition gives anything away: a shorter one
	// may stand in any word.
	leastSecret = 6
	// knownBy is the part at its beginning by which a secret is known in a text: all of a long one,
	// looked for at each place of a long text, would be work of their product.
	knownBy = 48
)

// redact drops a text of the server's that repeats what we hold secret.
func (c *client) redact(f *fault, more ...string) {
	for _, secret := range append(more, c.clientSecret, c.lastAssertion, c.tokens.access, c.tokens.refresh, c.tokens.idToken) {
		for _, text := range [...]*string{&f.err, &f.descr, &f.link, &f.came} {
			if len(secret) >= leastSecret && words.Contains(*text, secret[:min(len(secret), knownBy)]) {
				*text = "(redacted)"
			}
		}
	}
}
