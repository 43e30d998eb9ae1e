package authserver_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// atOnce sends fifty requests at once.
func atOnce(send func() reply) []reply {
	replies := make([]reply, 50)
	var ready, done sync.WaitGroup
	ready.Add(1)
	for i := range replies {
		done.Go(func() {
			ready.Wait()
			replies[i] = send()
		})
	}
	ready.Done()
	done.Wait()
	return replies
}

// S104: of fifty simultaneous uses of a thing that can be used once, exactly one succeeds. If a
// second use is a sign of theft, what the first got is revoked, with all that was exchanged for it
// (RFC 6749 section 4.1.2, RFC 9700 sections 2.1.1 and 4.14.2, RFC 9449 section 11.1, RFC 7523
// section 3).
func TestS104RacesHaveOneWinner(t *testing.T) {
	tokenForm := func(form url.Values) func(*bench) func() reply {
		return func(b *bench) func() reply { return func() reply { return b.post("/token", form) } }
	}
	for _, row := range []struct {
		name    string
		prepare func(*bench) func() reply
		refusal string
		revoked bool
	}{
		{"code", func(b *bench) func() reply { return tokenForm(exchange("spa", b.code(request("spa"))))(b) }, "invalid_grant", true},
		{"refresh token", func(b *bench) func() reply {
			return tokenForm(url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {b.granted("spa").Refresh}})(b)
		}, "invalid_grant", true},
		{"device code", func(b *bench) func() reply {
			d := b.device("tv")
			b.decide(d, "approve")
			return func() reply { return b.poll(d) }
		}, "invalid_grant", true},
		{"assertion about a user", func(b *bench) func() reply {
			assertion := signWith(t, jose.ES256, clientKey, "JWT", false, b.assertion("", "1", "iss", "https://other.example", "sub", "u-1"))
			form := url.Values{"grant_type": {authserver.GrantJWTBearer}, "assertion": {assertion}}
			return func() reply { return b.postWith("/token", trusted, form) }
		}, "invalid_grant", false},
		{"assertion of a client", func(b *bench) func() reply {
			assertion := signWith(t, jose.ES256, clientKey, "JWT", false, b.assertion("signs", "1"))
			return tokenForm(asserting(url.Values{"grant_type": {"client_credentials"}}, assertion))(b)
		}, "invalid_client", false},
		{"proof", func(b *bench) func() reply {
			h := basic("service", "svc")
			h["Dpop"] = b.prover().proof("POST", "/token")["Dpop"]
			return func() reply { return b.postWith("/token", h, url.Values{"grant_type": {"client_credentials"}}) }
		}, "invalid_dpop_proof", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, everyGrant)
			won, alive := 0, 0
			for _, r := range atOnce(row.prepare(b)) {
				if r.Status != http.StatusOK {
					if r.Error != row.refusal {
						t.Errorf("%d %s", r.Status, r.Body)
					}
					continue
				}
				won++
				token, err := b.store.Token(authserver.DigestOf(r.Access))
				if err == nil && !token.Revoked {
					alive++
				}
				if r.Refresh != "" {
					b.refresh(token.ClientID, r.Refresh).refused(t, 400, "invalid_grant")
				}
			}
			want := 1
			if row.revoked {
				want = 0
			}
			if won != 1 || alive != want {
				t.Errorf("%d won, %d alive", won, alive)
			}
		})
	}
}

// S104: exchanges and the revocation of their subject at once: when both are done, no exchanged
// token is alive.
func TestS104ExchangesAndRevocationAtOnce(t *testing.T) {
	for _, kind := range []string{"access token", "refresh token"} {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t, everyGrant)
			subject := b.granted("spa")
			token := subject.Access
			if kind == "refresh token" {
				token = subject.Refresh
			}
			var mu sync.Mutex
			n := 0
			for _, r := range atOnce(func() reply {
				mu.Lock()
				n++
				revokes := n == 25
				mu.Unlock()
				if revokes {
					return b.post("/revoke", url.Values{"client_id": {"spa"}, "token": {token}})
				}
				return b.postWith("/token", basic("downstream", "down"), url.Values{"grant_type": {authserver.GrantTokenExchange},
					"subject_token": {subject.Access}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}})
			}) {
				if r.Access != "" && b.works(r.Access) {
					t.Error("an exchanged token outlives its subject")
				}
			}
		})
	}
}

// S104: a grant that a replay ended stays ended: neither the winner's successor nor an exchange
// restores it.
func TestS104ReplayEndsTheWholeGrant(t *testing.T) {
	b := newBench(t, everyGrant)
	form := exchange("spa", b.code(request("spa")))
	first := b.post("/token", form).must(t)
	second := b.refresh("spa", first.Refresh).must(t)
	b.post("/token", form).refused(t, 400, "invalid_grant")
	b.refresh("spa", second.Refresh).refused(t, 400, "invalid_grant")
	for _, access := range []string{first.Access, second.Access} {
		if b.works(access) {
			t.Error("still good")
		}
		b.postWith("/token", basic("downstream", "down"), url.Values{"grant_type": {authserver.GrantTokenExchange},
			"subject_token": {access}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}}).refused(t, 400, "invalid_request")
	}
}

// S104: a logout token is for its client only. Its type differs from an ID token's, it lacks the
// claims of one, it expires soon, and each has its own jti (OpenID Connect Back-Channel Logout
// sections 2.4 and 2.6). This server does not accept one as an ID token.
func TestS104LogoutTokensAreNothingElse(t *testing.T) {
	var told []string
	b := newBench(t, func(c *authserver.Config) {
		c.BackchannelLogout = func(_, token string) { told = append(told, token) }
	})
	for range 2 {
		b.cookie = ""
		b.code(with(request("told"), "scope", "openid"))
		b.submit(b.visit("GET", "/logout", nil), "sign-out", nil)
	}
	if len(told) != 2 {
		t.Fatal(len(told))
	}
	jws, err := jose.ParseSignedCompact(told[0], []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	if typ := jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType]; typ != "logout+jwt" {
		t.Error(typ)
	}
	first, second := b.claims(told[0]), b.claims(told[1])
	if first["aud"] != "told" || first["nonce"] != nil || first["jti"] == second["jti"] || first["sid"] == second["sid"] ||
		first["exp"].(float64)-first["iat"].(float64) > 120 {
		t.Errorf("%v\n%v", first, second)
	}
	// As a hint it is ignored: the user is asked before a sign-out, and anybody may sign in.
	b.code(with(request("told"), "scope", "openid"))
	if page := b.visit("GET", "/logout?id_token_hint="+told[1], nil); !shows(page, "sign-out") {
		t.Errorf("a logout token signs out: %d", page.Status)
	}
}
