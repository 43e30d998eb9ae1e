package authserver_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// signIn enters a password into the sign-in page.
func (b *bench) signIn(username, password string) authserver.Response {
	b.t.Helper()
	page := b.visit("GET", "/authorize?"+request("spa").Encode(), nil)
	return b.submit(page, "sign-in", url.Values{"username": {username}, "password": {password}})
}

// wayIn is a place where a secret may be guessed. right and wrong are its answers.
type wayIn struct {
	name         string
	try          func(b *bench, user, secret string) authserver.Response
	right, wrong int
}

var passwordWays = []wayIn{
	{"sign-in page", func(b *bench, user, password string) authserver.Response {
		b.cookie = ""
		return b.signIn(user, password)
	}, 303, 403},
	{"device page", func(b *bench, user, password string) authserver.Response {
		b.cookie = ""
		page := b.submit(b.visit("GET", "/device", nil), "continue", url.Values{"user_code": {"BBBB-BBBB"}})
		resp := b.submit(page, "sign-in", url.Values{"username": {user}, "password": {password}})
		if !shows(resp, "login") && resp.Status == 403 {
			resp.Status = 303 // signed in, but the code is wrong
		}
		return resp
	}, 303, 403},
	{"password grant", func(b *bench, user, password string) authserver.Response {
		return b.postWith("/token", trusted, url.Values{"grant_type": {"password"}, "username": {user}, "password": {password}}).Response
	}, 200, 400},
}

// S98: after ten wrong passwords for an account from one address, even the right one is refused
// there for a time, at every place where it can be entered, whether the account exists or not.
// Other accounts and addresses are not affected (RFC 6749 section 4.3.2, RFC 9700 section 4.15).
func TestS98PasswordsCannotBeTried(t *testing.T) {
	for _, way := range passwordWays {
		for user, right := range map[string]int{"first": way.right, "nobody": way.wrong} {
			t.Run(way.name+", "+user, func(t *testing.T) {
				b := newBench(t, everyGrant)
				b.source = "192.0.2.1"
				for i := range 10 {
					if resp := way.try(b, user, fmt.Sprint("guess", i)); resp.Status != way.wrong {
						t.Fatalf("%d: %d %s", i, resp.Status, resp.Body)
					}
				}
				wait := tooMany(t, way.try(b, user, "one"))
				tooMany(t, way.try(b, user, "guess"))
				if resp := way.try(b, "second", "two"); resp.Status != way.right {
					t.Errorf("another account: %d", resp.Status)
				}
				if resp := way.try(b.from("198.51.100.1"), user, "one"); resp.Status != right {
					t.Errorf("another address: %d", resp.Status)
				}
				b.now = b.now.Add(wait)
				if resp := way.try(b, user, "one"); resp.Status != right {
					t.Errorf("after %s: %d", wait, resp.Status)
				}
			})
		}
	}
}

// S98: all ways share their counts, so that a guesser gains nothing by using another.
func TestS98EveryWayCounts(t *testing.T) {
	b := newBench(t, everyGrant)
	b.source = "192.0.2.1"
	for i := range 10 {
		way := passwordWays[i%len(passwordWays)]
		if resp := way.try(b, "first", "x"); resp.Status != way.wrong {
			t.Fatalf("%d: %d", i, resp.Status)
		}
	}
	for _, way := range passwordWays {
		tooMany(t, way.try(b, "first", "one"))
	}
}

// S98: one address may send a hundred wrong passwords for all accounts together, and an account may
// get fifty from all addresses.
func TestS98ManyAccountsAndManyAddresses(t *testing.T) {
	way := passwordWays[2]
	t.Run("one address", func(t *testing.T) {
		b := newBench(t, everyGrant)
		b.source = "192.0.2.1"
		for i := range 100 {
			if resp := way.try(b, fmt.Sprint("user", i), "x"); resp.Status != way.wrong {
				t.Fatal(i, resp.Status)
			}
		}
		tooMany(t, way.try(b, "first", "one"))
	})
	t.Run("one account", func(t *testing.T) {
		b := newBench(t, everyGrant)
		for i := range 50 {
			if resp := way.try(b.from(fmt.Sprint("192.0.2.", i)), "first", "x"); resp.Status != way.wrong {
				t.Fatal(i, resp.Status)
			}
		}
		tooMany(t, way.try(b.from("192.0.2.200"), "first", "one"))
	})
}

