package authserver_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

func (b *bench) kept() map[string]int { return b.store.(*authserver.MemoryStore).Kept() }

// tooMany checks that an answer is 429, and that a retry after its Retry-After succeeds (RFC 6585
// section 4).
func tooMany(t testing.TB, resp authserver.Response) time.Duration {
	t.Helper()
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if resp.Status != http.StatusTooManyRequests || err != nil || seconds < 1 {
		t.Fatalf("%d %v %s", resp.Status, resp.Header, resp.Body)
	}
	return time.Duration(seconds) * time.Second
}

// from makes the bench send from another address.
func (b *bench) from(source string) *bench {
	other := *b
	other.source, other.cookie = source, ""
	return &other
}

// S91: proofs of refused requests are not stored, however many there are: anybody can make them in
// the name of a public client (RFC 9449 section 11.1).
func TestS91ProofsOfBadRequestsAreNotKept(t *testing.T) {
	b := newBench(t, everyGrant)
	p := b.prover()
	used := exchange("spa", b.code(request("spa")))
	granted := b.postWith("/token", p.proof("POST", "/token"), used).must(t)
	b.postWith("/token", p.proof("POST", "/token"), used).refused(t, 400, "invalid_grant")
	device := b.device("tv")
	stranger := b.prover()
	before := b.kept()["once"]
	if before != 1 {
		t.Errorf("%d kept of one good request", before)
	}
	for _, row := range []struct {
		name, path string
		form       url.Values
	}{
		{"no such code", "/token", exchange("spa", "x")},
		{"a code that was used", "/token", used},
		{"no such refresh token", "/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {"x"}}},
		{"a refresh token of another key", "/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {granted.Refresh}}},
		{"a device that waits", "/token", url.Values{"grant_type": {authserver.GrantDeviceCode}, "client_id": {"tv"}, "device_code": {device.DeviceCode}}},
		{"no grant type", "/token", url.Values{"client_id": {"spa"}}},
		{"a pushed request that is wrong", "/par", with(request("spa"), "redirect_uri", "https://evil.example")},
		{"no client", "/token", exchange("nobody", "x")},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range 20 {
				if r := b.postWith(row.path, stranger.proof("POST", row.path), row.form); r.Status/100 != 4 {
					t.Fatalf("%d %s", r.Status, r.Body)
				}
			}
			if after := b.kept()["once"]; after != before {
				t.Errorf("%d proofs kept", after-before)
			}
		})
	}
	t.Run("a resource", func(t *testing.T) {
		for _, access := range []string{granted.Access, "x"} {
			if resp := b.send("GET", "/userinfo", stranger.resource("GET", "/userinfo", access), ""); resp.Status != 401 {
				t.Error(resp.Status)
			}
		}
		if after := b.kept()["once"]; after != before {
			t.Errorf("%d proofs kept", after-before)
		}
	})
}

