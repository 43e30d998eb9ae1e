package oauthtest

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/guard"
)

// RunResource tests a Guard with an engine that has the kind "resource": it must allow valid
// requests and refuse what an attacker would send, with real keys, servers and sockets.
func RunResource(t *testing.T, open func(testing.TB) oauth.Engine) {
	w := &resourceWorld{T: t, engine: open(t)}
	w.issuer = newIssuer(t, "https://api.example/notes")
	t.Run("tokens that are good", w.good)
	t.Run("tokens that are not", w.attacks)
	t.Run("proofs", w.proofs)
	t.Run("a proof at once at two processes", w.replayed)
	t.Run("keys", w.keys)
	t.Run("opaque tokens", w.opaque)
	t.Run("certificates", w.certificates)
	t.Run("step-up", w.stepUp)
	t.Run("a store that fails", w.brokenStore)
	t.Run("giants", w.giants)
}

type resourceWorld struct {
	*testing.T
	engine oauth.Engine
	issuer *issuer
}

// guard makes a Guard with the usual configuration, changed.
func (w *resourceWorld) guard(t testing.TB, opts guard.Options, change func(*guard.Config)) *guard.Guard {
	t.Helper()
	c := guard.Config{Resource: w.issuer.resource, AuthorizationServers: []guard.Server{{Issuer: w.issuer.URL, Discovery: true, ClientID: "notes", ClientSecret: resourceSecret}}}
	if change != nil {
		change(&c)
	}
	g, err := guard.New(w.engine, c, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

// asking is a request with headers, given as names and values.
func asking(method, path string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// serve makes the guard's handler answer.
func serve(g *guard.Guard, r *http.Request) (*httptest.ResponseRecorder, *guard.Token) {
	var token *guard.Token
	rec := httptest.NewRecorder()
	g.Handler(guard.Need{}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { token = guard.FromContext(r.Context()) })).ServeHTTP(rec, r)
	return rec, token
}

func refused(t *testing.T, g *guard.Guard, r *http.Request, status int, code, reason string) {
	t.Helper()
	v, err := g.Check(r, guard.Need{})
	if err != nil {
		t.Fatal(err)
	}
	if v.Token != nil || v.Status != status || v.Reason.Code != reason || code != "" && !strings.Contains(strings.Join(v.Header["Www-Authenticate"], ","), `error="`+code+`"`) {
		t.Errorf("%d %+v %v, want %d %s %s", v.Status, v.Reason, v.Header, status, code, reason)
	}
}

func letIn(t *testing.T, g *guard.Guard, r *http.Request) *guard.Token {
	t.Helper()
	rec, token := serve(g, r)
	if token == nil {
		t.Fatalf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
	return token
}

func (w *resourceWorld) good(t *testing.T) {
	g := w.guard(t, guard.Options{}, nil)
	for n, key := range w.issuer.keys {
		at := key.sign(claims{"typ": "at+jwt", "alg": key.alg, "kid": key.kid}, w.issuer.claims())
		token := letIn(t, g, asking("GET", "/notes", "Authorization", "Bearer "+at))
		if token.Subject != "u1" || token.ClientID != "app" || !token.Has("write") || token.Has("admin") || token.Issuer != w.issuer.URL || token.ACR != "silver" || token.Expiry.Before(time.Now()) {
			t.Errorf("%d: %+v", n, token)
		}
		var all struct{ Sub string }
		if err := token.Read(&all); err != nil || all.Sub != "u1" {
			t.Error(err, all)
		}
	}
	rec := httptest.NewRecorder()
	g.Metadata().ServeHTTP(rec, asking("GET", g.MetadataPath()))
	var document struct {
		Resource             string
		AuthorizationServers []string `json:"authorization_servers"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &document); err != nil || document.Resource != w.issuer.resource || document.AuthorizationServers[0] != w.issuer.URL || g.MetadataPath() != "/.well-known/oauth-protected-resource/notes" {
		t.Error(err, document, g.MetadataPath())
	}
}

// attacks: a Guard that leaves one check out would allow one of them.
func (w *resourceWorld) attacks(t *testing.T) {
	i := w.issuer
	g := w.guard(t, guard.Options{}, func(c *guard.Config) {
		c.AuthorizationServers[0].ClientID, c.AuthorizationServers[0].ClientSecret = "", ""
	})
	evil := newSigner(t, "RS256", "rsa")
	evilEC := newSigner(t, "ES256", "evil")
	rsaKey := i.keys[0]
	der, err := x509.MarshalPKIXPublicKey(rsaKey.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	jwk, err := json.Marshal(rsaKey.jwk())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	good := i.token(nil)
	parts := strings.Split(good, ".")
	for _, row := range []struct{ name, token, reason string }{
		{"alg none", i.header().but(claims{"alg": "none"}).part() + "." + parts[1] + ".", "alg_not_allowed"},
		{"alg none with the signature", i.header().but(claims{"alg": "none"}).part() + "." + parts[1] + "." + parts[2], "alg_not_allowed"},
		{"an HMAC of the public key as PEM", forged(i.header().but(claims{"alg": "HS256"}), i.claims(), public), "alg_not_allowed"},
		{"an HMAC of the public key as DER", forged(i.header().but(claims{"alg": "HS256"}), i.claims(), der), "alg_not_allowed"},
		{"an HMAC of the JWK", forged(i.header().but(claims{"alg": "HS256"}), i.claims(), jwk), "alg_not_allowed"},
		{"an HMAC of nothing", forged(i.header().but(claims{"alg": "HS256"}), i.claims(), nil), "alg_not_allowed"},
		{"another's key by the same kid", evil.sign(i.header(), i.claims()), "bad_signature"},
		{"another's key without kid", evil.sign(i.header().but(claims{"kid": nil}), i.claims()), "bad_signature"},
		{"an embedded key", evilEC.sign(claims{"typ": "at+jwt", "alg": "ES256", "kid": "evil", "jwk": evilEC.jwk()}, i.claims()), "unknown_key"},
		{"a jku", evilEC.sign(claims{"typ": "at+jwt", "alg": "ES256", "kid": "evil", "jku": i.URL + "/jwks"}, i.claims()), "unknown_key"},
		{"an x5c", evil.sign(i.header().but(claims{"x5c": []string{base64.StdEncoding.EncodeToString(der)}}), i.claims()), "bad_signature"},
		{"a kid that is a path", evil.sign(i.header().but(claims{"kid": "../../../dev/null"}), i.claims()), "unknown_key"},
		{"a critical member", rsaKey.sign(i.header().but(claims{"crit": []string{"exp"}}), i.claims()), "malformed"},
		{"an ID token", rsaKey.sign(i.header().but(claims{"typ": "JWT"}), i.claims()), "wrong_type"},
		{"PS256 of an RS256 key", rsaKey.sign(i.header().but(claims{"alg": "PS256"}), i.claims()), "unknown_key"},
		{"changed claims", parts[0] + "." + i.claims().but(claims{"sub": "admin"}).part() + "." + parts[2], "bad_signature"},
		{"a signature that is cut", parts[0] + "." + parts[1] + "." + parts[2][:340], "bad_signature"},
		{"no signature", parts[0] + "." + parts[1] + ".", "bad_signature"},
		{"another audience", i.token(claims{"aud": "https://other.example"}), "wrong_claim"},
		{"another issuer", i.token(claims{"iss": "https://evil.example"}), "wrong_claim"},
		{"expired", i.token(claims{"exp": now - 31}), "expired"},
		{"not yet", i.token(claims{"nbf": now + 600}), "not_yet"},
		{"no exp", i.token(claims{"exp": nil}), "missing_claim"},
		{"opaque", "2YotnFZFEjr1zCsicMWpAA", "malformed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			refused(t, g, asking("GET", "/notes", "Authorization", "Bearer "+row.token), 401, "invalid_token", row.reason)
		})
	}
	refused(t, g, asking("GET", "/notes?access_token="+good), 401, "", "missing_token")
	form := asking("POST", "/notes", "Content-Type", "application/x-www-form-urlencoded")
	form.PostForm = map[string][]string{"access_token": {good}}
	refused(t, g, form, 401, "", "missing_token")
	refused(t, g, asking("GET", "/notes?access_token="+good, "Authorization", "Bearer "+good), 400, "invalid_request", "several_tokens")
	refused(t, g, asking("GET", "/notes", "Authorization", "Bearer "+good, "Authorization", "Bearer "+good), 400, "invalid_request", "several_tokens")
	letIn(t, g, asking("GET", "/notes", "Authorization", "Bearer "+good))
}

func (w *resourceWorld) proofs(t *testing.T) {
	const url = "https://api.example/notes"
	for _, alg := range []string{"ES256", "EdDSA", "RS256"} {
		key := newSigner(t, alg, "")
		at := w.issuer.token(claims{"cnf": claims{"jkt": key.thumbprint()}})
		g := w.guard(t, guard.Options{}, nil)
		ask := func(token, proof string) *http.Request {
			return asking("GET", "/notes?x=y", "Authorization", "DPoP "+token, "DPoP", proof)
		}
		if token := letIn(t, g, ask(at, key.proof("GET", url, at, nil, nil))); token.Scheme != "DPoP" {
			t.Error(token)
		}
		other := newSigner(t, alg, "")
		for _, row := range []struct{ name, proof, code, reason string }{
			{"the signature of another key", other.proof("GET", url, at, claims{"jwk": key.jwk()}, nil), "invalid_dpop_proof", "bad_signature"},
			{"another key", other.proof("GET", url, at, nil, nil), "invalid_token", "wrong_key"},
			{"another method", key.proof("POST", url, at, nil, nil), "invalid_dpop_proof", "wrong_claim"},
			{"another URL", key.proof("GET", url+"/1", at, nil, nil), "invalid_dpop_proof", "wrong_claim"},
			{"another token", key.proof("GET", url, "other", nil, nil), "invalid_dpop_proof", "wrong_claim"},
			{"a time to come", key.proof("GET", url, at, nil, claims{"iat": time.Now().Unix() + 120}), "invalid_dpop_proof", "untimely"},
			{"an hour ago", key.proof("GET", url, at, nil, claims{"iat": time.Now().Unix() - 3600}), "invalid_dpop_proof", "untimely"},
			{"a private key", key.proof("GET", url, at, claims{"jwk": key.jwk().but(claims{"d": "AAAA"})}, nil), "invalid_dpop_proof", "bad_key"},
			{"a symmetric key", forged(claims{"typ": "dpop+jwt", "alg": "HS256", "jwk": claims{"kty": "oct", "k": "AAAA"}}, claims{}, []byte{0, 0, 0}), "invalid_dpop_proof", "alg_not_allowed"},
		} {
			t.Run(alg+" "+row.name, func(t *testing.T) { refused(t, g, ask(at, row.proof), 401, row.code, row.reason) })
		}
		proof := key.proof("GET", url, at, nil, nil)
		letIn(t, g, ask(at, proof))
		refused(t, g, ask(at, proof), 401, "invalid_dpop_proof", "replayed")
		refused(t, g, asking("GET", "/notes", "Authorization", "Bearer "+at), 401, "invalid_token", "proof_needed")
		two := ask(at, key.proof("GET", url, at, nil, nil))
		two.Header.Add("DPoP", key.proof("GET", url, at, nil, nil))
		refused(t, g, two, 401, "invalid_dpop_proof", "proofs")
	}
	// Nonces, which a second process accepts because it has the key.
	key := newSigner(t, "ES256", "")
	at := w.issuer.token(claims{"cnf": claims{"jkt": key.thumbprint()}})
	nonces := func(c *guard.Config) {
		c.DPoPNonce, c.NonceKeys, c.DPoP = true, []guard.NonceKey{[]byte(strings.Repeat("k", 32))}, guard.DPoPRequired
	}
	a, b := w.guard(t, guard.Options{}, nonces), w.guard(t, guard.Options{}, nonces)
	rec, _ := serve(a, asking("GET", "/notes", "Authorization", "DPoP "+at, "DPoP", key.proof("GET", url, at, nil, nil)))
	nonce := rec.Header().Get("DPoP-Nonce")
	if rec.Code != 401 || nonce == "" || !strings.Contains(rec.Header().Get("WWW-Authenticate"), `error="use_dpop_nonce"`) {
		t.Fatal(rec.Code, rec.Header())
	}
	letIn(t, b, asking("GET", "/notes", "Authorization", "DPoP "+at, "DPoP", key.proof("GET", url, at, nil, claims{"nonce": nonce})))
	refused(t, b, asking("GET", "/notes", "Authorization", "Bearer "+w.issuer.token(nil)), 401, "invalid_token", "not_bound")
}

// replayed: two processes share a store, and one proof is sent to both many times at once: it is
// accepted once.
func (w *resourceWorld) replayed(t *testing.T) {
	store := &oauth.MemoryStore{}
	key := newSigner(t, "ES256", "")
	at := w.issuer.token(claims{"cnf": claims{"jkt": key.thumbprint()}})
	proof := key.proof("GET", "https://api.example/notes", at, nil, nil)
	guards := []*guard.Guard{w.guard(t, guard.Options{Store: store}, nil), w.guard(t, guard.Options{Store: store}, nil)}
	var in atomic.Int64
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() {
			if rec, _ := serve(guards[n%2], asking("GET", "/notes", "Authorization", "DPoP "+at, "DPoP", proof)); rec.Code == 200 {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("let in %d times", in.Load())
	}
}

// keys: many checks share one fetch, an unknown key causes at most one fetch a minute, and a new
// key is found.
func (w *resourceWorld) keys(t *testing.T) {
	i := newIssuer(t, w.issuer.resource)
	var ahead atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	own := &resourceWorld{T: w.T, engine: w.engine, issuer: i}
	g := own.guard(t, guard.Options{Now: clock}, nil)
	at := i.token(claims{"exp": time.Now().Unix() + 6000})
	var all sync.WaitGroup
	var in atomic.Int64
	for range 50 {
		all.Go(func() {
			if rec, _ := serve(g, asking("GET", "/notes", "Authorization", "Bearer "+at)); rec.Code == 200 {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 50 || i.fetched.Load() != 1 {
		t.Errorf("%d let in, keys fetched %d times", in.Load(), i.fetched.Load())
	}
	next := newSigner(t, "RS256", "next")
	for n := range 20 {
		refused(t, g, asking("GET", "/notes", "Authorization", "Bearer "+next.sign(i.header().but(claims{"kid": fmt.Sprint("made up ", n)}), i.claims())), 401, "invalid_token", "unknown_key")
	}
	i.mu.Lock()
	i.keys = []*signer{next}
	i.mu.Unlock()
	ahead.Store(int64(61 * time.Second))
	letIn(t, g, asking("GET", "/notes", "Authorization", "Bearer "+next.sign(i.header().but(claims{"kid": "next"}), i.claims())))
	refused(t, g, asking("GET", "/notes", "Authorization", "Bearer "+at), 401, "invalid_token", "unknown_key")
	if i.fetched.Load() != 2 {
		t.Errorf("keys fetched %d times", i.fetched.Load())
	}
	i.Close()
	ahead.Store(int64(25 * time.Hour))
	refused(t, g, asking("GET", "/notes", "Authorization", "Bearer "+next.sign(i.header().but(claims{"kid": "next"}), i.claims().but(claims{"exp": time.Now().Unix() + 1e6}))), 503, "", "unsent")
}

func (w *resourceWorld) opaque(t *testing.T) {
	i := w.issuer
	var ahead atomic.Int64
	g := w.guard(t, guard.Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}, nil)
	say := func(token string, answer claims) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.answers[token] = answer
	}
	known := claims{"active": true, "sub": "u2", "client_id": "app", "aud": i.resource, "scope": "read", "exp": time.Now().Unix() + 600}
	say("opaque", known)
	before := i.looked.Load()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if rec, token := serve(g, asking("GET", "/notes", "Authorization", "Bearer opaque")); rec.Code != 200 || token.Subject != "u2" {
				t.Error(rec.Code, rec.Body)
			}
		})
	}
	all.Wait()
	if n := i.looked.Load() - before; n != 1 {
		t.Errorf("asked %d times", n)
	}
	say("opaque", nil) // revoked
	letIn(t, g, asking("GET", "/notes", "Authorization", "Bearer opaque"))
	ahead.Store(int64(61 * time.Second))
	refused(t, g, asking("GET", "/notes", "Authorization", "Bearer opaque"), 401, "invalid_token", "inactive")
	say("foreign", known.but(claims{"aud": "https://other.example"}))
	refused(t, g, asking("GET", "/notes", "Authorization", "Bearer foreign"), 401, "invalid_token", "wrong_claim")
	wrong := w.guard(t, guard.Options{}, func(c *guard.Config) { c.AuthorizationServers[0].ClientSecret = "another" })
	refused(t, wrong, asking("GET", "/notes", "Authorization", "Bearer opaque"), 503, "", "oauth_error")
}

func (w *resourceWorld) certificates(t *testing.T) {
	raw := []byte("the client's certificate")
	sum := sha256.Sum256(raw)
	at := w.issuer.token(claims{"cnf": claims{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}})
	g := w.guard(t, guard.Options{}, func(c *guard.Config) {
		c.Certificates, c.CertificateHeader, c.Proxies = true, "client-cert", []string{"192.0.2.0/28"}
	})
	with := func(der []byte) *http.Request {
		r := asking("GET", "/notes", "Authorization", "Bearer "+at)
		r.RemoteAddr = "198.51.100.7:1234"
		if der != nil {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: der}}}
		}
		return r
	}
	letIn(t, g, with(raw))
	refused(t, g, with([]byte("another")), 401, "invalid_token", "wrong_certificate")
	refused(t, g, with(nil), 401, "invalid_token", "wrong_certificate")
	header := ":" + base64.StdEncoding.EncodeToString(raw) + ":"
	outside := with(nil)
	outside.Header.Set("Client-Cert", header)
	refused(t, g, outside, 401, "invalid_token", "wrong_certificate")
	inside := with(nil)
	inside.RemoteAddr = "192.0.2.1:99"
	inside.Header.Set("Client-Cert", header)
	letIn(t, g, inside)
}

func (w *resourceWorld) stepUp(t *testing.T) {
	g := w.guard(t, guard.Options{}, nil)
	minute, hour := time.Minute, time.Hour
	for _, row := range []struct {
		need      guard.Need
		status    int
		challenge string
	}{
		{guard.Need{Scope: "read"}, 200, ""},
		{guard.Need{Scope: "read admin"}, 403, `error="insufficient_scope"`},
		{guard.Need{ACRValues: "silver gold"}, 200, ""},
		{guard.Need{ACRValues: "gold"}, 401, `acr_values="gold"`},
		{guard.Need{MaxAge: &hour}, 200, ""},
		{guard.Need{MaxAge: &minute}, 401, `max_age="60"`},
	} {
		rec := httptest.NewRecorder()
		g.Handler(row.need, http.NotFoundHandler()).ServeHTTP(rec, asking("GET", "/notes", "Authorization", "Bearer "+w.issuer.token(nil)))
		status := rec.Code
		if status == 404 {
			status = 200
		}
		if status != row.status || !strings.Contains(rec.Header().Get("WWW-Authenticate"), row.challenge) {
			t.Errorf("%+v: %d %v", row.need, rec.Code, rec.Header())
		}
	}
}

// failing is a store that cannot be reached.
type failing struct{ oauth.MemoryStore }

func (*failing) StoreUntil(context.Context, string, string, string, time.Time) (string, error) {
	return "", errors.New("the store is down")
}

func (w *resourceWorld) brokenStore(t *testing.T) {
	var told atomic.Int64
	g := w.guard(t, guard.Options{Store: &failing{}, OnError: func(error) { told.Add(1) }}, nil)
	key := newSigner(t, "ES256", "")
	at := w.issuer.token(claims{"cnf": claims{"jkt": key.thumbprint()}})
	refused(t, g, asking("GET", "/notes", "Authorization", "DPoP "+at, "DPoP", key.proof("GET", "https://api.example/notes", at, nil, nil)), 503, "", "storage")
	letIn(t, g, asking("GET", "/notes", "Authorization", "Bearer "+w.issuer.token(nil)))
	until := time.Now().Add(Patience)
	for told.Load() == 0 && time.Now().Before(until) {
		time.Sleep(time.Millisecond)
	}
	if told.Load() == 0 {
		t.Error("nobody was told")
	}
}

// giants: what is too long is refused, and the next request is answered.
func (w *resourceWorld) giants(t *testing.T) {
	g := w.guard(t, guard.Options{}, nil)
	for _, n := range []int{17 << 10, 300 << 10, 2 << 20} {
		for _, text := range []string{strings.Repeat("x", n), strings.Repeat("a.", n/2)} {
			rec, token := serve(g, asking("GET", "/notes", "Authorization", "Bearer "+text))
			if token != nil || rec.Code != 401 && rec.Code != 431 {
				t.Error(n, rec.Code)
			}
		}
	}
	letIn(t, g, asking("GET", "/notes", "Authorization", "Bearer "+w.issuer.token(nil)))
}
