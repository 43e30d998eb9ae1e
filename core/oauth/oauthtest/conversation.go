package oauthtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// Reached says how far a conversation came: how many of its inputs the engine accepted, and how
// many of those caused effects.
type Reached struct{ Inputs, Taken, Effective int }

// secrets are what the conversations' server issues. They may occur in requests, in stores and in
// the results of `token`, `prepare` and `export`, and nowhere else.
var secrets = []string{"ACCESS-", "REFRESH-", "THE-CODE", "THE-SECRET", "DEVICE-CODE"}

// Converse plays a host that is driven by data: which commands it gives and which answers, in which
// order, twice, late or never, with a clock that jumps. It returns the first rule of the contract
// that the engine breaks. Afterwards it answers everything that is left, as an ordinary host would,
// and a new sign-in must succeed: no order of inputs may leave a session unusable.
func Converse(engine oauth.Engine, data []byte) (Reached, error) {
	c := &conversation{engine: engine, data: data, now: 1_700_000_000_000, store: map[string]string{}, version: map[string]int{}, keys: map[string]bool{}, proofs: map[string]bool{}, state: "none"}
	if err := c.open(); err != nil {
		return c.reached, err
	}
	for len(c.data) > 0 {
		if err := c.step(); err != nil {
			return c.reached, err
		}
	}
	return c.reached, c.recover()
}

// ConverseAtRandom runs that many conversations, each with its own engine, and adds up how far they
// came. It stops at the first broken rule.
func ConverseAtRandom(engine func() oauth.Engine, seed uint64, conversations int) (all Reached, err error) {
	r := rand.New(rand.NewPCG(seed, 0))
	for range conversations {
		data := make([]byte, 20+r.IntN(400))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		got, err := Converse(engine(), data)
		if err != nil {
			return all, fmt.Errorf("%w\n%q", err, data)
		}
		all.Inputs, all.Taken, all.Effective = all.Inputs+got.Inputs, all.Taken+got.Taken, all.Effective+got.Effective
	}
	if all.Effective*2 < all.Inputs {
		return all, fmt.Errorf("most inputs reach nothing, the grammar is off: %+v", all)
	}
	return all, nil
}

// String returns the counts, and the share of inputs that caused effects.
func (r Reached) String() string {
	return fmt.Sprintf("%d inputs, %d taken, %d %% with effects", r.Inputs, r.Taken, 100*r.Effective/max(1, r.Inputs))
}

type conversation struct {
	engine  oauth.Engine
	handle  int32
	data    []byte
	now     int64
	latest  int64 // the latest value of now, below the limit at which the clock starts again
	entropy int
	store   map[string]string
	version map[string]int
	keys    map[string]bool // of sessions
	proofs  map[string]bool // that were sent

	waiting  []effect // effects that are not answered yet
	answered []string // ids of answered effects
	seen     map[string]bool
	running  map[int64]string
	nextID   int64
	state    string // of the last authorization URL
	tokens   int
	results  map[int64]map[string]any
	reached  Reached
}

type effect struct {
	id, kind, raw string
	m             map[string]any
}

func (c *conversation) byte() byte {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return b
}

func (c *conversation) head() string {
	c.entropy++
	e := sha256.Sum256(fmt.Appendf(nil, "%d", c.entropy))
	return fmt.Sprintf(`{"now":%d,"entropy":%q,`, c.now, base64.RawURLEncoding.EncodeToString(e[:]))
}

