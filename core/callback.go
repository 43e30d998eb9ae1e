package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// maxDelivery is how long the name of a delivery may be, in bytes.
const maxDelivery = 64

// A callbackRun handles the authorization response (RFC 6749 section 4.1.2): it checks everything,
// then stores a mark that the attempt is being redeemed, then sends the code. Its methods are the
// steps: open, trusted, answer, mark, marked, goOn, redeemed.
type callbackRun struct {
	c       *client
	cmd     *command
	in      json.Value
	url     string
	params  []form.Param // of the response
	signed  bool         // the server has signed them
	mine    string       // a name for this delivery
	attempt *attempt     // the attempt that it answers
	keyless bool         // keys must be known before the attempt is marked
	named   bool         // by the host, which gives it to the next instance if this one dies
	taken   bool         // this delivery was begun before, by an instance that is gone or here
}

func (c *client) callback(cmd *command, in json.Value) {
	r := &callbackRun{c: c, cmd: cmd, in: in, url: in.Get("url").Str()}
	r.begin()
}

func (r *callbackRun) begin() {
	in, ok := r.in, false
	r.params, ok = link.ReadParams(in.Get("parameters"))
	if pasted := words.Trim(in.Get("pasted").Str()); pasted != "" {
		if !readsPasted {
			r.c.desk.fail(r.cmd, link.NotHere("pasted", ""))
			return
		}
		r.url, r.params, ok = readPasted(pasted, in.Get("state").Str())
	} else if r.url != "" {
		r.params, ok = form.Decode(uri.QueryOf(r.url))
	}
	if !ok {
		r.c.desk.fail(r.cmd, (&link.Fault{Kind: link.KindCallback, Code: "unreadable"}).Not("256 parameters at the most, with % and ; escaped", ""))
		return
	}
	if name := repeated(r.params); name != "" {
		r.c.desk.fail(r.cmd, &link.Fault{Kind: link.KindCallback, Code: "repeated_parameter", Field: name})
		return
	}
	if response := form.ValueOf(r.params, "response"); response != "" {
		r.open(response)
		return
	}
	r.answer()
}

// repeated returns the first parameter that occurs twice but must not (RFC 6749 section 3.1).
func repeated(params []form.Param) string {
	for i, p := range params {
		if p.Name != "state" && p.Name != "code" && p.Name != "error" && p.Name != "iss" && p.Name != "response" {
			continue
		}
		if form.Count(params[:i], p.Name) > 0 {
			return p.Name
		}
	}
	return ""
}

func (r *callbackRun) get(name string) string { return form.ValueOf(r.params, name) }

// stray is the error for a reply that belongs to no attempt, so that anybody may have made it. The
// error shows what the reply says, for people who look for the cause; nothing relies on it.
func (r *callbackRun) stray(code string) *link.Fault {
	f := link.ProtocolError(r.get)
	f.Kind, f.Code, f.Unverified = link.KindCallback, code, true
	return f
}

// answer checks the response's parameters.
func (r *callbackRun) answer() {
	if r.get("state") == "" {
		r.c.desk.fail(r.cmd, r.stray("missing_state"))
		return
	}
	// Two deliveries, for example in two tabs, must not mistake each other's mark for their own.
	if r.mine = r.in.Get("delivery").Str(); len(r.mine) > maxDelivery {
		r.c.desk.fail(r.cmd, link.Bad("bad_value", "delivery"))
		return
	}
	if r.named = r.mine != ""; !r.named {
		r.mine = r.c.link.Random("delivery", 11)
	}
	r.c.attempts.update(r.mark, r.marked)
}

func (r *callbackRun) mark(list []*keptAttempt) ([]*keptAttempt, *link.Fault) {
	i := findAttempt(list, r.get("state"))
	if i < 0 {
		return nil, r.stray("wrong_state")
	}
	there := list[i]
	if there.redeemed == r.mine && !r.named {
		return list, nil // it was stored before, and only the answer was lost
	}
	a := there.read()
	r.attempt = a
	ours := there.redeemed == r.mine
	if f := r.check(a, there.redeemed != "" && !ours); f != nil {
		return nil, f
	}
	if ours {
		a.iss, r.taken = r.get("iss"), true
		return nil, nil
	}
	if f := r.c.issuer.Tokenless(); f != nil {
		return nil, f
	}
	if r.keyless = r.c.issuer.NeedsKeys(a.scope); r.keyless {
		return nil, nil
	}
	a.iss = r.get("iss")
	spent := a
	if !r.named { // then nobody goes on with it
		spent = &attempt{state: a.state, appState: a.appState, at: a.at, key: a.key, maxAge: -1}
	}
	list[i] = spent.pend(r.mine)
	return list, nil
}

func (r *callbackRun) marked(f *link.Fault) {
	switch {
	case f != nil && f.Kind == link.KindCallback && f.Code == "already_used":
		r.c.session.See(func() { r.handledElsewhere(f) })
	case f != nil:
		r.c.desk.fail(r.cmd, f)
	case r.keyless:
		// This happens before the attempt is used up: without the keys its tokens could not be
		// used.
		r.c.issuer.WithKeys(r.attempt.scope, r.keyed)
	case r.taken:
		r.c.session.See(r.goOn)
	default:
		r.redeem().redeem()
	}
}

func (r *callbackRun) redeem() *redeemRun {
	return &redeemRun{c: r.c, cmd: r.cmd, attempt: r.attempt, code: r.get("code"), done: r.redeemed}
}

