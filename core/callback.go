package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// callback takes the authorization response (RFC 6749 section 4.1.2): all is checked, then the attempt is marked as being redeemed, then the code goes out.
func (c *client) callback(cmd *command, in json.Value) {
	url := in.Get("url").Str()
	params, ok := readParams(in.Get("parameters"))
	if pasted := trim(in.Get("pasted").Str()); pasted != "" {
		url, params, ok = readPasted(pasted, in.Get("state").Str())
	} else if url != "" {
		params, ok = form.Decode(queryOf(url))
	}
	if !ok {
		c.fail(cmd, (&fault{kind: kindCallback, code: "unreadable"}).not("256 parameters at the most, with % and ; escaped", ""))
		return
	}
	for i, p := range params {
		// RFC 6749 section 3.1: parameters must not be included more than once.
		if p.Name == "state" || p.Name == "code" || p.Name == "error" || p.Name == "iss" || p.Name == "response" {
			for _, q := range params[:i] {
				if q.Name == p.Name {
					c.fail(cmd, &fault{kind: kindCallback, code: "repeated_parameter", field: p.Name})
					return
				}
			}
		}
	}
	signed := valueOf(params, "response")
	if signed == "" {
		c.answer(cmd, in, url, params, false)
		return
	}
	// What stands beside a signed response counts for nothing (JARM section 2.3).
	c.trusted(signed, "jwt", "", "exp", c.skew, func(v json.Value, f *fault) {
		if f != nil {
			if f.kind == kindIDToken {
				f.kind = kindCallback
			}
			c.fail(cmd, f)
			return
		}
		var params []form.Param
		for it := v.Each(); it.Next(); {
			if it.Value().Kind() == json.String {
				params = append(params, form.Param{Name: it.Name(), Value: it.Value().Str()})
			}
		}
		c.answer(cmd, in, url, params, true)
	})
}

// answer goes on with the response's parameters, which nobody has looked at yet; signed: they are the server's.
func (c *client) answer(cmd *command, in json.Value, url string, params []form.Param, signed bool) {
	get := func(name string) string { return valueOf(params, name) }
	// A reply that answers no attempt may be anybody's. What it says helps whoever looks for the cause, and counts for nothing.
	stray := func(code string) *fault {
		f := protocolError(get)
		f.kind, f.code, f.unverified = kindCallback, code, true
		return f
	}
	state := get("state")
	if state == "" {
		c.fail(cmd, stray("missing_state"))
		return
	}
	// Two deliveries, in two tabs say, must not take each other's mark for their own.
	mine := c.random("delivery", 11)
	var found *attempt
	c.attempts.update(func(list []*attempt) ([]*attempt, *fault) {
		i := findAttempt(list, state)
		if i < 0 {
			return nil, stray("wrong_state")
		}
		if list[i].redeemed == mine {
			return list, nil // stored before, and only the answer was lost
		}
		found = list[i]
		if f := c.checkCallback(found, url, signed, get, params); f != nil {
			return nil, f
		}
		if c.config.token == "" {
			return nil, c.absent("token_endpoint")
		}
		if c.needsKeys(found.scope) {
			return nil, keysFirst
		}
		answered := *found
		answered.iss = get("iss")
		list[i] = &attempt{state: state, appState: found.appState, at: found.at, key: found.key, maxAge: -1, redeemed: mine}
		found = &answered
		return list, nil
	}, func(f *fault) {
		if f == keysFirst {
			// Before the attempt is spent: without the keys its tokens could not be used.
			c.withKeys(found.scope, func(f *fault) {
				if f != nil {
					c.fail(cmd, f)
					return
				}
				c.callback(cmd, in)
			})
			return
		}
		if f != nil && f.kind == kindCallback && f.code == "already_used" {
			c.handledElsewhere(cmd, found, f)
			return
		}
		if f != nil {
			c.fail(cmd, f)
			return
		}
		c.redeem(cmd, found, get("code"), func(f *fault) { c.finishStatus(cmd, f, found.appState, c.extras(params)) })
	})
}

// handledElsewhere ends the second delivery of a reply: nothing is sent, and where a session came of the first one, or later, that is what there is.
func (c *client) handledElsewhere(cmd *command, a *attempt, f *fault) {
	c.see(func() {
		if cmd.done {
			return
		}
		if c.status != granted || c.tokens.signedInAt() < a.at {
			c.fail(cmd, f.not("a reply that was not handled before", "one that was handled elsewhere, and there is no session of it yet"))
			return
		}
		cmd.elsewhere = true
		c.finishStatus(cmd, nil, a.appState)
	})
}

// keysFirst is no failure: the callback is gone through again once there are keys.
var keysFirst = &fault{}