var configs = []string{
	`"scope":"read"`, `"scope":"openid","issuer":"https://as.example","jwks_uri":"https://as.example/jwks","insecure_nonce_disabled":true,"client_secret":"THE-SECRET"`, `"insecure_pkce_none":true,"retry_window_ms":0`,
	`"parameter_hooks":["token","refresh","authorization"],"request_hooks":["token","refresh"],"retry_window_ms":5000`,
	`"device_authorization_endpoint":"https://as.example/d","auto_refresh":true`,
	`"scope":"openid","issuer":"https://as.example","discovery":true,"insecure_nonce_disabled":true,"client_secret":"THE-SECRET","introspection_endpoint":"https://as.example/i"`,
	`"device_authorization_endpoint":"https://as.example/d","refresh_lead_ms":5000,"long_lived_grant_type":"x","parameter_hooks":["polling","device_authorization"],"request_hooks":["polling"]`,
	`"issuer":"https://as.example","identity_provider":{"issuer":"https://idp.example","token_endpoint":"https://idp.example/t","client_id":"there","client_secret":"THE-SECRET"},"private_origins":[]`,
	`"scope":"read","dpop":true,"resource":["https://api.example"]`, `"dpop":true,"auto_refresh":true,"device_authorization_endpoint":"https://as.example/d","request_hooks":["token"]`,
	`"issuer":"https://as.example","client_key":"client","token_endpoint_auth_method":"private_key_jwt","request_object_signing_alg":"ES256","dpop":true,"introspection_endpoint":"https://as.example/i",` +
		`"pushed_authorization_request_endpoint":"https://as.example/par","registration_endpoint":"https://as.example/reg","client_metadata":{"client_name":"c"}`,
}

func (c *conversation) open() error {
	c.waiting, c.seen, c.running, c.results = nil, map[string]bool{}, map[int64]string{}, map[int64]map[string]any{}
	config := `{"client_id":"c","redirect_uri":"https://client.example/cb","authorization_endpoint":"https://as.example/a","token_endpoint":"https://as.example/t",` +
		`"revocation_endpoint":"https://as.example/r","userinfo_endpoint":"https://as.example/u","token_destinations":["https://api.example"],` + configs[int(c.byte())%len(configs)] + `}`
	c.handle = c.engine.Open([]byte(c.head() + `"kind":"client","config":` + config + `}`))
	if c.handle <= 0 {
		return fmt.Errorf("open: %d %s", c.handle, c.engine.Effect(0))
	}
	return c.drain()
}

func (c *conversation) input(members string) error {
	c.latest = max(c.latest, c.now%(1<<50))
	before := len(c.seen)
	code := c.engine.Input(c.handle, []byte(c.head()+members+"}"))
	c.reached.Inputs++
	if code < 0 || code > 4 {
		return fmt.Errorf("code %d for %s", code, members)
	}
	if code == 0 {
		c.reached.Taken++
	}
	err := c.drain()
	if len(c.seen) > before {
		c.reached.Effective++
		if code != 0 {
			return fmt.Errorf("code %d, and yet effects, for %s", code, members)
		}
	}
	return err
}

func (c *conversation) drain() error {
	for n := 0; ; n++ {
		raw := c.engine.Effect(c.handle)
		if raw == nil {
			return nil
		}
		if n > 50*int(c.nextID)+500 { // every command may end at once
			return fmt.Errorf("effects without end: %s", raw)
		}
		e := effect{raw: string(raw)}
		if err := json.Unmarshal(raw, &e.m); err != nil {
			return fmt.Errorf("effect %q: %w", raw, err)
		}
		e.id, _ = e.m["id"].(string)
		e.kind, _ = e.m["kind"].(string)
		if e.id == "" || c.seen[e.id] {
			return fmt.Errorf("id missing or used twice: %s", raw)
		}
		c.seen[e.id] = true
		if err := c.took(e); err != nil {
			return err
		}
	}
}