// goOn finishes what an instance that is gone has begun, unless it came to a session.
func (r *callbackRun) goOn() {
	switch {
	case r.cmd.done:
	case r.c.session.SignedInSince(r.attempt.at):
		r.redeemed(nil)
	default:
		r.c.issuer.WithKeys(r.attempt.scope, r.redeem().keyed)
	}
}

// keyed checks everything again.
func (r *callbackRun) keyed(f *link.Fault) {
	if f != nil {
		r.c.desk.fail(r.cmd, f)
		return
	}
	r.c.callback(r.cmd, r.in)
}

func (r *callbackRun) redeemed(f *link.Fault) {
	if f != nil {
		r.c.desk.fail(r.cmd, f)
		return
	}
	r.c.desk.finish(r.cmd, func(w *json.Writer) {
		r.c.writeStatus(w)
		w.MemberStrIf("app_state", r.attempt.appState)
		if more := r.c.config.Extras(r.params); more != "" {
			w.MemberRaw("unverified", more)
		}
	})
}

// handledElsewhere ends the second delivery of a reply: nothing is sent. If the first delivery led
// to a session, or there is a later one, that is the result.
func (r *callbackRun) handledElsewhere(f *link.Fault) {
	s := r.c.session
	if r.cmd.done {
		return
	}
	if !s.SignedInSince(r.attempt.at) {
		r.c.desk.fail(r.cmd, f.Not("a reply that was not handled before", "one that was handled elsewhere, and there is no session of it yet"))
		return
	}
	r.c.desk.finish(r.cmd, func(w *json.Writer) {
		r.c.writeStatus(w)
		w.MemberStrIf("app_state", r.attempt.appState)
		w.MemberBool("handled_elsewhere", true)
	})
}

func (r *callbackRun) check(a *attempt, redeemed bool) *link.Fault {
	c, iss := r.c.config, r.get("iss")
	switch {
	case r.c.link.Now > a.at+c.AttemptLife:
		return &link.Fault{Kind: link.KindExpired, Code: "attempt_expired"}
	case redeemed:
		return &link.Fault{Kind: link.KindCallback, Code: "already_used"}
	case r.url != "" && !answers(r.url, a.redirectURI):
		return (&link.Fault{Kind: link.KindCallback, Code: "wrong_redirect_uri"}).Not(uri.Place(a.redirectURI), uri.Place(r.url))
	case r.signed != modeSigned(a.mode):
		return (&link.Fault{Kind: link.KindCallback, Code: "wrong_response_mode"}).Not(a.mode, "")
	// RFC 9207 section 2.4.
	case iss == "" && c.IssuerRequired:
		return &link.Fault{Kind: link.KindCallback, Code: "missing_iss"}
	case iss != "" && c.Issuer != "" && iss != c.Issuer && iss != r.c.issuer.TenantIssuer(config.TenantOf(iss, c.IssuerTemplate)):
		return (&link.Fault{Kind: link.KindCallback, Code: "wrong_iss"}).Not(c.Issuer, iss)
	case r.get("error") != "":
		return link.ProtocolError(r.get)
	case r.get("code") == "":
		return &link.Fault{Kind: link.KindCallback, Code: "missing_code"}
	case !words.VSChars(r.get("code")): // RFC 6749 appendix A.11
		return &link.Fault{Kind: link.KindCallback, Code: "bad_code"}
	case c.Extras(r.params) == config.TooMuch:
		return &link.Fault{Kind: link.KindCallback, Code: "too_large", Field: "callback_parameters"}
	}
	return nil
}

// modeSigned reports whether the response is a JWT (JARM section 2.3).
func modeSigned(mode string) bool {
	return mode == "jwt" || mode == "query.jwt" || mode == "form_post.jwt"
}

// matches reports whether a URL is a response to the configured redirect URI.
func (c *client) matches(cmd *command, in json.Value) {
	url := in.Get("url").Str()
	query := uri.QueryOf(url)
	params, readable := form.Decode(query)
	stated := form.Count(params, "state") > 0
	ok := (answers(url, c.config.RedirectURI) || stated && misses(url, c.config.RedirectURI)) && (stated || form.Count(params, "code") > 0 || form.Count(params, "error") > 0 || form.Count(params, "response") > 0)
	if !readable { // for example a bare % or ; in a description: callback reports what is wrong
		ok = c.config.RedirectURI != "" && uri.Place(url) == uri.Place(c.config.RedirectURI) && words.Contains(query, "state=") && (words.Contains(query, "code=") || words.Contains(query, "error="))
	}
	c.desk.finish(cmd, func(w *json.Writer) { w.MemberBool("matches", ok) })
}

// answers reports whether a URL is the redirect URI with a response added: the same scheme, host,
// port and path, and every registered query item.
func answers(url, redirectURI string) bool {
	params, ok := form.Decode(uri.QueryOf(url))
	wanted, _ := form.Decode(uri.QueryOf(redirectURI))
	for _, p := range wanted {
		found := false
		for _, q := range params {
			found = found || p == q
		}
		ok = ok && found
	}
	return ok && redirectURI != "" && uri.Place(url) == uri.Place(redirectURI)
}

// misses reports whether a URL differs from the redirect URI only by the case of letters, a slash
// at the end, or a doubled slash. A reply there is reported as an error, and not taken for another
// page.
func misses(url, redirectURI string) bool {
	alike := func(s string) string {
		s = words.Lower(uri.Place(s)) + "/"
		var b []byte
		for i := range len(s) {
			if s[i] != '/' || i > 0 && s[i-1] != '/' {
				b = append(b, s[i])
			}
		}
		return string(b)
	}
	return redirectURI != "" && uri.Place(url) != uri.Place(redirectURI) && alike(url) == alike(redirectURI)
}