// S91: each key and each account has its own limit of stored proofs. One that has reached it is
// told when to retry, and nobody else is affected.
func TestS91ProofsAreCountedByKeyAndAccount(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) { c.Limits.Identifiers.Owner = 8 })
	bound := func(b *bench, user, password string) (*prover, string) {
		b.cookie = ""
		page := b.visit("GET", "/authorize?"+request("spa").Encode(), nil)
		page = b.submit(page, "sign-in", url.Values{"username": {user}, "password": {password}})
		u := location(t, b.submit(b.visit("GET", page.Header.Get("Location"), nil), "approve", nil))
		p := b.prover()
		return p, b.postWith("/token", p.proof("POST", "/token"), exchange("spa", u.Query().Get("code"))).must(t).Access
	}
	visit := func(p *prover, access string) authserver.Response {
		return b.send("GET", "/userinfo", p.resource("GET", "/userinfo", access), "")
	}
	p, access := bound(b, "first", "one")
	other, others := bound(b, "second", "two")
	replayed := p.resource("GET", "/userinfo", access)
	for i := range 30 {
		want := 200
		if i > 0 {
			want = 401
		}
		if resp := b.send("GET", "/userinfo", replayed, ""); resp.Status != want {
			t.Fatalf("replay %d: %d", i, resp.Status)
		}
	}
	for i := range 6 { // after the one at the token endpoint and the one above
		if resp := visit(p, access); resp.Status != 200 {
			t.Fatalf("%d: %d", i, resp.Status)
		}
	}
	before := b.kept()["once"]
	wait := tooMany(t, visit(p, access))
	if resp := visit(other, others); resp.Status != 200 {
		t.Errorf("another account: %d", resp.Status)
	}
	if after := b.kept()["once"]; after != before+1 {
		t.Errorf("%d kept", after-before)
	}
	b.now = b.now.Add(wait)
	if resp := visit(p, access); resp.Status != 200 {
		t.Errorf("after %s: %d", wait, resp.Status)
	}

	// With further keys the account gets twice as many.
	last := 0
	for range 20 {
		b.cookie = ""
		page := b.visit("GET", "/authorize?"+request("spa").Encode(), nil)
		page = b.submit(page, "sign-in", firstSignsIn)
		u := location(t, b.submit(b.visit("GET", page.Header.Get("Location"), nil), "approve", nil))
		last = b.postWith("/token", b.prover().proof("POST", "/token"), exchange("spa", u.Query().Get("code"))).Status
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("with a new key each time: %d", last)
	}
	if resp := visit(other, others); resp.Status != 200 {
		t.Errorf("another account: %d", resp.Status)
	}
}

// S92: pushed requests are limited in length, and in number for an address and for a client (RFC
// 9126 sections 2.3 and 7.2). One address cannot use up the client's limit, nothing that is alive
// is deleted, and a refused client is told when to retry.
func TestS92PushedRequestsAreBounded(t *testing.T) {
	b := newBench(t)
	b.source = "192.0.2.1"
	first := b.push(nil, request("pushes"))
	large := with(request("pushes"), "login_hint", strings.Repeat("x", 60<<10))
	for _, n := range []int{60 << 10, 12 << 10, 8 << 10} {
		b.post("/par", with(large, "login_hint", strings.Repeat("x", n))).refused(t, http.StatusRequestEntityTooLarge, "invalid_request")
	}
	made, last := 0, reply{}
	for range 3000 {
		if last = b.post("/par", with(large, "login_hint", strings.Repeat("x", 7<<10))); last.Status == http.StatusCreated {
			made++
		}
	}
	wait := tooMany(t, last.Response)
	if kept := b.kept()["pushed"]; made > 1024/7 || kept != made+1 {
		t.Errorf("%d made, %d kept", made, kept)
	}
	b.from("198.51.100.1").push(nil, request("pushes"))
	b.now = b.now.Add(wait)
	b.push(nil, request("pushes"))
	if page := b.open(first); !shows(page, "login") {
		t.Errorf("what was pushed first is gone: %d %s", page.Status, page.Body)
	}

	// Sixteen addresses may send as much as the client's limit.
	for i := range 20 {
		stranger := b.from("192.0.2." + strconv.Itoa(100+i))
		for range 200 {
			last = stranger.post("/par", with(large, "login_hint", strings.Repeat("x", 7<<10)))
		}
	}
	tooMany(t, last.Response)
	if kept := b.kept()["pushed"]; kept > 2*16384/7 {
		t.Errorf("%d kept", kept)
	}
	if other := b.from("198.51.100.2").post("/par", request("spa")); other.Status != http.StatusCreated {
		t.Errorf("another client: %d %s", other.Status, other.Body)
	}
}