// took records an effect and checks it against the rules.
func (c *conversation) took(e effect) error {
	switch e.kind {
	case "result":
		n, _ := e.m["command"].(float64)
		op, known := c.running[int64(n)]
		if !known {
			return fmt.Errorf("a second result, or one of no command: %s", e.raw)
		}
		delete(c.running, int64(n))
		c.results[int64(n)] = e.m
		if op != "token" && op != "prepare" && op != "answered" && op != "export" && op != "userinfo" && op != "grant" {
			if err := clean(e); err != nil {
				return err
			}
		}
		if ok, _ := e.m["ok"].(map[string]any); ok != nil && op == "authorize" {
			c.state, _ = ok["state"].(string)
		}
	case "event":
		return clean(e)
	case "http-cancel", "timer-cancel", "unlock":
		target, _ := e.m["target"].(string)
		for i, w := range c.waiting {
			if w.id == target {
				c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
				break
			}
		}
	case "http":
		if proof := header(e, "dpop"); proof != "" {
			if c.proofs[proof] {
				return fmt.Errorf("a proof for two requests: %s", e.raw)
			}
			c.proofs[proof] = true
			if strings.HasPrefix(header(e, "authorization"), "Bearer ") {
				return fmt.Errorf("a bearer token with a proof: %s", e.raw)
			}
		}
		for _, w := range c.waiting {
			if w.kind != "http" || w.m["stage"] != e.m["stage"] {
				continue
			}
			if e.m["stage"] == "refresh" || e.m["stage"] == "polling" && sent(w, "device_code=") == sent(e, "device_code=") {
				return fmt.Errorf("two in flight: %s and %s", w.raw, e.raw)
			}
		}
		c.waiting = append(c.waiting, e)
	default:
		c.waiting = append(c.waiting, e)
	}
	return nil
}

func clean(e effect) error {
	for _, s := range secrets {
		if strings.Contains(e.raw, s) {
			return fmt.Errorf("a secret shows: %s", e.raw)
		}
	}
	return nil
}

func (c *conversation) step() error {
	b := c.byte()
	switch {
	case b < 90 && len(c.waiting) > 0:
		i := int(c.byte()) % len(c.waiting)
		e := c.waiting[i]
		c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
		c.answered = append(c.answered, e.id)
		return c.input(fmt.Sprintf(`"answer":%q,%s`, e.id, c.answer(e, c.byte())))
	case b < 100 && len(c.answered) > 0:
		return c.input(fmt.Sprintf(`"answer":%q,"ok":{}`, c.answered[int(c.byte())%len(c.answered)]))
	case b < 110:
		c.now = max(0, min(c.now+[]int64{1, 1000, 600_001, 3_600_000, -5000, 1 << 40, -c.now, 3_599_000}[c.byte()%8], 1<<53-1))
		return nil
	case b < 114:
		return c.open()
	case b < 120:
		junk := []string{`"answer":"","ok":{}`, `"command":1`, `"command":"status"`, `"command":"nothing","id":` + fmt.Sprint(c.id("nothing")), `"answer":"x:1","ok":[]`, `"a":"` + "\xff"}
		return c.input(junk[int(c.byte())%len(junk)])
	default:
		return c.command(c.byte())
	}
}

func (c *conversation) id(op string) int64 {
	c.nextID++
	c.running[c.nextID] = op
	return c.nextID
}

