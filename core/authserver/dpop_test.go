package authserver_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// signWith makes a compact JWS of the claims. If embed is set, the header contains the public key.
func signWith(t testing.TB, alg jose.SignatureAlgorithm, key any, typ string, embed bool, claims map[string]any) string {
	t.Helper()
	opts := (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func newECKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func thumbprint(t testing.TB, public any) string {
	t.Helper()
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// prover is a client's key for DPoP.
type prover struct {
	b   *bench
	key *ecdsa.PrivateKey
	n   int
}

func (b *bench) prover() *prover { return &prover{b: b, key: newECKey(b.t, elliptic.P256())} }

func (p *prover) jkt() string { return thumbprint(p.b.t, p.key.Public()) }

// claims returns the claims of a proof, with a new jti each time. more holds names and values.
func (p *prover) claims(method, target string, more ...string) map[string]any {
	p.n++
	c := map[string]any{"jti": strings.Repeat("j", p.n), "htm": method, "htu": issuer + target, "iat": p.b.now.Unix()}
	for i := 0; i < len(more); i += 2 {
		c[more[i]] = more[i+1]
	}
	return c
}

func (p *prover) proof(method, target string, more ...string) http.Header {
	return http.Header{"Dpop": {signWith(p.b.t, jose.ES256, p.key, "dpop+jwt", true, p.claims(method, target, more...))}}
}

// resource returns the headers of a request with an access token.
func (p *prover) resource(method, target, accessToken string, more ...string) http.Header {
	sum := sha256.Sum256([]byte(accessToken))
	h := p.proof(method, target, append([]string{"ath", base64.RawURLEncoding.EncodeToString(sum[:])}, more...)...)
	h.Set("Authorization", "DPoP "+accessToken)
	return h
}

// A4: RFC 9449 in the whole flow of a public client.
func TestA4DPoP(t *testing.T) {
	b := newBench(t)
	p := b.prover()
	first := b.postWith("/token", p.proof("POST", "/token"), exchange("spa", b.code(request("spa")))).must(t)
	if first.Type != "DPoP" {
		t.Errorf("token_type %q", first.Type)
	}
	if b.works(first.Access) {
		t.Error("a bound token is taken for a bearer token")
	}
	userinfo := func(h http.Header) authserver.Response { return b.send("GET", "/userinfo", h, "") }
	if resp := userinfo(p.resource("GET", "/userinfo", first.Access)); resp.Status != 200 {
		t.Errorf("%d %v", resp.Status, resp.Header)
	}
	b.post("/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {first.Refresh}}).refused(t, 400, "invalid_grant")
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {first.Refresh}}
	b.postWith("/token", b.prover().proof("POST", "/token"), refresh).refused(t, 400, "invalid_grant")
	second := b.postWith("/token", p.proof("POST", "/token"), refresh).must(t)
	if resp := userinfo(p.resource("GET", "/userinfo", second.Access)); second.Type != "DPoP" || resp.Status != 200 {
		t.Errorf("refreshed: %s %d", second.Type, resp.Status)
	}

	// RFC 9449 section 6.2.
	seen := b.postWith("/introspect", apiAsks, url.Values{"token": {second.Access}})
	var answer struct {
		TokenType string `json:"token_type"`
		Cnf       map[string]string
	}
	if err := json.Unmarshal(seen.Body, &answer); err != nil || answer.TokenType != "DPoP" || answer.Cnf["jkt"] != p.jkt() || len(answer.Cnf) != 1 {
		t.Errorf("%v %s", err, seen.Body)
	}
}

// A4: a public client's unbound refresh token becomes bound, and a confidential client's moves to
// another key with its client.
func TestA4DPoPRefresh(t *testing.T) {
	b := newBench(t)
	p, q := b.prover(), b.prover()
	plain := b.granted("spa")
	form := func(token string) url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {token}}
	}
	bound := b.postWith("/token", p.proof("POST", "/token"), form(plain.Refresh)).must(t)
	b.post("/token", form(bound.Refresh)).refused(t, 400, "invalid_grant")
	b.postWith("/token", p.proof("POST", "/token"), form(bound.Refresh)).must(t)

	web := func(p *prover, form url.Values) reply {
		h := basic("web", webSecret)
		if p != nil {
			maps.Copy(h, p.proof("POST", "/token"))
		}
		return b.postWith("/token", h, form)
	}
	first := web(p, with(exchange("web", b.code(request("web"))))).must(t)
	refresh := func(token string) url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	}
	web(nil, refresh(first.Refresh)).refused(t, 400, "invalid_grant")
	second := web(q, refresh(first.Refresh)).must(t)
	if resp := b.send("GET", "/userinfo", q.resource("GET", "/userinfo", second.Access), ""); resp.Status != 200 {
		t.Errorf("new key: %d", resp.Status)
	}
	if resp := b.send("GET", "/userinfo", p.resource("GET", "/userinfo", second.Access), ""); resp.Status != 401 {
		t.Errorf("old key: %d", resp.Status)
	}
}

