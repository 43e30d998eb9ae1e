package simulate

import (
	"encoding/json"
	"net/url"
	"strconv"
)

// An action is something that users do.
type action struct {
	name   string
	weight int
	// signedIn is the weight if the party has a session.
	signedIn int
	optional bool
	device   bool // only if there is a device flow
	do       func(w *World, p *party)
}

// actions are all actions. For a new command add a row.
var actions []action

func init() {
	actions = []action{
		{name: "authorize", weight: 20, signedIn: 1, do: authorize},
		{name: "exchange", weight: 1, signedIn: 1, optional: true, do: exchangeCode},
		{name: "set_token", weight: 1, signedIn: 1, optional: true, do: setToken},
		{name: "wrong callback", weight: 1, signedIn: 1, optional: true, do: func(w *World, p *party) {
			p.command("callback", `"url":"`+redirectURI+`?code=stolen&state=made-up"`, nil)
		}},
		{name: "token", weight: 6, signedIn: 20, do: plain("token", "")},
		{name: "force", weight: 1, signedIn: 6, optional: true, do: plain("token", `"force":true`)},
		{name: "refresh", weight: 1, signedIn: 8, optional: true, do: plain("refresh", "")},
		{name: "token for", weight: 1, signedIn: 6, optional: true, do: tokenFor},
		{name: "prepare", weight: 1, signedIn: 3, optional: true, do: prepare},
		{name: "profile", weight: 1, signedIn: 1, optional: true, do: plain("profile", "")},
		{name: "matches", weight: 1, signedIn: 1, optional: true, do: plain("matches", `"url":"`+redirectURI+`?code=x&state=y"`)},
		{name: "device_start", weight: 8, signedIn: 1, device: true, do: deviceStart},
		{name: "device_wait", weight: 6, signedIn: 1, device: true, do: plain("device_wait", "")},
		{name: "poll_start", weight: 4, signedIn: 1, device: true, do: plain("poll_start", "")},
		{name: "poll_stop", weight: 2, signedIn: 1, device: true, do: plain("poll_stop", "")},
		{name: "forget", weight: 1, signedIn: 1, device: true, do: plain("poll_stop", `"forget":true`)},
		{name: "userinfo", weight: 1, signedIn: 3, optional: true, do: plain("userinfo", "")},
		{name: "revoke", weight: 0, signedIn: 1, optional: true, do: func(w *World, p *party) {
			plain("revoke", []string{"", `"token":"access_token"`, `"token":"refresh_token"`}[w.n(3)])(w, p)
		}},
		{name: "log_out", weight: 1, signedIn: 1, optional: true, do: plain("log_out", "")},
		{name: "status", weight: 2, signedIn: 2, do: plain("status", "")},
		{name: "export", weight: 0, signedIn: 1, optional: true, do: func(w *World, p *party) {
			p.command("export", "", func(ok json.RawMessage) {
				var result struct{ Session string }
				if json.Unmarshal(ok, &result); result.Session != "" {
					w.exported = append(w.exported, result.Session)
				}
			})
		}},
		{name: "cancel", weight: 2, signedIn: 2, optional: true, do: cancelSomething},
	}
}

// quiet chooses the commands that nobody gives in this world.
func (p *plan) quiet(d dice) {
	p.quietCommands = map[string]bool{}
	for _, a := range actions {
		if a.optional && d.chance(.3) || a.device && !p.device {
			p.quietCommands[a.name] = true
		}
	}
}

// command makes a user do something with a party.
func (w *World) command(p *party) {
	weight := func(a action) int {
		switch {
		case w.plan.quietCommands[a.name]:
			return 0
		case p.status != "granted" && p.status != "refreshing":
			return a.weight
		}
		return a.signedIn
	}
	total := 0
	for _, a := range actions {
		total += weight(a)
	}
	at := w.n(total)
	for _, a := range actions {
		if at -= weight(a); at < 0 {
			a.do(w, p)
			return
		}
	}
}

func plain(name, members string) func(*World, *party) {
	return func(_ *World, p *party) { p.command(name, members, nil) }
}