func (c *conversation) command(b byte) error {
	commands := []string{
		`"authorize"`, `"authorize","scope":"openid","parameters":[["prompt","login"]]`, `"authorize","redirect_uri":"x"`,
		`"callback","url":"https://client.example/cb?code=THE-CODE&state=` + c.state + `"`, `"callback","url":"https://client.example/cb?code=THE-CODE&state=` + c.state + `"`,
		`"callback","url":"https://client.example/cb?error=access_denied&state=` + c.state + `"`, `"callback","parameters":[["state","x"]]`, `"callback","url":7`,
		`"exchange","code":"THE-CODE"`, `"token"`, `"token","force":true`, `"refresh"`, `"refresh"`, `"prepare","url":"https://api.example/x"`, `"prepare","url":"https://evil.example"`,
		`"client_credentials"`, `"token_exchange","audience":"x"`, `"token_exchange","subject_token":"SUBJECT-TOKEN"`, `"introspect"`, `"logout_token","logout_token":"x.y.z"`,
		`"revoke"`, `"revoke","token":"access_token"`, `"userinfo"`, `"log_out"`, `"set_token","token":{"access_token":"ACCESS-0","token_type":"Bearer","refresh_token":"REFRESH-0","expires_in":1}`,
		`"set_token","token":[]`, `"status"`, `"export"`, `"device_start"`, `"device_start","scope":"openid"`, `"device_wait"`, `"poll_start"`, `"poll_stop"`, `"poll_stop","forget":true`,
		`"jwt_bearer","assertion":"x.y.z"`, `"register"`, `"resource_metadata","url":"https://api.example/x"`, `"front_channel_logout","parameters":[["iss","https://as.example"],["sid","s"]]`,
		`"authorize","response_mode":"jwt"`, `"authorize","acr_values":"a","max_age":1,"claims":{}`, answered("DPoP ACCESS-1", "use_dpop_nonce"), answered("DPoP ACCESS-2", "invalid_token"),
		`"grant","grant_type":"urn:x","parameters":[["pin","THE-SECRET"]]`, `"grant","grant_type":"urn:x","keep":true,"scope":"read"`, `"cross_app_access","subject_token":"THE-SECRET-ID-TOKEN","scope":"read"`,
		`"profile"`, `"extend"`, `"callback","pasted":"THE-CODE","state":"` + c.state + `"`, answered("Bearer ACCESS-1", "invalid_token"), fmt.Sprintf(`"cancel","target":%d`, max(1, c.nextID-int64(b>>5))),
	}
	text := commands[int(b)%len(commands)]
	op := strings.Split(text, `"`)[1]
	return c.input(fmt.Sprintf(`"id":%d,"command":%s`, c.id(op), text))
}

// answered is the command that reports a resource's refusal.
func answered(sent, code string) string {
	challenge, _ := json.Marshal(fmt.Sprintf(`DPoP error="%s", Bearer error="%[1]s"`, code))
	return fmt.Sprintf(`"answered","url":"https://api.example/x","status":401,"headers":[["dpop-nonce","n"],["www-authenticate",%s]],"sent":%q`, challenge, sent)
}

// answer makes an answer of the kind that the effect needs; most are valid.
func (c *conversation) answer(e effect, b byte) string {
	if b >= 200 {
		failures := []string{"network", "timeout", "unsent", "redirect", "too_large", "conflict", "storage", "unsupported", "aborted", "internal", "?"}
		return fmt.Sprintf(`"failed":{"kind":%q}`, failures[int(b)%len(failures)])
	}
	if b >= 190 {
		return []string{`"ok":{}`, `"ok":{"status":"x"}`, `"ok":{"value":7,"version":[]}`, `"ok":{"parameters":[[]]}`}[b%4]
	}
	switch e.kind {
	case "timer":
		if ms, _ := e.m["ms"].(float64); b%4 > 0 && ms < 1<<40 { // or it is early
			c.now = min(c.now+int64(ms), 1<<53-1)
		}
		return `"ok":{}`
	case "load", "store":
		return c.storage(e)
	case "hook":
		if e.m["hook"] == "parameters" {
			p, _ := json.Marshal(e.m["parameters"])
			return `"ok":{"parameters":` + string(p) + `}`
		}
		r, _ := json.Marshal(e.m["request"])
		return `"ok":{"request":` + string(r) + `}`
	case "http":
		return c.respond(e, b)
	case "key":
		return c.key(e)
	case "sign":
		if name, _ := e.m["key"].(string); name != "client" && !c.keys[name] {
			return `"failed":{"kind":"denied"}`
		}
		return `"ok":{"signature":"c2ln"}`
	case "verify":
		return fmt.Sprintf(`"ok":{"valid":%t}`, b%8 != 7)
	}
	return `"ok":{}`
}