// A4: the other grants issue bound tokens, too.
func TestA4DPoPGrants(t *testing.T) {
	b := newBench(t)
	p := b.prover()
	h := basic("service", "svc")
	maps.Copy(h, p.proof("POST", "/token"))
	if r := b.postWith("/token", h, url.Values{"grant_type": {"client_credentials"}}).must(t); r.Type != "DPoP" {
		t.Errorf("client_credentials: %s", r.Type)
	}
	d := b.device("tv")
	poll := func() reply {
		return b.postWith("/token", p.proof("POST", "/token"), url.Values{"grant_type": {authserver.GrantDeviceCode}, "client_id": {"tv"}, "device_code": {d.DeviceCode}})
	}
	poll().refused(t, 400, "authorization_pending")
	b.decide(d, "approve")
	b.now = b.now.Add(10 * time.Second)
	if r := poll().must(t); r.Type != "DPoP" {
		t.Errorf("device: %s", r.Type)
	}
}

// A7: a client that is registered for DPoP gets nothing without a proof.
func TestA7DPoPRequired(t *testing.T) {
	b := newBench(t)
	form := exchange("bound", b.code(request("bound")))
	b.post("/token", form).refused(t, 400, "invalid_dpop_proof")
	b.postWith("/token", b.prover().proof("POST", "/token"), form).must(t)
}

// A8: RFC 9449 section 10: a code works only with the key that the authorization request named, by
// parameter or by proof.
func TestA8DPoPCodeBinding(t *testing.T) {
	for _, row := range []struct {
		name string
		code func(b *bench, p *prover) string
	}{
		{"dpop_jkt", func(b *bench, p *prover) string { return b.code(with(request("spa"), "dpop_jkt", p.jkt())) }},
		{"pushed dpop_jkt", func(b *bench, p *prover) string {
			b.code(request("spa"))
			return location(b.t, b.submit(b.open(b.push(nil, with(request("spa"), "dpop_jkt", p.jkt()))), "approve", nil)).Query().Get("code")
		}},
		{"proof with the push", func(b *bench, p *prover) string {
			b.code(request("spa"))
			return location(b.t, b.submit(b.open(b.push(p.proof("POST", "/par"), request("spa"))), "approve", nil)).Query().Get("code")
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			p := b.prover()
			form := exchange("spa", row.code(b, p))
			b.post("/token", form).refused(t, 400, "invalid_grant")
			b.postWith("/token", b.prover().proof("POST", "/token"), form).refused(t, 400, "invalid_grant")
			b.postWith("/token", p.proof("POST", "/token"), form).must(t)
		})
	}
	b := newBench(t)
	p := b.prover()
	b.postWith("/par", p.proof("POST", "/par"), with(request("spa"), "dpop_jkt", b.prover().jkt())).refused(t, 400, "invalid_request")
	b.postWith("/par", p.proof("POST", "/token"), request("spa")).refused(t, 400, "invalid_dpop_proof")
}