// S92: if a request object is sent repeatedly, each stored request is counted. A request that is
// too long is refused at every endpoint.
func TestS92OpenedRequestsAreBounded(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) { c.Limits.PushedRequests.Source = 10 })
	b.source = "192.0.2.1"
	object := signWith(t, jose.ES256, clientKey, "JWT", false, claimsOf(request("maybe")))
	target := "/authorize?client_id=maybe&request=" + object
	var last authserver.Response
	for range 50 {
		last = b.send("GET", target, nil, "")
	}
	tooMany(t, last)
	if kept := b.kept()["pushed"]; kept != 10 || last.Header.Get("Location") != "" {
		t.Errorf("%d kept, %v", kept, last.Header)
	}
	long := with(request("spa"), "nonce", strings.Repeat("n", 9<<10))
	if resp := b.send("GET", "/authorize?"+long.Encode(), nil, ""); resp.Status != http.StatusRequestEntityTooLarge || resp.Header.Get("Location") != "" {
		t.Errorf("%d %v", resp.Status, resp.Header)
	}
	object = signWith(t, jose.ES256, clientKey, "JWT", false, claimsOf(with(request("maybe"), "nonce", strings.Repeat("n", 9<<10))))
	b.post("/par", url.Values{"client_id": {"maybe"}, "request": {object}}).refused(t, http.StatusRequestEntityTooLarge, "invalid_request")
}

// S93: device authorizations are limited for an address and for a client. Devices that already wait
// are not affected (RFC 8628 section 5).
func TestS93DeviceAuthorizationsAreBounded(t *testing.T) {
	b := newBench(t)
	b.source = "2001:db8:1::1"
	first := b.device("tv")
	var last reply
	for i := range 3000 {
		// Addresses of one site count as one.
		b.source = fmt.Sprintf("2001:db8:1:%x::%x", i%100, i)
		last = b.post("/device_authorization", url.Values{"client_id": {"tv"}})
	}
	wait := tooMany(t, last.Response)
	if kept := b.kept()["devices"]; kept != 256 {
		t.Errorf("%d kept", kept)
	}
	b.from("2001:db8:2::1").device("tv")
	b.decide(first, "approve")
	b.poll(first).must(t)
	b.now = b.now.Add(wait)
	b.device("tv")
	for i := range 5000 {
		last = b.from(fmt.Sprintf("10.0.%d.%d", i/100, i%100)).post("/device_authorization", url.Values{"client_id": {"tv"}})
	}
	tooMany(t, last.Response)
	if kept := b.kept()["devices"]; kept > 2*4096 {
		t.Errorf("%d kept", kept)
	}
	if r := b.from("192.0.2.1").post("/device_authorization", url.Values{"client_id": {"radio"}}); r.Status != 200 {
		t.Errorf("another client: %d", r.Status)
	}
	b.post("/device_authorization", url.Values{"client_id": {"tv"}, "x": {strings.Repeat("x", 16<<10)}}).refused(t, 413, "invalid_request")
}

// S94: clients that register themselves are limited in number and length (RFC 7591 section 5).
func TestS94RegistrationsAreBounded(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) { c.InsecureOpenRegistration = true })
	b.source = "192.0.2.1"
	const metadata = `{"redirect_uris":["https://new.example/cb"],"client_name":"%s"}`
	before := b.kept()["clients"]
	b.register("", fmt.Sprintf(metadata, strings.Repeat("x", 16<<10))).refused(t, 413, "invalid_request")
	var last reply
	for range 200 {
		last = b.register("", fmt.Sprintf(metadata, "x"))
	}
	tooMany(t, last.Response)
	if made := b.kept()["clients"] - before; made != 50 {
		t.Errorf("%d made", made)
	}
	for i := range 2000 {
		last = b.from(fmt.Sprintf("10.0.%d.%d", i/100, i%100)).register("", fmt.Sprintf(metadata, "x"))
	}
	tooMany(t, last.Response)
	if made := b.kept()["clients"] - before; made != 1000 {
		t.Errorf("%d made", made)
	}
}