// S98: fifty guesses at once get no more answers than guesses one after the other.
func TestS98GuessesAtOnce(t *testing.T) {
	b := newBench(t, everyGrant)
	b.source = "192.0.2.1"
	statuses := make([]int, 50)
	var done sync.WaitGroup
	for i := range statuses {
		done.Go(func() { statuses[i] = passwordWays[2].try(b.from(b.source), "first", fmt.Sprint(i)).Status })
	}
	done.Wait()
	answered := 0
	for _, s := range statuses {
		if s == 400 {
			answered++
		}
	}
	if answered != 10 {
		t.Errorf("%d answered: %v", answered, statuses)
	}
}

// S99: nobody can lock the owner out: at an address from which an account or a client sent the
// right secret before, wrong secrets from elsewhere do not count, and no wait is longer than a
// quarter of an hour.
func TestS99OwnersAreNotLockedOut(t *testing.T) {
	clientWay := wayIn{"client secret", func(b *bench, _, secret string) authserver.Response {
		return b.postWith("/token", basic("service", secret), url.Values{"grant_type": {"client_credentials"}}).Response
	}, 200, 401}
	secrets := map[string]string{"client secret": "svc"}
	for _, way := range append([]wayIn{clientWay}, passwordWays...) {
		t.Run(way.name, func(t *testing.T) {
			secret := "one"
			if s, ok := secrets[way.name]; ok {
				secret = s
			}
			b := newBench(t, everyGrant)
			home, flat := b.from("192.0.2.1"), b.from("198.51.100.1")
			if resp := way.try(home, "first", secret); resp.Status != way.right {
				t.Fatal(resp.Status)
			}
			var longest, wait time.Duration
			for range 3 {
				for i := range 400 {
					stranger := b.from(fmt.Sprintf("10.0.0.%d", i%200))
					if resp := way.try(stranger, "first", "x"); resp.Status == 429 {
						longest = max(longest, tooMany(t, resp))
					}
				}
				// Another user at the owner's address guesses at other accounts.
				for i := range 150 {
					passwordWays[2].try(home.from(home.source), fmt.Sprint("user", i), "x")
				}
				if resp := way.try(home, "first", secret); resp.Status != way.right {
					t.Errorf("the owner, where he was before: %d %s", resp.Status, resp.Body)
				}
				wait = tooMany(t, way.try(flat, "first", secret))
				longest = max(longest, wait)
				b.now, home.now, flat.now = b.now.Add(time.Minute), home.now.Add(time.Minute), flat.now.Add(time.Minute)
			}
			if longest > 15*time.Minute {
				t.Error("strangers wait", longest)
			}
			flat.now = flat.now.Add(wait)
			if resp := way.try(flat, "first", secret); resp.Status != way.right {
				t.Errorf("the owner, elsewhere, after %s: %d", wait, resp.Status)
			}
		})
	}
}