// A7: each rule of RFC 9449 section 4.3, at the token endpoint. No refusal uses up the code.
func TestA7DPoPProofs(t *testing.T) {
	b := newBench(t)
	p := b.prover()
	form := exchange("spa", b.code(request("spa")))
	ec := func(alg jose.SignatureAlgorithm, curve elliptic.Curve) string {
		return signWith(t, alg, newECKey(t, curve), "dpop+jwt", true, p.claims("POST", "/token"))
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GODEBUG", "rsa1024min=0")
	weakKey, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	proof := func(more ...string) string { return p.proof("POST", "/token", more...).Get("DPoP") }
	// forged has a header that we made and the signature of a valid proof.
	forged := func(header string) string {
		parts := strings.Split(proof(), ".")
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1] + "." + parts[2]
	}
	without := func(name string) string {
		c := p.claims("POST", "/token")
		delete(c, name)
		return signWith(t, jose.ES256, p.key, "dpop+jwt", true, c)
	}
	at := func(d time.Duration) string {
		c := p.claims("POST", "/token")
		c["iat"] = b.now.Add(d).Unix()
		return signWith(t, jose.ES256, p.key, "dpop+jwt", true, c)
	}
	private, err := json.Marshal(jose.JSONWebKey{Key: p.key})
	if err != nil {
		t.Fatal(err)
	}
	tampered := strings.Split(proof(), ".")
	used := proof()
	b.postWith("/token", http.Header{"Dpop": {used}}, exchange("spa", b.code(request("spa")))).must(t)
	for _, row := range []struct {
		name   string
		values []string
		good   bool
	}{
		{"none", []string{forged(`{"typ":"dpop+jwt","alg":"none"}`)}, false},
		{"shared secret", []string{signWith(t, jose.HS256, make([]byte, 32), "dpop+jwt", true, p.claims("POST", "/token"))}, false},
		{"weak RSA key", []string{signWith(t, jose.RS256, weakKey, "dpop+jwt", true, p.claims("POST", "/token"))}, false},
		{"no JWT", []string{"x"}, false},
		{"empty", []string{""}, false},
		{"two proofs", []string{proof(), proof()}, false},
		{"JSON serialization", []string{`{"payload":"","signatures":[]}`}, false},
		{"too long", []string{proof("x", strings.Repeat("x", 64<<10))}, false},
		{"typ", []string{signWith(t, jose.ES256, p.key, "JWT", true, p.claims("POST", "/token"))}, false},
		{"no jwk", []string{signWith(t, jose.ES256, p.key, "dpop+jwt", false, p.claims("POST", "/token"))}, false},
		{"private jwk", []string{forged(`{"typ":"dpop+jwt","alg":"ES256","jwk":` + string(private) + `}`)}, false},
		{"signature", []string{tampered[0] + "." + tampered[1] + "." + strings.Split(proof(), ".")[2]}, false},
		{"no jti", []string{without("jti")}, false},
		{"no iat", []string{without("iat")}, false},
		{"no htm", []string{without("htm")}, false},
		{"no htu", []string{without("htu")}, false},
		{"htm", []string{p.proof("GET", "/token").Get("DPoP")}, false},
		{"htu", []string{p.proof("POST", "/par").Get("DPoP")}, false},
		{"htu of another host", []string{proof("htu", "https://other.example/token")}, false},
		{"htu with user information", []string{proof("htu", "https://x@login.example/token")}, false},
		{"too old", []string{at(-61 * time.Second)}, false},
		{"too new", []string{at(61 * time.Second)}, false},
		{"replayed", []string{used}, false},
		{"ES256", []string{ec(jose.ES256, elliptic.P256())}, true},
		{"ES384", []string{ec(jose.ES384, elliptic.P384())}, true},
		{"ES512", []string{ec(jose.ES512, elliptic.P521())}, true},
		{"RS256", []string{signWith(t, jose.RS256, rsaKey, "dpop+jwt", true, p.claims("POST", "/token"))}, true},
		{"PS256", []string{signWith(t, jose.PS256, rsaKey, "dpop+jwt", true, p.claims("POST", "/token"))}, true},
		{"EdDSA", []string{signWith(t, jose.EdDSA, edKey, "dpop+jwt", true, p.claims("POST", "/token"))}, true},
		{"a minute old", []string{at(-time.Minute)}, true},
		{"htu normalized", []string{proof("htu", "HTTPS://Login.example:443/token?x#y")}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := b.postWith("/token", http.Header{"Dpop": row.values}, exchange("spa", b.code(request("spa"))))
			if row.good {
				r.must(t)
			} else {
				r.refused(t, 400, "invalid_dpop_proof")
			}
		})
	}
	b.postWith("/token", p.proof("POST", "/token"), form).must(t)
}

