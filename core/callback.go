package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// callback takes the authorization response (RFC 6749 section 4.1.2): all is checked, then the attempt is marked as being redeemed, then the code goes out.
func (c *client) callback(cmd *command, in json.Value) {
	url := in.Get("url").Str()
	params, ok := readParams(in.Get("parameters"))
	if pasted := words.Trim(in.Get("pasted").Str()); pasted != "" {
		if !readsPasted {
			c.fail(cmd, link.NotHere("pasted", ""))
			return
		}
		url, params, ok = readPasted(pasted, in.Get("state").Str())
	} else if url != "" {
		params, ok = form.Decode(uri.QueryOf(url))
	}
	if !ok {
		c.fail(cmd, (&link.Fault{Kind: link.KindCallback, Code: "unreadable"}).Not("256 parameters at the most, with % and ; escaped", ""))
		return
	}
	for i, p := range params {
		// RFC 6749 section 3.1: parameters must not be included more than once.
		if p.Name == "state" || p.Name == "code" || p.Name == "error" || p.Name == "iss" || p.Name == "response" {
			for _, q := range params[:i] {
				if q.Name == p.Name {
					c.fail(cmd, &link.Fault{Kind: link.KindCallback, Code: "repeated_parameter", Field: p.Name})
					return
				}
			}
		}
	}
	signed := form.ValueOf(params, "response")
	if signed == "" {
		c.answer(cmd, in, url, params, false)
		return
	}
	c.signedReply(cmd, in, url, signed)
}

// answer goes on with the response's parameters, which nobody has looked at yet; signed: they are the server's.
func (c *client) answer(cmd *command, in json.Value, url string, params []form.Param, signed bool) {
	get := func(name string) string { return form.ValueOf(params, name) }
	// A reply that answers no attempt may be anybody's. What it says helps whoever looks for the cause, and counts for nothing.
	stray := func(code string) *link.Fault {
		f := link.ProtocolError(get)
		f.Kind, f.Code, f.Unverified = link.KindCallback, code, true
		return f
	}
	state := get("state")
	if state == "" {
		c.fail(cmd, stray("missing_state"))
		return
	}
	// Two deliveries, in two tabs say, must not take each other's mark for their own.
	mine := c.Random("delivery", 11)
	var found *attempt
	c.attempts.update(func(list []*attempt) ([]*attempt, *link.Fault) {
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
	}, func(f *link.Fault) {
		if f == keysFirst {
			// Before the attempt is spent: without the keys its tokens could not be used.
			c.withKeys(found.scope, func(f *link.Fault) {
				if f != nil {
					c.fail(cmd, f)
					return
				}
				c.callback(cmd, in)
			})
			return
		}
		if f != nil && f.Kind == link.KindCallback && f.Code == "already_used" {
			c.handledElsewhere(cmd, found, f)
			return
		}
		if f != nil {
			c.fail(cmd, f)
			return
		}
		c.redeem(cmd, found, get("code"), func(f *link.Fault) { c.finishStatus(cmd, f, found.appState, c.extras(params)) })
	})
}

// handledElsewhere ends the second delivery of a reply: nothing is sent, and where a session came of the first one, or later, that is what there is.
func (c *client) handledElsewhere(cmd *command, a *attempt, f *link.Fault) {
	c.see(func() {
		if cmd.done {
			return
		}
		if c.status != granted || c.tokens.signedInAt() < a.at {
			c.fail(cmd, f.Not("a reply that was not handled before", "one that was handled elsewhere, and there is no session of it yet"))
			return
		}
		cmd.elsewhere = true
		c.finishStatus(cmd, nil, a.appState)
	})
}

// keysFirst is no failure: the callback is gone through again once there are keys.
var keysFirst = &link.Fault{}

func (c *client) checkCallback(a *attempt, url string, signed bool, get func(string) string, params []form.Param) *link.Fault {
	iss := get("iss")
	switch {
	case c.Now > a.at+c.attemptLife:
		return &link.Fault{Kind: link.KindExpired, Code: "attempt_expired"}
	case a.redeemed != "":
		return &link.Fault{Kind: link.KindCallback, Code: "already_used"}
	case url != "" && !answers(url, a.redirectURI):
		return (&link.Fault{Kind: link.KindCallback, Code: "wrong_redirect_uri"}).Not(uri.Place(a.redirectURI), uri.Place(url))
	case signed != modeSigned(a.mode):
		return (&link.Fault{Kind: link.KindCallback, Code: "wrong_response_mode"}).Not(a.mode, "")
	// RFC 9207 section 2.4.
	case iss == "" && c.issRequired:
		return &link.Fault{Kind: link.KindCallback, Code: "missing_iss"}
	case iss != "" && c.issuer != "" && iss != c.issuer && iss != c.tenantIssuer(tenantOf(iss, c.issuerTemplate)):
		return (&link.Fault{Kind: link.KindCallback, Code: "wrong_iss"}).Not(c.issuer, iss)
	case get("error") != "":
		return link.ProtocolError(get)
	case get("code") == "":
		return &link.Fault{Kind: link.KindCallback, Code: "missing_code"}
	case !words.VSChars(get("code")): // RFC 6749 appendix A.11
		return &link.Fault{Kind: link.KindCallback, Code: "bad_code"}
	case c.extras(params) == tooMuch:
		return &link.Fault{Kind: link.KindCallback, Code: "too_large", Field: "callback_parameters"}
	}
	return nil
}

// modeSigned tells whether the response is a JWT (JARM section 2.3).
func modeSigned(mode string) bool {
	return mode == "jwt" || mode == "query.jwt" || mode == "form_post.jwt"
}

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
		if s := form.ValueOf(params, name); s != "" {
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

// matches tells whether a URL that reached the application is a response to one of its requests at all.
func (c *client) matches(cmd *command, in json.Value) {
	url := in.Get("url").Str()
	query := uri.QueryOf(url)
	params, readable := form.Decode(query)
	stated := form.Count(params, "state") > 0
	ok := (answers(url, c.redirectURI) || stated && misses(url, c.redirectURI)) && (stated || form.Count(params, "code") > 0 || form.Count(params, "error") > 0 || form.Count(params, "response") > 0)
	if !readable { // a bare % or ; in a description: what is wrong is for callback to say
		ok = c.redirectURI != "" && uri.Place(url) == uri.Place(c.redirectURI) && words.Contains(query, "state=") && (words.Contains(query, "code=") || words.Contains(query, "error="))
	}
	c.finish(cmd, func(w *json.Writer) { w.MemberBool("matches", ok) })
}

// answers tells whether a URL is the redirect URI with a response added: the same place, and every query item that was registered.
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

// misses tells whether a URL is the redirect URI but for the case of its letters, a slash at its end or one slash for two: a reply that went there is an error to be told, not somebody else's page.
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