func (c *client) checkCallback(a *attempt, url string, signed bool, get func(string) string, params []form.Param) *fault {
	iss := get("iss")
	switch {
	case c.now > a.at+c.attemptLife:
		return &fault{kind: kindExpired, code: "attempt_expired"}
	case a.redeemed != "" && plant != "state-not-consumed":
		return &fault{kind: kindCallback, code: "already_used"}
	case url != "" && !answers(url, a.redirectURI):
		return (&fault{kind: kindCallback, code: "wrong_redirect_uri"}).not(place(a.redirectURI), place(url))
	case signed != modeSigned(a.mode):
		return (&fault{kind: kindCallback, code: "wrong_response_mode"}).not(a.mode, "")
	// RFC 9207 section 2.4.
	case iss == "" && c.issRequired:
		return &fault{kind: kindCallback, code: "missing_iss"}
	case iss != "" && c.issuer != "" && iss != c.issuer && iss != c.tenantIssuer(tenantOf(iss, c.issuerTemplate)):
		return (&fault{kind: kindCallback, code: "wrong_iss"}).not(c.issuer, iss)
	case get("error") != "":
		return protocolError(get)
	case get("code") == "":
		return &fault{kind: kindCallback, code: "missing_code"}
	case !vschars(get("code")): // RFC 6749 appendix A.11
		return &fault{kind: kindCallback, code: "bad_code"}
	case c.extras(params) == tooMuch:
		return &fault{kind: kindCallback, code: "too_large", field: "callback_parameters"}
	}
	return nil
}

// replyParameters are those of an authorization response that have a meaning here.
const replyParameters = "code state iss error error_description error_uri response"

const (
	// maxExtras is how long all that the application wants of a response may be together, in bytes.
	maxExtras = 4 << 10
	tooMuch   = "too much"
)

// extras is an object of what else the response brought that the application asked for, "" for nothing. Nobody has looked at it: the response came through the browser.
func (c *config) extras(params []form.Param) string {
	w := json.NewWriter()
	w.Open('{')
	found := false
	for it := c.callbackParameters.Each(); it.Next(); {
		name := it.Value().Str()
		if s := valueOf(params, name); s != "" {
			found = true
			w.MemberStr(name, s)
		}
	}
	w.Close('}')
	switch {
	case !found:
		return ""
	case len(w.Bytes()) > maxExtras:
		return tooMuch
	}
	return w.String()
}

// queryOf is the query of a URL, without fragment.
func queryOf(url string) string {
	if i := index(url, '#'); i >= 0 {
		url = url[:i]
	}
	if i := index(url, '?'); i >= 0 {
		return url[i+1:]
	}
	return ""
}

// readPasted takes what a user copied from the browser: the whole URL, its query, or the code alone, which then belongs to the attempt with that state.
func readPasted(text, state string) (url string, params []form.Param, ok bool) {
	if index(text, ':') > 0 && isReply(text) {
		params, ok = form.Decode(queryOf(text))
		return text, params, ok
	}
	if isReply(text) {
		if text[0] == '?' {
			text = text[1:]
		}
		params, ok = form.Decode(text)
		return "", params, ok
	}
	return "", []form.Param{{Name: "code", Value: text}, {Name: "state", Value: state}}, true
}

// isReply: a code has no such member in it.
func isReply(s string) bool {
	return contains(s, "code=") || contains(s, "response=") || contains(s, "error=") || contains(s, "state=")
}

func trim(s string) string {
	for len(s) > 0 && s[0] <= ' ' {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	return s
}

// matches tells whether a URL that reached the application is a response to one of its requests at all.
func (c *client) matches(cmd *command, in json.Value) {
	url := in.Get("url").Str()
	query := queryOf(url)
	params, readable := form.Decode(query)
	stated := count(params, "state") > 0
	ok := (answers(url, c.redirectURI) || stated && misses(url, c.redirectURI)) && (stated || count(params, "code") > 0 || count(params, "error") > 0 || count(params, "response") > 0)
	if !readable { // a bare % or ; in a description: what is wrong is for callback to say
		ok = c.redirectURI != "" && place(url) == place(c.redirectURI) && contains(query, "state=") && (contains(query, "code=") || contains(query, "error="))
	}
	c.finish(cmd, func(w *json.Writer) { w.MemberBool("matches", ok) })
}

// answers tells whether a URL is the redirect URI with a response added: the same place, and every query item that was registered.
func answers(url, redirectURI string) bool {
	params, ok := form.Decode(queryOf(url))
	wanted, _ := form.Decode(queryOf(redirectURI))
	for _, p := range wanted {
		found := false
		for _, q := range params {
			found = found || p == q
		}
		ok = ok && found
	}
	return ok && redirectURI != "" && place(url) == place(redirectURI)
}

// misses tells whether a URL is the redirect URI but for the case of its letters, a slash at its end or one slash for two: a reply that went there is an error to be told, not somebody else's page.
func misses(url, redirectURI string) bool {
	alike := func(s string) string {
		s = lower(place(s)) + "/"
		var b []byte
		for i := range len(s) {
			if s[i] != '/' || i > 0 && s[i-1] != '/' {
				b = append(b, s[i])
			}
		}
		return string(b)
	}
	return redirectURI != "" && place(url) != place(redirectURI) && alike(url) == alike(redirectURI)
}

// place is what of a URI says where it leads: scheme, authority and path, as RFC 3986 section 6.2 makes them comparable.
func place(s string) string {
	for i := range len(s) {
		if s[i] == '?' || s[i] == '#' {
			s = s[:i]
			break
		}
	}
	if u, ok := parseURI(s); ok {
		if u.path == "" {
			u.path = "/"
		}
		return u.scheme + "://" + u.host + u.port + u.path
	}
	if i := index(s, ':'); i > 0 {
		return lower(s[:i]) + s[i:]
	}
	return s
}