// idToken is a token whose signature is valid if verify says so.
func (c *conversation) idToken() string {
	part := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"iss":"https://as.example","sub":"s","aud":"c","exp":%d,"iat":%d}`, c.now/1000+60, c.now/1000)
	return part([]byte(`{"alg":"RS256"}`)) + "." + part([]byte(claims)) + ".c2ln"
}

func (c *conversation) key(e effect) string {
	name, _ := e.m["name"].(string)
	switch {
	case e.m["delete"] == true:
		delete(c.keys, name)
	case e.m["create"] == true:
		c.keys[name] = true
	}
	if !c.keys[name] {
		return `"ok":{}`
	}
	x := sha256.Sum256([]byte(name))
	return `"ok":{"jwk":{"kty":"EC","crv":"P-256","x":"` + base64.RawURLEncoding.EncodeToString(x[:]) + `","y":"` + strings.Repeat("A", 43) + `"}}`
}

func (c *conversation) storage(e effect) string {
	key, _ := e.m["key"].(string)
	version := ""
	if n := c.version[key]; n > 0 {
		version = fmt.Sprint(n)
	}
	if e.kind == "load" {
		if v, ok := c.store[key]; ok {
			text, _ := json.Marshal(v)
			return fmt.Sprintf(`"ok":{"value":%s,"version":%q}`, text, version)
		}
		return fmt.Sprintf(`"ok":{"version":%q}`, version)
	}
	if e.m["version"] != version {
		return `"failed":{"kind":"conflict"}`
	}
	c.version[key]++
	if e.m["delete"] == true {
		delete(c.store, key)
	} else {
		c.store[key], _ = e.m["value"].(string)
	}
	return fmt.Sprintf(`"ok":{"version":"%d"}`, c.version[key])
}

func (c *conversation) respond(e effect, b byte) string {
	c.tokens++
	secret := "nothing" // a malicious server repeats what it was sent
	for _, name := range []string{"token=", "device_code="} {
		if s := sent(e, name); s != "" {
			secret = s
		}
	}
	kind, nonce := "Bearer", ""
	if header(e, "dpop") != "" {
		kind = "DPoP"
		if b%3 == 2 {
			nonce = `,["dpop-nonce","NONCE"]`
		}
	}
	good := fmt.Sprintf(`{"access_token":"ACCESS-%[1]d","token_type":%[2]q,"expires_in":60,"refresh_token":"REFRESH-%[1]d","id_token":%[3]q,"sub":"s"}`,
		c.tokens, kind, c.idToken())
	bodies := []string{good, good, good, good, `{"error":"invalid_grant","error_description":"it was ` + secret + `"}`, `{"access_token":"ACCESS-1"}`, `[]`,
		`{"access_token":"ACCESS-1","token_type":"Bearer","expires_in":-1}`, `{"error":"use_dpop_nonce"}`, `<html>`, ``}
	if at, _ := e.m["url"].(string); strings.HasPrefix(at, "https://idp.example/") {
		good = `{"access_token":"ACCESS-JAG","issued_token_type":"urn:ietf:params:oauth:token-type:id-jag","token_type":"N_A"}`
		bodies = []string{good, good, good, good, `{"error":"invalid_grant","error_description":"` + secret + `"}`, `{"access_token":"ACCESS-JAG"}`, `[]`}
	}
	switch e.m["stage"] {
	case "discovery":
		good = `{"issuer":"https://as.example","jwks_uri":"https://as.example/jwks","device_authorization_endpoint":"https://as.example/d","pushed_authorization_request_endpoint":"https://as.example/par"}`
		bodies = []string{good, good, good, good, `{"issuer":"https://evil.example"}`, `{"issuer":"https://as.example","jwks_uri":"x"}`, `[]`}
	case "pushed_authorization":
		good = `{"request_uri":"urn:x","expires_in":60}`
		bodies = []string{good, good, good, good, `{"error":"invalid_request","error_description":"` + secret + `"}`, `{}`}
	case "introspection":
		bodies = []string{`{"active":true}`, `{"active":false}`, `{}`, `{"error":"invalid_client","error_description":"` + secret + `"}`}
	case "jwks":
		good = `{"keys":[{"kty":"RSA","n":"` + base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\xff", 256))) + `","e":"AQAB"}]}`
		bodies = []string{good, good, good, good, `{"keys":[]}`, `{"keys":7}`, `[]`}
	case "device_authorization":
		good = fmt.Sprintf(`{"device_code":"DEVICE-CODE-%d","user_code":"ABCD","verification_uri":"https://as.example/v","expires_in":%d,"interval":%d}`, c.tokens, 1+int(b)*10, b%7)
		bodies = []string{good, good, good, good, good, `{"error":"invalid_client","error_description":"` + secret + `"}`, `{"device_code":"DEVICE-CODE-0"}`, `[]`}
	case "polling":
		pending := `{"error":"authorization_pending"}`
		bodies = []string{good, pending, pending, pending, `{"error":"slow_down","error_description":"` + secret + `"}`, `{"error":"access_denied"}`, `{"error":"expired_token"}`, `<html>`}
	}
	body, _ := json.Marshal(bodies[int(b)%len(bodies)])
	status := []int{200, 200, 200, 400, 401, 429, 500, 503}[int(b/16)%8]
	if int(b)%len(bodies) < 4 {
		status = 200
	}
	retry := ""
	if b%5 == 4 {
		retry = `,["retry-after","7"]`
	}
	return fmt.Sprintf(`"ok":{"status":%d,"headers":[["content-type","application/json"]%s%s],"body":{"text":%s}}`, status, retry, nonce, body)
}