// authorize begins a sign-in. The user goes through the server's pages and returns, in this tab or
// another one, once or twice.
func authorize(w *World, p *party) {
	slot, jumps := p.slot, w.jumps
	p.command("authorize", "", func(ok json.RawMessage) {
		var result struct{ URL, State string }
		json.Unmarshal(ok, &result)
		switch {
		case w.ledger.states[result.State]:
		case w.jumps != jumps:
			w.excuse("the clock jumped while an attempt was being stored, so it was over at once")
		default:
			w.fail("given-out-before-stored", "%s gives an authorization URL whose attempt was never stored", p.name())
		}
		if w.chance(.1) {
			return // the user changes their mind
		}
		w.after(w.long(50, 200_000), func() {
			decision := "approve"
			if w.chance(.05) {
				decision = "deny"
			}
			u, err := url.Parse(result.URL)
			if err != nil || w.healed {
				return
			}
			back := w.server.signIn(u.RequestURI(), decision)
			if back == "" {
				return
			}
			times := 1
			if w.chance(.3) {
				times++
			}
			for range times {
				delay := w.span(1, 500)
				if w.chance(.2) {
					delay = w.long(1, 400_000)
				}
				w.after(delay, func() { w.comeBack(slot, back) })
			}
		})
	})
}

// comeBack delivers an authorization response.
func (w *World) comeBack(slot int, back string) {
	list := w.alive()
	if len(list) == 0 || w.healed {
		return
	}
	p := w.slots[slot]
	if p == nil || p.dead || w.chance(.2) {
		p = list[w.n(len(list))]
	}
	u, err := url.Parse(back)
	if err == nil && u.Query().Get("code") != "" && w.chance(.1) {
		pasted := back
		if w.chance(.5) {
			pasted = u.Query().Get("code")
		}
		p.command("callback", `"pasted":`+quote(pasted)+`,"state":`+quote(u.Query().Get("state")), nil)
		return
	}
	if err == nil && w.chance(.3) {
		params := ""
		for _, name := range []string{"code", "error", "iss", "state"} {
			if v := u.Query().Get(name); v != "" {
				params += `,["` + name + `",` + quote(v) + `]`
			}
		}
		p.command("callback", `"parameters":[`+params[1:]+`]`, nil)
		return
	}
	p.command("callback", `"url":`+quote(back), nil)
}

func exchangeCode(w *World, p *party) {
	authorizationCode, verifier := w.server.elsewhere()
	if authorizationCode != "" {
		p.command("exchange", `"code":"`+authorizationCode+`","code_verifier":"`+verifier+`"`, nil)
	}
}

func setToken(w *World, p *party) {
	if body, ok := w.server.given(); ok {
		var issued tokenAnswer
		json.Unmarshal(body, &issued)
		p.receive(issued, w.now)
		p.command("set_token", `"token":`+string(body), nil)
	}
}

// tokenFor asks for an access token for one of three resources. The server knows two of them.
func tokenFor(w *World, p *party) {
	target := []string{resourceURL, "https://other.example", "urn:unknown"}[w.n(3)]
	members := `"resource":"` + target + `"`
	if w.chance(.2) {
		members += `,"force":true`
	}
	p.command("token", members, func(ok json.RawMessage) {
		var result struct {
			Access string `json:"access_token"`
		}
		json.Unmarshal(ok, &result)
		if !w.server.isFor(result.Access, target) {
			w.fail("wrong-resource", "%s gives a token for %s that is not for it", p.name(), target)
		}
	})
}

// prepare asks for headers, and asks again as hosts do after a 401.
func prepare(w *World, p *party) {
	if w.plan.dpop {
		method := []string{"GET", "POST"}[w.n(2)]
		p.command("prepare", `"url":"`+resourceURL+`/notes?all=1","method":"`+method+`"`, func(ok json.RawMessage) {
			var result struct{ Headers [][2]string }
			if json.Unmarshal(ok, &result); len(result.Headers) > 0 {
				w.resource(p, method, resourceURL+"/notes?all=1", result.Headers, "")
			}
		})
		return
	}
	name, answer := "prepare", ""
	if p.header != "" && w.chance(.3) {
		name, answer = "answered", `,"status":401,"headers":[],"sent":`+quote(p.header)
	}
	p.command(name, `"url":"`+resourceURL+`/notes"`+answer, func(ok json.RawMessage) {
		var result struct{ Headers [][2]string }
		json.Unmarshal(ok, &result)
		if len(result.Headers) > 0 {
			p.header = result.Headers[0][1]
		}
	})
}

// cancelSomething cancels a command that is under way.
func cancelSomething(w *World, p *party) {
	target := int64(0)
	for id, c := range p.commands {
		if c.name != "cancel" && id > target {
			target = id
		}
	}
	if target != 0 {
		p.command("cancel", `"target":`+strconv.FormatInt(target, 10), nil)
	}
}
