package simulate

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// send carries out an http effect.
func (p *party) send(e *effect) {
	w := p.w
	x := &exchange{w: w, p: p, t: p.begin(e), e: e}
	if e.Body != nil && e.Body.Text != nil {
		x.body = *e.Body.Text
	}
	x.form, _ = url.ParseQuery(x.body)
	u, _ := url.Parse(e.URL) // it was parsed before
	w.note(p, "http %s %s %s %s", e.Stage, e.Method, u.Path, w.ledger.name(x.form.Get("refresh_token")+x.form.Get("code")+x.form.Get("token")))
	p.keepsSecret("the log line of a request", []byte(e.Stage+" "+e.Method+" "+u.Scheme+"://"+u.Host+u.Path))
	p.leaves(x)
	if !w.ok() {
		return
	}
	w.limit(e.TimeoutMS, func() {
		if !p.dead && !x.t.done {
			w.note(p, "http %s times out", e.Stage)
			x.answer(`"failed":{"kind":"timeout"}`, "unknown")
		}
	})
	switch {
	case !w.healed && w.now < w.downTill, w.goesWrong(unsent):
		x.soon(`"failed":{"kind":"unsent"}`, "unused")
	case w.goesWrong(redirected):
		x.soon(`"failed":{"kind":"redirect"}`, "unused")
	case w.goesWrong(unavailable):
		x.soon(response(503, "application/json", `{"error":"temporarily_unavailable"}`, x.patience()...), "unused")
	case w.goesWrong(tooMany):
		x.soon(response(429, "text/html", `<p>too many requests</p>`, x.patience()...), "unused")
	case w.goesWrong(echoed):
		about := x.form.Get("refresh_token") + x.form.Get("code") + x.form.Get("token")
		x.soon(response(400, "application/json", `{"error":"invalid_request","error_description":"what is this: `+about+`"}`), "unused")
	case w.goesWrong(requestLost):
		if w.chance(.5) {
			x.soon(`"failed":{"kind":"network"}`, "unknown")
		}
	default:
		delay := w.span(2, 80)
		if w.goesWrong(requestDelayed) {
			delay = w.long(100, 120_000)
		}
		w.after(delay, x.arrive)
		if w.goesWrong(requestDoubled) {
			w.after(delay+w.long(1, 90_000), x.arrive)
		}
	}
}

// arrive handles the request at the server.
func (x *exchange) arrive() {
	w := x.w
	header := http.Header{}
	for _, h := range x.e.Headers {
		header.Add(h[0], h[1])
	}
	res := w.server.handle(x.e.Method, x.e.URL, header, x.body)
	w.note(nil, "server answers %s's %s with %d %s", x.p.name(), x.e.Stage, res.Status, w.ledger.summary(res.Body))
	delay := w.span(2, 80)
	if w.goesWrong(answerDelayed) {
		delay = w.long(100, 120_000)
	}
	if w.goesWrong(answerLost) {
		if w.chance(.5) {
			kind := []string{"network", "aborted"}[w.n(2)]
			w.after(delay, func() { x.answer(`"failed":{"kind":"`+kind+`"}`, "unknown") })
		}
		return
	}
	member, outcome := x.member(res)
	w.after(delay, func() { x.answer(member, outcome) })
	if w.goesWrong(answerDoubled) {
		w.after(delay+w.long(1, 60_000), func() {
			if !x.p.dead {
				x.p.input(`"answer":"` + x.e.ID + `",` + member)
			}
		})
	}
}

// member is the server's answer as the host gives it to the core; now and then the network damages
// it. outcome is what the core can know of it.
func (x *exchange) member(res authserver.Response) (member, outcome string) {
	w, body := x.w, string(res.Body)
	switch {
	case w.goesWrong(tooLarge):
		return `"failed":{"kind":"too_large"}`, "unknown"
	case w.goesWrong(garbled):
		switch w.n(5) {
		case 0:
			return response(200, "application/json", body[:len(body)/2]), "unknown"
		case 1:
			return response(502, "text/html", "<h1>Bad gateway</h1>"), "unknown"
		case 2:
			return response(504, "text/html", ""), "unknown"
		case 3:
			return response(200, "", body), "unknown"
		}
		return response(200, "text/html", "<h1>Sign in to this network</h1>"), "unknown"
	case w.plan.dpop && res.Status == 200 && strings.Contains(body, `"token_type":"DPoP"`) && w.goesWrong(downgraded):
		body = strings.Replace(body, `"token_type":"DPoP"`, `"token_type":"Bearer"`, 1)
	case res.Status == 200 && w.goesWrong(withoutType):
		body = strings.Replace(body, `"token_type"`, `"token_sort"`, 1)
	}
	outcome = "refused"
	if res.Status == 200 {
		outcome = "given"
	}
	pairs := ""
	for _, h := range wire(res.Header) {
		pairs += fmt.Sprintf(",[%s,%s]", quote(h[0]), quote(h[1]))
	}
	return fmt.Sprintf(`"ok":{"status":%d,"headers":[%s],"body":{"text":%s}}`, res.Status, strings.TrimPrefix(pairs, ","), quote(body)), outcome
}

// patience returns the server's Retry-After, if it sends one.
func (x *exchange) patience() []string {
	if x.w.chance(.5) {
		return nil
	}
	return []string{"retry-after", strconv.FormatInt(x.w.long(1, 600), 10)}
}

// response is an answer that did not come from the server. more are headers, as names and values.
func response(status int, ctype, body string, more ...string) string {
	headers := ""
	if ctype != "" {
		headers = `["content-type",` + quote(ctype) + `]`
	}
	if len(more) > 1 {
		headers = strings.TrimPrefix(headers+`,[`+quote(more[0])+`,`+quote(more[1])+`]`, ",")
	}
	return `"ok":{"status":` + strconv.Itoa(status) + `,"headers":[` + headers + `],"body":{"text":` + quote(body) + `}}`
}

func (x *exchange) soon(member, outcome string) {
	x.w.after(x.w.span(1, 200), func() { x.answer(member, outcome) })
}

// answer delivers the answer to the party.
func (x *exchange) answer(member, outcome string) {
	if !x.p.dead && !x.t.done {
		x.w.note(x.p, "http %s is answered: %s", x.e.Stage, outcome)
		x.learn(member, outcome)
		x.told(member)
	}
	x.p.answer(x.t, member)
}
