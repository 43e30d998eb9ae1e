package simulate

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// claims checks what a party asks to sign.
func (w *World) claims(p *party, e *effect) {
	b64 := base64.RawURLEncoding
	head, payload, ok := strings.Cut(e.Input, ".")
	h, errH := b64.DecodeString(head)
	c, errC := b64.DecodeString(payload)
	var header struct {
		Typ, Alg string
		JWK      map[string]json.RawMessage
	}
	var claims struct {
		JTI, HTM, HTU, ATH, Nonce string
		IAT                       int64
	}
	if !ok || errH != nil || errC != nil || json.Unmarshal(h, &header) != nil || json.Unmarshal(c, &claims) != nil || header.Typ != "dpop+jwt" || header.Alg != keyAlg || e.Alg != keyAlg ||
		claims.JTI == "" || claims.HTM == "" || claims.HTU == "" {
		w.fail("proof-form", "%s wants signed what is no proof: %s.%s", p.name(), h, c)
		return
	}
	for name := range header.JWK {
		if !slices.Contains([]string{"crv", "kty", "x", "y"}, name) {
			w.fail("private-member", "%s puts the member %s of a key into a proof", p.name(), name)
		}
	}
	if w.ledger.leak(h) != "" || w.ledger.leak(c) != "" {
		w.fail("secret-out", "%s: a proof holds a secret", p.name())
	}
	if w.keys.jtis[claims.JTI] {
		w.fail("jti-twice", "%s gives two proofs one jti", p.name())
	}
	w.keys.jtis[claims.JTI] = true
	if claims.IAT != p.now()/1000 {
		w.fail("proof-time", "%s makes a proof of %d at %d", p.name(), claims.IAT, p.now()/1000)
	}
	if u, err := url.Parse(claims.HTU); err != nil || u.RawQuery != "" || u.Fragment != "" {
		w.fail("proof-target", "%s makes a proof for %s", p.name(), claims.HTU)
	} else if known := p.nonces[u.Host]; known != claims.Nonce {
		w.fail("nonce-forgotten", "%s makes a proof for %s with the nonce %q, and was told %q last", p.name(), u.Host, claims.Nonce, known)
	}
	w.keys.proofs[e.Input] = &proof{jti: claims.JTI, htm: claims.HTM, htu: claims.HTU, ath: claims.ATH, nonce: claims.Nonce, iat: claims.IAT}
}

