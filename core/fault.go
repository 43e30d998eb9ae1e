package core

import (
	"unicode/utf8"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
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
	w.MemberStrIf("expected", printable(f.expected, maxText))
	w.MemberStrIf("came", printable(f.came, maxText))
	if f.clocks != 0 {
		w.MemberInt("clock_difference_ms", f.clocks)
	}
	w.MemberStrIf("stage", f.stage)
	w.MemberStrIf("host", printable(f.host, maxText))
	if f.status != 0 {
		w.MemberInt("status", f.status)
	}
	// Cut and filtered as late as this: redact has to see all of it.
	w.MemberStrIf("error", printable(f.err, maxText))
	w.MemberStrIf("error_description", printable(f.descr, maxText))
	w.MemberStrIf("error_uri", printable(f.link, maxText))
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
		*text = printable(*text, maxText)
	}
}

// of adds which request went wrong, and where it went.
func (f *fault) of(stage, url string) *fault {
	u, _ := parseURI(url)
	f.stage, f.host = stage, u.host+u.port
	return f
}

// not adds what was expected and what came in its place, neither of them a secret.
func (f *fault) not(expected, came string) *fault {
	f.expected, f.came = expected, came
	return f
}

// over tells whether a new sign-in is what helps.
func (f *fault) over() bool {
	return !f.retryable && (hasScope("attempt_expired wrong_state missing_state already_used token_expired device_code_expired not_signed_in signed_out no_token no_refresh_token no_key outcome_lost outcome_unknown", f.code) || f.err == "invalid_grant" || f.dead)
}

// protocolError is the server's own error (RFC 6749 sections 4.1.2.1 and 5.2).
func protocolError(get func(name string) string) *fault {
	return &fault{kind: kindServer, code: "oauth_error", err: get("error"), descr: get("error_description"), link: get("error_uri")}
}

// maxText is how much of a server's text an error shows.
const maxText = 500

// printable keeps what RFC 6749 appendix A.7 and A.8 allow, and letters of other scripts, so that nothing of a server's making can pass for something else in a log:
// no control, no line separator, nothing that turns the direction of the text.
func printable(s string, most int) string {
	b := make([]byte, 0, min(len(s), most))
	for _, r := range s {
		if len(b)+utf8.RuneLen(r) > most {
			break
		}
		if r >= 0x20 && r <= 0x7E && r != '"' && r != '\\' || r >= 0xA0 && !formatting(r) {
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}

// formatting tells the characters that nobody sees and that change how others look (Unicode category Cf, and the separators), and what stands for no character.
func formatting(r rune) bool {
	return r == 0xAD || r == 0x61C || r >= 0x200B && r <= 0x200F || r >= 0x2028 && r <= 0x202E || r >= 0x2060 && r <= 0x206F || r >= 0xFE00 && r <= 0xFE0F || r == 0xFEFF || r >= 0xFFF0 && r <= 0xFFFF || r >= 0xE0000
}

// ascii keeps of a scope what RFC 6749 section 3.3 allows.
func ascii(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if c := s[i]; c >= 0x20 && c <= 0x7E && c != '"' && c != '\\' {
			b = append(b, c)
		}
	}
	return string(b)
}

// networkFault is a failed effect as the command's error.
func networkFault(failed string) *fault {
	f := &fault{kind: kindNetwork, code: failed, retryable: true, unknown: true}
	switch failed {
	case "redirect":
		// A redirect on a request that carries secrets is refused, not followed (RFC 9700 section 4.12).
		f.kind, f.retryable, f.unknown, f.expected = kindServer, false, false, "an answer, no redirect"
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
			if len(secret) >= leastSecret && contains(*text, secret[:min(len(secret), knownBy)]) && plant != "redact-skipped" {
				*text = "(redacted)"
			}
		}
	}
}

func contains(s, part string) bool {
	for i := 0; i+len(part) <= len(s); i++ {
		if s[i:i+len(part)] == part {
			return true
		}
	}
	return false
}