// S95: sessions, codes, tokens and assertions are limited for an account or a client. Others are
// not affected.
func TestS95EverybodyHasAShare(t *testing.T) {
	secondSignsIn := url.Values{"username": {"second"}, "password": {"two"}}
	for _, row := range []struct {
		name string
		// send does something once more for one party, other for another party.
		send, other func(*bench, int) authserver.Response
		kind        string
		limit       func(*authserver.Limits) *authserver.Limit
	}{
		{"sign-ins", func(b *bench, _ int) authserver.Response {
			b.cookie = ""
			return b.submit(b.visit("GET", "/authorize?"+request("spa").Encode(), nil), "sign-in", firstSignsIn)
		}, func(b *bench, _ int) authserver.Response {
			b.cookie = ""
			return b.submit(b.visit("GET", "/authorize?"+request("spa").Encode(), nil), "sign-in", secondSignsIn)
		}, "sessions", func(l *authserver.Limits) *authserver.Limit { return &l.Sessions }},
		{"codes", func(b *bench, _ int) authserver.Response {
			page := b.visit("GET", "/authorize?"+request("spa").Encode(), nil)
			if shows(page, "login") {
				page = b.visit("GET", b.submit(page, "sign-in", firstSignsIn).Header.Get("Location"), nil)
			}
			return b.submit(page, "approve", nil)
		}, func(b *bench, _ int) authserver.Response {
			page := b.visit("GET", "/authorize?"+with(request("spa"), "prompt", "login").Encode(), nil)
			page = b.visit("GET", b.submit(page, "sign-in", secondSignsIn).Header.Get("Location"), nil)
			return b.submit(page, "approve", nil)
		}, "codes", func(l *authserver.Limits) *authserver.Limit { return &l.Tokens }},
		{"tokens of a client's own", func(b *bench, _ int) authserver.Response {
			return b.postWith("/token", basic("service", "svc"), url.Values{"grant_type": {"client_credentials"}}).Response
		}, func(b *bench, _ int) authserver.Response {
			return b.postWith("/token", trusted, url.Values{"grant_type": {"client_credentials"}}).Response
		}, "tokens", func(l *authserver.Limits) *authserver.Limit { return &l.Tokens }},
		{"assertions of a client", func(b *bench, i int) authserver.Response {
			assertion := signWith(t, jose.ES256, clientKey, "JWT", false, b.assertion("signs", fmt.Sprint(i)))
			return b.post("/token", asserting(url.Values{"grant_type": {"client_credentials"}}, assertion)).Response
		}, func(b *bench, i int) authserver.Response {
			mac := signWith(t, jose.HS256, []byte(longSecret), "JWT", false, b.assertion("macs", fmt.Sprint(i)))
			return b.post("/token", asserting(url.Values{"grant_type": {"client_credentials"}}, mac)).Response
		}, "once", func(l *authserver.Limits) *authserver.Limit { return &l.Identifiers }},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, func(c *authserver.Config) { row.limit(&c.Limits).Owner = 5 })
			var last authserver.Response
			for i := range 5 {
				if last = row.send(b, i); last.Status != 200 && last.Status != 303 {
					t.Fatalf("%d: %d %s", i, last.Status, last.Body)
				}
			}
			before := b.kept()[row.kind]
			wait := tooMany(t, row.send(b, 5))
			if after := b.kept()[row.kind]; after != before || before != 5 {
				t.Errorf("%d kept, and %d more", before, after-before)
			}
			if resp := row.other(b, 6); resp.Status != 200 && resp.Status != 303 {
				t.Errorf("another: %d %s", resp.Status, resp.Body)
			}
			b.cookie = ""
			b.now = b.now.Add(wait)
			if resp := row.send(b, 7); resp.Status != 200 && resp.Status != 303 {
				t.Errorf("after %s: %d %s", wait, resp.Status, resp.Body)
			}
		})
	}
}