// proved checks the proof of a request that a party sends. access is the request's access token, ""
// at the token endpoint.
func (w *World) proved(p *party, method, target string, headers [][2]string, access string) *proof {
	text, n := "", 0
	for _, h := range headers {
		if h[0] == "dpop" {
			text = h[1]
			n++
		}
	}
	if n != 1 {
		w.fail("no-proof", "%s makes a request to %s with %d proofs", p.name(), target, n)
		return nil
	}
	made := w.keys.proofs[text[:max(0, strings.LastIndexByte(text, '.'))]]
	if made == nil || made.jkt == "" {
		w.fail("made-up-proof", "%s sends a proof that nobody signed", p.name())
		return nil
	}
	if made.sent++; made.sent > 1 {
		w.fail("proof-twice", "%s sends one proof with two requests", p.name())
	}
	place, _, _ := strings.Cut(target, "?")
	ath := ""
	if access != "" {
		sum := sha256.Sum256([]byte(access))
		ath = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	switch {
	case made.htm != method || made.htu != place:
		w.fail("proof-target", "%s sends a proof for %s %s with %s %s", p.name(), made.htm, made.htu, method, place)
	case made.ath != ath:
		w.fail("proof-token", "%s sends a proof with ath %q, it should be %q", p.name(), made.ath, ath)
	}
	return made
}

// provedAll checks the proofs of a request when it is sent: a request for tokens in a world with
// DPoP, and a request with a bound token.
func (p *party) provedAll(x *exchange) {
	w := p.w
	switch x.e.Stage {
	case "token", "polling":
		x.proof = w.proved(p, x.e.Method, x.e.URL, x.e.Headers, "")
	case "refresh":
		bound := w.ledger.jkts[x.form.Get("refresh_token")]
		if bound == "" {
			return // the user brought it
		}
		if x.proof = w.proved(p, x.e.Method, x.e.URL, x.e.Headers, ""); x.proof != nil && x.proof.jkt != bound {
			w.fail("wrong-key", "%s refreshes %s with another key than it is bound to", p.name(), w.ledger.name(x.form.Get("refresh_token")))
		}
	case "userinfo":
		x.proof = p.carries(x.e.Method, x.e.URL, x.e.Headers)
	}
}

// carries checks the headers of a request with an access token: a bound one is never sent without a
// proof of its key.
func (p *party) carries(method, target string, headers [][2]string) *proof {
	w := p.w
	for _, h := range headers {
		if h[0] != "authorization" {
			continue
		}
		scheme, access, _ := strings.Cut(h[1], " ")
		bound := w.ledger.jkts[access]
		if (scheme == "DPoP") != (bound != "") {
			w.fail("wrong-scheme", "%s sends %s as %s; it is bound to a key: %v", p.name(), w.ledger.name(access), scheme, bound != "")
		}
		if bound == "" {
			return nil
		}
		made := w.proved(p, method, target, headers, access)
		if made != nil && made.jkt != bound {
			w.fail("wrong-key", "%s sends %s with a proof of another key than it is bound to", p.name(), w.ledger.name(access))
		}
		return made
	}
	return nil
}

// heard records the nonce in the answer to a request with a proof.
func (p *party) heard(target string, headers [][2]string) {
	u, err := url.Parse(target)
	for _, h := range headers {
		if err == nil && h[0] == "dpop-nonce" {
			if p.nonces == nil {
				p.nonces = map[string]string{}
			}
			p.nonces[u.Host] = h[1]
			return
		}
	}
}

// told records what an answer, as the party gets it, says about proofs: the nonce, and whether the
// request was refused because it had none.
func (x *exchange) told(member string) {
	var answer struct {
		OK struct {
			Status  int
			Headers [][2]string
			Body    struct{ Text string }
		}
	}
	if x.proof == nil || json.Unmarshal([]byte("{"+member+"}"), &answer) != nil {
		return
	}
	x.p.heard(x.e.URL, answer.OK.Headers)
	var body struct{ Error string }
	json.Unmarshal([]byte(answer.OK.Body.Text), &body) // if it is not an error, it says nothing
	if body.Error != "use_dpop_nonce" {
		return
	}
	x.w.report.Results["use_dpop_nonce"]++
	// The server did nothing with the request, so it may be sent once more.
	switch x.e.Stage {
	case "token":
		if c := x.w.ledger.codes[x.form.Get("code")]; c != nil {
			c.sent--
		}
	case "refresh":
		x.p.sends--
	case "polling":
		x.p.flow.refused = x.form.Get("device_code")
	}
}

// resource is a request to a protected resource, with the headers that prepare returned. Its answer
// goes back to the party. If that gives new headers, the request is sent once more.
func (w *World) resource(p *party, method, target string, headers [][2]string, retried string) {
	p.carries(method, target, headers)
	h := http.Header{}
	for _, pair := range headers {
		h.Add(pair[0], pair[1])
	}
	w.after(w.span(2, 80), func() {
		res, live := w.server.access(method, target, h)
		w.note(nil, "the resource answers %s with %d", p.name(), res.Status)
		back := wire(res.Header)
		if p.dead || res.Status != http.StatusUnauthorized && res.Header.Get("DPoP-Nonce") == "" {
			return
		}
		w.after(w.span(2, 80), func() {
			if p.dead {
				return
			}
			sent := headers[0][1]
			p.heard(target, back)
			if live && strings.Contains(retried, "nonce") && res.Status == http.StatusUnauthorized {
				w.report.Results["refused in spite of a nonce"]++
			}
			list, _ := json.Marshal(back) // it has only texts
			p.command("answered", `"url":`+quote(target)+`,"method":`+quote(method)+`,"status":`+strconv.Itoa(res.Status)+`,"headers":`+string(list)+`,"sent":`+quote(sent)+`,"retried":`+quote(retried),
				func(ok json.RawMessage) {
					var again struct {
						Headers [][2]string
						Retried string
					}
					if json.Unmarshal(ok, &again); len(again.Headers) > 0 {
						w.resource(p, method, target, again.Headers, again.Retried)
					}
				})
		})
	})
}
