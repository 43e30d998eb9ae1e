package resource

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// refuseToken refuses an invalid token (RFC 6750 section 3.1). why is for the log; the caller
// learns only what helps it to get a better token.
func (k *check) refuseToken(why *link.Fault) {
	text := notValid
	switch {
	case why.Code == "expired":
		text = "The access token has expired."
	case why.Field == "aud":
		text = "The access token is for another resource."
	}
	k.refuse(401, "invalid_token", text, why)
}

func (k *check) refuseProof(text string, why *link.Fault) {
	k.refuse(401, "invalid_dpop_proof", text, why)
}

// refuse ends the check with an answer for the caller: status, challenge and body.
func (k *check) refuse(status int64, code, text string, why *link.Fault) {
	headers := k.challenges(code, text)
	body := ""
	if code != "" {
		headers = append(headers, form.Param{Name: "content-type", Value: "application/json"})
		body = errorBody(code, text)
	}
	k.turnAway(status, headers, body, why)
}

// retrySeconds is how long a client is asked to wait if no server said how long.
const retrySeconds = 5

// unavailable answers that the token cannot be checked now. That says nothing about the token, and
// a retry may help (RFC 9110 section 10.2.3).
func (k *check) unavailable(why *link.Fault) {
	wait := (why.RetryAfter + 999) / 1000
	if wait == 0 {
		wait = retrySeconds
	}
	k.turnAway(503, []form.Param{{Name: "retry-after", Value: string(json.AppendInt(nil, min(wait, 3600)))}, {Name: "content-type", Value: "application/json"}},
		errorBody("temporarily_unavailable", "The access token cannot be checked now. Try again."), why)
}

func (k *check) turnAway(status int64, headers []form.Param, body string, why *link.Fault) {
	if headers = append(headers, k.nonceHeaders()...); k.nonce == "" {
		headers = append(headers, noStore)
	}
	k.end(nil, func(w *json.Writer) {
		w.MemberBool("allowed", false)
		w.MemberInt("status", status)
		writeHeaders(w, headers)
		w.Key("body")
		w.Open('{')
		w.MemberStr("text", body)
		w.Close('}')
		why.Op = "check"
		why.WriteReason(w)
	})
}

func errorBody(code, text string) string {
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("error", code)
	w.MemberStrIf("error_description", text)
	w.Close('}')
	return w.String()
}

// challenges are the WWW-Authenticate headers: one for the scheme that was used, with the error,
// and one for each other scheme that is accepted.
func (k *check) challenges(code, text string) []form.Param {
	bearer, dpop := k.config.dpop != dpopRequired, k.config.dpop != dpopOff
	var list []form.Param
	add := func(scheme string) {
		b := []byte(scheme)
		sep := " "
		param := func(name, value string) {
			if value != "" {
				b = append(append(append(append(b, sep...), name...), `="`...), value...)
				b = append(b, '"')
				sep = ", "
			}
		}
		if list == nil && code != "" {
			param("error", code)
			param("error_description", text)
		}
		if code == "" || code == "insufficient_scope" {
			param("scope", k.need.scope)
		}
		if code == "insufficient_user_authentication" { // RFC 9470 section 3
			param("acr_values", k.need.acr)
			if k.need.maxAge >= 0 {
				param("max_age", string(json.AppendInt(nil, k.need.maxAge)))
			}
		}
		if scheme == "DPoP" {
			param("algs", k.config.dpopAlgorithms)
		}
		param("resource_metadata", k.config.metadataURL) // RFC 9728 section 5.1
		list = append(list, form.Param{Name: "www-authenticate", Value: string(b)})
	}
	if dpop && (k.scheme == "dpop" || !bearer) {
		add("DPoP")
		dpop = false
	}
	if bearer {
		add("Bearer")
	}
	if dpop {
		add("DPoP")
	}
	return list
}

// writeHeaders adds the member "headers".
func writeHeaders(w *json.Writer, headers []form.Param) {
	w.Key("headers")
	w.Open('[')
	for _, h := range headers {
		w.Open('[')
		w.Str(h.Name)
		w.Str(h.Value)
		w.Close(']')
	}
	w.Close(']')
}

// nonceHeaders hold a new nonce, and forbid to cache the answer (RFC 9449 section 8.2).
func (k *check) nonceHeaders() []form.Param {
	if k.nonce == "" {
		return nil
	}
	return []form.Param{{Name: "dpop-nonce", Value: k.nonce}, noStore}
}

var noStore = form.Param{Name: "cache-control", Value: "no-store"}