// S95: if a session gets the same consent again and again, it keeps the grants that are alive.
func TestS95SessionsForgetGrantsThatAreOver(t *testing.T) {
	m := authserver.NewMemoryStore()
	d := authserver.DigestOf("session")
	if err := m.SaveSession(d, authserver.Session{AuthTime: start, ExpiresAt: start.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for i := range 10000 {
		if err := m.JoinSession(d, authserver.SessionMember{ClientID: "c", Grant: fmt.Sprint(i), Scope: "openid"}); err != nil {
			t.Fatal(i, err)
		}
	}
	s, err := m.Session(d)
	if err != nil || len(s.Members) > 2 || s.Members[len(s.Members)-1].Grant != "9999" {
		t.Errorf("%d members, %v", len(s.Members), err)
	}
	for i := range 10000 {
		code := authserver.CodeRecord{Digest: authserver.DigestOf(fmt.Sprint("code", i)), Grant: fmt.Sprint("g", i)}
		code.IssuedAt, code.ExpiresIn = start, time.Minute
		if err = m.SaveCode(code); err != nil {
			t.Fatal(err)
		}
		if err = m.JoinSession(d, authserver.SessionMember{ClientID: "c", Grant: code.Grant, Scope: "openid"}); err != nil {
			break
		}
	}
	if s, _ := m.Session(d); err == nil || len(s.Members) > 1<<12 {
		t.Errorf("%d members, %v", len(s.Members), err)
	}
}

// S96: for pages, nonces, sign-outs and refused requests nothing is stored, however many there are.
func TestS96NothingIsKeptForStrangers(t *testing.T) {
	b := newBench(t, everyGrant, func(c *authserver.Config) { c.DPoPNonceInterval = time.Minute })
	b.source = "192.0.2.1"
	before, parties := b.kept(), b.server.Parties()
	for i := range 200 {
		b.cookie = ""
		for _, target := range []string{
			"/authorize?" + request("spa").Encode(), "/device", "/device?user_code=BBBB-BBBB", "/logout", "/logout?client_id=told&state=x",
			"/authorize?client_id=pushes&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A" + fmt.Sprint(i), "/userinfo",
		} {
			b.visit("GET", target, nil)
		}
		b.post("/token", exchange("spa", fmt.Sprint(i)))
		b.post("/revoke", url.Values{"client_id": {"spa"}, "token": {fmt.Sprint(i)}})
		b.postWith("/token", b.from("").prover().proof("POST", "/token"), exchange("spa", "x"))
		b.postWith("/token", basic(fmt.Sprint("nobody", i), "x"), url.Values{})
	}
	if after := b.kept(); !maps.Equal(after, before) || b.server.Parties() != parties {
		t.Errorf("%v, before %v; %d parties, before %d", after, before, b.server.Parties(), parties)
	}
}

// S97: the number of counts is limited. Above it, strangers share a count, and existing counts are
// kept.
func TestS97CountsAreBounded(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) {
		c.Limits.DeviceAuthorizations = authserver.Limit{Owner: 1 << 30, Source: 4}
	})
	at := func(i int) string { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String() }
	for i := range authserver.MaxParties + 5000 {
		_ = b.server.Admit(b.now, "tv", at(i))
	}
	if n := b.server.Parties(); n > authserver.MaxParties+1 {
		t.Errorf("%d parties", n)
	}
	if err := b.server.Admit(b.now, "tv", at(1)); err != nil {
		t.Errorf("one that was there before: %v", err)
	}
	if err := b.server.Admit(b.now, "tv", "192.0.2.1"); err == nil {
		t.Error("strangers have no bound")
	}
	b.now = b.now.Add(time.Hour)
	if err := b.server.Admit(b.now, "tv", "192.0.2.1"); err != nil || b.server.Parties() > 10 {
		t.Errorf("later: %v, %d parties", err, b.server.Parties())
	}
}

// S97: the party under which an address counts.
func TestS97CountedAddress(t *testing.T) {
	for _, row := range []struct{ address, want string }{
		{"192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:db8:1:2::3", "2001:db8:1::/48"},
		{"2001:db8:1:ffff::", "2001:db8:1::/48"},
		{"fe80::1%eth0", "fe80::/48"},
		{"", ""},
		{"unix", ""},
		{"192.0.2.1:80", ""},
	} {
		if got := authserver.CountedAddress(row.address); got != row.want {
			t.Errorf("%q: %q, want %q", row.address, got, row.want)
		}
	}
}