// A7: RFC 9449 section 7 at userinfo. The challenge says which rule was broken.
func TestA7DPoPResource(t *testing.T) {
	b := newBench(t)
	p, other := b.prover(), b.prover()
	bound := b.postWith("/token", p.proof("POST", "/token"), exchange("spa", b.code(request("spa")))).must(t).Access
	plain := b.granted("spa").Access
	authorization := func(h http.Header, value string) http.Header {
		h.Set("Authorization", value)
		return h
	}
	used := p.resource("GET", "/userinfo", bound)
	b.send("GET", "/userinfo", used, "")
	for _, row := range []struct {
		name      string
		header    http.Header
		challenge string
	}{
		{"downgrade to Bearer", http.Header{"Authorization": {"Bearer " + bound}}, `Bearer realm="https://login.example", resource_metadata="https://login.example/.well-known/oauth-protected-resource", error="invalid_token"`},
		{"downgrade with a proof", authorization(p.resource("GET", "/userinfo", bound), "Bearer "+bound), `error="invalid_token"`},
		{"bearer token as DPoP", p.resource("GET", "/userinfo", plain), `DPoP realm="https://login.example", algs="ES256 `},
		{"no proof", http.Header{"Authorization": {"DPoP " + bound}}, `error="invalid_dpop_proof"`},
		{"another key", other.resource("GET", "/userinfo", bound), `error="invalid_token"`},
		{"no ath", authorization(p.proof("GET", "/userinfo"), "DPoP "+bound), `error="invalid_dpop_proof"`},
		{"ath of another token", authorization(p.resource("GET", "/userinfo", plain), "DPoP "+bound), `error="invalid_dpop_proof"`},
		{"method", p.resource("POST", "/userinfo", bound), `error="invalid_dpop_proof"`},
		{"address", p.resource("GET", "/other", bound), `error="invalid_dpop_proof"`},
		{"replayed", used, `error="invalid_dpop_proof"`},
		{"unknown token", p.resource("GET", "/userinfo", "x"), `error="invalid_token"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp := b.send("GET", "/userinfo", row.header, "")
			if got := resp.Header.Get("WWW-Authenticate"); resp.Status != 401 || !strings.Contains(got, row.challenge) {
				t.Errorf("%d %s", resp.Status, got)
			}
		})
	}
	nothing := b.send("GET", "/userinfo", nil, "").Header.Values("WWW-Authenticate")
	if len(nothing) != 2 || strings.Contains(strings.Join(nothing, ""), "error") || !strings.HasPrefix(nothing[1], "DPoP ") {
		t.Errorf("%q", nothing)
	}
	if resp := b.send("GET", "/userinfo?x=y", p.resource("GET", "/userinfo", bound), ""); resp.Status != 200 {
		t.Errorf("%d %v", resp.Status, resp.Header)
	}
}

// A7: RFC 9449 sections 8 and 9, with a nonce that changes.
func TestA7DPoPNonce(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) { c.DPoPNonceInterval = time.Minute })
	p := b.prover()
	form := exchange("spa", b.code(request("spa")))
	asked := b.postWith("/token", p.proof("POST", "/token"), form)
	asked.refused(t, 400, "use_dpop_nonce")
	nonce := asked.Header.Get("DPoP-Nonce")
	b.postWith("/token", p.proof("POST", "/token", "nonce", nonce+"x"), form).refused(t, 400, "use_dpop_nonce")
	b.postWith("/par", p.proof("POST", "/par"), request("spa")).refused(t, 400, "use_dpop_nonce")
	token := b.postWith("/token", p.proof("POST", "/token", "nonce", nonce), form).must(t)
	if token.Header.Get("DPoP-Nonce") != nonce {
		t.Error("no nonce with the success")
	}
	userinfo := func(nonce string) authserver.Response {
		return b.send("GET", "/userinfo", p.resource("GET", "/userinfo", token.Access, "nonce", nonce), "")
	}
	if resp := userinfo(""); resp.Status != 401 || !strings.Contains(resp.Header.Get("WWW-Authenticate"), `error="use_dpop_nonce"`) || resp.Header.Get("DPoP-Nonce") != nonce {
		t.Errorf("%d %v", resp.Status, resp.Header)
	}
	b.now = b.now.Add(time.Minute)
	resp := userinfo(nonce)
	next := resp.Header.Get("DPoP-Nonce")
	if resp.Status != 200 || next == nonce || next == "" {
		t.Errorf("the nonce before: %d %v", resp.Status, resp.Header)
	}
	b.now = b.now.Add(time.Minute)
	if resp := userinfo(nonce); resp.Status != 401 {
		t.Errorf("a nonce of long ago: %d", resp.Status)
	}
	if resp := userinfo(next); resp.Status != 200 {
		t.Errorf("the next one: %d %v", resp.Status, resp.Header)
	}
	if plain := b.granted("spa"); plain.Header.Get("DPoP-Nonce") == "" || !b.works(plain.Access) {
		t.Error("a client without DPoP")
	}
}

// A7: if the store has no room for another jti, nothing is accepted.
func TestA7DPoPReplayMemory(t *testing.T) {
	m := authserver.NewMemoryStore()
	d := authserver.DigestOf("x")
	if err := m.UseOnce(d, start, start.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := m.UseOnce(d, start.Add(59*time.Second), start.Add(time.Hour)); !errors.Is(err, authserver.ErrReplayed) {
		t.Error(err)
	}
	if err := m.UseOnce(d, start.Add(time.Minute), start.Add(time.Hour)); err != nil {
		t.Error("after its time:", err)
	}
	var err error
	for i := 0; err == nil && i < 1<<20; i++ {
		err = m.UseOnce(authserver.DigestOf(time.Duration(i).String()), start, start.Add(time.Minute))
	}
	if !errors.Is(err, authserver.ErrUnavailable) {
		t.Error(err)
	}
	// Expired ones make room again.
	for range 300 {
		if err = m.UseOnce(authserver.DigestOf("later"), start.Add(time.Minute), start.Add(time.Minute)); err == nil {
			break
		}
	}
	if err != nil {
		t.Error(err)
	}
}