// header returns a header of a request.
func header(e effect, name string) string {
	list, _ := e.m["headers"].([]any)
	for _, h := range list {
		if pair, _ := h.([]any); len(pair) == 2 && pair[0] == name {
			value, _ := pair[1].(string)
			return value
		}
	}
	return ""
}

// sent returns the value of a parameter in a request's body, by the end of its name.
func sent(e effect, name string) (value string) {
	body, _ := e.m["body"].(map[string]any)
	text, _ := body["text"].(string)
	if i := strings.Index(text, name); i >= 0 {
		value, _, _ = strings.Cut(text[i+len(name):], "&")
	}
	return value
}

// recover answers what is left, and signs in again.
func (c *conversation) recover() error {
	finish := func() error {
		for n := 0; ; n++ {
			i := slices.IndexFunc(c.waiting, func(e effect) bool { return e.kind != "timer" }) // time stands still
			if i < 0 {
				return nil
			}
			e := c.waiting[i]
			if n > 100*int(c.nextID)+1000 { // each may have to wait for the lock
				return fmt.Errorf("no end: %s", e.raw)
			}
			c.waiting = slices.Delete(c.waiting, i, i+1)
			if err := c.input(fmt.Sprintf(`"answer":%q,%s`, e.id, c.answer(e, 0))); err != nil {
				return err
			}
		}
	}
	if err := finish(); err != nil {
		return err
	}
	c.now = max(c.latest, 1_700_000_000_000) + 61_000 // keys are fetched at most once a minute, and the clock may have been set back
	for _, op := range []string{`"poll_stop"`, `"authorize"`, `"callback"`, `"token"`, `"log_out"`} {
		text := op
		if op == `"poll_stop"` {
			text += `,"forget":true` // otherwise a device flow would go on
		}
		if op == `"callback"` {
			text += `,"url":"https://client.example/cb?code=THE-CODE&state=` + c.state + `"`
		}
		id := c.id(strings.Trim(op, `"`))
		if err := c.input(fmt.Sprintf(`"id":%d,"command":%s`, id, text)); err != nil {
			return err
		}
		if err := finish(); err != nil {
			return err
		}
		if c.results[id]["ok"] == nil {
			return fmt.Errorf("afterwards %s does not work: %v", op, c.results[id])
		}
	}
	for id, op := range c.running {
		if op != "nothing" {
			return fmt.Errorf("command %d %s has no result", id, op)
		}
	}
	return nil
}
