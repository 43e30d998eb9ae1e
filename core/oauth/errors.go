package oauth

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Error is why a command failed. None of its members contains a token, a secret or a body.
type Error struct {
	// Kind is the sort of thing that failed.
	Kind ErrorKind `json:"kind"`
	// Code says which error of that kind it is, in lower-case words joined by underscores.
	Code string `json:"code"`
	// Op is the method that failed, in snake case: token, device_wait … In an event it is the
	// engine's command.
	Op string `json:"op"`
	// Retryable reports that the same command may succeed later with nothing else changed.
	Retryable bool `json:"retryable"`
	// Field names the member of the configuration, the parameter or the claim that was refused.
	Field string `json:"field,omitempty"`
	// Expected and Came are what was expected and what came instead. They contain no secret and
	// nothing about who the user is.
	Expected string `json:"expected,omitempty"`
	Came     string `json:"came,omitempty"`
	// ClockDifference is set if a claim about time does not fit: it is how far the server's clock
	// seems ahead of this one. Below 0, the server's clock is behind, or the token is that old.
	ClockDifference time.Duration `json:"-"`
	// Stage says what the request was for that failed: token, refresh, discovery and so on; Host is
	// where it went.
	Stage Stage  `json:"stage,omitempty"`
	Host  string `json:"host,omitempty"`
	// Status is the HTTP status that the server answered with, 0 without an answer.
	Status int `json:"status,omitempty"`
	// OAuthError, Description and URI are the members of the server's error response (RFC 6749
	// section 5.2).
	OAuthError  string `json:"error,omitempty"`
	Description string `json:"error_description,omitempty"`
	URI         string `json:"error_uri,omitempty"`
	// Unverified reports that OAuthError and its texts came in a reply that belongs to no attempt,
	// so anybody may have written them.
	Unverified bool `json:"unverified,omitempty"`
	// BeginAgain reports that a new sign-in is the remedy.
	BeginAgain bool `json:"begin_again,omitempty"`
	// RetryAfter is how long the server asked to wait (RFC 9110 section 10.2.3), or 0. Until then
	// there is no automatic refresh.
	RetryAfter time.Duration `json:"-"`

	cause error
}

func readError(r *reader) *Error {
	e := &Error{}
	for r.begin('{'); r.more('}'); {
		switch string(r.name()) {
		case "kind":
			e.Kind = ErrorKind(r.text())
		case "code":
			e.Code = r.text()
		case "op":
			e.Op = r.text()
		case "retryable":
			e.Retryable = r.boolean()
		case "field":
			e.Field = r.text()
		case "expected":
			e.Expected = r.text()
		case "came":
			e.Came = r.text()
		case "clock_difference_ms":
			if n := r.integer(); n < 0 {
				e.ClockDifference = -milliseconds(-n)
			} else {
				e.ClockDifference = milliseconds(n)
			}
		case "stage":
			e.Stage = Stage(r.text())
		case "host":
			e.Host = r.text()
		case "unverified":
			e.Unverified = r.boolean()
		case "begin_again":
			e.BeginAgain = r.boolean()
		case "status":
			e.Status = int(r.integer())
		case "error":
			e.OAuthError = r.text()
		case "error_description":
			e.Description = r.text()
		case "error_uri":
			e.URI = r.text()
		case "retry_after_ms":
			e.RetryAfter = milliseconds(r.integer())
		default:
			r.raw()
		}
	}
	return e
}

// Targets for errors.Is: each stands for every Error with its kind and, where it has one, its code.
var (
	ErrNetwork             = &Error{Kind: KindNetwork}
	ErrServer              = &Error{Kind: KindServer}
	ErrTokenNotFound       = &Error{Kind: KindTokenNotFound}
	ErrCallbackNotVerified = &Error{Kind: KindCallbackNotVerified}
	// ErrIDTokenNotVerified: nothing of the token response was used (OpenID Connect Core section
	// 3.1.3.7).
	ErrIDTokenNotVerified = &Error{Kind: KindIDTokenNotVerified}
	ErrClient             = &Error{Kind: KindClient}
	ErrExpired            = &Error{Kind: KindExpired}
	ErrStorage            = &Error{Kind: KindStorage}
	ErrCancelled          = &Error{Kind: KindCancelled}
	// ErrInternal: the engine was lost while the command ran, or refused a message. The command is
	// not repeated, because nobody knows how far it had come.
	ErrInternal = &Error{Kind: KindInternal}
	// ErrClosed: the Client was closed before the command was done.
	ErrClosed = &Error{Kind: KindClient, Code: "closed"}
)

// ErrConflict is what a Store returns if the stored version is not the expected one.
var ErrConflict = errors.New("oauth2: conflict: another version is stored")

// Error gives one line: "oauth2: OP: code in words: field: expected this, came that (error:
// description), request STAGE to HOST, sign in again: cause". Parts that do not apply are left out.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("oauth2: ")
	if e.Op != "" {
		b.WriteString(strings.ReplaceAll(e.Op, "_", " ") + ": ")
	}
	what := e.Code
	if what == "" {
		what = string(e.Kind)
	}
	b.WriteString(strings.ReplaceAll(what, "_", " "))
	if e.Field != "" {
		b.WriteString(": " + e.Field)
	}
	more := func(before, text string) {
		if text != "" {
			b.WriteString(before + printable(text))
		}
	}
	if e.Expected != "" {
		more(": expected ", e.Expected)
		more(", came ", e.Came)
	} else {
		more(": ", e.Came)
	}
	if e.ClockDifference != 0 {
		more(", the clocks differ by ", e.ClockDifference.Abs().String())
	}
	if e.OAuthError != "" {
		more(" (", e.OAuthError)
		more(": ", e.Description)
		if e.Unverified {
			b.WriteString(", unverified")
		}
		b.WriteString(")")
	}
	more(", request ", strings.ReplaceAll(string(e.Stage), "_", " "))
	more(" to ", e.Host)
	if e.Status != 0 {
		more(", status ", strconv.Itoa(e.Status))
	}
	if e.BeginAgain {
		b.WriteString(", sign in again")
	}
	if e.cause != nil {
		b.WriteString(": " + strings.TrimPrefix(e.cause.Error(), "oauth2: ")) // which is already at the beginning
	}
	return b.String()
}

// Is reports whether target is an Error whose Kind, Code and Op equal those of e. Members of target
// that are empty are not compared.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && (t.Kind == "" || t.Kind == e.Kind) && (t.Code == "" || t.Code == e.Code) && (t.Op == "" || t.Op == e.Op)
}

// Unwrap gives the underlying error of the HTTP client, the Store, the Locker or the KeyStore. If
// it is a *url.Error, its URL has no query.
func (e *Error) Unwrap() error { return e.cause }

// printable removes characters from a server's text that could forge lines in a log, control a
// terminal or reverse the direction of writing.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.Is(unicode.Zs, r):
			return ' '
		}
		return -1
	}, s)
}

// asked is err with the caller's method as its Op, in snake case, for methods whose command has
// another name.
func asked(op string, err error) error {
	e, ok := err.(*Error)
	if !ok {
		return err
	}
	own := *e
	own.Op = op
	return &own
}

func internal(op, code string, cause error) *Error {
	return &Error{Kind: KindInternal, Code: code, Op: op, cause: cause}
}
