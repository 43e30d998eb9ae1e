package link

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// Kinds of failure.
const (
	KindNetwork  = "network"
	KindServer   = "server"
	KindToken    = "token_not_found"
	KindCallback = "callback_not_verified"
	KindIDToken  = "id_token_not_verified"
	KindClient   = "client"
	KindExpired  = "expired"
	KindStorage  = "storage"
	KindCanceled = "cancelled"
)

// A Fault is an error as the boundary shows it. No member ever contains a token, a secret or a
// body.
type Fault struct {
	Kind, Code, Op   string
	Retryable        bool
	Field            string
	expected, Came   string // what was wanted in its place, and what was there; never a secret
	Clocks           int64  // ms that the server's clock seems ahead of ours, 0: that is not the matter
	stage, host      string // of the request that went wrong
	Status           int64
	Err, Descr, Link string // error, error_description, error_uri of the server

	RetryAfter int64 // ms

	Unknown  bool // the request may have been carried out; not shown
	Garbled  bool // the answer was none that a server of ours would give; not shown
	Reported bool // listeners know
	Dead     bool // a refresh token is of no use any more; not shown

	Unverified bool // what the server seems to have said came with nothing that shows it is the server's
}

// Write adds the member "error".
func (f *Fault) Write(w *json.Writer) {
	w.Key("error")
	w.Open('{')
	w.MemberStr("kind", f.Kind)
	w.MemberStr("code", f.Code)
	w.MemberStr("op", f.Op)
	w.MemberBool("retryable", f.Retryable)
	f.writeWhy(w)
	w.MemberStrIf("error_description", words.Printable(f.Descr, MaxText))
	w.MemberStrIf("error_uri", words.Printable(f.Link, MaxText))
	if f.Unverified && f.Err != "" {
		w.MemberBool("unverified", true)
	}
	if f.RetryAfter > 0 {
		w.MemberInt("retry_after_ms", f.RetryAfter)
	}
	if f.over() {
		w.MemberBool("begin_again", true)
	}
	w.Close('}')
}

// writeWhy adds the members that errors and reasons share. Texts are cut and filtered only here,
// because redact has to see all of them.
func (f *Fault) writeWhy(w *json.Writer) {
	w.MemberStrIf("field", f.Field)
	w.MemberStrIf("expected", words.Printable(f.expected, MaxText))
	w.MemberStrIf("came", words.Printable(f.Came, MaxText))
	if f.Clocks != 0 {
		w.MemberInt("clock_difference_ms", f.Clocks)
	}
	w.MemberStrIf("stage", f.stage)
	w.MemberStrIf("host", words.Printable(f.host, MaxText))
	if f.Status != 0 {
		w.MemberInt("status", f.Status)
	}
	w.MemberStrIf("error", words.Printable(f.Err, MaxText))
}

// WriteReason adds the member "reason": the members of the error that say why something was
// refused.
func (f *Fault) WriteReason(w *json.Writer) {
	w.Key("reason")
	w.Open('{')
	w.MemberStr("code", f.Code)
	f.writeWhy(w)
	w.Close('}')
}

// Cut shortens and filters the texts as Write does, for a fault that is stored.
func (f *Fault) Cut() {
	for _, text := range [...]*string{&f.Err, &f.Descr, &f.Link, &f.expected, &f.Came, &f.host} {
		*text = words.Printable(*text, MaxText)
	}
}

// Of adds which request failed, and where it went.
func (f *Fault) Of(stage, url string) *Fault {
	u, _ := uri.Parse(url)
	f.stage, f.host = stage, u.Host+u.Port
	return f
}

// Not adds what was expected and what came, neither of them a secret.
func (f *Fault) Not(expected, came string) *Fault {
	f.expected, f.Came = expected, came
	return f
}

// over reports whether a new sign-in is the remedy.
func (f *Fault) over() bool {
	return !f.Retryable && (words.Has("attempt_expired wrong_state missing_state already_used token_expired device_code_expired not_signed_in signed_out no_token no_refresh_token no_key outcome_lost outcome_unknown", f.Code) || f.Err == "invalid_grant" || f.Dead)
}

// ProtocolError is the server's own error (RFC 6749 sections 4.1.2.1 and 5.2).
func ProtocolError(get func(name string) string) *Fault {
	return &Fault{Kind: KindServer, Code: "oauth_error", Err: get("error"), Descr: get("error_description"), Link: get("error_uri")}
}

// MaxText is how much of a server's text an error shows.
const MaxText = 500

// NetworkFault is a failed effect as the command's error.
func NetworkFault(failed string) *Fault {
	f := &Fault{Kind: KindNetwork, Code: failed, Retryable: true, Unknown: true}
	switch failed {
	case "redirect":
		// A redirect on a request that carries secrets is refused, not followed (RFC 9700 section
		// 4.12).
		f.Kind, f.Retryable, f.Unknown, f.expected = KindServer, false, false, "an answer, no redirect"
	case "too_large":
		f.Kind, f.Retryable = KindServer, false
	case "unsent":
		f.Unknown = false
	case "unsupported", "denied":
		f.Kind, f.Retryable, f.Unknown = KindClient, false, false
	}
	return f
}

// Bad is a refused configuration or parameter; the field is named.
func Bad(code, field string) *Fault { return &Fault{Kind: KindClient, Code: code, Field: field} }

// NotHere refuses a feature of another module: it names the field, and what came if that is no
// secret.
func NotHere(field, came string) *Fault {
	return Bad("not_in_this_module", field).Not("oauth2-full.wasm", came)
}

// Wrong is Bad, with what was expected and what came; values that may be secret are not shown.
func Wrong(code, field, want string, v json.Value) *Fault {
	came := v.Raw()
	switch v.Kind() {
	case json.String:
		if came = v.Str(); field == "client_secret" || field == "client_key" || words.Index(came, '@') >= 0 {
			came = ""
		}
		if i := words.Index(came, '?'); i >= 0 {
			came = came[:i]
		}
	case json.Object:
		came = "an object"
	case json.Array:
		came = "an array"
	}
	if code == "not_https" {
		want = "https, or http on loopback"
	}
	return Bad(code, field).Not(want, came)
}

// UnknownMember refuses a member that is none of the names (separated by spaces), and says which
// one was probably meant.
func UnknownMember(names, came string) *Fault {
	return Bad("unknown_member", came).Not(Suggest(names, came), "")
}

// Within adds that the faulty member is inside of another one.
func (f *Fault) Within(member string) *Fault {
	if f.Code == "unknown_member" {
		f.Came = f.Field
	}
	if f.Field != "variables" {
		f.Field = member
	}
	return f
}

// NotVerified is an ID token that is refused, for the claim if it is one.
func NotVerified(code, claim string) *Fault {
	return &Fault{Kind: KindIDToken, Code: code, Field: claim}
}

// WrongClaim is NotVerified with what was expected and what came.
func WrongClaim(claim, expected, came string) *Fault {
	return NotVerified("wrong_claim", claim).Not(expected, came)
}

// Elsewhere reports whether a document may be at another URL: there is none here, or something
// else, or the request failed, which is all that a browser says if it may not read the answer.
func (f *Fault) Elsewhere() bool {
	return f != nil && (f.Code == "network" || f.Kind == KindServer && !f.Retryable)
}

// Protocol is the server's own error, "" for none that is surely the server's.
func (f *Fault) Protocol() string {
	if f.Unverified {
		return ""
	}
	return words.Printable(f.Err, MaxText)
}