// S100: secrets of clients cannot be guessed at any endpoint that accepts them, nor with assertions
// that are signed with a secret (RFC 6749 section 2.3.1). Clients that authenticate with keys are
// not delayed, also not by somebody who uses the client's public client_id.
func TestS100ClientSecretsCannotBeTried(t *testing.T) {
	endpoints := map[string]url.Values{
		"/token": {"grant_type": {"client_credentials"}}, "/revoke": {"token": {"x"}}, "/introspect": {"token": {"x"}},
		"/device_authorization": {}, "/par": {},
	}
	for path, form := range endpoints {
		t.Run(path, func(t *testing.T) {
			b := newBench(t)
			b.source = "192.0.2.1"
			for i := range 10 {
				if i%2 == 0 {
					b.postWith(path, basic("service", "x"), form).refused(t, 401, "invalid_client")
				} else {
					b.post(path, with(form, "client_id", "service", "client_secret", "x")).refused(t, 401, "invalid_client")
				}
			}
			tooMany(t, b.postWith(path, basic("service", "svc"), form).Response)
			tooMany(t, b.postWith("/token", basic("service", "svc"), endpoints["/token"]).Response)
			if r := b.postWith("/token", trusted, endpoints["/token"]); r.Status != 200 {
				t.Errorf("another client: %d", r.Status)
			}
			if r := b.from("198.51.100.1").postWith("/token", basic("service", "svc"), endpoints["/token"]); r.Status != 200 {
				t.Errorf("another address: %d", r.Status)
			}
		})
	}
	t.Run("assertions of a secret", func(t *testing.T) {
		b := newBench(t)
		b.source = "192.0.2.1"
		send := func(secret string, i int) reply {
			mac := signWith(t, jose.HS256, []byte(secret), "JWT", false, b.assertion("macs", fmt.Sprint(i)))
			return b.post("/token", asserting(endpoints["/token"], mac))
		}
		for i := range 10 {
			send(strings.Repeat("x", 32), i).refused(t, 401, "invalid_client")
		}
		tooMany(t, send(longSecret, 10).Response)
	})
	t.Run("what is no guess", func(t *testing.T) {
		b := newBench(t)
		b.source = "192.0.2.1"
		for i := range 30 {
			b.post("/token", with(endpoints["/token"], "client_id", "service")).refused(t, 401, "invalid_client")
			forged := signWith(t, jose.ES256, newECKey(t, clientKey.Curve), "JWT", false, b.assertion("signs", fmt.Sprint(i)))
			b.post("/token", asserting(endpoints["/token"], forged)).refused(t, 401, "invalid_client")
		}
		b.postWith("/token", basic("service", "svc"), endpoints["/token"]).must(t)
		good := signWith(t, jose.ES256, clientKey, "JWT", false, b.assertion("signs", "good"))
		b.post("/token", asserting(endpoints["/token"], good)).must(t)
	})
	t.Run("registration token", func(t *testing.T) {
		b := newBench(t, func(c *authserver.Config) { c.RegistrationToken = "sesame" })
		b.source = "192.0.2.1"
		for range 10 {
			b.register("x", "{}").refused(t, 401, "invalid_token")
		}
		tooMany(t, b.register("sesame", "{}").Response)
		b.from("198.51.100.1").register("sesame", "{}").refused(t, 400, "invalid_redirect_uri")
	})
}

// S101: one address cannot guess user codes with many accounts. From elsewhere codes are still
// looked up (RFC 8628 section 5.1).
func TestS101UserCodesAndManyAccounts(t *testing.T) {
	users := map[string]authserver.User{}
	for i := range 20 {
		users[fmt.Sprint("user", i)] = authserver.User{Password: "p"}
	}
	b := newBench(t, func(c *authserver.Config) { maps.Copy(c.Users, users) })
	enter := func(b *bench, user int, code string) authserver.Response {
		page := b.submit(b.visit("GET", "/device", nil), "continue", url.Values{"user_code": {code}})
		if shows(page, "login") {
			page = b.submit(page, "sign-in", url.Values{"username": {fmt.Sprint("user", user)}, "password": {"p"}})
		}
		return page
	}
	for user := range 10 {
		here := b.from("192.0.2.1")
		for range 5 {
			if page := enter(here, user, "BBBB-BBBB"); page.Status != http.StatusForbidden {
				t.Fatal(user, page.Status)
			}
		}
	}
	d := b.device("tv")
	wait := tooMany(t, enter(b.from("192.0.2.1"), 10, d.UserCode))
	if page := enter(b.from("198.51.100.1"), 11, d.UserCode); !shows(page, "approve") {
		t.Errorf("elsewhere: %d", page.Status)
	}
	b.now = b.now.Add(wait)
	if page := enter(b.from("192.0.2.1"), 12, d.UserCode); !shows(page, "approve") {
		t.Errorf("after %s: %d", wait, page.Status)
	}
}