// S97: X-Forwarded-For is used only from trusted proxies, and only the part that they wrote.
func TestS97RemoteAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, row := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "192.0.2.1:5", nil, "192.0.2.1"},
		{"a stranger that says it is another", "192.0.2.1:5", []string{"198.51.100.1"}, "192.0.2.1"},
		{"a proxy", "10.0.0.1:5", []string{"198.51.100.1"}, "198.51.100.1"},
		{"a proxy that adds to what a stranger said", "10.0.0.1:5", []string{"203.0.113.1, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies", "10.0.0.1:5", []string{"203.0.113.1, 198.51.100.1, fd00::2"}, "198.51.100.1"},
		{"two headers", "10.0.0.1:5", []string{"203.0.113.1", "198.51.100.1,10.0.0.2"}, "198.51.100.1"},
		{"proxies alone", "10.0.0.1:5", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"a proxy that says nothing", "10.0.0.1:5", nil, "10.0.0.1"},
		{"a proxy that says nonsense", "10.0.0.1:5", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		{"IPv6", "[2001:db8::1]:5", nil, "2001:db8::1"},
		{"an IPv4 address in IPv6", "[::ffff:10.0.0.1]:5", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"no address", "@", []string{"198.51.100.1"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr, r.Header = row.peer, http.Header{"X-Forwarded-For": row.forwarded}
			if got := authserver.RemoteAddress(r, proxies); got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}

// S97: with net/http the address of the connection counts.
func TestS97ServeHTTPCounts(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) {
		c.Limits.DeviceAuthorizations.Source = 3
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	var statuses []int
	for i := range 8 {
		r := httptest.NewRequest("POST", "/device_authorization", strings.NewReader("client_id=tv"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = "192.0.2.1:5"
		if i >= 4 {
			r.RemoteAddr = "127.0.0.1:5"
			r.Header.Set("X-Forwarded-For", "198.51.100.1")
		}
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		statuses = append(statuses, w.Code)
	}
	if want := []int{200, 200, 200, 429, 200, 200, 200, 429}; !reflect.DeepEqual(statuses, want) {
		t.Error(statuses)
	}
}

// S97: a body is read only if the endpoint accepts one.
func TestS97BodiesAreReadForEndpointsOnly(t *testing.T) {
	b := newBench(t)
	for _, row := range []struct {
		method, path string
		status       int
		read         bool
	}{
		{"POST", "/nowhere", 404, false},
		{"PUT", "/token", 405, false},
		{"GET", "/authorize", 400, false},
		{"POST", "/token", 400, true},
	} {
		body := &watched{Reader: strings.NewReader("x")}
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, httptest.NewRequest(row.method, row.path, body))
		if w.Code != row.status || body.read != row.read {
			t.Errorf("%s %s: %d, read %v", row.method, row.path, w.Code, body.read)
		}
	}
}

// S97: a body must arrive within ten seconds. After that the connection has its server's deadlines
// again.
func TestS97BodiesHaveAClock(t *testing.T) {
	b := newBench(t)
	w := &clocked{ResponseRecorder: httptest.NewRecorder()}
	body := &late{until: func() bool { return len(w.deadlines) == 1 }}
	began := time.Now()
	b.server.ServeHTTP(w, httptest.NewRequest("POST", "/token", body))
	if len(w.deadlines) != 2 || !w.deadlines[0].After(began) || w.deadlines[0].After(time.Now().Add(10*time.Second)) || !w.deadlines[1].IsZero() || !body.inTime {
		t.Errorf("%v, in time: %v", w.deadlines, body.inTime)
	}
}

// clocked records the deadlines that its connection would get.
type clocked struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

func (w *clocked) SetReadDeadline(at time.Time) error {
	w.deadlines = append(w.deadlines, at)
	return nil
}

// late is a body that records whether there was a deadline when it was read.
type late struct {
	until  func() bool
	inTime bool
}

func (l *late) Read([]byte) (int, error) {
	l.inTime = l.until()
	return 0, io.EOF
}

type watched struct {
	*strings.Reader
	read bool
}

func (w *watched) Read(p []byte) (int, error) {
	w.read = true
	return w.Reader.Read(p)
}
